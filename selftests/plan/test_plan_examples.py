from __future__ import annotations

import json
from itertools import pairwise

from nportlab.plan.costs import Costs
from nportlab.plan.need import Event, Item, Need
from nportlab.plan.plan import UnitPlan, bound_of, plan_unit
from nportlab.plan.report import head_line, plan_json, plan_text

FACTORY = {"telnet": "disable", "http": "disable", "old_tls": "disable", "certificate": "self-signed"}
ON = {"telnet": "enable"}


def plan(*items: Item, baseline: dict[str, str] | None = None) -> UnitPlan:
    return plan_unit("np6450", items, baseline or FACTORY, FACTORY, Costs())


def item(name: str, settings: dict[str, str] | None = None, event: Event | None = None, **more: object) -> Item:
    return Item(name, Need.of(settings, event=event, **more))  # type: ignore[arg-type]


def pair(name: str, event: Event, settings: dict[str, str] | None = None) -> list[Item]:
    return [
        item(f"{name}.before", settings, event, part="before", pair=name),
        item(f"{name}.after", None if event == "factory-reset" else settings, event, part="after", pair=name),
    ]


def entries(made: UnitPlan) -> list[str | None]:
    return [step.entry for step in made.steps]


def test_what_the_unit_has_already_costs_nothing() -> None:
    made = plan(item("a"), item("b", {"telnet": "disable"}), item("c", {"http": "disable"}))
    assert (made.restarts, made.bound, len(made.steps)) == (0, 0, 1)


def test_needs_that_agree_share_a_state() -> None:
    made = plan(item("a", ON), item("b", {"http": "redirect"}), item("c", {"old_tls": "enable"}))
    assert entries(made) == [None, "restart"]
    assert (made.restarts, made.bound, made.file_order) == (2, 2, 4)


def test_the_way_back_counts() -> None:
    assert plan(item("a", ON)).restores
    assert not plan(item("a", ON), baseline={**FACTORY, **ON}).restores


def test_an_event_puts_the_settings_into_force_that_wait_for_it() -> None:
    made = plan(item("a", ON, "power-cycle"), item("b", ON))
    assert entries(made) == [None, "power-cycle"]
    assert [one.id for one in made.steps[1].items] == ["a", "b"]


def test_tests_with_the_same_event_share_it() -> None:
    made = plan(
        item("a", ON, "power-cycle"), item("b", {"http": "redirect"}, "power-cycle"), item("c", None, "restart")
    )
    assert sorted(filter(None, entries(made))) == ["power-cycle", "restart"]


def test_an_event_in_the_baseline_is_the_way_back() -> None:
    made = plan(item("a", ON), item("b", {"telnet": "disable"}, "power-cycle"))
    assert entries(made) == [None, "restart", "power-cycle"]
    assert not made.restores
    assert made.restarts == made.bound == 2


def test_a_reset_holds_what_agrees_with_the_factory_and_leads_to_what_does_not() -> None:
    baseline = {**FACTORY, **ON, "http": "redirect"}
    made = plan(
        item("closed", {"telnet": "disable"}, "factory-reset"),
        item("open", ON, "factory-reset"),
        item("any", {"http": "disable"}),
        baseline=baseline,
    )
    assert entries(made) == [None, "factory-reset", "restart"]
    assert [one.id for one in made.steps[1].items] == ["closed", "any"]
    assert made.steps[2].base == "factory"
    assert made.steps[2].needs == ON


def test_resets_come_late() -> None:
    made = plan(
        item("reset", None, "factory-reset"), item("a", ON), item("b", {"telnet": "disable", "http": "redirect"})
    )
    assert entries(made) == [None, "restart", "restart", "factory-reset"]


def test_first_parts_run_in_the_state_before_the_event() -> None:
    made = plan(*pair("kept", "power-cycle", ON), item("a", ON), item("b", ON, "power-cycle"))
    before, after = made.steps[1:]
    assert before.items[-1].id == "kept.before"
    assert [one.id for one in after.items][:2] == ["kept.after", "b"]
    assert after.entry == "power-cycle"


def test_a_pair_around_a_reset_plants_what_the_reset_takes_away() -> None:
    made = plan(*pair("gone", "factory-reset", ON))
    assert [step.needs for step in made.steps] == [{}, ON, {}]
    assert made.restarts == made.bound == 2


def test_one_part_alone_is_an_ordinary_test() -> None:
    before, after = pair("kept", "power-cycle", ON)
    assert entries(plan(before)) == [None, "restart"]
    assert entries(plan(after)) == [None, "power-cycle"]


def test_what_disturbs_runs_last_and_once_per_state() -> None:
    made = plan(item("lockout", ON, alone=True), item("list", ON, alone=True), item("a", ON), item("b"))
    assert [[one.id for one in step.items] for step in made.steps][1:] == [["a", "lockout"], ["list"]]
    assert made.restarts == 3


def test_restarts_inside_tests_count_everywhere() -> None:
    made = plan(item("a", None, alone=True, restarts=2))
    assert (made.restarts, made.bound, made.file_order) == (3, 3, 3)


def test_a_new_certificate_is_self_signed_but_a_self_signed_one_is_not_new() -> None:
    fresh, own = {"certificate": "regenerated"}, {"certificate": "self-signed"}
    made = plan(item("new", fresh), item("own", own), item("telnet", ON))
    assert (len(made.steps), made.restores) == (2, True)
    assert not plan(item("new", fresh)).restores


def test_values_nobody_has_read_yet_meet_no_need() -> None:
    made = plan(item("a", {"telnet": "disable"}), baseline={"http": "disable"})
    assert entries(made) == [None, "restart"]


def test_the_bound_follows_the_values_that_were_found() -> None:
    items = [item("a", ON)]
    assert bound_of(items, FACTORY, FACTORY) == (2, 2)
    assert bound_of(items, {**FACTORY, **ON}, FACTORY) == (0, 0)


def test_changes_between_neighbours_are_few() -> None:
    settings = [
        {"telnet": t, "http": h, "old_tls": "enable"} for t in ("enable", "disable") for h in ("redirect", "disable")
    ]
    made = plan(*(item(f"t{number}", need) for number, need in enumerate(settings)))
    states = [{**FACTORY, **step.needs} for step in made.steps]
    changed = [sum(one[key] != two[key] for key in FACTORY) for one, two in pairwise(states)]
    assert changed == [1, 1, 1, 1]


def test_the_plan_can_be_read() -> None:
    made = plan(item("a", {"port.1.mode": "x", "port.2.mode": "x", "port.4.mode": "x", **ON}), item("b"))
    assert head_line(made) == "np6450: 2 states, 2 restarts (bound 2, file order 2)"
    text = plan_text([made])
    assert "  1  as found           1 test   baseline\n" in text
    assert "  2  restart            1 test   baseline; port.1-2,4.mode=x, telnet=enable\n" in text
    assert text.endswith("puts the unit back")
    assert json.loads(plan_json([made]))[0]["states"][1]["tests"] == ["a"]
    assert "          a" in plan_text([made], details=True)
    assert plan_text([]) == "no test needs a unit"
