"""An adapter of a virtual rack as a pyserial port: opened and closed, set, its lines. Data: protocol_wire."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from serial.serialutil import PortNotOpenError, SerialException

from nportlab.protocol.serial_wire import (
    NO_FLOW,
    Flow,
    Hold,
    Input,
    Interface,
    Kind,
    LineFormat,
    Output,
    Parity,
    encode,
    encode_number,
)
from nportlab.serial.handlers.wire_link import LinkLost, WireLink
from nportlab.serial.handlers.wire_url import parse_url
from nportlab.serial.pyserial_base import TypedSerialBase

ANSWER_SECONDS = 5.0
"""Longest wait for the cables to answer."""
HELD_SECONDS = 0.5
"""How long `close` and `send_break` wait for queued bytes, beyond the time the line takes for them."""
LONGEST_BREAK = 65.534
"""Seconds; what a BREAK frame can say."""
SLICE_SECONDS = 0.02
"""Between two looks at the state, where another thread may have read the news that is waited for."""

_PARITIES: dict[str, Parity] = {"N": "none", "O": "odd", "E": "even", "M": "mark", "S": "space"}


class WirePort(TypedSerialBase):
    """Everything but data."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._link: WireLink | None = None
        self._interface: Interface = "rs-232"
        self._lock = threading.RLock()  # there is no thread here, but miniterm reads in one and writes in another
        self._cancel_read = -1
        self._cancel_write = -1
        self._format_in_force = LineFormat()
        super().__init__(*args, **kwargs)

    # Open and close -----------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Plug the adapter in. Raises SerialException: no such rack or adapter, open elsewhere, unplugged."""
        if self.is_open:
            raise SerialException("Port is already open.")
        if self._port is None:
            raise SerialException("Port must be configured before it can be used.")
        url = parse_url(self._port)
        self._interface = url.interface
        line_format = self._line_format()
        self._cancel_read = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._cancel_write = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        try:
            self._link = WireLink(url.path, url.end)
            self._wait_for(lambda link: link.plugged)
            self.is_open = True
            self._set_format(line_format)
            self._set_lines()
            self._drop()  # is answered; so lines and format are in force when this returns
            with self._talking() as link:
                link.take(len(link.received))
        except (LinkLost, SerialException) as error:
            self._release()
            raise SerialException(f"could not open {url.end}: {error}") from None

    def close(self) -> None:
        """Pull the plug when what was written is on the wire; a line that holds it back is not waited for long."""
        if self.is_open:
            self._let_out()
            self._release()  # not super().close(): of io, it would flush a port that is closed, and forbid reopening

    def _let_out(self) -> None:
        """Wait for what was written to leave, as long as the line takes for it."""
        link = self._connected
        late = time.monotonic() + link.unsent / self._format_in_force.characters_per_second + HELD_SECONDS
        while link.unsent and not link.lost and time.monotonic() < late:
            self._wait(SLICE_SECONDS, self._cancel_write, for_data=False)

    def _release(self) -> None:
        with self._lock:
            self.is_open = False
            if self._link is not None:
                self._link.close()
                self._link = None
            for descriptor in (self._cancel_read, self._cancel_write):
                os.close(descriptor)

    # Talking to the cables ----------------------------------------------------------------------------------------

    @property
    def _connected(self) -> WireLink:
        if self._link is None:
            raise PortNotOpenError()
        return self._link

    @contextmanager
    def _talking(self) -> Iterator[WireLink]:
        """The link, with its news taken in. Raises SerialException when it is lost."""
        with self._lock:
            link = self._connected
            link.pump()
            if link.lost:
                raise SerialException(link.lost)
            yield link

    def _wait(self, seconds: float | None, cancel: int, *, for_data: bool) -> bool:
        """Wait for news and take them in; False when cancelled."""
        link = self._connected
        if not link.wait(seconds, cancel, for_data=for_data):
            with suppress(BlockingIOError):
                os.eventfd_read(cancel)
            return False
        with self._lock:
            if self._link is link:
                link.pump()
        return True

    def _wait_for(self, condition: Callable[[WireLink], bool]) -> None:
        """Until the cables have answered. Raises SerialException."""
        late = time.monotonic() + ANSWER_SECONDS
        while True:
            with self._talking() as link:
                if condition(link):
                    return
            if time.monotonic() > late:
                raise SerialException(f"the rack's cables did not answer within {ANSWER_SECONDS:g} s")
            self._wait(SLICE_SECONDS, self._cancel_write, for_data=False)

    def _drop(self) -> None:
        with self._talking() as link:
            link.drops_pending += 1
            link.send(encode(Kind.DROP, 0))
        self._wait_for(lambda link: link.drops_pending <= 0)

    # Settings -----------------------------------------------------------------------------------------------------

    def _reconfigure_port(self) -> None:
        line_format = self._line_format()
        if line_format != self._format_in_force:
            self._set_format(line_format)

    def _line_format(self) -> LineFormat:
        """Raises ValueError for a rate no line has."""
        if not self._baudrate:
            raise ValueError(f"Not a valid baudrate: {self._baudrate!r}")
        if self._rs485_mode is not None:
            raise ValueError("an adapter has no RS-485 mode; name its interface in the URL: &interface=rs-485-2w")
        flow = Flow.RTS | Flow.CTS if self._rtscts else NO_FLOW
        flow |= Flow.XON_IN | Flow.XON_OUT if self._xonxoff else NO_FLOW
        flow |= Flow.DTR | Flow.DSR if self._dsrdtr else NO_FLOW
        return LineFormat(
            baud=self._baudrate,
            data_bits=self._bytesize,
            parity=_PARITIES[self._parity],
            stop_bits=self._stopbits,
            flow=flow,
            interface=self._interface,
        )

    def _set_format(self, line_format: LineFormat) -> None:
        with self._talking() as link:
            link.send(encode(Kind.FORMAT, 0, line_format.encode()))
            self._format_in_force = line_format

    def set_output_flow_control(self, enable: bool = True) -> None:
        """Send on (True) or stop, as if XON or XOFF was received."""
        with self._talking() as link:
            link.send(encode(Kind.FORCE, 0, bytes([enable])))

    # Lines driven -------------------------------------------------------------------------------------------------

    def _set_lines(self) -> None:
        outputs = (Output.DTR if self._dtr_state else 0) | (Output.RTS if self._rts_state else 0)
        with self._talking() as link:
            link.send(encode(Kind.LINES, 0, bytes([outputs])))

    def _update_dtr_state(self) -> None:
        self._set_lines()

    def _update_rts_state(self) -> None:
        self._set_lines()

    def _update_break_state(self) -> None:
        with self._talking() as link:
            link.send(encode_number(Kind.BREAK, 0, 0xFFFF if self._break_state else 0))

    def send_break(self, duration: float = 0.25) -> None:
        """A break of `duration` seconds behind what was written, timed by the line; returns when it is over.

        On a line that is held it comes when the line is free, and is not waited for long. Raises ValueError for a
        length the line cannot do.
        """
        if not 0.001 <= duration <= LONGEST_BREAK:
            raise ValueError(f"a break of {duration!r} s is not possible; 0.001 to {LONGEST_BREAK} s are")
        with self._talking() as link:
            link.send(encode_number(Kind.BREAK, 0, round(duration * 1000)))
        self._let_out()
        time.sleep(duration)

    # Lines seen ---------------------------------------------------------------------------------------------------

    @property
    def cts(self) -> bool:
        """Clear To Send."""
        return self._sees(Input.CTS)

    @property
    def dsr(self) -> bool:
        """Data Set Ready."""
        return self._sees(Input.DSR)

    @property
    def ri(self) -> bool:
        """Ring Indicator."""
        return self._sees(Input.RI)

    @property
    def cd(self) -> bool:
        """Carrier Detect."""
        return self._sees(Input.DCD)

    def _sees(self, line: Input) -> bool:
        with self._talking() as link:
            return bool(link.inputs & line)

    @property
    def held(self) -> Hold:
        """Why the adapter sends nothing now, and whether it told the other end to stop."""
        with self._talking() as link:
            return link.hold
