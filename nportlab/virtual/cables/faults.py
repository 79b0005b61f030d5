"""What can be wrong with one direction of a line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

FaultName = Literal["bit-errors", "drop-byte", "duplicate-byte", "cut", "unplugged"]
FAULTS: tuple[FaultName, ...] = get_args(FaultName)
BYTE_FAULTS = frozenset({"bit-errors", "drop-byte", "duplicate-byte"})
"""These hit one byte in `every`; the others the whole line."""

Direction = Literal["to-unit", "from-unit", "both"]
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)


@dataclass
class ByteFault:
    """Hits every `every`-th character; counts those it has seen and hit."""

    name: FaultName
    every: int
    seen: int = 0
    hits: int = 0

    def cut_up(self, data: bytearray) -> list[tuple[bytearray, bool]]:
        """The characters that arrive instead, in pieces; True for the one that has a bit wrong."""
        pieces: list[tuple[bytearray, bool]] = []
        start = 0
        hit = self.every - self.seen % self.every - 1
        while hit < len(data):
            match self.name:
                case "drop-byte":
                    pieces.append((data[start:hit], False))
                case "duplicate-byte":
                    pieces.append((data[start : hit + 1] + data[hit : hit + 1], False))
                case _:
                    pieces += [(data[start:hit], False), (data[hit : hit + 1], True)]
            start = hit + 1
            hit += self.every
            self.hits += 1
        self.seen += len(data)
        pieces.append((data[start:], False))
        return [(piece, flawed) for piece, flawed in pieces if piece]
