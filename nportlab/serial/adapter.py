"""Adapters: what is plugged into a serial port of a unit, as a channel with modem lines, breaks and error counts.

An adapter is any port pyserial can open: a device of this host (`/dev/ttyUSB0`), a URL (`rfc2217://`, `socket://`,
`loop://` ...), or the adapter of a virtual rack (`wire://`). What one cannot do raises NotApplicable, what is wrong
with the bench LabFault.
"""

from __future__ import annotations

import fcntl
import struct
import termios
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, fields
from types import TracebackType
from typing import Any, Self

import serial

from nportlab.protocol.serial_wire import Input, LineFormat
from nportlab.serial import handlers
from nportlab.serial.adapter_faults import asking, cannot_open, gone
from nportlab.serial.adapter_port import is_device, is_pty, mover
from nportlab.serial.adapter_settings import arguments, check_in_force, describe
from nportlab.serial.conversation import Conversation
from nportlab.serial.line_events import BreakSeen, LineErrors, LineEvent
from nportlab.verdicts.faults import ConfigFault, NotApplicable

_TIOCGICOUNT = 0x545D
"""Linux: counters of a serial driver; twenty ints, of which frame, overrun, parity, brk are 6 to 9."""

_POLL_SECONDS = 0.002
_NO_LINES = Input(0)
_MOST_EVENTS = 65_536


@dataclass(frozen=True)
class LineCounts:
    """Errors and breaks received."""

    parity: int = 0
    framing: int = 0
    overrun: int = 0
    breaks: int = 0

    def __sub__(self, other: LineCounts) -> LineCounts:
        names = [field.name for field in fields(self)]
        return LineCounts(*(getattr(self, name) - getattr(other, name) for name in names))


class Adapter(Conversation):
    """An open adapter. Made by `open_adapter`; a context manager that closes it."""

    def __init__(self, name: str, port: Any, line: LineFormat) -> None:
        self.name = name
        self.url = str(port.port)
        self._port = port
        self._line = line
        self._mover = mover(port)
        self._events: deque[LineEvent] = deque(maxlen=_MOST_EVENTS)
        self._counted = self._before = LineCounts()
        with suppress(NotApplicable):
            self._before = self._counters()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Channel ------------------------------------------------------------------------------------------------------

    def fileno(self) -> int:
        """Descriptor to watch. Raises OSError for a port that has none (loop://): look now and then."""
        return self._port.fileno()

    def _take(self) -> bytes:
        try:
            return self._mover.read()
        except OSError as error:
            raise gone(self.name, error) from error

    def write(self, data: bytes | memoryview) -> int:
        """How many bytes were taken; 0 when the path is full. Raises AdapterGone."""
        try:
            return self._mover.write(data)
        except OSError as error:
            raise gone(self.name, error) from error

    def close(self) -> None:
        """Let go of the adapter; its lines drop. Closing again changes nothing."""
        with suppress(OSError, termios.error):
            self._port.close()

    # Format -------------------------------------------------------------------------------------------------------

    @property
    def line(self) -> LineFormat:
        """How it is set."""
        return self._line

    def set_format(self, line: LineFormat) -> None:
        """Set baud rate, format and flow control. Raises NotApplicable when it cannot do that, and stays as it was;
        AdapterGone."""
        try:
            _prepare(self.name, self._port, line)
            _confirm(self.name, self._port, line)
        except NotApplicable:
            with suppress(NotApplicable):
                _prepare(self.name, self._port, self._line)
            raise
        self._line = line

    # Modem lines --------------------------------------------------------------------------------------------------

    @property
    def lines(self) -> Input:
        """CTS, DSR, RI and DCD as the adapter sees them. Raises NotApplicable when it has no such lines."""
        with asking(self.name, "tell the modem lines"):
            seen = ((Input.CTS, "cts"), (Input.DSR, "dsr"), (Input.RI, "ri"), (Input.DCD, "cd"))
            return Input(sum(line for line, name in seen if getattr(self._port, name)))

    def set_lines(self, *, dtr: bool | None = None, rts: bool | None = None) -> None:
        """Drive DTR and RTS; None leaves one as it is. Raises NotApplicable when it has no such lines."""
        with asking(self.name, "drive the modem lines"):
            if is_device(self._port):
                _ = self._port.cts  # drivers without modem lines ignore what they are told, but admit when asked
            if dtr is not None:
                self._port.dtr = dtr
            if rts is not None:
                self._port.rts = rts

    def wait_lines(self, wanted: Input, unwanted: Input = _NO_LINES, *, timeout: float) -> Input:
        """Wait until all `wanted` lines are on and all `unwanted` are off; returns the lines then, or at the end."""
        end = time.monotonic() + timeout
        while True:
            lines = self.lines
            if (lines & wanted == wanted and not lines & unwanted) or time.monotonic() >= end:
                return lines
            time.sleep(_POLL_SECONDS)

    # Breaks and errors --------------------------------------------------------------------------------------------

    def send_break(self, seconds: float) -> None:
        """Send a break of that length; waits until it is over. Raises NotApplicable."""
        if is_pty(self._port):
            raise NotApplicable(f"{self.name} is a pseudo terminal, which has no line to break")
        with asking(self.name, "send a break"):
            if self._times_breaks:
                self._port.send_break(seconds)
                return
            self._port.break_condition = True
            try:
                time.sleep(seconds)
            finally:
                self._port.break_condition = False

    @property
    def _times_breaks(self) -> bool:
        return hasattr(self._port, "take_events")

    def take_events(self) -> list[LineEvent]:
        """Line errors and breaks seen since the last call, oldest first, each with its place between the bytes and the
        length of a break. Raises NotApplicable for an adapter that only counts (see `counts`) or does not even that."""
        if not self._times_breaks:
            raise NotApplicable(f"{self.name} does not tell when errors and breaks came")
        self._hear_events()
        events = list(self._events)
        self._events.clear()
        return events

    def _hear_events(self) -> None:
        with asking(self.name, "tell errors and breaks"):
            events: list[LineEvent] = self._port.take_events()
        self._events.extend(events)
        for event in events:
            self._counted = _with(self._counted, event)

    def counts(self) -> LineCounts:
        """Errors and breaks since the adapter was opened. Raises NotApplicable for an adapter that does not count."""
        return self._counters() - self._before

    def _counters(self) -> LineCounts:
        if self._times_breaks:
            self._hear_events()
            return self._counted
        if not is_device(self._port):
            raise NotApplicable(f"{self.name} does not count errors and breaks")
        with asking(self.name, "count errors and breaks"):
            numbers = struct.unpack("20i", fcntl.ioctl(self._port.fileno(), _TIOCGICOUNT, bytes(80)))
        frame, overrun, parity, breaks = numbers[6:10]
        return LineCounts(parity, frame, overrun, breaks)

    # Queues -------------------------------------------------------------------------------------------------------

    def drop_received(self) -> None:
        """Forget what was received and not read."""
        self._surplus = b""
        with asking(self.name, "forget received bytes"):
            self._port.reset_input_buffer()

    def unsent(self) -> int:
        """Bytes written that are not on the wire yet, as far as the driver knows; 0 where it does not."""
        with asking(self.name, "tell unsent bytes"):
            return getattr(self._port, "out_waiting", 0)

    def drained(self, timeout: float) -> int:
        """Wait until everything is on the wire, at most `timeout` seconds; returns the bytes still unsent."""
        end = time.monotonic() + timeout
        while (left := self.unsent()) and time.monotonic() < end:
            time.sleep(_POLL_SECONDS)
        return left


def register_handlers() -> None:
    """Let pyserial know the URL schemes of this package. Calling it again changes nothing."""
    handlers.register()


def open_adapter(
    url: str, line_format: LineFormat, *, name: str | None = None, dtr: bool = True, rts: bool = True
) -> Adapter:
    """Open an adapter, for this program alone, set as `line_format` says, with DTR and RTS driven.

    url: a device or pyserial URL. name: for messages, "adapter of np6650/3"; by default the URL.
    Raises LabFault (no such device, no permission, open elsewhere, broken), ConfigFault (a URL pyserial does not
    understand), NotApplicable (the adapter cannot do the baud rate or format; the reason says what).
    """
    register_handlers()
    name = name or f"adapter {url}"
    if url.startswith("wire:") and "interface=" not in url:
        url = f"{url}&interface={line_format.interface}"
    try:
        port: Any = serial.serial_for_url(url, do_not_open=True, timeout=0, exclusive=True)
        if not url.startswith("loop:"):
            port.write_timeout = 0
        if is_device(port):
            port.inter_byte_timeout = 0  # an empty read then means that the device is gone, not that nothing came
    except (ValueError, serial.SerialException) as error:
        raise ConfigFault(
            f"{url!r} is no device and no URL pyserial knows: {error}", "Correct lab.yaml.", name
        ) from error
    port.dtr, port.rts = dtr, rts
    _prepare(name, port, line_format)
    try:
        port.open()
    except (ValueError, termios.error) as error:
        raise _unable(name, line_format, error) from error
    except OSError as error:
        raise cannot_open(name, url, error) from error
    try:
        _confirm(name, port, line_format)
        return Adapter(name, port, line_format)
    except BaseException:
        port.close()
        raise


def _prepare(name: str, port: Any, line: LineFormat) -> None:
    """Tell pyserial a format; an open port is set at once."""
    settings = arguments(name, line, tty=is_device(port))
    try:
        for setting, value in settings.items():
            setattr(port, setting, value)
    except (ValueError, termios.error) as error:
        raise _unable(name, line, error) from error
    except OSError as error:
        raise gone(name, error) from error


def _confirm(name: str, port: Any, line: LineFormat) -> None:
    """See that it is in force, and that nobody else opens the device."""
    if is_device(port):
        try:
            check_in_force(name, port.fileno(), line)
            with suppress(OSError):
                fcntl.ioctl(port.fileno(), termios.TIOCEXCL)
        except termios.error as error:
            raise gone(name, error) from error


def _unable(name: str, line: LineFormat, error: Exception) -> NotApplicable:
    return NotApplicable(f"{name} cannot do {describe(line)}: {error}")


def _with(counts: LineCounts, event: LineEvent) -> LineCounts:
    match event:
        case LineErrors(_, parity, framing, overrun):
            return LineCounts(counts.parity + parity, counts.framing + framing, counts.overrun + overrun, counts.breaks)
        case BreakSeen(_, seconds):
            return LineCounts(counts.parity, counts.framing, counts.overrun, counts.breaks + (seconds > 0))
    return counts
