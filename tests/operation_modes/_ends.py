"""What the suites of the operation modes do at either end of a path, the adapter's or a client's.

Here what does not come, is not taken, or is gone is a result, so that a test can assert on it and say what it means.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from fixtures.serial_lines import PortUnderTest
from nportlab.modes.channel_base import ChannelBase
from nportlab.modes.dialled import DialledConnection, DialListener
from nportlab.modes.errors import ConnectionLost, NotInTime
from nportlab.unit.errors import NotReachable
from nportlab.verdicts.faults import Inconclusive

SOON = 5.0
"""Seconds until what a healthy unit does at once must have happened, however busy the bench is."""

A_WHILE = 0.3
"""Seconds in which what must not come would have come; each test also shows that it does come when it shall."""

ANOTHER_TRY = 0.05

HELLO = b"hello"


class Arriving(Protocol):
    """Bytes with the time they were read."""

    @property
    def at(self) -> float: ...

    @property
    def data(self) -> bytes: ...


class End(Protocol):
    """An adapter or a client."""

    name: str

    def send_all(self, data: bytes, timeout: float) -> None: ...

    def receive_until(self, end_mark: bytes, timeout: float) -> bytes: ...

    def collect(self, seconds: float, enough: int | None = None) -> list[Arriving]: ...


def say(end: object, data: bytes) -> None:
    """Send bytes. Raises what the end raises when they are not taken."""
    _end(end).send_all(data, SOON)


def hear(end: object, count: int, timeout: float = SOON) -> bytes:
    """The next `count` bytes, or as many as came within `timeout` seconds."""
    return b"".join(one.data for one in _end(end).collect(timeout, count))


def hear_until(end: object, mark: bytes, timeout: float = SOON) -> bytes:
    """Everything up to and with `mark`, or what came within `timeout` seconds."""
    try:
        return _end(end).receive_until(mark, timeout)
    except NotInTime as late:
        return late.received


def hear_all(end: object, seconds: float = A_WHILE) -> bytes:
    """Everything that comes in that time; b"" when nothing does."""
    return b"".join(one.data for one in _end(end).collect(seconds))


def hear_when(end: object, count: int, timeout: float = SOON) -> tuple[bytes, float]:
    """As `hear`, and when the first of it was read (time.monotonic)."""
    arrivals = _end(end).collect(timeout, count)
    return b"".join(one.data for one in arrivals), arrivals[0].at if arrivals else time.monotonic()


def ended(client: ChannelBase, timeout: float = SOON) -> float | None:
    """After how many seconds the unit ended the connection, None when it did not in that time."""
    try:
        return client.wait_closed(timeout).seconds
    except NotInTime:
        return None


def linked(port: PortUnderTest, **options: object) -> Any:
    """A client the unit has surely taken: something it sent has come out at the adapter.

    A TCP connection stands before the unit's mode knows of it, and what the device sends meanwhile is nobody's.
    """
    client = port.connect(**options)
    greet(client, port)
    return client


def greet(client: object, port: PortUnderTest) -> None:
    """Send the adapter something. Asserts that it comes."""
    say(client, HELLO)
    heard = hear(port.adapter, len(HELLO))
    assert heard == HELLO, f"{HELLO!r} of a connected host came out of the port as {heard!r}"


def admitted(port: PortUnderTest) -> Any:
    """A further client, if the unit serves it; None when it is refused or put out."""
    try:
        client = port.connect()
        say(client, HELLO)
    except (NotReachable, ConnectionLost):
        return None
    if hear(port.adapter, len(HELLO), 10 * ANOTHER_TRY) == HELLO:
        return client
    client.close()
    return None


def let_in(port: PortUnderTest, timeout: float = SOON) -> Any:
    """A client as soon as the unit serves one more, None when it does not in that time."""
    end = time.monotonic() + timeout
    while (client := admitted(port)) is None and time.monotonic() < end:
        time.sleep(ANOTHER_TRY)
    return client


def refused(port: PortUnderTest) -> bool:
    """Whether the unit turns a further client away, be it at once, be it right after the connection."""
    try:
        client = port.connect()
    except (NotReachable, ConnectionLost):
        return True
    with client:
        return ended(client) is not None


def dialled(listener: DialListener, timeout: float = SOON) -> DialledConnection | None:
    """The next connection the unit makes, None when it makes none in that time."""
    try:
        return listener.accept(timeout)
    except NotInTime:
        return None


def seconds_until(condition: Callable[[], object], timeout: float = SOON) -> float | None:
    """After how many seconds it became true, None when it did not in that time."""
    begun = time.monotonic()
    while not condition():
        if time.monotonic() - begun > timeout:
            return None
        time.sleep(ANOTHER_TRY)
    return time.monotonic() - begun


class Pace:
    """Steps that must follow each other faster than some time, on a bench that may be too busy for that."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._last = time.monotonic()

    def step(self) -> None:
        """Raises Inconclusive when the step before was too long ago."""
        now = time.monotonic()
        if now - self._last > self._limit:
            raise Inconclusive(f"this host was too busy: {now - self._last:.2f} s between steps of {self._limit} s")
        self._last = now


def _end(end: object) -> End:
    return end  # type: ignore[return-value] - adapters and clients have it
