"""One serial port of a unit: the UART as its driver sees it.

The UART itself, paced and with its line, is in the rack's cables (virtual/cables); this side keeps the books of the
queues. What runs the port's operation mode is its `Ear`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from nportlab.protocol.serial_wire import (
    Frame,
    Hold,
    Input,
    Kind,
    LineFormat,
    Output,
    decode_errors,
    encode,
    encode_number,
)

TX_ROOM = 4096
"""Bytes the driver takes before it says no (invented: the size on a real unit is not known)."""

Send = Callable[[bytes], None]


@dataclass
class Counters:
    """Since the unit started. tx, rx: bytes; frame, parity, overrun: line errors; breaks: received."""

    tx: int = 0
    rx: int = 0
    frame: int = 0
    parity: int = 0
    overrun: int = 0
    breaks: int = 0


@dataclass(frozen=True)
class LineErrors:
    """Errors the receiver saw just before the bytes that come next."""

    parity: int = 0
    framing: int = 0
    overrun: int = 0


class Ear(Protocol):
    """What runs a port's operation mode hears of its line."""

    def received(self, data: bytes) -> None:
        """Bytes from the wire; none come while the port is paused."""

    def room_again(self) -> None:
        """The port takes bytes again after `write` took fewer than it was given."""

    def lines_changed(self, changed: Input) -> None:
        """CTS, DSR, RI or DCD changed; `port.inputs` and `port.hold` hold the new state. Also called when only `hold`
        changed, with nothing in `changed`."""

    def line_errors(self, errors: LineErrors) -> None:
        """Parity, framing or overrun errors."""

    def break_received(self, seconds: float) -> None:
        """A break ended after that time; 0: one has begun."""


class Deaf:
    """An ear that does nothing; a base for modes that hear only some of it."""

    def received(self, data: bytes) -> None:
        """Lost."""

    def room_again(self) -> None:
        """Nothing waits."""

    def lines_changed(self, changed: Input) -> None:
        """Nobody looks."""

    def line_errors(self, errors: LineErrors) -> None:
        """Nobody counts."""

    def break_received(self, seconds: float) -> None:
        """Nobody listens."""


class SerialPort:
    """One port. `send` carries frames to the cables; `hear` takes those that come back."""

    def __init__(self, number: int, send: Send) -> None:
        self.number = number
        self.format = LineFormat()
        self.inputs = Input(0)
        self.hold = Hold(0)
        self.outputs = Output(0)
        self.counters = Counters()
        self.buffered = 0
        """Received bytes port buffering keeps for the next connection."""
        self.ear: Ear = Deaf()
        self._send = send
        self._unsent = 0
        self._refused = False
        self._paused = False
        self._waiting: list[bytes] = []
        self._drained: list[asyncio.Future[None]] = []

    # Setting the line ---------------------------------------------------------------------------------------------

    def configure(self, line_format: LineFormat) -> None:
        """Set baud rate, format and flow control."""
        self.format = line_format
        self._send(encode(Kind.FORMAT, self.number, line_format.encode()))

    def set_lines(self, *, dtr: bool | None = None, rts: bool | None = None) -> None:
        """Drive DTR and RTS; None leaves one as it is."""
        for line, on in ((Output.DTR, dtr), (Output.RTS, rts)):
            if on is not None:
                self.outputs = self.outputs | line if on else self.outputs & ~line
        self._send(encode(Kind.LINES, self.number, bytes([self.outputs])))

    def start_break(self) -> None:
        """Hold the line in break until `end_break`."""
        self._send(encode_number(Kind.BREAK, self.number, 0xFFFF))

    def end_break(self) -> None:
        """Let go of it."""
        self._send(encode_number(Kind.BREAK, self.number, 0))

    def send_break(self, milliseconds: int) -> None:
        """A break of that length, 1 to 65,534 ms, behind the bytes to send."""
        self._send(encode_number(Kind.BREAK, self.number, milliseconds))

    def force_flow(self, on: bool) -> None:
        """Act as if XON (True) or XOFF was received."""
        self._send(encode(Kind.FORCE, self.number, bytes([on])))

    def send_urgent(self, character: int) -> None:
        """Send one character at once, before the queued bytes, even while held."""
        self._send(encode(Kind.URGENT, self.number, bytes([character])))

    # To the wire --------------------------------------------------------------------------------------------------

    @property
    def room(self) -> int:
        """Bytes `write` takes now."""
        return TX_ROOM - self._unsent

    @property
    def unsent(self) -> int:
        """Bytes written that are not on the wire yet."""
        return self._unsent

    def write(self, data: bytes) -> int:
        """Queue bytes to send; returns how many were taken. The ear hears `room_again` when there is room."""
        taken = min(len(data), self.room)
        if taken:
            self._unsent += taken
            self._send(encode(Kind.DATA, self.number, data[:taken]))
        self._refused = taken < len(data)
        return taken

    def drop_unsent(self) -> None:
        """Forget what is not on the wire yet."""
        if self._unsent:
            self._send(encode(Kind.DROP, self.number))

    async def drained(self, timeout: float) -> int:
        """Wait until everything is on the wire, at most `timeout` seconds; returns the bytes still unsent."""
        if self._unsent:
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._drained.append(done)
            try:
                await asyncio.wait({done}, timeout=timeout)
            finally:
                if done in self._drained:
                    self._drained.remove(done)
        return self._unsent

    # From the wire ------------------------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """Bytes received that the ear has not heard yet."""
        return sum(map(len, self._waiting))

    def pause(self) -> None:
        """Give the ear no more bytes; the receiver fills up, and flow control or overruns follow."""
        self._paused = True

    def resume(self) -> None:
        """Give the ear what waits, and what comes."""
        self._paused = False
        while self._waiting and not self._paused:
            self._deliver(self._waiting.pop(0))

    def drop_waiting(self) -> None:
        """Forget received bytes the ear has not heard yet."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._took(sum(map(len, waiting)))

    def hear(self, frame: Frame) -> None:
        """Take one frame of the cables."""
        match frame.kind:
            case Kind.RECEIVED:
                self.counters.rx += len(frame.payload)
                if self._paused or self._waiting:
                    self._waiting.append(frame.payload)
                else:
                    self._deliver(frame.payload)
            case Kind.SENT:
                self.counters.tx += frame.number
                self._less_unsent(frame.number)
            case Kind.DROPPED:
                self._less_unsent(frame.number)
            case Kind.STATUS:
                before, self.inputs = self.inputs, Input(frame.payload[0])
                self.hold = Hold(frame.payload[1])
                self.ear.lines_changed(before ^ self.inputs)
            case Kind.ERRORS:
                errors = LineErrors(*decode_errors(frame.payload))
                self.counters.parity += errors.parity
                self.counters.frame += errors.framing
                self.counters.overrun += errors.overrun
                self.ear.line_errors(errors)
            case Kind.BROKE:
                if frame.number:
                    self.counters.breaks += 1
                self.ear.break_received(frame.number / 1e6)
            case _:
                pass

    def _deliver(self, data: bytes) -> None:
        self._took(len(data))
        self.ear.received(data)

    def _took(self, count: int) -> None:
        self._send(encode_number(Kind.TAKEN, self.number, count))

    def _less_unsent(self, count: int) -> None:
        self._unsent = max(0, self._unsent - count)
        if self._unsent == 0:
            for done in self._drained:
                if not done.done():
                    done.set_result(None)
        if self._refused and self.room:
            self._refused = False
            self.ear.room_again()
