"""What is wrong with received bytes: findings, and the tally of many."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from enum import StrEnum

MOST_KEPT = 100
"""Findings kept whole; the rest is only counted."""


class Kind(StrEnum):
    """What happened to bytes on their way."""

    LOSS = "loss"
    DUPLICATION = "duplication"
    REORDERING = "reordering"
    CORRUPTION = "corruption"
    FOREIGN = "foreign bytes"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    position: in the pattern, of the first byte that is not what it should be. expected: bytes of the pattern that are
    lost, changed or out of order. seen: bytes received in their place. damage: bytes that are wrong, the larger of the
    two or, for a corruption, those that differ. flipped: all bits that differ somewhere in a corruption. owner: the
    pattern foreign bytes belong to. before, wanted, got: hexadecimal, the bytes before, those expected, those seen.
    """

    kind: Kind
    position: int
    expected: int = 0
    seen: int = 0
    damage: int = 0
    flipped: int = 0
    owner: str | None = None
    before: str = ""
    wanted: str = ""
    got: str = ""

    def describe(self) -> str:
        """One line for a person."""
        return (
            f"position {self.position:,}: {self._what()} (after {self.before or 'nothing'}: expected {self._bytes()})"
        )

    def _bytes(self) -> str:
        return f"{self.wanted or 'nothing'}, seen {self.got or 'nothing'}"

    def _what(self) -> str:
        match self.kind:
            case Kind.LOSS:
                return f"{_count(self.expected)} lost"
            case Kind.DUPLICATION:
                return f"{_count(self.seen)} received twice"
            case Kind.REORDERING:
                return f"{_count(self.damage)} out of order"
            case Kind.FOREIGN:
                owner = f"of {self.owner!r}" if self.owner else "of unknown origin"
                instead = f" instead of {_count(self.expected)}" if self.expected else ""
                return f"{_count(self.seen)} {owner}{instead}"
            case Kind.CORRUPTION if self.expected == self.seen:
                return f"{_count(self.damage)} changed, bits {self.flipped:#04x}"
            case Kind.CORRUPTION:
                return f"{_count(self.expected)} came as {self.seen:,} others"


def _count(number: int) -> str:
    return f"{number:,} byte{'' if number == 1 else 's'}"


@dataclass(frozen=True)
class Findings:
    """Everything that is wrong. events, damage: how often, and how many bytes, by kind; first: the first of them in the
    order of the stream; abandoned: position from which nothing was looked at any more, as it was hopeless."""

    events: dict[Kind, int]
    damage: dict[Kind, int]
    first: tuple[Finding, ...] = ()
    abandoned: int | None = None

    def __bool__(self) -> bool:
        return any(self.events.values())

    def describe(self) -> str:
        """A few words of how much, and the first finding."""
        if not self:
            return "no errors"
        parts = [f"{count:,} x {kind} ({self.damage[kind]:,} bytes)" for kind, count in self.events.items() if count]
        rest = "; hopeless from there on" if self.abandoned is not None else ""
        return f"{', '.join(parts)}; first at {self.first[0].describe()}{rest}"


class Tally:
    """Findings as they come; one may turn out to be something else later."""

    def __init__(self) -> None:
        self.events: Counter[Kind] = Counter()
        self.damage: Counter[Kind] = Counter()
        self._kept: dict[int, Finding] = {}
        self._next = 0

    @property
    def total(self) -> int:
        """Findings so far."""
        return self.events.total()

    def add(self, finding: Finding, count: int = 1) -> int:
        """Take a finding (or `count` like it, of which only the damage is known); returns its number."""
        self.events[finding.kind] += count
        self.damage[finding.kind] += finding.damage
        number = self._next
        self._next += 1
        if len(self._kept) < MOST_KEPT and count == 1:
            self._kept[number] = finding
        return number

    @property
    def keeps(self) -> bool:
        """Whether the next finding will be kept whole."""
        return len(self._kept) < MOST_KEPT

    def grow(self, number: int, kind: Kind, count: int) -> None:
        """`count` more bytes were received that belong to a finding."""
        self.damage[kind] += count
        if finding := self._kept.get(number):
            self._kept[number] = replace(finding, seen=finding.seen + count, damage=finding.damage + count)

    def turn(self, number: int, was: Kind, into: Kind, damage: int, *, whole: bool) -> None:
        """`damage` bytes of a finding were something else; `whole`: all that was left of it."""
        self.damage[was] -= damage
        self.damage[into] += damage
        if whole:
            self.events[was] -= 1
            self.events[into] += 1
        if whole and (finding := self._kept.get(number)):
            self._kept[number] = replace(finding, kind=into)

    def findings(self, abandoned: int | None = None) -> Findings:
        """What there is now."""
        return Findings(
            {kind: self.events[kind] for kind in Kind if self.events[kind]},
            {kind: self.damage[kind] for kind in Kind if self.events[kind] or self.damage[kind]},
            tuple(self._kept.values()),
            abandoned,
        )
