"""What a test needs of the unit it runs on, and when two needs can be met at the same time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

Event: TypeAlias = Literal["restart", "power-cycle", "factory-reset"]
Part: TypeAlias = Literal["before", "after"]
Values: TypeAlias = Mapping[str, str]

EVENTS: tuple[Event, ...] = ("restart", "power-cycle", "factory-reset")

CERTIFICATE = "certificate"
SELF_SIGNED = "self-signed"
REGENERATED = "regenerated"


@dataclass(frozen=True)
class Need:
    """The settings in force (concrete ids) and the event just gone through when the test starts.

    alone: the test leaves something behind that only a restart clears: it runs last in its state and no other such test
    shares it. part, pair: one of the two parts of a test around `event`; both carry the same pair name. The settings of
    a first part hold before the event, those of a second part after it. restarts: how often the test itself restarts
    the unit.
    """

    settings: tuple[tuple[str, str], ...] = ()
    event: Event | None = None
    alone: bool = False
    part: Part | None = None
    pair: str = ""
    restarts: int = 0

    @classmethod
    def of(
        cls,
        settings: Values | None = None,
        *,
        event: Event | None = None,
        alone: bool = False,
        part: Part | None = None,
        pair: str = "",
        restarts: int = 0,
    ) -> Need:
        """A need from a mapping."""
        return cls(tuple(sorted((settings or {}).items())), event, alone, part, pair, restarts)

    @property
    def values(self) -> dict[str, str]:
        """The settings as a mapping."""
        return dict(self.settings)


@dataclass(frozen=True)
class Item:
    """One test on one unit. id: unique; seconds: how long the test itself takes, None when it never ran."""

    id: str
    need: Need = Need()
    seconds: float | None = None


def serves(key: str, actual: str | None, wanted: str) -> bool:
    """Whether a setting that has the value `actual` is what `wanted` asks for."""
    return actual == wanted or (key == CERTIFICATE and wanted == SELF_SIGNED and actual == REGENERATED)


def satisfied(values: Values, wanted: Values) -> bool:
    """Whether every wanted setting is as wanted."""
    return all(values.get(key) == value or serves(key, values.get(key), value) for key, value in wanted.items())


def compatible(one: Values, other: Values) -> bool:
    """Whether both can be in force together. Pairwise compatible settings are compatible all together."""
    if len(other) < len(one):
        one, other = other, one
    return all(
        key not in other or value == other[key] or serves(key, value, other[key]) or serves(key, other[key], value)
        for key, value in one.items()
    )


def merged(needs: Iterable[Values]) -> dict[str, str]:
    """All of them in one; they must be compatible."""
    result: dict[str, str] = {}
    for need in needs:
        for key, value in need.items():
            if key not in result or serves(key, value, result[key]):
                result[key] = value
    return result
