"""Conflict graphs as bit masks: a large clique (the lower bound) and a colouring with few colours (the states).

Everything here is deterministic: ties go to the lower vertex, effort is limited by counted steps, never by time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

_EFFORT = 20_000
_ROUNDS = 300


class Graph:
    """Vertices 0..n-1; `neighbours[v]` has bit w set when v and w cannot share a state."""

    def __init__(self, neighbours: Sequence[int]) -> None:
        self.neighbours = list(neighbours)

    def __len__(self) -> int:
        """Number of vertices."""
        return len(self.neighbours)

    @classmethod
    def build(cls, size: int, conflict: Callable[[int, int], bool]) -> Graph:
        """The graph in which v and w are joined when `conflict(v, w)` for v < w."""
        masks = [0] * size
        for v in range(size):
            for w in range(v + 1, size):
                if conflict(v, w):
                    masks[v] |= 1 << w
                    masks[w] |= 1 << v
        return cls(masks)


def bits(mask: int) -> list[int]:
    """The positions of the set bits, lowest first."""
    found = []
    while mask:
        low = mask & -mask
        found.append(low.bit_length() - 1)
        mask ^= low
    return found


def large_clique(graph: Graph) -> list[int]:
    """Vertices that all conflict with each other: the most there are, or the most found within the effort."""
    best: list[int] = []
    effort = _EFFORT

    def grow(chosen: list[int], candidates: int) -> None:
        nonlocal best, effort
        effort -= 1
        order, colours = _coloured(graph, candidates)
        for vertex, colour in zip(reversed(order), reversed(colours), strict=True):
            if len(chosen) + colour <= len(best) or effort <= 0:
                return
            chosen.append(vertex)
            rest = candidates & graph.neighbours[vertex]
            if rest:
                grow(chosen, rest)
            elif len(chosen) > len(best):
                best = list(chosen)
            chosen.pop()
            candidates &= ~(1 << vertex)

    grow([], (1 << len(graph)) - 1)
    return sorted(best)


def _coloured(graph: Graph, candidates: int) -> tuple[list[int], list[int]]:
    """Candidates with greedy colours, ascending: a clique among the first k of them has at most colour[k] vertices."""
    order: list[int] = []
    colours: list[int] = []
    colour = 0
    while candidates:
        colour += 1
        free = candidates
        while free:
            low = free & -free
            vertex = low.bit_length() - 1
            order.append(vertex)
            colours.append(colour)
            candidates ^= low
            free &= ~(low | graph.neighbours[vertex])
    return order, colours


def colour(graph: Graph, fixed: Sequence[int], at_least: int = 0) -> list[int]:
    """A colour for every vertex, neighbours different, few colours in all.

    fixed: vertices that get the colours 0, 1, 2 ... in this order. at_least: stop looking for better at this many.
    """
    best = _dsatur(graph, fixed)
    if max(best, default=-1) + 1 > at_least:
        best = _iterated(graph, fixed, best, at_least)
    if max(best, default=-1) + 1 > at_least:
        best = _exact(graph, fixed, best, at_least)
    return best


def _dsatur(graph: Graph, fixed: Sequence[int]) -> list[int]:
    """Brelaz: next the vertex that sees most colours, then the one with most neighbours."""
    colours = [-1] * len(graph)
    seen = [0] * len(graph)

    def give(vertex: int, chosen: int) -> None:
        colours[vertex] = chosen
        for other in bits(graph.neighbours[vertex]):
            seen[other] |= 1 << chosen

    for chosen, vertex in enumerate(fixed):
        give(vertex, chosen)
    left = [vertex for vertex in range(len(graph)) if colours[vertex] < 0]
    while left:
        vertex = max(left, key=lambda v: (seen[v].bit_count(), graph.neighbours[v].bit_count(), -v))
        left.remove(vertex)
        give(vertex, _lowest_free(seen[vertex]))
    return colours


def _lowest_free(taken: int) -> int:
    return (~taken & (taken + 1)).bit_length() - 1


def _greedy(graph: Graph, fixed: Sequence[int], order: Sequence[int]) -> list[int]:
    """Colour in the given order, each vertex with the first colour it can have."""
    classes: list[int] = [1 << vertex for vertex in fixed]
    colours = [-1] * len(graph)
    for chosen, vertex in enumerate(fixed):
        colours[vertex] = chosen
    for vertex in order:
        for chosen, members in enumerate(classes):
            if not members & graph.neighbours[vertex]:
                classes[chosen] |= 1 << vertex
                colours[vertex] = chosen
                break
        else:
            colours[vertex] = len(classes)
            classes.append(1 << vertex)
    return colours


def _iterated(graph: Graph, fixed: Sequence[int], best: list[int], at_least: int) -> list[int]:
    """Culberson: greedy colouring again, class by class in another order, never needs more colours, sometimes fewer."""
    random = Random(len(graph))  # the seed makes runs repeat
    current = best
    for number in range(_ROUNDS):
        classes: dict[int, list[int]] = {}
        for vertex, chosen in enumerate(current):
            if vertex not in fixed:
                classes.setdefault(chosen, []).append(vertex)
        keys = sorted(classes)
        match number % 3:
            case 0:
                keys.reverse()
            case 1:
                random.shuffle(keys)
            case _:
                keys.sort(key=lambda chosen: (-len(classes[chosen]), chosen))
        current = _greedy(graph, fixed, [vertex for chosen in keys for vertex in classes[chosen]])
        if max(current) < max(best):
            best = current
        if max(best) + 1 <= at_least:
            break
    return best


def _exact(graph: Graph, fixed: Sequence[int], best: list[int], at_least: int) -> list[int]:
    """Branch and bound in DSATUR order; proves the number of colours when the graph is small enough."""
    colours = [-1] * len(graph)
    for chosen, vertex in enumerate(fixed):
        colours[vertex] = chosen
    limit = max(best) + 1
    effort = _EFFORT

    def taken(vertex: int) -> int:
        mask = 0
        for other in bits(graph.neighbours[vertex]):
            if colours[other] >= 0:
                mask |= 1 << colours[other]
        return mask

    def descend(left: set[int], used: int) -> None:
        nonlocal best, limit, effort
        effort -= 1
        if effort <= 0 or limit <= at_least:
            return
        if not left:
            best, limit = list(colours), used
            return
        masks = {vertex: taken(vertex) for vertex in left}
        vertex = max(left, key=lambda v: (masks[v].bit_count(), graph.neighbours[v].bit_count(), -v))
        for chosen in range(min(used + 1, limit - 1)):
            if not masks[vertex] >> chosen & 1:
                colours[vertex] = chosen
                descend(left - {vertex}, max(used, chosen + 1))
                colours[vertex] = -1

    if len(graph) - len(fixed) <= 60:
        descend({vertex for vertex in range(len(graph)) if colours[vertex] < 0}, len(fixed))
    return best
