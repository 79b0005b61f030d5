from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from nportlab.verdicts.problems import Problems
from nportlab.verdicts.verdict import TestResult, Verdict
from nportlab.verdicts.waivers import UnitFacts, Waiver, apply_waivers, expiring, load_waivers, unneeded

CONTROLS = {"CON-05", "TLS-01", "SVC-07"}
UNITS = [UnitFacts("np6150", "NP6150", "2.3"), UnitFacts("np6650", "NP6650-16", "2.3")]
TODAY = date(2026, 11, 23)
GOOD = """
waivers:
  - control: CON-05
    scope: {model: "NP66*", firmware: 2.3}
    reason: accepted for the old panel
    owner: maria.k
    expires: 2026-11-23
    ticket: NET-1
"""


def load(tmp_path: Path, text: str) -> list[Waiver]:
    path = tmp_path / "waivers.yaml"
    path.write_text(text)
    return load_waivers(path, CONTROLS, UNITS, today=TODAY)


def problems(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(Problems) as caught:
        load(tmp_path, text)
    return [f"{problem.line}: {problem.path}: {problem.message}" for problem in caught.value.problems]


def entry(**changes: str | None) -> str:
    values = {"control": "CON-05", "reason": "r", "owner": "o", "expires": "2027-01-01", **changes}
    lines = [f"{key}: {value}" for key, value in values.items() if value is not None]
    return "waivers:\n  - " + "\n    ".join(lines) + "\n"


def result(verdict: Verdict = Verdict.FAIL, *controls: str, model: str = "NP6650-16") -> TestResult:
    return TestResult("t", "np6650", verdict, controls or ("CON-05",), model=model, firmware="2.3")


def test_the_last_day_still_counts(tmp_path: Path) -> None:
    [waiver] = load(tmp_path, GOOD)
    assert waiver.covers(UNITS[1])
    assert not waiver.covers(UNITS[0])
    assert str(waiver) == (
        "CON-05 on model NP66*, firmware 2.3, until 2026-11-23, by maria.k: accepted for the old panel (NET-1)"
    )


@pytest.mark.parametrize("text", ["", "waivers: []\n", "waivers:\n", "# nothing\n"])
def test_no_waivers(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, text) == []


def test_no_file_means_no_waivers_unless_it_was_named(tmp_path: Path) -> None:
    missing = tmp_path / "waivers.yaml"
    assert load_waivers(missing, CONTROLS, UNITS) == []
    with pytest.raises(Problems, match="no such file"):
        load_waivers(missing, CONTROLS, UNITS, required=True)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (entry(control="CON-5"), "2: waivers.0.control: unknown control 'CON-5' (did you mean 'CON-05'?)"),
        (entry(reason=None), "2: waivers.0: key 'reason' is missing"),
        (entry(reason='" "'), "3: waivers.0.reason: must not be empty"),
        (entry(owner=None), "2: waivers.0: key 'owner' is missing"),
        (entry(expires="2026-11-22"), "5: waivers.0.expires: expired on 2026-11-22; today is 2026-11-23 (UTC)"),
        (entry(expires="soon"), "5: waivers.0.expires: 'soon' is not a date such as 2027-01-31"),
        (entry(scope="{unit: np9}"), "6: waivers.0.scope: matches no unit of the lab"),
        (entry(scope="{untit: np6150}"), "6: waivers.0.scope: unknown key 'untit' (did you mean 'unit'?)"),
        (entry(reasn="x"), "6: waivers.0: unknown key 'reasn' (did you mean 'reason'?)"),
        ("waivers: {}\n", "1: : the file must be a mapping with one key, `waivers`, that holds a list"),
        ("- x\n", "1: : the file must be a mapping with one key, `waivers`, that holds a list"),
        ("waivers:\n  - x\n", "2: waivers.0: must be a mapping (indented `key: value` lines)"),
    ],
)
def test_what_stops_the_run(tmp_path: Path, text: str, problem: str) -> None:
    assert problem in problems(tmp_path, text)


def test_all_problems_at_once(tmp_path: Path) -> None:
    found = problems(tmp_path, entry(control="X", owner=None) + entry(control="X").replace("waivers:\n", ""))
    assert [line.partition(":")[0] for line in found] == ["2", "5"]


def test_one_control_waived_twice_for_the_same_units(tmp_path: Path) -> None:
    [problem] = problems(tmp_path, GOOD + GOOD.replace("waivers:\n", ""))
    assert problem == "10: waivers.1: CON-05 is waived for the same scope on line 3 already"


def test_a_waiver_makes_a_fail_waived_never_a_pass(tmp_path: Path) -> None:
    waivers = load(tmp_path, GOOD)
    waived = apply_waivers(result(), waivers)
    assert waived.verdict is Verdict.WAIVED
    assert waived.waived == ("CON-05",)
    assert "maria.k" in waived.waiver
    for verdict in set(Verdict) - {Verdict.FAIL}:
        assert apply_waivers(result(verdict), waivers) == result(verdict)


def test_a_fail_of_two_controls_stays_a_fail_when_one_is_waived(tmp_path: Path) -> None:
    partly = apply_waivers(result(Verdict.FAIL, "CON-05", "TLS-01"), load(tmp_path, GOOD))
    assert partly.verdict is Verdict.FAIL
    assert partly.waived == ("CON-05",)


def test_out_of_scope_nothing_is_waived(tmp_path: Path) -> None:
    other = replace(result(model="NP6150"), unit="np6150")
    assert apply_waivers(other, load(tmp_path, GOOD)) == other


def test_a_waiver_whose_control_passes_is_no_longer_needed(tmp_path: Path) -> None:
    waivers = load(tmp_path, GOOD)
    assert unneeded(waivers, [result(Verdict.PASS)]) == waivers
    assert unneeded(waivers, [result(Verdict.PASS), result(Verdict.WAIVED)]) == []
    assert unneeded(waivers, []) == []
    assert unneeded(waivers, [result(Verdict.NOT_APPLICABLE)]) == []


@pytest.mark.parametrize(("end", "soon"), [(date(2026, 12, 6), True), (date(2026, 12, 7), False)])
def test_less_than_fourteen_days_is_soon(tmp_path: Path, end: date, soon: bool) -> None:
    waiver = replace(load(tmp_path, GOOD)[0], expires=end)
    assert bool(expiring([waiver], TODAY)) is soon
