"""Whatever the suite, a plan keeps its promises; checked by walking through it with the rules written once more."""

from __future__ import annotations

from hypothesis import given, settings

from nportlab.plan.costs import Costs
from nportlab.plan.need import Item
from nportlab.plan.plan import UnitPlan, plan_unit
from selftests.plan import strategies as some

GIVEN = {"suite": some.suites(), "baseline": some.baselines()}


def plan(suite: list[Item], baseline: dict[str, str]) -> UnitPlan:
    return plan_unit("np6450", suite, baseline, some.FACTORY, Costs())


def wanted(actual: str | None, value: str) -> bool:
    return actual == value or (value == "self-signed" and actual == "regenerated")


@settings(deadline=None, max_examples=100)
@given(**GIVEN)
def test_every_test_runs_once_and_in_a_state_that_meets_its_needs(suite: list[Item], baseline: dict[str, str]) -> None:
    made = plan(suite, baseline)
    assert sorted(item.id for item in made.items) == sorted(item.id for item in suite)
    for step in made.steps:
        state = {**(some.FACTORY if step.base == "factory" else baseline), **step.needs}
        for item in step.items:
            assert all(wanted(state.get(key), value) for key, value in item.need.settings)


@settings(deadline=None, max_examples=100)
@given(**GIVEN)
def test_events_precede_the_tests_that_ask_for_them(suite: list[Item], baseline: dict[str, str]) -> None:
    made = plan(suite, baseline)
    assert made.steps[0].entry is None
    assert all(step.entry for step in made.steps[1:])
    since_reset = False
    for step in made.steps:
        since_reset = step.entry == "factory-reset" or (since_reset and step.base == "factory")
        assert step.base == "baseline" or since_reset
        for item in step.items:
            if item.need.event and item.need.part != "before":
                assert step.entry == item.need.event or (item.need.event == "factory-reset" and since_reset)


@settings(deadline=None, max_examples=100)
@given(**GIVEN)
def test_what_disturbs_or_plants_comes_last_in_its_state(suite: list[Item], baseline: dict[str, str]) -> None:
    both = {item.need.pair for item in suite if item.need.part == "after"}
    for step in plan(suite, baseline).steps:
        assert sum(item.need.alone for item in step.items) <= 1
        late = [item.need.alone or (item.need.part == "before" and item.need.pair in both) for item in step.items]
        assert late == sorted(late)


@settings(deadline=None, max_examples=100)
@given(**GIVEN)
def test_the_two_parts_stand_on_either_side_of_one_event(suite: list[Item], baseline: dict[str, str]) -> None:
    made = plan(suite, baseline)
    place = made.step_of()
    for item in suite:
        other = f"{item.need.pair}.before"
        if item.need.part != "after" or other not in place:
            continue
        after, before = place[item.id], place[other]
        assert before < after
        events = [step.entry for step in made.steps[before + 1 : after + 1]]
        assert events[0] == item.need.event
        # Between the two only states on the way from the reset to other values may lie.
        assert len(events) == 1 or (item.need.event == "factory-reset" and set(events[1:]) == {"restart"})


@settings(deadline=None, max_examples=100)
@given(**GIVEN)
def test_bound_and_file_order_enclose_what_is_used(suite: list[Item], baseline: dict[str, str]) -> None:
    made = plan(suite, baseline)
    assert 0 <= made.bound <= made.restarts <= made.file_order
    inside = sum(item.need.restarts for item in suite)
    end = {**(some.FACTORY if made.steps[-1].base == "factory" else baseline), **made.steps[-1].needs}
    dirty = any(item.need.alone for item in made.steps[-1].items)
    needed = {key for item in suite for key, _ in item.need.settings}
    known = {key: baseline.get(key, "?") for key in {*needed, *baseline}}
    back = dirty or not all(wanted(end.get(key, "?"), value) for key, value in known.items())
    assert made.restarts == len(made.steps) - 1 + inside + back


@settings(deadline=None, max_examples=100)
@given(**GIVEN)
def test_the_same_suite_gives_the_same_plan(suite: list[Item], baseline: dict[str, str]) -> None:
    shuffled = dict(reversed(baseline.items()))
    assert plan(suite, baseline) == plan(list(suite), shuffled)
