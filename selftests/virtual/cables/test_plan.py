"""Plans that can be wired, and what is said about others."""

from __future__ import annotations

import pytest

from nportlab.virtual.cables.plan import CablePlan, LineSpec, PlanError
from nportlab.virtual.cables.rack import CableRack


def test_every_port_has_its_line_from_both_ends() -> None:
    plan = CablePlan(
        {"a": 4, "b": 1},
        (LineSpec("a", 1, "loopback"), LineSpec("a", 2, "adapter"), LineSpec("a", 3, "crosslink", ("b", 1))),
    )
    assert plan.line("b", 1) == LineSpec("b", 1, "crosslink", ("a", 3))
    assert plan.line("a", 4).kind == "none"
    rack = CableRack(plan)
    ports = rack.ports["a"]
    assert rack.cables[ports[0]].far is ports[0]
    assert rack.cables[ports[1]].far is rack.adapters["a/2"]
    assert rack.cables[ports[2]] is rack.cables[rack.ports["b"][0]]
    assert rack.cables[ports[3]].far is None


def test_a_crosslink_may_be_named_at_both_ends() -> None:
    lines = (LineSpec("a", 1, "crosslink", ("a", 2)), LineSpec("a", 2, "crosslink", ("a", 1)))
    assert len(set(CableRack(CablePlan({"a": 2}, lines)).cables.values())) == 1


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([LineSpec("a", 5, "loopback")], "a/5: no such port"),
        ([LineSpec("x", 1, "loopback")], "x/1: no such port"),
        ([LineSpec("a", 0, "loopback")], "a/0: no such port"),
        ([LineSpec("a", 1, "string")], "a/1: unknown kind of line 'string'"),  # type: ignore[arg-type]
        ([LineSpec("a", 1, "crosslink")], "has another port"),
        ([LineSpec("a", 1, "loopback", ("a", 2))], "has another port"),
        ([LineSpec("a", 1, "crosslink", ("b", 9))], "a/1: crosslink to b/9: no such port"),
        ([LineSpec("a", 1, "crosslink", ("a", 1))], "that is a loopback"),
        ([LineSpec("a", 1, "loopback"), LineSpec("a", 1, "adapter")], "a/1: two lines on one port"),
        ([LineSpec("a", 1, "crosslink", ("a", 2)), LineSpec("a", 2, "loopback")], "which has another line"),
        ([LineSpec("a", 1, "crosslink", ("a", 2)), LineSpec("a", 3, "crosslink", ("a", 2))], "a/2: two crosslinks"),
    ],
)
def test_what_cannot_be_wired_is_named(lines: list[LineSpec], message: str) -> None:
    with pytest.raises(PlanError, match=message):
        CablePlan({"a": 4, "b": 1}, tuple(lines))


def test_all_problems_are_named_at_once() -> None:
    with pytest.raises(PlanError) as caught:
        CablePlan({"a": 0}, (LineSpec("a", 1, "loopback"), LineSpec("b", 1, "loopback")))
    assert len(str(caught.value).splitlines()) == 3
