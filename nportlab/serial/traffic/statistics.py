"""What is measured while bytes move, in bounded memory however long it takes."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

_PER_OCTAVE = 16
_LEAST = 1e-6
_MOST_COLUMNS = 600
_MOST_OUTSTANDING = 4096


@dataclass(frozen=True)
class Distribution:
    """Times in seconds. columns: (upper bound, count), each about 5 % wide, empty ones left out."""

    count: int = 0
    p50: float | None = None
    p99: float | None = None
    most: float | None = None
    columns: tuple[tuple[float, int], ...] = ()


class Histogram:
    """Times, in columns 1/16 of an octave wide from a microsecond on."""

    def __init__(self) -> None:
        self._columns: dict[int, int] = {}
        self._most = 0.0

    def add(self, seconds: float, count: int = 1) -> None:
        """Count a time; less than a microsecond counts as one."""
        column = int(math.log2(max(seconds, _LEAST) / _LEAST) * _PER_OCTAVE)
        self._columns[column] = self._columns.get(column, 0) + count
        if seconds > self._most:
            self._most = seconds

    def freeze(self) -> Distribution:
        """What was counted."""
        columns = tuple(
            (_LEAST * 2 ** ((column + 1) / _PER_OCTAVE), self._columns[column]) for column in sorted(self._columns)
        )
        total = sum(count for _, count in columns)
        if not total:
            return Distribution()
        return Distribution(total, self._at(columns, 0.5 * total), self._at(columns, 0.99 * total), self._most, columns)

    def _at(self, columns: tuple[tuple[float, int], ...], rank: float) -> float:
        below = 0
        for bound, count in columns:
            below += count
            if below >= rank:
                return min(bound, self._most)
        return self._most


@dataclass(frozen=True)
class Timeline:
    """Bytes over time: each column of `bytes` is `width` seconds, the first begins with the run."""

    width: float
    bytes: tuple[int, ...]

    @property
    def rates(self) -> tuple[float, ...]:
        """Bytes per second of each column; the last may not be over."""
        return tuple(count / self.width for count in self.bytes)


class Columns:
    """Bytes over time; when there are too many columns, each two become one."""

    def __init__(self, width: float = 0.1) -> None:
        self.width = width
        self._columns: list[int] = []

    def add(self, seconds: float, count: int) -> None:
        """Count bytes that came `seconds` after the start."""
        column = int(seconds / self.width)
        while column >= _MOST_COLUMNS:
            self._columns = [sum(self._columns[at : at + 2]) for at in range(0, len(self._columns), 2)]
            self.width *= 2
            column = int(seconds / self.width)
        if column >= len(self._columns):
            self._columns.extend([0] * (column + 1 - len(self._columns)))
        self._columns[column] += count

    def freeze(self) -> Timeline:
        """What was counted."""
        return Timeline(self.width, tuple(self._columns))


class SendTimes:
    """When which position was sent; at most so many at once, others are not measured."""

    def __init__(self) -> None:
        self._sent: deque[tuple[int, float]] = deque()

    def sent(self, position: int, now: float) -> None:
        """Everything before `position` is sent now."""
        if len(self._sent) < _MOST_OUTSTANDING:
            self._sent.append((position, now))

    def received(self, position: int, now: float, into: Histogram) -> None:
        """Everything before `position` is there; count how long each piece took, its last byte included."""
        while self._sent and self._sent[0][0] <= position:
            into.add(now - self._sent.popleft()[1])
