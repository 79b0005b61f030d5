"""A schedule as steps: the states a unit goes through, how it enters each, and which tests run there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from nportlab.plan.need import Event, Item, Values, merged, satisfied

Base: TypeAlias = Literal["baseline", "factory"]


@dataclass(frozen=True)
class World:
    """What a schedule starts from: the values of the unit before the run, and those a factory reset leads to."""

    baseline: Values
    factory: Values

    def base(self, name: Base) -> Values:
        """The values everything that is not needed has."""
        return self.factory if name == "factory" else self.baseline


@dataclass(frozen=True)
class Step:
    """One state. Everything the tests do not need has its value of `base`.

    entry: how the unit comes to be in it: None without a restart (only the first step), "restart", or the event its
    tests asked for; pending settings become active with any of them.
    """

    entry: Event | None
    items: tuple[Item, ...] = ()
    base: Base = "baseline"
    needs: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, entry: Event | None, items: Iterable[Item], base: Base = "baseline") -> Step:
        """A step with its tests in the order they run: after the event, ordinary, and last what disturbs or plants."""
        ordered = tuple(sorted(items, key=_place))  # stable: file order otherwise
        return cls(entry, ordered, base, merged(item.need.values for item in ordered))

    def state(self, world: World) -> dict[str, str]:
        """The full values in force."""
        return {**world.base(self.base), **self.needs}

    @property
    def event(self) -> Event | None:
        """The event its tests asked for; an ordinary restart between two states is none."""
        return next((item.need.event for item in self.items if wants_event(item)), None)

    @property
    def disturbed(self) -> bool:
        """Whether its last test leaves something behind that only a restart clears."""
        return any(item.need.alone for item in self.items)


def wants_event(item: Item) -> bool:
    """Whether the item runs after its event (a first part runs before it)."""
    return item.need.event is not None and item.need.part != "before"


def _place(item: Item) -> int:
    if item.need.alone:
        return 3
    if item.need.part == "before":
        return 2
    return 0 if wants_event(item) else 1


def restores(steps: Sequence[Step], world: World) -> bool:
    """Whether the unit must be restarted once more at the end to be as it was."""
    if not steps:
        return False
    last = steps[-1]
    return last.disturbed or not satisfied(last.state(world), world.baseline)


def restarts(steps: Sequence[Step], world: World) -> int:
    """Restarts of a schedule: one for each step entered by one, those inside tests, and the one that puts all back."""
    return (
        sum(step.entry is not None for step in steps)
        + sum(item.need.restarts for step in steps for item in step.items)
        + restores(steps, world)
    )
