"""The walks that take every step of a graph with the fewest flashes, and the proof that fewer do not do.

A walk starts at the version the unit has and ends there wherever a way back exists. A step without a way back comes
last, when the unit's permissions leave it in the graph at all; a unit takes one chain of such steps, then it must be
given its first image again by other means, which only a virtual unit can (`reimage`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

from nportlab.firmware.graph import Edge, Graph
from nportlab.firmware.paths import Step
from nportlab.firmware.postman import Tour, postman
from nportlab.guide.firmware import Route, version_key

Ends = tuple[str, str]
_REIMAGE = 1_000_000
"""What giving a unit its first image again costs in flashes when the walks are chosen: more than any plan has."""


@dataclass(frozen=True)
class Walk:
    """Steps of one unit that follow each other."""

    start: str
    steps: tuple[Step, ...]

    @property
    def end(self) -> str:
        """The version the unit is left on."""
        return self.steps[-1].target if self.steps else self.start

    @property
    def returns(self) -> bool:
        """Whether the unit ends on the version it had."""
        return self.end == self.start


@dataclass(frozen=True)
class Cover:
    """Walks over a graph. bound: flashes without which the same steps cannot be taken, with as few new images.

    left_out: steps that no walk takes, and why.
    """

    walks: tuple[Walk, ...]
    bound: int
    left_out: tuple[tuple[Edge, str], ...] = ()

    @property
    def flashes(self) -> int:
        """Of all walks."""
        return sum(len(walk.steps) for walk in self.walks)

    @property
    def covered(self) -> dict[Ends, set[Route]]:
        """The steps taken, each with the routes it was taken by."""
        found: dict[Ends, set[Route]] = {}
        for walk in self.walks:
            for step in walk.steps:
                found.setdefault((step.source, step.target), set()).add(step.route)
        return found


def cover(
    graph: Graph, *, each_route: bool = False, reimage: bool = False, only: Collection[Ends] | None = None
) -> Cover:
    """The walks over every step of a graph of permitted steps.

    each_route: take a step once by each route it allows, not only by the preferred one. reimage: the unit can be given
    its first image again, so several walks are possible. only: the steps that matter; others are taken where they lead
    to them.
    """
    task = _Task(graph, each_route, None if only is None else frozenset(only))
    walks, bound = task.with_new_images() if reimage and graph.one_way() else task.one_walk()
    taken = Counter((step.source, step.target) for walk in walks for step in walk.steps)
    return Cover(walks, bound, tuple(task.left_out(taken)))


@dataclass(frozen=True)
class _Chain:
    """What can be covered from where a part of the graph is entered: steps, flashes, versions visited."""

    covered: int = 0
    flashes: int = 0
    bound: int = 0
    nodes: tuple[str, ...] = ()

    @property
    def worth(self) -> tuple[int, int]:
        return self.covered, -self.flashes


@dataclass
class _Task:
    graph: Graph
    each_route: bool
    only: frozenset[Ends] | None
    _chains: dict[str, _Chain] = field(default_factory=dict)

    @cached_property
    def reachable(self) -> dict[Ends, Edge]:
        """Steps that can come to be taken, those with a way back first."""
        from_here = self.graph.reach[self.graph.present]
        found = {ends: edge for ends, edge in self.graph.edges.items() if ends[0] in from_here}
        return dict(sorted(found.items(), key=lambda item: item[1].one_way))

    def times(self, edge: Edge) -> int:
        """How often a step must be taken; 0 when it only may."""
        if self.only is not None and (edge.source, edge.target) not in self.only:
            return 0
        return len(edge.routes) if self.each_route else 1

    def with_new_images(self) -> tuple[tuple[Walk, ...], int]:
        """Several walks: fewest new images first, then fewest flashes."""
        present, home = self.graph.present, self.graph.home
        costs = dict.fromkeys(self.reachable, 1)
        costs |= {(version, present): _REIMAGE for version in self.graph.reach[present] if version not in home}
        required = {ends: self.times(edge) for ends, edge in self.reachable.items() if self.times(edge)}
        tour = postman(_sorted(costs), required, present, present)
        assert tour is not None, "what is reached can be left: there is a new image"
        cuts = [i for i, ends in enumerate(pairwise(tour.nodes), 1) if costs[ends] == _REIMAGE]
        parts = [tour.nodes[a:b] for a, b in zip([0, *cuts], [*cuts, len(tour.nodes)], strict=True)]
        return self._walks([part for part in parts if len(part) > 1]), tour.bound % _REIMAGE

    def one_walk(self) -> tuple[tuple[Walk, ...], int]:
        """One walk: home and back, or on to where no way back leads from, as far as most steps are covered."""
        chain = self._best(self.graph.present)
        return self._walks([chain.nodes] if len(chain.nodes) > 1 else []), chain.bound

    def _best(self, entry: str) -> _Chain:
        """From where a part is entered: cover it, then stop, or leave it by the step that leads to most."""
        if entry in self._chains:
            return self._chains[entry]
        part = self.graph.parts[entry]
        at_home = entry == self.graph.present
        ends = [entry] if at_home else sorted(part, key=version_key)
        stops = [self._tour(part, entry, end) for end in ends]
        last = min(stops, key=lambda tour: tour.cost)
        inside = sum(self.times(edge) for edge in self.graph.inside(part))
        best = _Chain(inside, last.cost, min(tour.bound for tour in stops), last.nodes)
        for edge in self.graph.edges.values():
            if edge.source in part and edge.target not in part:
                tour, on = self._tour(part, entry, edge.source), self._best(edge.target)
                chain = _Chain(
                    inside + min(self.times(edge), 1) + on.covered,
                    tour.cost + 1 + on.flashes,
                    tour.bound + 1 + on.bound,
                    tour.nodes + on.nodes,
                )
                best = max(best, chain, key=lambda chain: chain.worth)
        self._chains[entry] = best
        return best

    def _tour(self, part: Collection[str], start: str, end: str) -> Tour[str]:
        edges = self.graph.inside(part)
        required = {(e.source, e.target): self.times(e) for e in edges if self.times(e)}
        tour = postman({(e.source, e.target): 1 for e in edges}, required, start, end)
        assert tour is not None, "a part with ways there and back can be walked from anywhere to anywhere"
        return tour

    def _walks(self, nodes: list[tuple[str, ...]]) -> tuple[Walk, ...]:
        taken: Counter[Ends] = Counter()
        walks = []
        for visited in nodes:
            steps = []
            for ends in pairwise(visited):
                edge, before = self.graph.edges[ends], taken[ends]
                in_turn = self.each_route and before < len(edge.routes)
                steps.append(Step(edge, edge.routes[before] if in_turn else edge.route))
                taken[ends] += 1
            walks.append(Walk(visited[0], tuple(steps)))
        return tuple(walks)

    def left_out(self, taken: Mapping[Ends, int]) -> list[tuple[Edge, str]]:
        """The steps that were wanted and are taken less often than wanted."""
        found = []
        for ends, edge in self.graph.edges.items():
            if taken[ends] >= self.times(edge):
                continue
            if ends not in self.reachable:
                reason = f"no way leads from {self.graph.present} to {edge.source}"
            elif taken[ends]:
                reason = "there is no way back to take it by another route; it needs another unit, or a new image"
            else:
                reason = "there is no way back to try it after the others; it needs another unit, or a new image"
            found.append((edge, reason))
        return found


def _sorted(costs: Mapping[Ends, int]) -> dict[Ends, int]:
    return dict(sorted(costs.items(), key=lambda item: (item[1], version_key(item[0][0]), version_key(item[0][1]))))
