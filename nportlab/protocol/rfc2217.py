"""The Telnet COM-PORT-OPTION (RFC 2217): a serial port's settings and lines inside a Telnet connection.

The same numbers go both ways; what the access server (the unit) sends has 100 added to its code.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag

from nportlab.protocol.serial_wire import NO_FLOW, Flow, Parity
from nportlab.protocol.telnet_options import Option, subnegotiation

SERVER = 100
"""Added to a code by the access server."""

ASK = 0
"""The value with which a client asks for a setting instead of changing it."""


class Code(IntEnum):
    """What a subnegotiation is about."""

    SIGNATURE = 0
    SET_BAUDRATE = 1
    SET_DATASIZE = 2
    SET_PARITY = 3
    SET_STOPSIZE = 4
    SET_CONTROL = 5
    NOTIFY_LINESTATE = 6
    NOTIFY_MODEMSTATE = 7
    FLOWCONTROL_SUSPEND = 8
    FLOWCONTROL_RESUME = 9
    SET_LINESTATE_MASK = 10
    SET_MODEMSTATE_MASK = 11
    PURGE_DATA = 12


class Control(IntEnum):
    """Values of SET_CONTROL. NO_FLOW, XON_XOFF, HARDWARE, DCD_FLOW, DSR_FLOW: what stops the unit's sending, and what
    it stops the other end with until one of the INBOUND values says otherwise."""

    ASK_FLOW = 0
    NO_FLOW = 1
    XON_XOFF = 2
    HARDWARE = 3
    ASK_BREAK = 4
    BREAK_ON = 5
    BREAK_OFF = 6
    ASK_DTR = 7
    DTR_ON = 8
    DTR_OFF = 9
    ASK_RTS = 10
    RTS_ON = 11
    RTS_OFF = 12
    ASK_INBOUND_FLOW = 13
    INBOUND_NO_FLOW = 14
    INBOUND_XON_XOFF = 15
    INBOUND_HARDWARE = 16
    DCD_FLOW = 17
    INBOUND_DTR_FLOW = 18
    DSR_FLOW = 19


class LineState(IntFlag):
    """Bits of NOTIFY_LINESTATE and its mask."""

    DATA_READY = 1
    OVERRUN = 2
    PARITY = 4
    FRAMING = 8
    BREAK = 16
    HOLDING_REGISTER_EMPTY = 32
    SHIFT_REGISTER_EMPTY = 64
    TIMEOUT = 128


class ModemState(IntFlag):
    """Bits of NOTIFY_MODEMSTATE and its mask: levels, and what changed since the last report."""

    CTS_CHANGED = 1
    DSR_CHANGED = 2
    RI_ENDED = 4
    DCD_CHANGED = 8
    CTS = 16
    DSR = 32
    RI = 64
    DCD = 128


FIRST_LINE_MASK = LineState(0)
FIRST_MODEM_MASK = ModemState(0xFF)
"""Masks of a new connection (RFC 2217, SET-LINESTATE-MASK and SET-MODEMSTATE-MASK)."""


class Purge(IntEnum):
    """Values of PURGE_DATA. RECEIVED: what the port received and the client has not got yet."""

    RECEIVED = 1
    TO_SEND = 2
    BOTH = 3


PARITY: dict[int, Parity] = {1: "none", 2: "odd", 3: "even", 4: "mark", 5: "space"}
STOP_BITS: dict[int, float] = {1: 1, 2: 2, 3: 1.5}
DATA_BITS = (5, 6, 7, 8)

OUTBOUND_FLOW: dict[Control, Flow] = {
    Control.NO_FLOW: NO_FLOW,
    Control.XON_XOFF: Flow.XON_OUT,
    Control.HARDWARE: Flow.CTS,
    Control.DSR_FLOW: Flow.DSR,
}
INBOUND_FLOW: dict[Control, Flow] = {
    Control.INBOUND_NO_FLOW: NO_FLOW,
    Control.INBOUND_XON_XOFF: Flow.XON_IN,
    Control.INBOUND_HARDWARE: Flow.RTS,
    Control.INBOUND_DTR_FLOW: Flow.DTR,
}
BOTH_WAYS: dict[Control, Control] = {
    Control.NO_FLOW: Control.INBOUND_NO_FLOW,
    Control.XON_XOFF: Control.INBOUND_XON_XOFF,
    Control.HARDWARE: Control.INBOUND_HARDWARE,
    Control.DSR_FLOW: Control.INBOUND_DTR_FLOW,
}
"""What a value for outbound and both means inbound."""


class ComPortError(ValueError):
    """A subnegotiation that is none of RFC 2217."""


@dataclass(frozen=True)
class Message:
    """One subnegotiation. payload: its value in network byte order, or the text of a signature."""

    code: Code
    payload: bytes = b""
    from_server: bool = False

    @property
    def number(self) -> int:
        """The value; 0 when there is none, as in a poll of the line or modem state."""
        return int.from_bytes(self.payload, "big")

    def encode(self) -> bytes:
        """With IAC SB, the option, and IAC SE."""
        code = self.code + SERVER if self.from_server else self.code
        return subnegotiation(Option.COM_PORT, bytes([code]) + self.payload)

    def answer(self, number: int) -> Message:
        """The access server's answer to it, with a value of the same size."""
        return Message(self.code, number.to_bytes(_SIZES[self.code][-1], "big"), from_server=True)


def decode(payload: bytes) -> Message:
    """The message in a COM-PORT subnegotiation's payload. Raises ComPortError for an unknown code or a wrong length."""
    if not payload:
        raise ComPortError("an empty subnegotiation")
    number, rest = payload[0], payload[1:]
    from_server = number >= SERVER
    try:
        code = Code(number - SERVER if from_server else number)
    except ValueError:
        raise ComPortError(f"unknown code {number}") from None
    if code is not Code.SIGNATURE and len(rest) not in _SIZES[code]:
        raise ComPortError(f"{code.name} with {len(rest)} octets")
    return Message(code, rest, from_server)


def message(code: Code, number: int, *, from_server: bool = False) -> Message:
    """One with a number: `message(Code.SET_BAUDRATE, 9600)`. Raises OverflowError when it does not fit."""
    return Message(code, number.to_bytes(_SIZES[code][-1], "big"), from_server)


_SIZES: dict[Code, tuple[int, ...]] = {
    Code.SET_BAUDRATE: (4,),
    Code.SET_DATASIZE: (1,),
    Code.SET_PARITY: (1,),
    Code.SET_STOPSIZE: (1,),
    Code.SET_CONTROL: (1,),
    Code.NOTIFY_LINESTATE: (0, 1),
    Code.NOTIFY_MODEMSTATE: (0, 1),
    Code.FLOWCONTROL_SUSPEND: (0,),
    Code.FLOWCONTROL_RESUME: (0,),
    Code.SET_LINESTATE_MASK: (1,),
    Code.SET_MODEMSTATE_MASK: (1,),
    Code.PURGE_DATA: (1,),
}
"""Octets a value may have; a poll has none. The last is what an answer has."""
