"""What a receiver makes of characters sent with another format: bits as they would be on copper.

The line is a row of levels, one per bit of the sender (per half bit if it sends 1.5 stop bits). The receiver waits for
a start edge, looks at the middle of each of its own bits up to the first stop bit, and waits for the next edge from
there. A low stop bit is a framing error and is taken for a start bit, as a 16550 does; a character time of nothing but
low is a break. Where each character is read the same whatever its neighbours are, a table does the work.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from operator import itemgetter

from nportlab.protocol.serial_wire import LineFormat
from nportlab.virtual.cables.transmitter import SECOND

MASKS = {bits: bytes(code & (1 << bits) - 1 for code in range(256)) for bits in (5, 6, 7, 8)}
"""Translation tables: what is left of a byte in characters of that many bits."""


@dataclass(frozen=True)
class Piece:
    """Characters and how many of them had errors; or, if `low` is not 0, a break of that many nanoseconds."""

    data: bytearray
    parity: int = 0
    framing: int = 0
    low: int = 0


def agree(sender: LineFormat, receiver: LineFormat) -> bool:
    """Whether every character arrives as it was sent; the number of stop bits does not matter to a receiver."""
    return (sender.baud, sender.data_bits, sender.parity) == (receiver.baud, receiver.data_bits, receiver.parity)


def parity_bit(value: int, parity: str) -> int:
    """The parity bit of a character."""
    odd = value.bit_count() & 1
    return {"even": odd, "odd": 1 - odd, "mark": 1, "space": 0}[parity]


class Copper:
    """A line between two ends that do not agree."""

    def __init__(self, sender: LineFormat, receiver: LineFormat) -> None:
        self._shape = _shape(_format_key(sender), _format_key(receiver))
        self._levels = b""
        self._end = 0

    def carry(self, data: bytearray, at: int) -> list[Piece]:
        """What the receiver has made out by the end of these characters, the first of which began at that time."""
        shape = self._shape
        if shape.table is not None:
            return shape.table.carry(data)
        if self._levels:
            gap = round((at - self._end) * shape.rate / SECOND)
            self._levels += b"\x01" * min(max(gap, 0), 2 * shape.span)
        self._end = max(at, self._end) + round(len(data) * shape.length * SECOND / shape.rate)
        self._levels += b"".join(map(shape.characters.__getitem__, data))
        return self._read()

    def settle(self, now: int) -> list[Piece]:
        """What the receiver has made out by `now` of a line that has been silent since the last character."""
        due = self.due
        if due is None or now < due:
            return []
        self._levels += b"\x01" * (self._shape.span + 1)
        return self._read(final=True)

    @property
    def due(self) -> int | None:
        """When `settle` has something to say, if it ever has."""
        return self._end + round(self._shape.span * SECOND / self._shape.rate) if self._levels else None

    def _read(self, final: bool = False) -> list[Piece]:
        pieces, used = self._shape.read(self._levels)
        self._levels = b"" if final else self._levels[used:]
        return pieces


def too_short_for_a_break(low: int, receiver: LineFormat) -> list[Piece]:
    """What a receiver makes of a silent line that is low for that many nanoseconds, less than a character."""
    shape = _shape(_format_key(replace(receiver, baud=16 * receiver.baud)), _format_key(receiver))
    return shape.read(b"\x00" * (low * shape.rate // SECOND) + b"\x01" * shape.span)[0]


_Key = tuple[int, int, str, float]


def _format_key(line_format: LineFormat) -> _Key:
    return (line_format.baud, line_format.data_bits, line_format.parity, line_format.stop_bits)


@lru_cache(maxsize=64)
def _shape(sender: _Key, receiver: _Key) -> _Shape:
    return _Shape(LineFormat(*sender), LineFormat(*receiver))  # type: ignore[arg-type]


class _Shape:
    """A pair of formats, worked out once."""

    def __init__(self, sender: LineFormat, receiver: LineFormat) -> None:
        halves = 1 if sender.stop_bits == int(sender.stop_bits) else 2
        self.rate = sender.baud * halves
        """Levels per second."""
        self.length = round(sender.bits_per_character * halves)
        """Levels of a character sent."""
        self.characters = [_levels(code, sender, halves) for code in range(256)]
        step = self.rate / receiver.baud
        bits = 2 + receiver.data_bits + (receiver.parity != "none")
        offsets = [int((bit + 0.5) * step) for bit in range(bits)]
        self.span = offsets[-1] + 1
        """Levels from the start edge to the middle of the stop bit."""
        self._look = itemgetter(*offsets)
        self._stop = offsets[-1]
        self._stop_begins = int((bits - 1) * step)
        self._half = offsets[0]
        self._break = receiver.bits_per_character * step
        self._meaning = _meanings(receiver)
        self.table = _Table.of(self)

    def read(self, levels: bytes) -> tuple[list[Piece], int]:
        """What a receiver makes of a line, and how many of the levels it is done with."""
        pieces: list[Piece] = []
        data, parity, framing = bytearray(), 0, 0
        position = 0
        while True:
            start = levels.find(0, position)
            if start < 0:
                position = len(levels)
                break
            position = start
            if start + self.span > len(levels):
                break
            seen = self._look(levels[start : start + self.span])
            if seen[0]:  # a spike shorter than half a bit
                position = start + self._half
                continue
            value, wrong = self._meaning[seen[1:-1]]
            if seen[-1]:
                position = start + self._stop
                data.append(value)
                parity += wrong
                continue
            rise = levels.find(1, start)
            if rise < 0:
                break
            if rise > start + self._stop:
                position = rise
                if rise - start >= self._break:
                    if data:
                        pieces.append(Piece(data, parity, framing))
                        data, parity, framing = bytearray(), 0, 0
                    pieces.append(Piece(bytearray(), low=round((rise - start) * SECOND / self.rate)))
                    continue
            else:
                position = max(levels.rfind(1, start, start + self._stop) + 1, start + self._stop_begins)
            data.append(value)
            parity += wrong
            framing += 1
        if data:
            pieces.append(Piece(data, parity, framing))
        return pieces, position


class _Table:
    """For formats whose characters do not run into each other: what becomes of each."""

    def __init__(self, values: bytes, wrong_parity: bytes) -> None:
        self._values = values
        self._wrong_parity = wrong_parity if any(wrong_parity) else None

    @classmethod
    def of(cls, shape: _Shape) -> _Table | None:
        """The table, or None if one character can spoil the next."""
        values, wrong = bytearray(), bytearray()
        for levels in shape.characters:
            pieces, used = shape.read(levels)
            if used != shape.length or len(pieces) != 1 or len(pieces[0].data) != 1 or pieces[0].framing:
                return None
            values += pieces[0].data
            wrong.append(pieces[0].parity)
        return cls(bytes(values), bytes(wrong))

    def carry(self, data: bytearray) -> list[Piece]:
        """What arrives."""
        wrong = data.translate(self._wrong_parity).count(1) if self._wrong_parity else 0
        return [Piece(data.translate(self._values), wrong)]


def _levels(code: int, sender: LineFormat, halves: int) -> bytes:
    value = code & (1 << sender.data_bits) - 1
    bits = [0, *(value >> bit & 1 for bit in range(sender.data_bits))]
    if sender.parity != "none":
        bits.append(parity_bit(value, sender.parity))
    return b"".join(bytes([bit]) * halves for bit in bits) + b"\x01" * round(sender.stop_bits * halves)


def _meanings(receiver: LineFormat) -> dict[tuple[int, ...], tuple[int, bool]]:
    """By the bits between start and stop: the character, and whether its parity is wrong."""
    checked = receiver.parity != "none"
    count = receiver.data_bits + checked
    found: dict[tuple[int, ...], tuple[int, bool]] = {}
    for code in range(1 << count):
        value = code & (1 << receiver.data_bits) - 1
        wrong = checked and code >> receiver.data_bits != parity_bit(value, receiver.parity)
        found[tuple(code >> bit & 1 for bit in range(count))] = (value, wrong)
    return found
