"""A TCP connection that speaks Telnet (RFC 854), as a Channel: the line's bytes apart from the negotiation."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable

from nportlab.modes.errors import too_late
from nportlab.modes.stream import StreamChannel
from nportlab.protocol.telnet_options import (
    Data,
    Negotiation,
    Options,
    Order,
    Subnegotiation,
    TelnetDecoder,
    escape,
)

_WRITE_SIZE = 64 * 1024  # bytes escaped at a time: what is not taken has to be escaped again


class TelnetStream(StreamChannel):
    """negotiated: everything the unit offered, asked for or declined, in order; `options` is what holds now."""

    def __init__(self, sock: socket.socket, name: str, performs: Iterable[int], accepts: Iterable[int]) -> None:
        super().__init__(sock, name)
        self.options = Options(performs, accepts)
        self.negotiated: list[Negotiation] = []
        self.orders: list[Order] = []
        self._decoder = TelnetDecoder()
        self._commands = bytearray()  # of ours, to go before more data
        self._half = False  # of a doubled 0xFF only the first went out

    def send_command(self, command: bytes) -> None:
        """Queue a command; it goes out with the next read or write."""
        self._commands += command
        self._send_commands()

    def write(self, data: bytes | memoryview) -> int:
        """How many bytes were taken; 0 when the path is full: offer the same bytes again. Raises ConnectionLost."""
        if not self._send_commands():
            return 0
        plain = bytes(data[:_WRITE_SIZE])
        first = b"\xff" if self._half else b""
        escaped = escape(plain)[len(first) :]
        sent = super().write(escaped)
        if not first and len(escaped) == len(plain):
            return sent
        gone = first + escaped[:sent]
        doubled = gone.count(b"\xff")
        self._half = doubled % 2 == 1
        return len(gone) - doubled // 2 - self._half

    def _take(self) -> bytes:
        self._send_commands()
        pieces: list[bytes] = []
        for event in self._decoder.feed(super()._take()):
            match event:
                case Data(octets):
                    pieces.append(octets)
                case Negotiation():
                    self.negotiated.append(event)
                    self._commands += self.options.hear(event)
                case Subnegotiation():
                    self._hear(event)
                case Order():
                    self.orders.append(event)
        self._send_commands()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _hear(self, event: Subnegotiation) -> None:
        """A subnegotiation; plain Telnet knows none."""

    def wait_until(self, done: Callable[[], bool], timeout: float, what: str) -> None:
        """Read until `done`; the line's bytes that come meanwhile wait for `read`. Raises NotInTime, ConnectionLost."""
        end = time.monotonic() + timeout
        while not done():
            got = self._take()
            self._surplus += got
            if not got and not done() and not self._wait(end):
                raise too_late(self.name, f"{what} did not come in {timeout:g} s", self._surplus)

    def _send_commands(self) -> bool:
        """Whether data may follow now. Nothing goes between the two halves of a doubled 0xFF."""
        if self._commands and not self._half:
            del self._commands[: super().write(bytes(self._commands))]
        return self._half or not self._commands
