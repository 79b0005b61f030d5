"""From items to steps: group what shares an event, colour what conflicts, put the states in a good order.

The vertices of the conflict graph are *blocks*: the state before the run, each state an event leads to, the first parts
that must stand right before such a state, each test that wants to be last, and each distinct ordinary need.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from nportlab.plan.file_order import pairs_of
from nportlab.plan.graph import Graph, colour, large_clique
from nportlab.plan.need import EVENTS, Event, Item, compatible, merged, satisfied
from nportlab.plan.ordering import Segment, in_order
from nportlab.plan.steps import Base, Step, World, wants_event

Kind: TypeAlias = Literal["start", "event", "after-reset", "first-parts", "last", "ordinary"]
_HOLDERS: tuple[Kind, ...] = ("start", "event", "after-reset")
"""What a state is made of; the other kinds join one, or each other."""


@dataclass
class _Block:
    """One vertex. full: the state's values are all given, so whoever joins must be satisfied by them."""

    kind: Kind
    items: list[Item]
    values: dict[str, str]
    full: bool = False
    base: Base = "baseline"
    event: Event | None = None
    follows: int = -1
    """Index of the block that must stand right before this one."""
    first_parts: list[Item] = field(default_factory=list)

    @property
    def alone(self) -> bool:
        return any(item.need.alone for item in self.items)


def schedule(items: Sequence[Item], world: World, *, start_holds_first_parts: bool = True) -> list[Step]:
    """Steps that hold every item once. start_holds_first_parts: whether first parts may run in the unit's own state."""
    blocks = _blocks(items, world)
    graph = Graph.build(len(blocks), lambda v, w: _conflict(blocks[v], blocks[w], v, w, start_holds_first_parts))
    fixed = [number for number, block in enumerate(blocks) if block.kind in _HOLDERS]
    colours = colour(graph, fixed, at_least=len(large_clique(graph)))
    return _steps(blocks, colours, [item.id for item in items], world)


def _blocks(items: Sequence[Item], world: World) -> list[_Block]:
    pairs = pairs_of(items)
    blocks = [_Block("start", [], dict(world.baseline), full=True)]
    first_parts: dict[str, Item] = {}
    ordinary: dict[tuple[tuple[str, str], ...], _Block] = {}
    by_event: dict[Event, list[Item]] = {event: [] for event in EVENTS}
    for item in items:
        if wants_event(item) and item.need.event:
            by_event[item.need.event].append(item)
            before = pairs.get(item.need.pair, (None, None))[0]
            if before is not None:
                first_parts[item.id] = before
    planted = {item.id for item in first_parts.values()}
    lasts = []
    for item in items:
        if wants_event(item) or item.id in planted:
            continue
        if item.need.alone:
            lasts.append(_Block("last", [item], item.need.values))
        else:
            ordinary.setdefault(item.need.settings, _Block("ordinary", [], item.need.values)).items.append(item)
    for event in EVENTS:
        blocks += _event_blocks(event, by_event[event], first_parts, len(blocks), world)
    for block in [block for block in blocks if block.first_parts]:
        block.follows = len(blocks)
        needs = merged(item.need.values for item in block.first_parts)
        blocks.append(_Block("first-parts", block.first_parts, needs))
    return [*blocks, *lasts, *ordinary.values()]


def _event_blocks(
    event: Event, items: Sequence[Item], first_parts: dict[str, Item], offset: int, world: World
) -> list[_Block]:
    """The states one kind of event leads to. Tests share an event when they can share what stands before it, too."""
    blocks: list[_Block] = []
    reset = event == "factory-reset"
    for group in _classes(items, lambda one, other: _same_event(one, other, first_parts, world)):
        before = [first_parts[item.id] for item in group if item.id in first_parts]
        if not reset:
            needs = merged(item.need.values for item in group)
            blocks.append(_Block("event", list(group), needs, event=event, first_parts=before))
            continue
        at_once = [item for item in group if satisfied(world.factory, item.need.values)]
        later = [item for item in group if item not in at_once]
        place = offset + len(blocks)
        blocks.append(_Block("event", at_once, dict(world.factory), True, "factory", event, first_parts=before))
        for further in _classes(later, _share):
            values = {**world.factory, **merged(item.need.values for item in further)}
            blocks.append(_Block("after-reset", list(further), values, True, "factory", follows=place))
            place = offset + len(blocks) - 1
    return blocks


def _classes(items: Sequence[Item], share: Callable[[Item, Item], bool]) -> list[list[Item]]:
    """Few groups of items that can all share."""
    if not items:
        return []
    graph = Graph.build(len(items), lambda v, w: not share(items[v], items[w]))
    colours = colour(graph, (), at_least=len(large_clique(graph)))
    return [
        [item for item, own in zip(items, colours, strict=True) if own == chosen] for chosen in range(max(colours) + 1)
    ]


def _share(one: Item, other: Item) -> bool:
    return compatible(one.need.values, other.need.values) and not (one.need.alone and other.need.alone)


def _same_event(one: Item, other: Item, first_parts: dict[str, Item], world: World) -> bool:
    before, other_before = first_parts.get(one.id), first_parts.get(other.id)
    if before is not None and other_before is not None and not _share(before, other_before):
        return False
    if one.need.event == "factory-reset":
        together = all(satisfied(world.factory, item.need.values) for item in (one, other))
        return not together or not (one.need.alone and other.need.alone)
    return _share(one, other)


def _conflict(one: _Block, other: _Block, v: int, w: int, start_holds_first_parts: bool) -> bool:
    kinds = {one.kind, other.kind}
    if not kinds & {"first-parts", "last", "ordinary"}:
        return True  # each is entered in its own way
    if one.alone and other.alone:
        return True
    if "first-parts" in kinds:
        first, state = (one, other) if one.kind == "first-parts" else (other, one)
        if state.kind in ("first-parts", "last", "after-reset") or state.alone:
            return True
        if state.kind == "start" and not start_holds_first_parts:
            return True
        # Only a state of an earlier event may come right before a later one: no circle can arise.
        if state.kind == "event" and not _earlier(state, first):
            return True
    if one.full and not other.full:
        return not satisfied(one.values, other.values)
    if other.full and not one.full:
        return not satisfied(other.values, one.values)
    return not compatible(one.values, other.values)


def _earlier(state: _Block, first: _Block) -> bool:
    event = first.items[0].need.event
    return state.event is not None and event is not None and EVENTS.index(state.event) < EVENTS.index(event)


def _steps(blocks: Sequence[_Block], colours: Sequence[int], file_order: Sequence[str], world: World) -> list[Step]:
    rank = {name: number for number, name in enumerate(file_order)}
    steps: dict[int, Step] = {}
    before: dict[int, int] = {}
    for chosen in sorted(set(colours)):
        members = [block for block, own in zip(blocks, colours, strict=True) if own == chosen]
        items = sorted((item for block in members for item in block.items), key=lambda item: rank[item.id])
        holder = next((block for block in members if block.kind in _HOLDERS), None)
        if holder is None:
            steps[chosen] = Step.of("restart", items)
            continue
        entry = None if holder.kind == "start" else holder.event or "restart"
        steps[chosen] = Step.of(entry, items, holder.base)
        if holder.follows >= 0:
            before[chosen] = colours[holder.follows]
    return in_order(_segments(steps, before), world)


def _segments(steps: dict[int, Step], before: dict[int, int]) -> list[Segment]:
    """Chains of steps that must follow each other directly."""
    after = {place: chosen for chosen, place in before.items()}
    segments = []
    for chosen in steps:
        if chosen in before:
            continue
        chain = [chosen]
        while chain[-1] in after:
            chain.append(after[chain[-1]])
        segments.append(tuple(steps[number] for number in chain))
    return segments
