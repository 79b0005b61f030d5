"""Frames between the cables of a virtual rack and what is plugged into them: a unit's serial ports, or an adapter.

Stream of `kind(1) port(1) length(2, little-endian) payload` over a UNIX socket. The first frame a client sends is PLUG,
answered with PLUGGED; a unit then speaks for all its ports (port counts from 1), an adapter for its one end (port 0).
An invention of this project: nothing of it exists on a real rack.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Literal, NamedTuple

MOST_PAYLOAD = 0xFFFF
_HEADER = struct.Struct("<BBH")
_FORMAT = struct.Struct("<IBBBHBBHHIB")
_ERRORS = struct.Struct("<HHH")

Parity = Literal["none", "odd", "even", "mark", "space"]
Interface = Literal["rs-232", "rs-422", "rs-485-2w", "rs-485-4w"]

PARITIES: tuple[Parity, ...] = ("none", "odd", "even", "mark", "space")
INTERFACES: tuple[Interface, ...] = ("rs-232", "rs-422", "rs-485-2w", "rs-485-4w")


class Kind(IntEnum):
    """What a frame says. Below 32: to the cables; from 32: from them."""

    PLUG = 1
    """JSON: {"unit": name}, {"adapter": "unit/port"} or {"control": {...}} (see virtual.cables)."""
    FORMAT = 2
    """A LineFormat."""
    DATA = 3
    """Bytes to send; at most `tx_room` may be unsent."""
    LINES = 4
    """One byte of Output: DTR, RTS."""
    BREAK = 5
    """uint16: 0 ends a break, 0xFFFF starts one that lasts until then, else its length in milliseconds, queued behind
    the bytes to send."""
    DROP = 6
    """Forget the bytes not sent yet; answered by DROPPED."""
    TAKEN = 7
    """uint32: received bytes the reader took since; makes room in the receiver."""
    FORCE = 8
    """One byte: 1 act as if XON was received, 0 as if XOFF was."""
    URGENT = 9
    """One character, sent before the queued bytes even while held."""

    PLUGGED = 32
    """JSON: {"ok": true, ...} or {"ok": false, "error": text}."""
    RECEIVED = 33
    """Bytes from the wire."""
    SENT = 34
    """uint32: bytes that have left the port since the last report."""
    STATUS = 35
    """Two bytes: Input lines, Hold."""
    ERRORS = 36
    """Three uint16: parity errors, framing errors, overruns; sent before the RECEIVED they are in."""
    BROKE = 37
    """uint32: a break from the other end ended; its length in microseconds. 0: one has begun."""
    DROPPED = 38
    """uint32: bytes forgotten on DROP."""


_KINDS = {int(kind): kind for kind in Kind}


class Output(IntFlag):
    """Lines a port drives."""

    DTR = 1
    RTS = 2


class Input(IntFlag):
    """Lines a port sees."""

    CTS = 1
    DSR = 2
    RI = 4
    DCD = 8


class Hold(IntFlag):
    """Why a port sends nothing now (CTS, DSR, XOFF); that it told the other end to stop (XOFF_SENT, LINE_DROPPED)."""

    CTS = 1
    DSR = 2
    XOFF = 4
    XOFF_SENT = 8
    LINE_DROPPED = 16


class Flow(IntFlag):
    """Flow control, each way by itself. CTS, DSR, XON_OUT: sending stops for the other end. RTS, DTR, XON_IN: the other
    end is told to stop when the receiver fills up. TOGGLE: RTS is on only while sending."""

    CTS = 1
    RTS = 2
    XON_OUT = 4
    XON_IN = 8
    DSR = 16
    DTR = 32
    TOGGLE = 64


NO_FLOW = Flow(0)

FLOW_ROOM = 16384
"""Bytes waiting in a receiver that flow control is made for (invented): what is beyond is for senders that do not
stop."""


@dataclass(frozen=True)
class LineFormat:
    """How one end of a line is set.

    baud: bits per second. stop_bits: 1, 1.5 or 2. xon, xoff: characters. rts_on_delay, rts_off_delay: milliseconds
    between RTS and data with Flow.TOGGLE. rx_room: bytes the receiver holds before it overruns; flow control stops the
    other end at three quarters of it, or of FLOW_ROOM if that is less, and lets it go on at one quarter.
    """

    baud: int = 115200
    data_bits: int = 8
    parity: Parity = "none"
    stop_bits: float = 1
    flow: Flow = NO_FLOW
    xon: int = 0x11
    xoff: int = 0x13
    rts_on_delay: int = 0
    rts_off_delay: int = 0
    rx_room: int = 65536
    interface: Interface = "rs-232"

    @property
    def bits_per_character(self) -> float:
        """Start, data, parity and stop bits."""
        return 1 + self.data_bits + (self.parity != "none") + self.stop_bits

    @property
    def characters_per_second(self) -> float:
        """What the line carries at most, each way."""
        return self.baud / self.bits_per_character

    def encode(self) -> bytes:
        """Payload of a FORMAT frame."""
        return _FORMAT.pack(
            self.baud,
            self.data_bits,
            PARITIES.index(self.parity),
            int(self.stop_bits * 2),
            self.flow,
            self.xon,
            self.xoff,
            self.rts_on_delay,
            self.rts_off_delay,
            self.rx_room,
            INTERFACES.index(self.interface),
        )

    @classmethod
    def decode(cls, payload: bytes) -> LineFormat:
        """From the payload of a FORMAT frame. Raises WireFrameError."""
        try:
            baud, bits, parity, stop, flow, xon, xoff, on, off, room, interface = _FORMAT.unpack(payload)
            if baud == 0 or not 5 <= bits <= 8 or stop not in (2, 3, 4) or room == 0:
                raise WireFrameError(f"impossible line format {payload.hex()}")
            return cls(
                baud, bits, PARITIES[parity], stop / 2, Flow(flow), xon, xoff, on, off, room, INTERFACES[interface]
            )
        except (struct.error, IndexError) as error:
            raise WireFrameError(f"line format {payload.hex()}: {error}") from None


class WireFrameError(ValueError):
    """Bytes that are no frame of this protocol."""


class Frame(NamedTuple):
    """One frame."""

    kind: Kind
    port: int
    payload: bytes = b""

    @property
    def number(self) -> int:
        """The little-endian number of a frame that holds one."""
        return int.from_bytes(self.payload, "little")


def encode(kind: Kind, port: int, payload: bytes = b"") -> bytes:
    """One frame; data longer than a frame holds becomes several."""
    if len(payload) <= MOST_PAYLOAD:
        return _HEADER.pack(kind, port, len(payload)) + payload
    pieces = (payload[start : start + MOST_PAYLOAD] for start in range(0, len(payload), MOST_PAYLOAD))
    return b"".join(_HEADER.pack(kind, port, len(piece)) + piece for piece in pieces)


def encode_number(kind: Kind, port: int, number: int) -> bytes:
    """A frame that holds one number: TAKEN, SENT, BROKE, DROPPED, BREAK."""
    return encode(kind, port, number.to_bytes(2 if kind is Kind.BREAK else 4, "little"))


def encode_errors(port: int, parity: int, framing: int, overrun: int) -> bytes:
    """An ERRORS frame; counts beyond 65,535 are cut off there."""
    return encode(Kind.ERRORS, port, _ERRORS.pack(*(min(count, 0xFFFF) for count in (parity, framing, overrun))))


def decode_errors(payload: bytes) -> tuple[int, int, int]:
    """Parity errors, framing errors, overruns. Raises WireFrameError."""
    try:
        return _ERRORS.unpack(payload)
    except struct.error as error:
        raise WireFrameError(f"errors {payload.hex()}: {error}") from None


class Frames:
    """Cuts a stream into frames; what is not whole yet waits for the next `feed`."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Frame]:
        """The frames completed by `data`. Raises WireFrameError for an unknown kind."""
        data = self._rest + data if self._rest else data
        found: list[Frame] = []
        start, end = 0, len(data)
        while end - start >= 4:
            code, port, length = _HEADER.unpack_from(data, start)
            kind = _KINDS.get(code)
            if kind is None:
                raise WireFrameError(f"unknown frame kind {code}")
            stop = start + 4 + length
            if stop > end:
                break
            found.append(Frame(kind, port, data[start + 4 : stop]))
            start = stop
        self._rest = data[start:]
        return found
