"""What it costs to run the tests as they stand in the files, changing the unit whenever the next test needs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nportlab.plan.need import Item, satisfied
from nportlab.plan.steps import Step, World, wants_event


def file_order(items: Sequence[Item], world: World) -> list[Step]:
    """The steps of running `items` in their order. Both parts of a pair run where its first one stands."""
    walk = _Walk(world)
    pairs = pairs_of(items)
    done: set[str] = set()
    for item in items:
        if item.id in done:
            continue
        before, after = pairs.get(item.need.pair, (None, None))
        if before is not None and after is not None:
            walk.run(before)
            walk.run(after)
            done |= {before.id, after.id}
        else:
            walk.run(item)
    return walk.steps


def pairs_of(items: Sequence[Item]) -> dict[str, tuple[Item | None, Item | None]]:
    """(first part, second part) of every pair; None for a part that is not among the items."""
    found: dict[str, list[Item | None]] = {}
    for item in items:
        if item.need.pair and item.need.part:
            found.setdefault(item.need.pair, [None, None])[item.need.part == "after"] = item
    return {name: (before, after) for name, (before, after) in found.items()}


def without_lone_parts(items: Sequence[Item]) -> list[Item]:
    """The items; a first part whose second part does not run becomes an ordinary test."""
    pairs = pairs_of(items)
    return [
        replace(item, need=replace(item.need, event=None, part=None, pair=""))
        if item.need.part == "before" and pairs[item.need.pair][1] is None
        else item
        for item in items
    ]


class _Walk:
    def __init__(self, world: World) -> None:
        self.world = world
        self.steps: list[Step] = [Step(None)]

    def run(self, item: Item) -> None:
        need = item.need.values
        if wants_event(item):
            if item.need.event != "factory-reset":
                self._enter(Step.of(item.need.event, [item]))
            elif satisfied(self.world.factory, need):
                self._enter(Step("factory-reset", (item,), "factory", need))
            else:
                self._enter(Step("factory-reset", (), "factory"))
                self._enter(Step.of("restart", [item], "factory"))
            return
        last = self.steps[-1]
        if not last.disturbed and satisfied(last.state(self.world), need):
            self.steps[-1] = Step(last.entry, (*last.items, item), last.base, last.needs)
        else:
            self._enter(Step.of("restart", [item]))

    def _enter(self, step: Step) -> None:
        self.steps.append(step)
