"""Ends connections nobody uses, or whose other end is no longer there."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from nportlab.virtual.unit.modes.port_settings import PortSettings

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device

PROBE_SECONDS = 1
"""Between probes of a peer that does not answer (invented). The kernel counts whole seconds."""

GRACE_SECONDS = 1.5
"""A peer may be silent for the alive check time and this before it counts as gone (invented)."""

LOOK_SECONDS = 0.25
"""Between two looks at when the peer was last heard of."""

_LAST_ACK_RECEIVED = 8 + 12 * 4
"""Where `struct tcp_info` (linux/tcp.h) holds the milliseconds since the peer's last acknowledgement."""


class Watched(Protocol):
    """A connection that is watched. traffic: loop time of the last byte either way."""

    transport: asyncio.Transport | None
    traffic: float

    @property
    def is_open(self) -> bool:
        """Whether it is neither closed nor closing."""
        ...

    def close(self) -> None:
        """Close it in order."""

    def abort(self) -> None:
        """Drop it."""


class Vigil:
    """Watches the connections of one port.

    TCP alive check time (unit minutes, 0: never): the kernel probes an idle peer, and a connection is dropped when the
    peer was not heard of for that long; at least a second, as the kernel counts no less. Inactivity time (milliseconds,
    0: never): a connection without a byte either way for that long is closed; idle_minutes is the same for modes whose
    inactivity time is in unit minutes.
    """

    def __init__(self, device: Device, number: int, *, inactivity: bool = False, idle_minutes: int = 0) -> None:
        settings = PortSettings(device.running, number)
        minutes = settings.number("tcp_alive_check")
        self._alive = max(1, round(device.clock.minutes(minutes))) if minutes else 0
        if device.has_defect("alive-check-never-closes"):
            self._alive = 0
        self._idle = settings.number("inactivity_time") / 1000 if inactivity else device.clock.minutes(idle_minutes)
        if device.has_defect("inactivity-never-closes"):
            self._idle = 0.0
        self._timers: dict[tuple[Watched, str], asyncio.TimerHandle] = {}

    def begin(self, connection: Watched, *, may_idle: bool = False) -> None:
        """Watch a connection. may_idle: it has no inactivity time."""
        if self._alive:
            self._probe(connection)
            self._later(connection, LOOK_SECONDS, self._judge_peer)
        if self._idle and not may_idle:
            self._later(connection, self._idle, self._judge_idle)

    def end(self, connection: Watched) -> None:
        """It is gone."""
        for judge in (self._judge_peer, self._judge_idle):
            timer = self._timers.pop((connection, judge.__name__), None)
            if timer is not None:
                timer.cancel()

    def _later(self, connection: Watched, seconds: float, judge: Callable[[Watched], None]) -> None:
        timer = asyncio.get_running_loop().call_later(seconds, judge, connection)
        self._timers[connection, judge.__name__] = timer

    def _probe(self, connection: Watched) -> None:
        link = _socket(connection)
        if link is None:
            return
        link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, self._alive)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, PROBE_SECONDS)

    def _judge_peer(self, connection: Watched) -> None:
        """The kernel gives up late, and not at all on a peer it has bytes for: look at the last sign of it instead."""
        link = _socket(connection)
        if link is None or not connection.is_open:
            return
        (silent,) = struct.unpack_from(
            "=I", link.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 128), _LAST_ACK_RECEIVED
        )
        if silent / 1000 > self._alive + GRACE_SECONDS:
            connection.abort()
        else:
            self._later(connection, LOOK_SECONDS, self._judge_peer)

    def _judge_idle(self, connection: Watched) -> None:
        rest = connection.traffic + self._idle - asyncio.get_running_loop().time()
        if rest > 0:
            self._later(connection, rest, self._judge_idle)
        else:
            connection.close()


def _socket(connection: Watched) -> socket.socket | None:
    return connection.transport.get_extra_info("socket") if connection.transport is not None else None
