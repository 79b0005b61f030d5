"""pyserial's base class of ports, with the types of what it keeps."""

from __future__ import annotations

from serial.serialutil import SerialBase


class TypedSerialBase(SerialBase):
    """What a port of ours is made of. The type stubs of SerialBase leave these out."""

    _port: str | None
    _baudrate: int
    _bytesize: int
    _parity: str
    _stopbits: float
    _timeout: float | None
    _write_timeout: float | None
    _inter_byte_timeout: float | None
    _xonxoff: bool
    _rtscts: bool
    _dsrdtr: bool
    _rts_state: bool
    _dtr_state: bool
    _break_state: bool
    _rs485_mode: object
