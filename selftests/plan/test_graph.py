from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from nportlab.plan.graph import Graph, bits, colour, large_clique


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    size = draw(st.integers(1, 8))
    edges = draw(st.sets(st.sampled_from([(v, w) for v in range(size) for w in range(v + 1, size)] or [(0, 0)])))
    return Graph.build(size, lambda v, w: (v, w) in edges)


def joined(graph: Graph, v: int, w: int) -> bool:
    return bool(graph.neighbours[v] >> w & 1)


@given(graphs())
def test_the_clique_is_the_largest(graph: Graph) -> None:
    found = large_clique(graph)
    assert all(joined(graph, v, w) for v, w in combinations(found, 2))
    larger = combinations(range(len(graph)), len(found) + 1)
    assert not any(all(joined(graph, v, w) for v, w in combinations(some, 2)) for some in larger)


@given(graphs())
def test_neighbours_differ_and_no_colour_can_be_spared(graph: Graph) -> None:
    colours = colour(graph, ())
    assert all(colours[v] != colours[w] for v, w in combinations(range(len(graph)), 2) if joined(graph, v, w))
    assert not _colourable(graph, max(colours))


@given(graphs())
def test_fixed_vertices_keep_their_colours(graph: Graph) -> None:
    fixed = large_clique(graph)
    assert [colour(graph, fixed)[vertex] for vertex in fixed] == list(range(len(fixed)))


def test_bits() -> None:
    assert bits(0b101001) == [0, 3, 5]


def _colourable(graph: Graph, count: int) -> bool:
    def place(vertex: int, colours: list[int]) -> bool:
        if vertex == len(graph):
            return True
        return any(
            place(vertex + 1, [*colours, chosen])
            for chosen in range(count)
            if all(colours[other] != chosen for other in range(vertex) if joined(graph, vertex, other))
        )

    return count > 0 and place(0, [])
