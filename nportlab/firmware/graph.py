"""What can be flashed to what: the versions of the images at hand and of the unit, and the steps the rules leave."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from nportlab.guide.firmware import ROUTES, Route, UpgradeRule, broken_rules, known_version, version_key, versions

Direction = Literal["upgrade", "downgrade", "patch"]


@dataclass(frozen=True)
class Edge:
    """One step. routes: those nothing forbids, web first; one_way: no steps lead back from target to source."""

    source: str
    target: str
    routes: tuple[Route, ...]
    direction: Direction
    one_way: bool = False

    @property
    def route(self) -> Route:
        """The route to take when nothing asks for another: web, which needs no further program and no open service."""
        return self.routes[0]

    def __str__(self) -> str:
        return f"{self.source} -> {self.target}"


@dataclass(frozen=True)
class Forbidden:
    """A step that must be refused when it is tried with the image at hand, and the rule that says so."""

    source: str
    target: str
    route: Route
    rule: UpgradeRule

    def __str__(self) -> str:
        return f"{self.source} -> {self.target} by {self.route}"


@dataclass(frozen=True)
class Graph:
    """Steps of one model. present: version the unit has; at_hand: versions there is an image of."""

    model: str
    present: str
    at_hand: frozenset[str]
    routes: tuple[Route, ...]
    edges: Mapping[tuple[str, str], Edge] = field(default_factory=dict)
    forbidden: tuple[Forbidden, ...] = ()

    @classmethod
    def build(cls, model: str, present: str, at_hand: Iterable[str], routes: Iterable[Route] = ROUTES) -> Graph:
        """All steps between the versions at hand, and from the present one.

        present: as the unit shows it, its build may follow. routes: those the lab has (web always; tool with a
        program).
        """
        start = known_version(present) or present
        hand = frozenset(at_hand)
        graph = cls(model, start, hand, _in_order(routes))
        edges: dict[tuple[str, str], Edge] = {}
        forbidden: list[Forbidden] = []
        for source, target in graph._pairs():
            broken: dict[Route, list[UpgradeRule]] = {
                route: broken_rules(model, source, target, route) for route in graph.routes
            }
            allowed = _in_order(route for route in graph.routes if not broken[route])
            forbidden += [Forbidden(source, target, route, rules[0]) for route, rules in broken.items() if rules]
            if allowed:
                edges[source, target] = Edge(source, target, allowed, direction(source, target))
        return replace(graph, edges=edges, forbidden=tuple(forbidden))._judged()

    def _pairs(self) -> Iterator[tuple[str, str]]:
        for source in self.versions:
            for target in self.versions:
                if source != target and target in self.at_hand:
                    yield source, target

    @cached_property
    def versions(self) -> tuple[str, ...]:
        """Every version of the graph, oldest first."""
        return tuple(sorted({*self.at_hand, self.present}, key=version_key))

    def permitted(self, allow: Collection[str]) -> Graph:
        """The steps that lab.yaml's `allow` of the unit leaves.

        Without `downgrade` no step leads to an older version, so that every upgrade is one-way; without `one-way` none
        of these is left. Nothing is left without `flash`.
        """
        if "flash" not in allow:
            return replace(self, edges={})
        kept = {ends: e for ends, e in self.edges.items() if e.direction != "downgrade" or "downgrade" in allow}
        graph = replace(self, edges=kept)._judged()
        if "one-way" in allow:
            return graph
        return replace(graph, edges={ends: edge for ends, edge in graph.edges.items() if not edge.one_way})

    def _judged(self) -> Graph:
        """The same steps, each marked whether a way leads back."""
        parts = self.parts
        judged = {
            ends: replace(edge, one_way=parts[edge.source] != parts[edge.target]) for ends, edge in self.edges.items()
        }
        return replace(self, edges=judged)

    @cached_property
    def reach(self) -> dict[str, frozenset[str]]:
        """For every version those that can be got to from it, itself included."""
        after: dict[str, list[str]] = {version: [] for version in self.versions}
        for source, target in self.edges:
            after[source].append(target)
        return {version: frozenset(_reached(version, after)) for version in self.versions}

    @cached_property
    def parts(self) -> dict[str, frozenset[str]]:
        """For every version those it can be got to and back from, itself included (strongly connected components)."""
        return {
            version: frozenset(other for other in self.reach[version] if version in self.reach[other])
            for version in self.versions
        }

    @property
    def home(self) -> frozenset[str]:
        """The versions from which a way leads back to the present one."""
        return self.parts[self.present]

    def inside(self, part: Collection[str]) -> list[Edge]:
        """The steps within a part, in order of their versions."""
        return [edge for edge in self.edges.values() if edge.source in part and edge.target in part]

    def one_way(self) -> list[Edge]:
        """The steps without a way back."""
        return [edge for edge in self.edges.values() if edge.one_way]


def direction(source: str, target: str) -> Direction:
    """What a step between two different versions is; a patch goes onto the very version it is made for."""
    before, after = version_key(source), version_key(target)
    if after < before:
        return "downgrade"
    row = versions().get(target)
    return "patch" if row and row.patch_of and version_key(row.patch_of) == before else "upgrade"


def _in_order(routes: Iterable[Route]) -> tuple[Route, ...]:
    wanted = set(routes)
    return tuple(route for route in ROUTES if route in wanted)


def _reached(start: str, after: Mapping[str, Iterable[str]]) -> set[str]:
    seen, waiting = {start}, [start]
    while waiting:
        for target in after[waiting.pop()]:
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    return seen
