"""Real COM (ASPP), device to host: replies and notifications on a port's command connection.

They carry no uniform length, so the host cuts them by a table. A notification may follow a reply in the same segment.
Source: nport-facts 1.2, 1.5, 1.6 (the vendor's port daemon).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag

from nportlab.protocol.real_com import Code
from nportlab.protocol.real_com_format import RealComError

OK, NOT_AVAILABLE = b"OK", b"NA"

LENGTHS: dict[int, int] = {
    Code.NOTIFY: 4,
    Code.WAIT_OQUEUE: 4,
    Code.OQUEUE: 4,
    Code.IQUEUE: 4,
    Code.LSTATUS: 5,
    Code.PORT_INIT: 5,
    Code.FLUSH_START: 6,
    Code.BREAK_COUNT: 4,
    Code.DATA_STATUS: 3,
    Code.ALIVE_POLL: 3,
}
"""Bytes of a reply by its first one; all others are `code O K` or `code N A`."""

_SECOND: dict[int, int] = {
    Code.WAIT_OQUEUE: 2,
    Code.OQUEUE: 2,
    Code.IQUEUE: 2,
    Code.LSTATUS: 3,
    Code.PORT_INIT: 3,
    Code.FLUSH_START: 4,
    Code.BREAK_COUNT: 2,
    Code.DATA_STATUS: 1,
    Code.ALIVE_POLL: 1,
}
"""Its second byte, where that is a length."""


class Event(IntFlag):
    """Why a Notify was sent, and what ErrorsSeen counts. The last two are known by name only."""

    PARITY_ERROR = 0x01
    FRAMING_ERROR = 0x02
    HARDWARE_OVERRUN = 0x04
    SOFTWARE_OVERRUN = 0x08
    BREAK = 0x10
    MODEM_STATUS = 0x20
    LINE_STATUS_WITH_DATA = 0x40
    LINE_STATUS = 0x80


class ModemLines(IntFlag):
    """Input lines, as the high nibble of a UART's modem status register has them (RI inferred from that)."""

    CTS = 1
    DSR = 2
    RI = 4
    DCD = 8


class Held(IntFlag):
    """Why the device sends nothing now, and that it told the other end to stop. NEW_VERSION is always set."""

    CTS = 0x01
    DSR = 0x02
    DCD = 0x04
    XOFF = 0x08
    XOFF_SENT = 0x10
    NEW_VERSION = 0x80


@dataclass(frozen=True)
class Accepted:
    """`OK`: the device did what was asked."""

    code: int

    def encode(self) -> bytes:
        """Three bytes."""
        return bytes([self.code]) + OK


@dataclass(frozen=True)
class Refused:
    """`NA`: it cannot."""

    code: int

    def encode(self) -> bytes:
        """Three bytes."""
        return bytes([self.code]) + NOT_AVAILABLE


@dataclass(frozen=True)
class Lines:
    """Answer to LSTATUS and PORT_INIT. refused: PORT_INIT's baud was not taken; the lines are not told then."""

    code: int
    dsr: bool
    cts: bool
    dcd: bool
    refused: bool = False

    def encode(self) -> bytes:
        """Five bytes."""
        status = b"\xff\xff\xff" if self.refused else bytes([self.dsr, self.cts, self.dcd])
        return bytes([self.code, 3]) + status


@dataclass(frozen=True)
class QueueLength:
    """Answer to IQUEUE, OQUEUE and WAIT_OQUEUE: bytes that wait; more than 65,535 are told as that many."""

    code: int
    waiting: int

    def encode(self) -> bytes:
        """Four bytes, little-endian."""
        return bytes([self.code, 2]) + min(self.waiting, 0xFFFF).to_bytes(2, "little")


@dataclass(frozen=True)
class Notify:
    """Something happened on the line. lines: how the inputs are; changed: those that changed since the last time."""

    events: Event
    lines: ModemLines
    changed: ModemLines
    held: Held = Held.NEW_VERSION

    def encode(self) -> bytes:
        """Four bytes."""
        return bytes([Code.NOTIFY, self.events, self.lines << 4 | self.changed, self.held])


@dataclass(frozen=True)
class AlivePoll:
    """Is the host there? To be answered by AliveAnswer with the same number."""

    number: int

    def encode(self) -> bytes:
        """Three bytes."""
        return bytes([Code.ALIVE_POLL, 1, self.number])


@dataclass(frozen=True)
class FlushStarted:
    """Answer to FLUSH_START. waiting: received bytes that wait."""

    waiting: int

    def encode(self) -> bytes:
        """Six bytes."""
        return bytes([Code.FLUSH_START, 4]) + min(self.waiting, 0xFFFF).to_bytes(2, "little") + bytes(2)


@dataclass(frozen=True)
class BreaksCounted:
    """Answer to BREAK_COUNT."""

    count: int

    def encode(self) -> bytes:
        """Four bytes, big-endian for once."""
        return bytes([Code.BREAK_COUNT, 2]) + min(self.count, 0xFFFF).to_bytes(2, "big")


@dataclass(frozen=True)
class ErrorsSeen:
    """Answer to DATA_STATUS: the low nibble of Event."""

    errors: Event

    def encode(self) -> bytes:
        """Three bytes."""
        return bytes([Code.DATA_STATUS, 1, self.errors & 0x0F])


@dataclass(frozen=True)
class Unreadable:
    """Bytes that start with no known reply; as their end is not known either, they reach to the end of a read."""

    data: bytes

    def encode(self) -> bytes:
        """As they came."""
        return self.data


Reply = (
    Accepted
    | Refused
    | Lines
    | QueueLength
    | Notify
    | AlivePoll
    | FlushStarted
    | BreaksCounted
    | ErrorsSeen
    | Unreadable
)


def split_replies(data: bytes) -> tuple[list[Reply], bytes]:
    """The whole replies at the start of `data`, and the rest: the beginning of one that is not all there yet."""
    replies: list[Reply] = []
    start = 0
    while start < len(data):
        length = LENGTHS.get(data[start], 3)
        piece = data[start : start + length]
        try:
            _check(piece)
        except RealComError:
            replies.append(Unreadable(data[start:]))
            return replies, b""
        if len(piece) < length:
            break
        replies.append(decode_reply(piece))
        start += length
    return replies, data[start:]


class Replies:
    """Cuts what the device sends; a reply split over two reads is put together again."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Reply]:
        """The replies completed by `data`."""
        replies, self._rest = split_replies(self._rest + data)
        return replies


def decode_reply(data: bytes) -> Reply:
    """One whole reply. Raises RealComError when it is none."""
    _check(data)
    if len(data) != LENGTHS.get(data[0], 3):
        raise RealComError(f"reply {data.hex(' ')}: wrong length")
    code, body = data[0], data[2:]
    match code:
        case Code.NOTIFY:
            lines = data[2]
            return Notify(Event(data[1]), ModemLines(lines >> 4), ModemLines(lines & 15), Held(data[3]))
        case Code.ALIVE_POLL:
            return AlivePoll(body[0])
        case Code.LSTATUS | Code.PORT_INIT:
            if body == b"\xff\xff\xff":
                return Lines(code, False, False, False, refused=True)
            return Lines(code, *map(bool, body))
        case Code.IQUEUE | Code.OQUEUE | Code.WAIT_OQUEUE:
            return QueueLength(code, int.from_bytes(body, "little"))
        case Code.FLUSH_START:
            return FlushStarted(int.from_bytes(body[:2], "little"))
        case Code.BREAK_COUNT:
            return BreaksCounted(int.from_bytes(body, "big"))
        case Code.DATA_STATUS:
            return ErrorsSeen(Event(body[0]))
        case _:
            return Accepted(code) if data[1:] == OK else Refused(code)


def _check(piece: bytes) -> None:
    """Raise RealComError unless `piece` is a reply or may become one."""
    if not piece:
        raise RealComError("an empty reply")
    code = piece[0]
    if code in _SECOND:
        good = piece[1:2] in (b"", bytes([_SECOND[code]]))
    elif code == Code.NOTIFY:
        good = True
    else:
        good = OK.startswith(piece[1:]) or NOT_AVAILABLE.startswith(piece[1:])
    if not good:
        raise RealComError(f"reply {piece.hex(' ')}")
