"""The proven lower bound: no schedule of these tests gets by with fewer restarts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nportlab.plan.file_order import pairs_of
from nportlab.plan.graph import Graph, large_clique
from nportlab.plan.need import Event, Item, Values, compatible, satisfied
from nportlab.plan.steps import World, wants_event


@dataclass(frozen=True)
class _Vertex:
    """Something that must have a state: the values that state has for certain, and why it shares with few."""

    values: tuple[tuple[str, str], ...]
    event: Event | None = None
    after_reset: bool = False
    alone: int = 0  # numbers the tests that want to be last
    before: tuple[tuple[str, str], ...] | None = None
    plants_for: str = ""
    """The pair whose event this state stands before; a state cannot be on both sides."""
    pair: str = ""
    start: bool = False


def lower_bound(items: Sequence[Item], world: World) -> int:
    """Restarts no schedule can do without: states that pairwise exclude each other, the way back, those inside tests.

    The unit's state before the run is one of the states and costs nothing. The way back costs a restart unless nothing
    needs to change at all, or a state that is entered anyway can be the baseline again.
    """
    vertices = _vertices(items, world)
    graph = Graph.build(len(vertices), lambda v, w: _conflict(vertices[v], vertices[w]))
    states = len(large_clique(graph)) - 1
    stays = not any(vertex.alone or _conflict(vertices[0], vertex) for vertex in vertices[1:])
    ends_clean = any(
        _conflict(vertices[0], vertex)
        and not vertex.alone
        and satisfied({**world.baseline, **dict(vertex.values)}, world.baseline)
        for vertex in vertices[1:]
    )
    return states + (0 if stays or ends_clean else 1) + sum(item.need.restarts for item in items)


def _vertices(items: Sequence[Item], world: World) -> list[_Vertex]:
    """The start, and every distinct requirement; a reset that only leads to further states is one, too."""
    found = [_Vertex(_frozen(world.baseline), start=True), *_effective(items, world)]
    if any(wants_event(item) and item.need.event == "factory-reset" for item in items):
        found.append(_Vertex(_frozen(world.factory), "factory-reset"))
    return list(dict.fromkeys(found))


def _effective(items: Sequence[Item], world: World) -> list[_Vertex]:
    pairs = pairs_of(items)
    found = []
    for number, item in enumerate(items, 1):
        need = item.need.values
        event = item.need.event if wants_event(item) else None
        before = pairs.get(item.need.pair, (None, None))[0] if event else None
        after_reset = event == "factory-reset" and not satisfied(world.factory, need)
        if event == "factory-reset" and not after_reset:
            need = dict(world.factory)
        found.append(
            _Vertex(
                _frozen(need),
                None if after_reset else event,
                after_reset,
                number if item.need.alone else 0,
                None if before is None else before.need.settings,
                plants_for=item.need.pair if item.need.part == "before" and pairs[item.need.pair][1] else "",
                pair=item.need.pair if before is not None else "",
            )
        )
    return found


def _frozen(values: Values) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(values.items()))


def _conflict(one: _Vertex, other: _Vertex) -> bool:
    if any(first.start and (second.event or second.after_reset) for first, second in ((one, other), (other, one))):
        return True
    if one.event and other.event:
        if one.event != other.event:
            return True
        if one.before is not None and other.before is not None and not compatible(dict(one.before), dict(other.before)):
            return True
    if any(first.plants_for and first.plants_for == second.pair for first, second in ((one, other), (other, one))):
        return True
    if one.alone and other.alone and one.alone != other.alone:
        return True
    if one.start or other.start:
        start, need = (one, other) if one.start else (other, one)
        return not satisfied(dict(start.values), dict(need.values))
    return not compatible(dict(one.values), dict(other.values))
