"""Command by command: requests of several clients wait for each other, and the answer goes to the one that asked.

The manual names the three settings; what ends a request and an answer is not public. A request is what one read of a
connection brings.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from nportlab.virtual.unit.modes.port_settings import PortSettings
from nportlab.virtual.unit.port_sockets import PortConnection

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device

ANSWER_GAP = 0.05
"""Seconds of silence that end an answer, unless data packing says where packets end (invented)."""

MOST_WAITING = 8
"""Requests of one client that wait before no more are read from it (invented)."""

Send = Callable[[PortConnection, bytes], None]


class Requests:
    """The requests of one port.

    send: puts a request on the line. packet_is_answer: data packing tells the end of an answer.
    """

    def __init__(self, device: Device, settings: PortSettings, send: Send, packet_is_answer: bool) -> None:
        self._device = device
        self._timeout = settings.number("response_timeout") / 1000
        self._others = settings.text("non_requested_data")
        self._send = send
        self._packet_is_answer = packet_is_answer
        self._waiting: deque[tuple[PortConnection, bytes]] = deque()
        self._asking: PortConnection | None = None
        self._busy = False
        self._last: PortConnection | None = None
        self._timer: asyncio.TimerHandle | None = None

    def ask(self, connection: PortConnection, data: bytes) -> None:
        """A request came in."""
        self._waiting.append((connection, data))
        if self._count(connection) >= MOST_WAITING:
            connection.pause()
        self._next()

    def recipients(self, everyone: Sequence[PortConnection]) -> Sequence[PortConnection]:
        """Who gets what comes from the line now."""
        if self._device.has_defect("command-by-command-answers-everyone"):
            return everyone
        if self._busy:
            return (self._asking,) if self._asking is not None else ()
        if self._others == "all":
            return everyone
        if self._others == "last-requester" and self._last is not None:
            return (self._last,)
        return ()

    def heard(self) -> None:
        """A packet of an answer, or of something nobody asked for, was handed on."""
        if not self._busy:
            return
        if self._packet_is_answer:
            self._done()
        else:
            self._set_timer(ANSWER_GAP)

    def gone(self, connection: PortConnection) -> None:
        """Its requests are forgotten; an answer on its way to it is nobody's."""
        self._waiting = deque((one, data) for one, data in self._waiting if one is not connection)
        if self._last is connection:
            self._last = None
        if self._asking is connection:
            self._asking = None
            if not self._timeout:
                self._set_timer(ANSWER_GAP)

    def stop(self) -> None:
        """The mode ends."""
        if self._timer is not None:
            self._timer.cancel()

    def _next(self) -> None:
        if self._busy or not self._waiting:
            return
        connection, data = self._waiting.popleft()
        self._busy, self._asking, self._last = True, connection, connection
        if self._count(connection) == MOST_WAITING - 1:
            connection.resume()
        if self._timeout:
            self._set_timer(self._timeout)
        self._send(connection, data)

    def _done(self) -> None:
        self._busy, self._asking = False, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._next()

    def _set_timer(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._done)

    def _count(self, connection: PortConnection) -> int:
        return sum(1 for one, _ in self._waiting if one is connection)
