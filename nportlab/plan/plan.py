"""The plan of one unit: its states in order, what they cost, and how good that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nportlab.plan.bound import lower_bound
from nportlab.plan.costs import Costs
from nportlab.plan.file_order import file_order, without_lone_parts
from nportlab.plan.need import Item, Values
from nportlab.plan.schedule import schedule
from nportlab.plan.steps import Step, World, restarts, restores

_UNKNOWN = "(unknown)"
"""Stands for a value nobody has read yet; no test can need it."""


@dataclass(frozen=True)
class UnitPlan:
    """restarts: of the whole plan, the one that restores the baseline included; bound: no plan needs fewer;
    file_order: what the order of the files would take; seconds: estimated; restores: whether the unit has to be put
    back by a restart; given: the items as they were given; world: the values the plan was made for."""

    unit: str
    steps: tuple[Step, ...]
    restarts: int
    bound: int
    file_order: int
    seconds: float
    restores: bool
    given: tuple[Item, ...]
    world: World

    @property
    def items(self) -> tuple[Item, ...]:
        """Every item in the order it runs."""
        return tuple(item for step in self.steps for item in step.items)

    def step_of(self) -> dict[str, int]:
        """Index of the step of every item, by item id."""
        return {item.id: number for number, step in enumerate(self.steps) for item in step.items}


def plan_unit(unit: str, items: Sequence[Item], baseline: Values, factory: Values, costs: Costs) -> UnitPlan:
    """The best schedule found for these items, in a deterministic way.

    baseline: values of the unit before the run, as far as known; a setting that is missing counts as unlike any need.
    factory: values after a factory reset. Item ids must be unique.
    """
    if len({item.id for item in items}) != len(items):
        raise ValueError("item ids must be unique")
    items = without_lone_parts(items)
    world = _world(items, baseline, factory)
    naive = file_order(items, world)
    bound = _bound(items, baseline, factory)
    best: list[Step] | None = None
    for start_holds_first_parts in (True, False):
        steps = schedule(items, world, start_holds_first_parts=start_holds_first_parts)
        if best is None or restarts(steps, world) < restarts(best, world):
            best = steps
        if restarts(best, world) == bound:
            break
    if best is None or restarts(best, world) > restarts(naive, world):
        best = naive
    return UnitPlan(
        unit=unit,
        steps=tuple(best),
        restarts=restarts(best, world),
        bound=bound,
        file_order=restarts(naive, world),
        seconds=_seconds(best, world, costs),
        restores=restores(best, world),
        given=tuple(items),
        world=world,
    )


def _world(items: Sequence[Item], baseline: Values, factory: Values) -> World:
    """Only what matters: what some test needs, and what a reset would change."""
    keys = _needed(items) | {key for key, value in factory.items() if key in baseline and baseline[key] != value}
    return World(_only(baseline, keys), _only(factory, keys))


def _needed(items: Sequence[Item]) -> set[str]:
    return {key for item in items for key, _ in item.need.settings}


def _only(values: Values, keys: set[str]) -> dict[str, str]:
    return {key: values.get(key, _UNKNOWN) for key in sorted(keys)}


def _seconds(steps: Sequence[Step], world: World, costs: Costs) -> float:
    tests = sum(costs.test(item) for step in steps for item in step.items)
    inside = sum(item.need.restarts for step in steps for item in step.items)
    back = costs.event("restart") if restores(steps, world) else 0.0
    return tests + sum(costs.event(step.entry) for step in steps if step.entry) + inside * costs.event("restart") + back


def bound_of(items: Sequence[Item], baseline: Values, factory: Values) -> tuple[int, int]:
    """(lower bound, cost of file order) for a baseline that became known only later."""
    items = without_lone_parts(items)
    world = _world(items, baseline, factory)
    return _bound(items, baseline, factory), restarts(file_order(items, world), world)


def _bound(items: Sequence[Item], baseline: Values, factory: Values) -> int:
    """Proven for what the tests need; what else a reset changes is only known from the guide, and proves nothing."""
    keys = _needed(items)
    return lower_bound(items, World(_only(baseline, keys), _only(factory, keys)))
