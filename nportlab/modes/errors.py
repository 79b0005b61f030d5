"""What a unit did to a mode client, as typed errors that name the unit's port and its mode; nobody is blamed yet."""

from __future__ import annotations

from typing import Literal

from nportlab.serial.channel import ChannelClosed
from nportlab.serial.conversation import NotInTime
from nportlab.unit.errors import NotReachable
from nportlab.verdicts.faults import UnitBehaviour

__all__ = [
    "CommandRefused",
    "ConnectionLost",
    "How",
    "NoReply",
    "NotInTime",
    "PortRefused",
    "PortSilent",
    "lost",
    "too_late",
]

How = Literal["closed", "reset", "timed out", "broken"]
"""How a connection ended: closed (end of file), reset, timed out (nothing acknowledged), broken (not TLS)."""


class PortRefused(NotReachable):
    """The unit answered that nothing listens at this network port, or that it takes no more connections."""


class PortSilent(NotReachable):
    """Nothing answered the connection attempt within the time given."""


class ConnectionLost(UnitBehaviour, ChannelClosed):
    """The connection of a mode is gone; `how` says in which way, `received` what was being waited for so far."""

    how: How = "closed"
    received: bytes = b""


class NoReply(NotInTime):
    """A command was sent and the unit did not answer it in time."""


class CommandRefused(UnitBehaviour):
    """The unit answered that it does not do what it was asked for."""


def lost(name: str, how: How, detail: str = "") -> ConnectionLost:
    """The error for a connection that is gone."""
    words = {
        "closed": "the unit closed the connection",
        "reset": "the unit reset the connection",
        "timed out": "the unit stopped acknowledging",
        "broken": "what came is no TLS",
    }
    error = ConnectionLost(words[how] + (f" ({detail})" if detail else ""), resource=name)
    error.how = how
    return error


def too_late(name: str, message: str, received: bytes = b"", kind: type[NotInTime] = NotInTime) -> NotInTime:
    """The error for something that did not happen in time; the message ends with what came instead."""
    shown = f"; came instead: {received[:60]!r}{' ...' if len(received) > 60 else ''}" if received else ""
    error = kind(message + shown, resource=name)
    error.received = received
    return error
