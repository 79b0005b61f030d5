"""A Real COM port as a pyserial port: opened and closed, set, its lines and breaks. Data: real_com_serial."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

from serial.serialutil import PortNotOpenError, SerialException

from nportlab.modes.errors import CommandRefused
from nportlab.modes.real_com import RealCom
from nportlab.modes.real_com_port import PortSettings
from nportlab.modes.real_com_url import parse_url
from nportlab.protocol.real_com import LONGEST_BREAK, SHORTEST_BREAK, FlowControl
from nportlab.protocol.real_com_format import Format
from nportlab.protocol.real_com_replies import ModemLines
from nportlab.protocol.serial_wire import Parity
from nportlab.serial.pyserial_base import TypedSerialBase
from nportlab.verdicts.faults import UnitBehaviour

_PARITIES: dict[str, Parity] = {"N": "none", "O": "odd", "E": "even", "M": "mark", "S": "space"}
_T = TypeVar("_T")


class RealComSerialBase(TypedSerialBase):
    """Everything but data.

    XON and XOFF are 0x11 and 0x13. DSR/DTR flow control and RS-485 are not the host's business in Real COM.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._session: RealCom | None = None
        self._cancel_read = self._cancel_write = -1
        super().__init__(*args, **kwargs)  # opens, when a port is given

    @property
    def session(self) -> RealCom:
        """The session under it, for what pyserial has no word for. Raises PortNotOpenError while the port is closed."""
        if self._session is None:
            raise PortNotOpenError()
        return self._session

    def open(self) -> None:
        """Open with the current settings. Raises SerialException; ValueError for settings that are refused."""
        if self._port is None:
            raise SerialException("Port must be configured before it can be used.")
        if self.is_open:
            raise SerialException("Port is already open.")
        try:
            address = parse_url(self._port)
        except ValueError as error:
            raise SerialException(str(error)) from None
        session = RealCom(address.data, address.command, settings=self._settings(), secure=address.secure)
        self._ordered(session.open, f"could not open port {self._port}: ")
        self._session = session
        self._cancel_read, self._cancel_write = (os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC) for _ in range(2))
        self.is_open = True
        if self._break_state:
            self._update_break_state()

    def close(self) -> None:
        """Close; may be called twice. What is not on the wire yet may be lost: `flush` first."""
        session, self._session = self._session, None
        self.is_open = False
        if session is not None:
            session.close()
            os.close(self._cancel_read)
            os.close(self._cancel_write)

    # Settings -----------------------------------------------------------------------------------------------------

    def _settings(self) -> PortSettings:
        if self._rs485_mode is not None:
            raise ValueError("RS-485 is set in the unit's console, not by the host")
        if self._dsrdtr and not self._rtscts:
            raise ValueError("Real COM knows no DSR/DTR flow control")
        return PortSettings(
            Format(self._baudrate, self._bytesize, _PARITIES[self._parity], self._stopbits),
            dtr=bool(self._dtr_state),
            rts=bool(self._rts_state),
            flow=FlowControl(bool(self._rtscts), bool(self._rtscts), bool(self._xonxoff), bool(self._xonxoff)),
        )

    def _reconfigure_port(self, *_: object, **__: object) -> None:
        """SerialBase calls this after every change, of timeouts too."""
        settings = self._settings()
        if settings != self.session.settings:
            self._ordered(lambda: self.session.set_port(settings))

    @staticmethod
    def _ordered(order: Callable[[], _T], what: str = "") -> _T:
        """Do something over the network with pyserial's errors."""
        try:
            return order()
        except CommandRefused as refused:
            raise ValueError(refused.message) from refused
        except UnitBehaviour as error:
            raise SerialException(f"{what}{error.message}") from error

    # Lines and break ----------------------------------------------------------------------------------------------

    def _update_rts_state(self) -> None:
        self._ordered(lambda: self.session.set_lines(rts=bool(self._rts_state)))

    def _update_dtr_state(self) -> None:
        self._ordered(lambda: self.session.set_lines(dtr=bool(self._dtr_state)))

    def _update_break_state(self) -> None:
        self._ordered(self.session.break_on if self._break_state else self.session.break_off)

    def send_break(self, duration: float = 0.25) -> None:
        """A break; the unit times it when it can (10 ms to 1 s), else we do."""
        milliseconds = round(duration * 1000)
        if SHORTEST_BREAK <= milliseconds <= LONGEST_BREAK:
            self._ordered(lambda: self.session.send_break(milliseconds))
        else:
            super().send_break(duration)

    @property
    def cts(self) -> bool:
        """CTS now, asked of the unit."""
        return self._ordered(self.session.line_status).cts

    @property
    def dsr(self) -> bool:
        """DSR now, asked of the unit."""
        return self._ordered(self.session.line_status).dsr

    @property
    def cd(self) -> bool:
        """DCD now, asked of the unit."""
        return self._ordered(self.session.line_status).dcd

    @property
    def ri(self) -> bool:
        """RI as last notified; Real COM has no way to ask for it."""
        told = self.session.notifications
        return bool(told) and ModemLines.RI in told[-1].told.lines

    def set_output_flow_control(self, enable: bool = True) -> None:
        """Go on sending (True), or stop as if XOFF was received."""
        self._ordered(self.session.force_xon if enable else self.session.force_xoff)
