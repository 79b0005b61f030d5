"""What is known of a stream that is not as it should be: what is missing, what came too much, and what it counts as.

Something may turn out to be something else: bytes that are lost may come late, bytes that nobody knows may be missing
further on. Then both together are one finding, bytes out of order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from nportlab.serial.traffic.findings import Finding, Kind, Tally
from nportlab.serial.traffic.pattern import LAP, Pattern

MOST_HELD = 4096
"""Bytes nobody understands that are kept, until they are counted only."""

FAR_BACK = 65_536
"""A jump back is at most that far; anything else is a loss."""

CHANCE = 8
"""Bytes around a seam that may fit both sides by chance."""

_CONTEXT_BEFORE = 8
CONTEXT = 16
"""Bytes of a finding that are shown."""


@dataclass
class Gap:
    """A part of the pattern that is missing so far. left: bytes; finding: its number in the tally."""

    start: int
    end: int
    left: int
    finding: int


@dataclass(frozen=True)
class _Orphan:
    """Bytes that should not be there; they came too early if they are missing soon.

    runs: all the bytes it may be, see Account._readings. finding: its number in the tally; kind: what they count as.
    """

    runs: list[bytes]
    position: int
    finding: int
    kind: Kind


class Account:
    """The findings of one stream, and what may still change them."""

    def __init__(self, of: Pattern, others: Sequence[Pattern]) -> None:
        self.pattern = of
        self.tally = Tally()
        self._others = others
        self._gaps: deque[Gap] = deque(maxlen=256)
        self._orphans: deque[_Orphan] = deque(maxlen=16)

    def repeated(self, position: int, after: bytes) -> int:
        """Before `position` bytes come again; returns the number of the finding, which grows with them."""
        return self._note(Kind.DUPLICATION, position, after)

    def lost(self, position: int, count: int, after: bytes) -> None:
        """`count` bytes from `position` on are missing; `after`: what came instead."""
        for orphan in self._orphans:
            near = position - orphan.position <= MOST_HELD
            if near and len(orphan.runs[0]) == count and self._missing(position, count, orphan.runs):
                self._orphans.remove(orphan)
                self.tally.turn(orphan.finding, orphan.kind, Kind.REORDERING, count, whole=True)
                return
        number = self._note(Kind.LOSS, position, after, expected=count, damage=count)
        self._gaps.append(Gap(position, position + count, count, number))

    def extra(self, position: int, run: bytes, size: int, after: bytes) -> None:
        """Bytes that should not be there, between others that are right."""
        whole = len(run) == size
        own = whole and size >= self.pattern.nameable and self.pattern.holds(run)
        got = run + after
        runs = self._readings(position, run) if whole else []
        if whole and self._comes_late(position, runs, own=own):
            return
        if whole and self.pattern.at(position - size, size) == run:
            number = self._note(Kind.DUPLICATION, position, got, seen=size, damage=size)
            self._orphans.append(_Orphan(runs, position, number, Kind.DUPLICATION))
            return
        if own and (position - self.pattern.table.find(run)) % LAP <= min(FAR_BACK, position):
            self._note(Kind.DUPLICATION, position, got, seen=size, damage=size)
            return
        owner = self.pattern.name if own else self._owner(run)
        number = self._note(Kind.FOREIGN, position, got, seen=size, damage=size, owner=owner)
        if whole:
            self._orphans.append(_Orphan(runs, position, number, Kind.FOREIGN))

    def _readings(self, position: int, run: bytes) -> list[bytes]:
        """The extra bytes before `position`: if the last is what is before the first, that may be extra too."""
        runs = [run]
        for back in range(1, min(CHANCE, position) + 1):
            before = self.pattern.at(position - back, 1)
            if runs[-1][-1:] != before:
                break
            runs.append(before + runs[-1][:-1])
        return runs

    def _comes_late(self, position: int, runs: list[bytes], *, own: bool) -> bool:
        run = runs[0]
        few = len(run) < self.pattern.nameable
        for gap in self._gaps:
            if gap.left < len(run) or (few and position - gap.end > MOST_HELD):
                continue
            size = gap.end - gap.start
            if len(run) == size and not self._missing(gap.start, size, runs):
                continue
            if len(run) != size and not (own and run in self.pattern.at(gap.start, size)):
                continue
            self.fill(gap, len(run))
            return True
        return False

    def fill(self, gap: Gap, count: int) -> None:
        """Bytes of a gap came after all (or, below 0, did not)."""
        gap.left -= count
        self.tally.turn(gap.finding, Kind.LOSS, Kind.REORDERING, count, whole=gap.left == 0)
        if gap.left == 0 and gap in self._gaps:
            self._gaps.remove(gap)

    def replaced(self, start: int, run: bytes, size: int, count: int, after: bytes) -> None:
        """`size` bytes came in the place of `count` of the pattern."""
        wanted = self.pattern.at(start, min(count, MOST_HELD))
        got = run + after
        if size == count == len(run):
            different = [seen ^ expected for seen, expected in zip(run, wanted, strict=True) if seen != expected]
            if sorted(run) == sorted(wanted):
                self._note(Kind.REORDERING, start, got, expected=count, seen=size, damage=len(different))
                return
            owner = self._owner(run) if 2 * len(different) > size else None
            flipped = 0
            for bits in different:
                flipped |= bits
            damage = len(different)
        else:
            owner, damage, flipped = self._owner(run), max(size, count), 0
        kind = Kind.FOREIGN if owner else Kind.CORRUPTION
        self._note(kind, start, got, expected=count, seen=size, damage=damage, flipped=flipped, owner=owner)

    def gap_at(self, place: int, *, move: bool = False) -> Gap | None:
        """The gap a position is in. move: shift it there, if it may as well have been a little earlier."""
        for gap in self._gaps:
            if gap.start <= place < gap.end:
                return gap
            shift = gap.start - place
            if 0 < shift <= CHANCE and self._may_shift(gap.start, gap.end - gap.start, shift):
                if move:
                    gap.start, gap.end = gap.start - shift, gap.end - shift
                return gap
        return None

    def _may_shift(self, start: int, size: int, shift: int) -> bool:
        """Whether a part that is missing could as well be missing `shift` earlier: the bytes around it are the same."""
        return self.pattern.at(start - shift, shift) == self.pattern.at(start + size - shift, shift)

    def _missing(self, start: int, size: int, runs: list[bytes]) -> bool:
        """Whether the part missing from `start` on, or from a little earlier, is one of `runs`."""
        for shift in range(min(CHANCE, start) + 1):
            if shift and not self._may_shift(start, size, shift):
                break
            if self.pattern.at(start - shift, size) in runs:
                return True
        return False

    def _owner(self, run: bytes) -> str | None:
        """Whose bytes these are. Not asked any more when there are many findings: it costs some milliseconds."""
        if not self.tally.keeps:
            return None
        for other in self._others:
            need = max(other.nameable, self.pattern.nameable)
            if other is self.pattern or len(run) < need:
                continue
            middle = (len(run) - need) // 2
            if any(other.holds(run[start : start + need]) for start in {0, middle, len(run) - need}):
                return other.name
        return None

    def _note(
        self,
        kind: Kind,
        position: int,
        got: bytes,
        *,
        expected: int = 0,
        seen: int = 0,
        damage: int = 0,
        flipped: int = 0,
        owner: str | None = None,
    ) -> int:
        before = self.pattern.at(position - _CONTEXT_BEFORE, _CONTEXT_BEFORE).hex()
        wanted = self.pattern.at(position, CONTEXT).hex()
        return self.tally.add(
            Finding(kind, position, expected, seen, damage, flipped, owner, before, wanted, got[:CONTEXT].hex())
        )
