"""How Real COM codes a serial format: baud index and mode byte, of PORT_INIT and IOCTL. Source: nport-facts 1.4."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from nportlab.protocol.serial_wire import Parity

BAUDS = (
    300, 600, 1200, 2400, 4800, 7200, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600, 150, 134, 110, 75, 50,
)  # fmt: skip
"""Baud rate by its index on the wire. The configuration file, the MIB and the SDK count otherwise."""

OTHER_BAUD = 0xFF
"""Index for a rate that is not in the table: SETBAUD follows."""

_PARITY_CODES: dict[Parity, int] = {"none": 0x00, "even": 0x08, "odd": 0x10, "mark": 0x18, "space": 0x20}
_PARITIES: dict[int, Parity] = {code: parity for parity, code in _PARITY_CODES.items()}
_TWO_STOP_BITS = 0x04
_PARITY_BITS = 0x38


class RealComError(ValueError):
    """A value the protocol cannot carry, or a frame that is none of its."""


@dataclass(frozen=True)
class Format:
    """Baud rate and character format as two bytes.

    baud: bits per second; a rate without an index, and None, go out as "SETBAUD follows" and come in as None, as does
    an unknown index. stop_bits: 1, 1.5 or 2; the wire knows "one" and "two", which a UART makes 1.5 with 5 data bits.
    """

    baud: int | None = 9600
    data_bits: int = 8
    parity: Parity = "none"
    stop_bits: float = 1

    @property
    def has_index(self) -> bool:
        """Whether the two bytes tell the baud rate; if not, SETBAUD must follow."""
        return self.baud in BAUDS

    def encode(self) -> bytes:
        """Baud index and mode byte. Raises RealComError for a format there is no code for."""
        if not 5 <= self.data_bits <= 8 or self.stop_bits not in (1, 1.5, 2) or self.parity not in _PARITY_CODES:
            raise RealComError(f"no mode byte for {self}")
        index = BAUDS.index(self.baud) if self.baud in BAUDS else OTHER_BAUD
        stop = _TWO_STOP_BITS if self.stop_bits > 1 else 0
        return bytes([index, (self.data_bits - 5) | stop | _PARITY_CODES[self.parity]])

    @classmethod
    def decode(cls, index: int, mode: int) -> Self:
        """From the two bytes. Raises RealComError for a parity code nobody knows."""
        if mode & _PARITY_BITS not in _PARITIES:
            raise RealComError(f"mode byte {mode:#04x}: no such parity")
        data_bits = 5 + (mode & 3)
        stop_bits = 1 if not mode & _TWO_STOP_BITS else 1.5 if data_bits == 5 else 2
        baud = BAUDS[index] if index < len(BAUDS) else None
        return cls(baud, data_bits, _PARITIES[mode & _PARITY_BITS], stop_bits)
