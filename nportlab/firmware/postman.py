"""The shortest walk that takes every required arc of a directed graph at least once (Chinese, or rural, postman).

Exact when the arcs that must be taken hang together once they are balanced, as they do when they are all arcs of a
strongly connected graph; otherwise the parts are joined by detours, and the bound stays below what is used.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Node = TypeVar("Node", bound=Hashable)
_FAR = 10**12


@dataclass(frozen=True)
class Tour(Generic[Node]):
    """A walk. nodes: all visited, first and last included; cost: of its arcs; bound: no walk that does the same costs
    less.
    """

    nodes: tuple[Node, ...]
    cost: int
    bound: int


def postman(
    costs: Mapping[tuple[Node, Node], int], required: Mapping[tuple[Node, Node], int], start: Node, end: Node
) -> Tour[Node] | None:
    """The walk from start to end that takes each required arc as often as it says; None when there is none.

    costs: every arc that may be taken, none negative. The result is always the same one: arcs count in their order.
    Where the arcs lead from everywhere to everywhere a walk is always found; elsewhere one may be missed, unless all
    arcs are required.
    """
    nodes = list(dict.fromkeys([start, end, *(node for arc in costs for node in arc)]))
    taken = Counter(dict(required))
    away, before = _distances(nodes, costs)
    # A walk from start to end is a closed one with an arc back that costs nothing.
    surplus = dict.fromkeys(nodes, 0)
    for (tail, head), times in [*required.items(), ((end, start), 1)]:
        surplus[head] += times
        surplus[tail] -= times
    extra = _balance(nodes, costs, surplus)
    if extra is None:
        return None
    taken += extra
    bound = _proven(nodes, costs, extra, surplus) + sum(costs[arc] * times for arc, times in required.items())
    if not _join(taken, start, away, before):
        return None
    return Tour(_euler(taken, start, end), sum(costs[arc] * times for arc, times in taken.items()), bound)


def _distances(
    nodes: Sequence[Node], costs: Mapping[tuple[Node, Node], int]
) -> tuple[dict[tuple[Node, Node], int], dict[tuple[Node, Node], Node]]:
    """All shortest ways: their length, and the last node before their end."""
    away = {(one, other): 0 if one == other else _FAR for one in nodes for other in nodes}
    before: dict[tuple[Node, Node], Node] = {}
    for (tail, head), cost in costs.items():
        if tail != head and cost < away[tail, head]:
            away[tail, head], before[tail, head] = cost, tail
    for over in nodes:
        for tail in nodes:
            for head in nodes:
                if away[tail, over] + away[over, head] < away[tail, head]:
                    away[tail, head], before[tail, head] = away[tail, over] + away[over, head], before[over, head]
    return away, before


def _balance(
    nodes: Sequence[Node], costs: Mapping[tuple[Node, Node], int], surplus: Mapping[Node, int]
) -> Counter[tuple[Node, Node]] | None:
    """The cheapest arcs to add so that every node is left as often as it is entered; None when it is impossible.

    Minimum-cost flow by successive shortest ways in the residual graph.
    """
    flow: Counter[tuple[Node, Node]] = Counter()
    left = dict(surplus)
    while any(left.values()):
        length, back = _cheapest(nodes, costs, flow, [node for node in nodes if left[node] > 0])
        ends = [node for node in nodes if left[node] < 0 and length[node] < _FAR]
        if not ends:
            return None
        node = min(ends, key=lambda node: length[node])
        left[node] += 1
        while node in back:
            node, arc, forward = back[node]
            flow[arc] += 1 if forward else -1
        left[node] -= 1
    return +flow


def _cheapest(
    nodes: Sequence[Node],
    costs: Mapping[tuple[Node, Node], int],
    flow: Mapping[tuple[Node, Node], int],
    sources: Sequence[Node],
) -> tuple[dict[Node, int], dict[Node, tuple[Node, tuple[Node, Node], bool]]]:
    """Shortest ways from any source over arcs, and backwards over arcs with flow (Bellman-Ford)."""
    length = {node: 0 if node in sources else _FAR for node in nodes}
    back: dict[Node, tuple[Node, tuple[Node, Node], bool]] = {}
    for _ in nodes:
        changed = False
        for arc, cost in costs.items():
            for tail, head, price, forward in ((*arc, cost, True), (arc[1], arc[0], -cost, False)):
                if (forward or flow.get(arc, 0) > 0) and length[tail] < _FAR and length[tail] + price < length[head]:
                    length[head], back[head] = length[tail] + price, (tail, arc, forward)
                    changed = True
        if not changed:
            break
    return length, back


def _proven(
    nodes: Sequence[Node],
    costs: Mapping[tuple[Node, Node], int],
    extra: Mapping[tuple[Node, Node], int],
    surplus: Mapping[Node, int],
) -> int:
    """A lower bound on the cost of any balancing arcs, by prices of the nodes: weak duality, whatever `extra` is.

    With prices p such that p(head) - p(tail) <= cost for every arc, arcs that bring `surplus` away cost at least the
    sum of -p * surplus. The prices come from the flow found; that they keep the inequality is checked here.
    """
    price, _ = _cheapest(nodes, costs, extra, nodes)
    assert all(price[head] - price[tail] <= cost for (tail, head), cost in costs.items()), "no proof of the bound"
    return -sum(price[node] * surplus[node] for node in nodes)


def _join(
    taken: Counter[tuple[Node, Node]],
    start: Node,
    away: Mapping[tuple[Node, Node], int],
    before: Mapping[tuple[Node, Node], Node],
) -> bool:
    """Add the cheapest round trips to parts the walk does not come to; False when one cannot be come to and left."""
    while True:
        near = _connected(taken, start)
        far = list(dict.fromkeys(node for arc, times in taken.items() if times for node in arc if node not in near))
        if not far:
            return True
        trips = [(away[one, two] + away[two, one], one, two) for one in sorted(near, key=str) for two in far]
        length, one, two = min(trips, key=lambda trip: trip[0])
        if length >= _FAR:
            return False
        for tail, head in ((one, two), (two, one)):
            while head != tail:
                taken[before[tail, head], head] += 1
                head = before[tail, head]


def _connected(taken: Mapping[tuple[Node, Node], int], start: Node) -> set[Node]:
    near, waiting = {start}, [start]
    while waiting:
        here = waiting.pop()
        for arc, times in taken.items():
            if times and here in arc:
                other = arc[1] if arc[0] == here else arc[0]
                if other not in near:
                    near.add(other)
                    waiting.append(other)
    return near


def _euler(taken: Mapping[tuple[Node, Node], int], start: Node, end: Node) -> tuple[Node, ...]:
    """The walk over exactly these arcs (Hierholzer)."""
    left: dict[Node, list[Node]] = {}
    for (tail, head), times in taken.items():
        left.setdefault(tail, []).extend([head] * times)
    walk: list[Node] = []
    stack = [start]
    while stack:
        if left.get(stack[-1]):
            stack.append(left[stack[-1]].pop(0))
        else:
            walk.append(stack.pop())
    walk.reverse()
    assert walk[-1] == end and len(walk) == sum(taken.values()) + 1, "the arcs are not one walk"
    return tuple(walk)
