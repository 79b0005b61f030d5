"""A serial port that is a pty or tty of this host: as fast as the host moves bytes, past the cables and their pace.

For benches against other servers, and for trying a unit with minicom or socat. Only data and what the tty's driver can
do (lines, break) is there: received breaks and line errors are not seen.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import struct
import termios
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import serial

from nportlab.protocol.serial_wire import Flow, Input, LineFormat, Output
from nportlab.virtual.unit.serial_port import SerialPort

READ_SIZE = 65536
TRIES = 200
"""Attempts in a row to write while the driver takes nothing, about a microsecond each: it takes 8 KiB at most, and as
much again once the other end has read. To sleep until it says so costs more than that takes."""
SPUN = 4096
"""Bytes from which on that is worth it."""
AGAIN_SECONDS = 0.1
"""Between attempts to open a pty that is not there (yet, or any more)."""
LINES_SECONDS = 0.05
"""Between two looks at the lines of a tty that has some."""
DRAIN_SECONDS = 0.002

TIOCSBRK = 0x5427
TIOCCBRK = 0x5428
"""Break on and off (asm-generic/ioctls.h; Python's termios lacks them)."""

_PARITY = {"none": "N", "odd": "O", "even": "E", "mark": "M", "space": "S"}
_INPUTS = {
    termios.TIOCM_CTS: Input.CTS,
    termios.TIOCM_DSR: Input.DSR,
    termios.TIOCM_RI: Input.RI,
    termios.TIOCM_CD: Input.DCD,
}
_ALL_ON = Input.CTS | Input.DSR | Input.DCD

log = logging.getLogger("unit")


class PtyPort(SerialPort):
    """The port as its operation mode sees it; nothing is queued here, what the tty does not take is refused.

    While the tty cannot be opened, or its other end is closed, it is a port with nothing plugged in: bytes to send are
    lost, and it is tried again.
    """

    def __init__(self, number: int, path: Path) -> None:
        super().__init__(number, lambda _: None)
        self.path = path
        self._tty: serial.Serial | None = None
        self._fd = -1
        self._watches_room = False
        self._timer: asyncio.TimerHandle | None = None
        self._break_end: asyncio.TimerHandle | None = None

    # Open and close -----------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Open the tty in raw mode, now or when it appears. Needs the running event loop."""
        try:
            tty = serial.Serial(str(self.path), timeout=0)
        except (OSError, ValueError, termios.error) as error:
            log.info("serial port %s: %s", self.number, error)
            self._later(AGAIN_SECONDS, self.open)
            return
        self._tty, self._fd = tty, tty.fileno()
        self.configure(self.format)
        self.set_lines()
        self._look_at_lines()
        if not self._paused:
            asyncio.get_running_loop().add_reader(self._fd, self._readable)
        if self._refused:
            self._room()

    def close(self) -> None:
        """Let go of the tty."""
        if self._timer is not None:
            self._timer.cancel()
        if self._break_end is not None:
            self._break_end.cancel()
        if self._tty is not None:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._fd)
            loop.remove_writer(self._fd)
            self._watches_room = False
            self._tty.close()
            self._tty, self._fd = None, -1

    def _gone(self) -> None:
        """The other end of the pty was closed; perhaps somebody opens it again."""
        log.info("serial port %s: %s was closed at its other end", self.number, self.path)
        self.close()
        self._seen(Input(0))
        self._later(AGAIN_SECONDS, self.open)
        if self._refused:
            self._room()

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, action)

    # Setting the line ---------------------------------------------------------------------------------------------

    def configure(self, line_format: LineFormat) -> None:
        """Set the tty; what its driver cannot do is left as it is."""
        self.format = line_format
        if self._tty is None:
            return
        stop_bits = int(line_format.stop_bits) if line_format.stop_bits != 1.5 else 1.5
        try:
            self._tty.apply_settings(
                {
                    "baudrate": line_format.baud,
                    "bytesize": line_format.data_bits,
                    "parity": _PARITY[line_format.parity],
                    "stopbits": stop_bits,
                    "xonxoff": bool(line_format.flow & Flow.XON_OUT),
                    "rtscts": bool(line_format.flow & Flow.CTS),
                }
            )
        except (OSError, ValueError, termios.error) as error:
            log.warning("serial port %s: %s: %s", self.number, self.path, error)

    def set_lines(self, *, dtr: bool | None = None, rts: bool | None = None) -> None:
        """Drive DTR and RTS where the tty has them."""
        super().set_lines(dtr=dtr, rts=rts)
        for line, bit in ((Output.DTR, termios.TIOCM_DTR), (Output.RTS, termios.TIOCM_RTS)):
            self._control(termios.TIOCMBIS if self.outputs & line else termios.TIOCMBIC, struct.pack("I", bit))

    def start_break(self) -> None:
        """Hold the line in break until `end_break`."""
        self._control(TIOCSBRK)

    def end_break(self) -> None:
        """Let go of it."""
        self._control(TIOCCBRK)

    def send_break(self, milliseconds: int) -> None:
        """A break of that length, from now."""
        self.start_break()
        self._break_end = asyncio.get_running_loop().call_later(milliseconds / 1000, self.end_break)

    def force_flow(self, on: bool) -> None:
        """Let the tty's driver send on (True) or stop."""
        if self._fd >= 0:
            with suppress(termios.error):
                termios.tcflow(self._fd, termios.TCOON if on else termios.TCOOFF)

    def send_urgent(self, character: int) -> None:
        """Send one character at once, as far as the driver lets it past what it holds."""
        self.write(bytes([character]))

    def _control(self, request: int, argument: bytes = b"\0\0\0\0") -> bytes | None:
        """An ioctl of the tty; None when it cannot do it."""
        try:
            return fcntl.ioctl(self._fd, request, argument) if self._fd >= 0 else None
        except OSError:
            return None

    def _count(self, request: int) -> int:
        answer = self._control(request)
        return int(struct.unpack("I", answer)[0]) if answer else 0

    def _look_at_lines(self) -> None:
        """A pty has no lines: they count as on. A tty's are looked at from time to time."""
        answer = self._control(termios.TIOCMGET)
        if answer is None:
            self._seen(_ALL_ON)
            return
        bits = struct.unpack("I", answer)[0]
        self._seen(Input(sum(line for bit, line in _INPUTS.items() if bits & bit)))
        self._later(LINES_SECONDS, self._look_at_lines)

    def _seen(self, inputs: Input) -> None:
        before, self.inputs = self.inputs, inputs
        if before != inputs:
            self.ear.lines_changed(before ^ inputs)

    # To the tty ---------------------------------------------------------------------------------------------------

    @property
    def room(self) -> int:
        """A guess: the tty itself says what it takes."""
        return 0 if self._refused else READ_SIZE

    @property
    def unsent(self) -> int:
        """Bytes in the tty's driver (0 for a pty: there is no wire to wait for)."""
        return self._count(termios.TIOCOUTQ)

    def write(self, data: bytes) -> int:
        """Give bytes to the tty; returns how many it took. The ear hears `room_again` when it takes more."""
        fd = self._fd
        if fd < 0:
            self.counters.tx += len(data)
            return len(data)
        try:
            taken = _written(fd, data)
        except OSError:
            self._gone()
            return len(data)
        self.counters.tx += taken
        if taken < len(data):
            self._refused = True
            if not self._watches_room:
                self._watches_room = True
                asyncio.get_running_loop().add_writer(fd, self._writable)
        return taken

    def drop_unsent(self) -> None:
        """Have the driver forget what it has not sent."""
        self._flush(termios.TCOFLUSH)

    async def drained(self, timeout: float) -> int:
        """Wait until the driver has sent everything, at most `timeout` seconds; returns the bytes still unsent."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while self.unsent and loop.time() < deadline:  # noqa: ASYNC110 - the kernel has no event for it
            await asyncio.sleep(DRAIN_SECONDS)
        return self.unsent

    def _writable(self) -> None:
        self._room()
        if not self._refused and self._watches_room:
            self._watches_room = False
            asyncio.get_running_loop().remove_writer(self._fd)

    def _room(self) -> None:
        self._refused = False
        self.ear.room_again()

    # From the tty -------------------------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """Bytes in the driver the ear has not heard yet."""
        return self._count(termios.FIONREAD)

    def pause(self) -> None:
        """Leave what comes in the driver."""
        self._paused = True
        if self._fd >= 0:
            asyncio.get_running_loop().remove_reader(self._fd)

    def resume(self) -> None:
        """Read again."""
        self._paused = False
        if self._fd >= 0:
            asyncio.get_running_loop().add_reader(self._fd, self._readable)

    def drop_waiting(self) -> None:
        """Have the driver forget what the ear has not heard."""
        self._flush(termios.TCIFLUSH)

    def _flush(self, queue: int) -> None:
        if self._fd >= 0:
            with suppress(termios.error):
                termios.tcflush(self._fd, queue)

    def _readable(self) -> None:
        try:
            data = os.read(self._fd, READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._gone()
            return
        self.counters.rx += len(data)
        self.ear.received(data)


def _written(fd: int, data: bytes) -> int:
    """How much of it the driver took. Raises OSError."""
    rest = memoryview(data)
    tries = TRIES if len(data) > SPUN else 1
    while rest and tries:
        try:
            rest = rest[os.write(fd, rest) :]
            tries = TRIES if len(data) > SPUN else 1
        except BlockingIOError:
            tries -= 1
    return len(data) - len(rest)
