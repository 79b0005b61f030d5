"""The upgrade graph, the shortest ways in it, and why there is none."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nportlab.firmware.graph import Graph
from nportlab.firmware.paths import missing_permissions, shortest_path, why_not
from nportlab.guide.family import models
from nportlab.guide.firmware import Route, versions
from selftests.firmware.folder import VERSIONS

ALL = {"flash", "downgrade", "one-way"}
WEB: list[Route] = ["web"]

some_versions = st.sampled_from(VERSIONS) | st.sampled_from(sorted(versions()))
graphs = st.builds(
    Graph.build,
    st.sampled_from(sorted(models())),
    some_versions,
    st.sets(some_versions, min_size=2),
    st.sampled_from([["web"], ["web", "tool"]]),
)


def test_the_graph_of_a_6450() -> None:
    graph = Graph.build("NP6450", "1.21", VERSIONS)
    assert {str(edge): (edge.routes, edge.direction) for edge in graph.edges.values() if not edge.one_way} == {
        "1.21 -> 2.0": (("tool",), "upgrade"),
        "2.0 -> 1.21": (("web", "tool"), "downgrade"),
        "2.1 -> 2.3": (("web", "tool"), "upgrade"),
        "2.1 -> 2.3.9": (("web", "tool"), "upgrade"),
        "2.3 -> 2.1": (("web", "tool"), "downgrade"),
        "2.3 -> 2.3.9": (("web", "tool"), "patch"),
        "2.3.9 -> 2.1": (("web", "tool"), "downgrade"),
        "2.3.9 -> 2.3": (("web", "tool"), "downgrade"),
    }
    assert [str(edge) for edge in graph.one_way()] == [
        f"{old} -> {new}" for old in ("1.21", "2.0") for new in ("2.1", "2.3", "2.3.9")
    ]
    assert (graph.home, graph.parts["2.3"]) == ({"1.21", "2.0"}, {"2.1", "2.3", "2.3.9"})
    forbidden = {(str(one), one.rule.id) for one in graph.forbidden}
    assert ("1.21 -> 2.0 by web", "6450-not-by-web") in forbidden
    assert ("2.1 -> 2.0 by tool", "no-downgrade-below-2.1") in forbidden
    assert len(forbidden) == 4 + 12


def test_the_web_takes_2_0_on_every_other_model() -> None:
    graph = Graph.build("NP6650-16", "1.21", VERSIONS)
    assert graph.edges["1.21", "2.0"].routes == ("web", "tool")
    assert graph.edges["1.21", "2.0"].route == "web"


def test_without_an_image_of_the_present_version_every_step_is_one_way() -> None:
    graph = Graph.build("NP6650-16", "2.3 Build 24101817", ["2.1", "2.3.9"])
    assert graph.present == "2.3"
    assert [(str(edge), edge.one_way) for edge in graph.edges.values()] == [
        ("2.1 -> 2.3.9", False),
        ("2.3 -> 2.1", True),
        ("2.3 -> 2.3.9", True),
        ("2.3.9 -> 2.1", False),
    ]


def test_a_unit_newer_than_the_tables_can_still_be_planned() -> None:
    graph = Graph.build("NP6650-16", "2.5", ["2.0", "2.3"])
    assert [str(edge) for edge in graph.edges.values() if edge.source == "2.5"] == ["2.5 -> 2.3"]


def test_permissions_take_steps_out() -> None:
    graph = Graph.build("NP6650-16", "2.3", VERSIONS)
    assert not graph.permitted({"restart", "downgrade", "one-way"}).edges
    # Without a way back being allowed, an upgrade is one-way, and needs that permission.
    assert not graph.permitted({"flash"}).edges
    assert ("2.1", "2.3") in graph.permitted({"flash", "one-way"}).edges
    assert ("2.3", "2.1") not in graph.permitted({"flash", "one-way"}).edges
    there_and_back = graph.permitted({"flash", "downgrade"})
    assert there_and_back.edges and not there_and_back.one_way()
    assert graph.permitted(ALL).edges == graph.edges


@pytest.mark.parametrize(
    ("ends", "allow", "missing"),
    [
        (("2.1", "2.3"), set(), ("flash", "downgrade")),
        (("2.1", "2.3"), {"flash", "one-way"}, ()),
        (("2.3", "2.1"), {"flash", "one-way"}, ("downgrade",)),
        (("2.0", "2.1"), {"flash", "downgrade"}, ("one-way",)),
        (("2.0", "2.1"), {"flash", "one-way"}, ()),
    ],
)
def test_what_a_step_lacks(ends: tuple[str, str], allow: set[str], missing: tuple[str, ...]) -> None:
    graph = Graph.build("NP6650-16", "2.3", VERSIONS)
    lacking = missing_permissions(graph.edges[ends], graph, allow)
    assert lacking == (() if ends in graph.permitted(allow).edges else missing)


@pytest.mark.parametrize(
    ("source", "target", "way"),
    [
        ("1.6", "2.3", "1.6 -web-> 1.21 -tool-> 2.3"),
        ("1.21", "2.0", "1.21 -tool-> 2.0"),
        ("2.3 Build 24101817", "2.3.9", "2.3 -web-> 2.3.9"),
        ("2.0", "1.6", "2.0 -web-> 1.6"),
        ("2.3", "2.3", "2.3"),
        ("2.1", "2.0", "None"),
        ("2.4", "2.3", "None"),
    ],
)
def test_shortest_ways_of_a_6450(source: str, target: str, way: str) -> None:
    assert str(shortest_path(Graph.build("NP6450", "1.21", versions()), source, target)) == way


@pytest.mark.parametrize(
    ("model", "present", "at_hand", "routes", "target", "allow", "said"),
    [
        ("NP6450", "2.3", "1.21 2.0 2.3", None, "2.0", ALL, "no downgrade below 2.1 (no-downgrade-below-2.1)"),
        (
            "NP6450",
            "1.16",
            "1.16 1.21 2.3",
            None,
            "2.3",
            ALL,
            "before 2.0 (1.21-first): go 1.16 -web-> 1.21 -tool-> 2.3",
        ),
        ("NP6450", "1.16", "1.16 2.3", None, "2.3", ALL, "first 1.21, of which there is no image at hand"),
        ("NP6450", "1.21", "2.0", WEB, "2.0", ALL, "by web); it takes the tool, and lab.yaml names none"),
        ("NP6450", "1.21", "2.0", None, "2.3", ALL, "there is no image of 2.3 for a NP6450 at hand"),
        ("NP6450", "2.3", "2.3", None, "2.3", ALL, "it has 2.3 already"),
        ("NP6450", "2.3", "2.1 2.3", None, "2.1", {"flash"}, "its `allow` lacks `downgrade`"),
        ("NP6450", "1.21", "1.21 2.3", None, "2.3", {"flash", "downgrade"}, "its `allow` lacks `one-way`"),
        ("NP6450", "2.1", "2.1 2.3", None, "2.3", {"flash"}, "lacks `downgrade` (without it there is no way back)"),
        ("NP6450", "1.16", "1.16 1.21 2.3", None, "2.3", {"flash", "downgrade"}, "is not allowed: its `allow` lacks"),
    ],
)
def test_why_a_step_is_not_possible(
    model: str, present: str, at_hand: str, routes: list[Route] | None, target: str, allow: set[str], said: str
) -> None:
    graph = Graph.build(model, present, at_hand.split(), routes or ["web", "tool"])
    assert said in str(why_not(graph, present, target, allow))


def test_a_step_that_is_possible_needs_no_reason() -> None:
    assert why_not(Graph.build("NP6450", "1.21", VERSIONS), "1.21", "2.0", ALL) is None


@settings(deadline=None)
@given(graphs, st.sampled_from(sorted(versions())), st.sampled_from(sorted(versions())))
def test_ways_are_ways_and_none_is_shorter(graph: Graph, source: str, target: str) -> None:
    away = {source: 0}
    for distance in range(len(graph.versions)):
        for tail, head in graph.edges:
            if away.get(tail) == distance:
                away.setdefault(head, distance + 1)
    way = shortest_path(graph, source, target)
    if source not in graph.versions or target not in away:
        assert way is None
        return
    assert way is not None and len(way.steps) == away[target]
    at = source
    for step in way.steps:
        assert (step.source, step.route in step.edge.routes) == (at, True)
        at = step.target
    assert at == target


@settings(deadline=None)
@given(graphs, st.sets(st.sampled_from(sorted(ALL))))
def test_every_step_is_permitted_or_lacks_something(graph: Graph, allow: set[str]) -> None:
    permitted = graph.permitted(allow)
    for ends, edge in graph.edges.items():
        lacking = missing_permissions(edge, graph, allow)
        assert bool(lacking) == (ends not in permitted.edges)
        if lacking:
            assert ends in graph.permitted({*allow, *lacking}).edges
        assert (why_not(graph, *ends, allow) is None) == (not lacking)


@settings(deadline=None)
@given(graphs, st.sampled_from(sorted(versions())), st.sampled_from(sorted(versions())))
def test_there_is_always_a_reason(graph: Graph, source: str, target: str) -> None:
    reason = why_not(graph, source, target)
    assert reason is None or (reason.reasons and all(reason.reasons))
    assert (reason is None) == ((source, target) in graph.edges)


@settings(deadline=None)
@given(graphs)
def test_a_one_way_step_has_no_way_back(graph: Graph) -> None:
    for edge in graph.edges.values():
        assert edge.one_way == (shortest_path(graph, edge.target, edge.source) is None)
    tried = {(one.source, one.target, one.route) for one in graph.forbidden}
    allowed = {(*ends, route) for ends, edge in graph.edges.items() for route in edge.routes}
    pairs = {(s, t) for s in graph.versions for t in graph.at_hand if s != t}
    assert not tried & allowed
    assert tried | allowed == {(*pair, route) for pair in pairs for route in graph.routes}
