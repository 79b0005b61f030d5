"""The walks cover what they promise, hang together, and no others need fewer flashes."""

from collections import Counter, deque
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nportlab.firmware.cover import Cover, cover
from nportlab.firmware.graph import Graph
from nportlab.firmware.postman import postman
from selftests.firmware.folder import VERSIONS
from selftests.firmware.test_graph import ALL, WEB, graphs

Arcs = Mapping[tuple[int, int], int]
allowances = st.sets(st.sampled_from(sorted(ALL - {"flash"}))).map(lambda more: {"flash", *more})


def fewest(arcs: Arcs, required: Arcs, start: int, end: int) -> int | None:
    """The cheapest walk by trying all (arcs of cost 1): a second opinion for small graphs."""
    wanted = [arc for arc, times in required.items() for _ in range(times)]
    seen = {(start, frozenset[int]())}
    waiting = deque([(start, frozenset[int](), 0)])
    while waiting:
        at, done, cost = waiting.popleft()
        if at == end and len(done) == len(wanted):
            return cost
        for tail, head in arcs:
            if tail == at:
                new = next((i for i, arc in enumerate(wanted) if arc == (tail, head) and i not in done), None)
                state = (head, done if new is None else done | {new})
                if state not in seen:
                    seen.add(state)
                    waiting.append((*state, cost + 1))
    return None


small_arcs = st.sets(st.tuples(st.integers(0, 3), st.integers(0, 3)).filter(lambda arc: arc[0] != arc[1]), max_size=9)


@settings(deadline=None)
@given(small_arcs, st.data())
def test_the_postman_is_as_good_as_trying_everything(pairs: set[tuple[int, int]], data: st.DataObject) -> None:
    arcs = dict.fromkeys(sorted(pairs), 1)
    chosen = data.draw(st.lists(st.sampled_from(sorted(pairs)), unique=True, max_size=6)) if pairs else []
    required = dict.fromkeys(chosen, 1)
    start, end = data.draw(st.integers(0, 3)), data.draw(st.integers(0, 3))
    best = fewest(arcs, required, start, end)
    tour = postman(arcs, required, start, end)
    if tour is None:
        # The parts of a rural postman may hang together only in a way the balance does not see.
        assert best is None or len(required) < len(arcs)
        return
    assert best is not None
    steps = Counter(zip(tour.nodes, tour.nodes[1:], strict=False))
    assert (tour.nodes[0], tour.nodes[-1], sum(steps.values())) == (start, end, tour.cost)
    assert set(steps) <= set(arcs) and set(required) <= set(steps)
    assert tour.bound <= best <= tour.cost
    if len(required) == len(arcs):
        assert tour.bound == best == tour.cost


def check(graph: Graph, permitted: Graph, result: Cover, *, each_route: bool, reimage: bool) -> None:
    assert result.bound <= result.flashes
    for walk in result.walks:
        at = permitted.present
        crossed = False
        for step in walk.steps:
            assert step.source == at
            assert permitted.edges[step.source, step.target] == step.edge
            assert step.route in step.edge.routes
            crossed = crossed or step.edge.one_way
            assert not (crossed and step.target in permitted.home), "one-way steps come last"
            at = step.target
        assert at == walk.end
        assert walk.returns or crossed, "it ends where it began wherever a way back exists"
    taken, left_out = result.covered, {(edge.source, edge.target) for edge, _ in result.left_out}
    for ends, edge in permitted.edges.items():
        whole = set(edge.routes) if each_route else {edge.route}
        assert (ends in left_out) == (not whole <= taken.get(ends, set()))
        if ends in left_out:
            unreachable = ends[0] not in permitted.reach[permitted.present]
            assert unreachable or ((edge.one_way or edge.source not in permitted.home) and not reimage)
    assert len(result.walks) <= 1 or reimage


@settings(deadline=None, max_examples=60)
@given(graphs, allowances, st.booleans(), st.booleans())
def test_walks_cover_every_permitted_step(graph: Graph, allow: set[str], each_route: bool, reimage: bool) -> None:
    permitted = graph.permitted(allow)
    result = cover(permitted, each_route=each_route, reimage=reimage)
    check(graph, permitted, result, each_route=each_route, reimage=reimage)
    assert result.bound == result.flashes, "every step matters, so the bound is reached"
    assert result == cover(permitted, each_route=each_route, reimage=reimage)


@settings(deadline=None, max_examples=40)
@given(graphs, allowances, st.booleans(), st.data())
def test_only_some_steps_matter(graph: Graph, allow: set[str], reimage: bool, data: st.DataObject) -> None:
    permitted = graph.permitted(allow)
    only = data.draw(st.sets(st.sampled_from(sorted(permitted.edges)))) if permitted.edges else set()
    result = cover(permitted, reimage=reimage, only=only)
    assert result.bound <= result.flashes
    assert only - set(result.covered) == {(edge.source, edge.target) for edge, _ in result.left_out}
    if not only:
        assert result.flashes == 0


@pytest.mark.parametrize(
    ("allow", "reimage", "walks", "flashes", "steps"),
    [
        ({"flash"}, False, 0, 0, 0),
        ({"flash", "downgrade"}, False, 1, 2, 2),
        (ALL, False, 1, 9, 9),
        (ALL, True, 6, 17, 14),
    ],
)
def test_the_walks_of_a_6450_from_1_21(allow: set[str], reimage: bool, walks: int, flashes: int, steps: int) -> None:
    permitted = Graph.build("NP6450", "1.21", VERSIONS).permitted(allow)
    result = cover(permitted, reimage=reimage)
    assert (len(result.walks), result.flashes, result.bound) == (walks, flashes, flashes)
    assert len(result.covered) == steps


def test_a_unit_on_2_3_goes_round_and_is_back() -> None:
    permitted = Graph.build("NP6650-16", "2.3", VERSIONS).permitted({"flash", "downgrade"})
    (walk,) = cover(permitted).walks
    assert walk.returns and len(walk.steps) == 6
    each = cover(permitted, each_route=True)
    assert each.flashes == each.bound == 12
    assert all(routes == {"web", "tool"} for routes in each.covered.values())


def test_without_the_tool_a_6450_stays_on_1_21() -> None:
    result = cover(Graph.build("NP6450", "1.21", VERSIONS, WEB).permitted(ALL), reimage=True)
    assert result.walks == () and result.flashes == result.bound == 0
    assert {reason for _, reason in result.left_out} == {
        "no way leads from 1.21 to 2.0",
        "no way leads from 1.21 to 2.1",
        "no way leads from 1.21 to 2.3",
        "no way leads from 1.21 to 2.3.9",
    }
