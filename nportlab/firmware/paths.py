"""The shortest safe way from one version to another, and why there is none."""

from __future__ import annotations

import heapq
from collections.abc import Collection
from dataclasses import dataclass

from nportlab.firmware.graph import Edge, Graph
from nportlab.guide.firmware import Route, UpgradeRule, broken_rules, changes_between, known_version


@dataclass(frozen=True)
class Step:
    """One flash: the step, and the route taken."""

    edge: Edge
    route: Route

    @property
    def source(self) -> str:
        """Version before."""
        return self.edge.source

    @property
    def target(self) -> str:
        """Version after."""
        return self.edge.target

    @property
    def changes(self) -> list[str]:
        """What the step changes, as far as it is known."""
        return [text for _, text in changes_between(self.source, self.target)]


@dataclass(frozen=True)
class FlashPath:
    """Steps that follow each other; none when source and target are the same."""

    source: str
    target: str
    steps: tuple[Step, ...]

    @property
    def one_way(self) -> bool:
        """Whether no way leads back over it."""
        return any(step.edge.one_way for step in self.steps)

    def __str__(self) -> str:
        return self.source + "".join(f" -{step.route}-> {step.target}" for step in self.steps)


@dataclass(frozen=True)
class WhyNot:
    """Why there is no step, or no way at all, from one version to another.

    rules: those that forbid the direct step; instead: the way around them, None when there is none.
    """

    source: str
    target: str
    reasons: tuple[str, ...]
    rules: tuple[UpgradeRule, ...] = ()
    instead: FlashPath | None = None

    def __str__(self) -> str:
        if self.instead is not None:
            return f"{'; '.join(self.reasons)}: go {self.instead}"
        return "; ".join(self.reasons)


def shortest_path(graph: Graph, source: str, target: str) -> FlashPath | None:
    """The way with the fewest flashes; None when there is none.

    Among those: the fewest downgrades, then the fewest steps without a way back, then the fewest by tool, then over the
    newest versions. So it is always the same one.
    """
    start, end = _known(source), _known(target)
    if start not in graph.versions:
        return None
    waiting: list[tuple[tuple[int, int, int, int], tuple[int, ...], tuple[Edge, ...], str]] = [
        ((0, 0, 0, 0), (), (), start)
    ]
    done: set[str] = set()
    while waiting:
        cost, over, steps, here = heapq.heappop(waiting)
        if here in done:
            continue
        if here == end:
            return FlashPath(start, end, tuple(Step(edge, edge.route) for edge in steps))
        done.add(here)
        for edge in graph.edges.values():
            if edge.source == here and edge.target not in done:
                dearer = (edge.direction == "downgrade", edge.one_way, edge.route == "tool")
                further = (cost[0] + 1, cost[1] + dearer[0], cost[2] + dearer[1], cost[3] + dearer[2])
                newest = (*over, -graph.versions.index(edge.target))
                heapq.heappush(waiting, (further, newest, (*steps, edge), edge.target))
    return None


def why_not(graph: Graph, source: str, target: str, allow: Collection[str] | None = None) -> WhyNot | None:
    """Why a unit cannot be flashed from one version straight to another; None when it can.

    graph: with every step the rules leave. allow: permissions of the unit in lab.yaml, None for all of them. `instead`
    keeps to what is allowed.
    """
    start, end = _known(source), _known(target)
    permitted = graph if allow is None else graph.permitted(allow)
    if (start, end) in permitted.edges:
        return None
    if start == end:
        return WhyNot(start, end, (f"it has {end} already",))
    instead = shortest_path(permitted, start, end) if end in graph.versions else None
    edge = graph.edges.get((start, end))
    if edge is not None and allow is not None:
        return WhyNot(start, end, (_missing(graph, edge, allow),), instead=instead)
    broken = {route: broken_rules(graph.model, start, end, route) for route in ("web", "tool")}
    rules = tuple(dict.fromkeys(rule for found in broken.values() for rule in found))
    reasons = [_forbids(rule, whole=all(rule in found for found in broken.values())) for rule in rules]
    if end not in graph.at_hand:
        reasons.append(f"there is no image of {end} for a {graph.model} at hand")
    elif not broken["tool"] and "tool" not in graph.routes:
        reasons.append("it takes the tool, and lab.yaml names none (firmware.mcc_tool)")
    if start not in graph.versions and end in graph.at_hand and not reasons:
        reasons.append(f"there is no image of {start} for a {graph.model} at hand, and it has {graph.present}")
    if instead is None:
        reasons += [
            f"first {rule.via}, of which there is no image at hand"
            for rule in rules
            if rule.via and rule.via not in graph.at_hand and rule.via != start
        ]
        way = shortest_path(graph, start, end) if end in graph.versions else None
        if way is not None and allow is not None:
            lacking = dict.fromkeys(
                _missing(graph, step.edge, allow) for step in way.steps if not _may(step, permitted)
            )
            reasons += [f"the way around it ({way}) is not allowed: {reason}" for reason in lacking]
    return WhyNot(start, end, tuple(reasons), rules, instead)


def missing_permissions(edge: Edge, graph: Graph, allow: Collection[str]) -> tuple[str, ...]:
    """What `allow` lacks for a step. graph: with every step the rules leave.

    A step whose way back is a downgrade that is not allowed lacks `downgrade`; with `one-way` it could do without.
    """
    if (edge.source, edge.target) in graph.permitted(allow).edges:
        return ()
    needed = ["flash"]
    if edge.direction == "downgrade":
        needed.append("downgrade")
    if "one-way" not in allow and (edge.source, edge.target) not in graph.permitted({*allow, *needed}).edges:
        needed.append("one-way" if edge.one_way else "downgrade")
    return tuple(permission for permission in dict.fromkeys(needed) if permission not in allow)


def _missing(graph: Graph, edge: Edge, allow: Collection[str]) -> str:
    lacking = missing_permissions(edge, graph, allow)
    back = " (without it there is no way back)" if edge.direction != "downgrade" and "downgrade" in lacking else ""
    return f"its `allow` lacks {' and '.join(f'`{word}`' for word in lacking)}{back}"


def _may(step: Step, permitted: Graph) -> bool:
    return (step.source, step.target) in permitted.edges


def _forbids(rule: UpgradeRule, *, whole: bool) -> str:
    by = "" if whole or rule.way == "any" else f", by {rule.way}"
    return f"{rule.reason} ({rule.id}{by})"


def _known(version: str) -> str:
    return known_version(version) or version
