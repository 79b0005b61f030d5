from __future__ import annotations

from pathlib import Path

import pytest

from nportlab.inventory import InventoryErrors, Lab, load_lab
from nportlab.inventory.limits import AtLeast, AtMost, Band, LimitsShape, limit, worst_band
from selftests.inventory.mistakes import VIRTUAL


def load(tmp_path: Path, limits: str) -> Lab:
    path = tmp_path / "lab.yaml"
    path.write_text(VIRTUAL + limits)
    return load_lab(path)


def first_problem(tmp_path: Path, limits: str) -> str:
    with pytest.raises(InventoryErrors) as caught:
        load(tmp_path, limits)
    problem = caught.value.problems[0]
    return f"{problem.line}: {problem.path}: {problem.message}"


@pytest.mark.parametrize(
    ("value", "band"), [(100.0, "pass"), (99.0, "pass"), (98.999, "marginal"), (97.0, "marginal"), (96.999, "fail")]
)
def test_more_is_better(value: float, band: Band) -> None:
    assert limit(AtLeast, 99, 97).band(value) == band


@pytest.mark.parametrize(
    ("value", "band"), [(0.0, "pass"), (10.0, "pass"), (10.001, "marginal"), (20.0, "marginal"), (20.001, "fail")]
)
def test_less_is_better(value: float, band: Band) -> None:
    assert limit(AtMost, 10, 20).band(value) == band


def test_without_marginal_there_is_no_such_band() -> None:
    assert [limit(AtMost, 0).band(value) for value in (0, 1)] == ["pass", "fail"]
    assert [limit(AtLeast, 5).band(value) for value in (5, 4.9)] == ["pass", "fail"]


def test_the_worst_band_speaks_for_all() -> None:
    assert worst_band(["pass", "marginal", "pass"]) == "marginal"
    assert worst_band(["marginal", "fail", "pass"]) == "fail"
    assert worst_band([]) is None


def test_every_default_is_possible() -> None:
    assert [(name, one.contradiction) for name, one in LimitsShape().named() if one.contradiction] == []


def test_a_limit_replaces_the_default_and_the_others_stay(tmp_path: Path) -> None:
    limits = load(tmp_path, "limits:\n  throughput: {pass: 95}\n").limits
    assert str(limits.throughput) == "≥ 95"
    assert limits.throughput.band(94.9) == "fail"
    assert limits.latency_ms == LimitsShape().latency_ms


LINE = VIRTUAL.count("\n") + 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("throughput: {pass: 97, marginal: 99}", ": more is better here: marginal (99) cannot be above pass (97)"),
        ("latency_ms: {pass: 10, marginal: 5}", ": less is better here: marginal (5) cannot be below pass (10)"),
        ("throughput: {pass: 101}", ".pass: '101' is out of range"),
        ("errors: {pass: -1}", ".pass: '-1' is out of range"),
        ("drift: {pass: .inf}", ".pass: 'inf' is wrong: should be a finite number"),
        ("latency_ms: {marginal: 5}", ": key 'pass' is missing"),
        ("latency_ms: {pass: 5, margin: 7}", ": unknown key 'margin' (did you mean 'marginal'?)"),
        ("errors: {passing: 0}", ": key 'pass' is missing"),
        ("latency_ms: 5", ": must be a mapping"),
    ],
)
def test_mistakes_are_named_with_their_line(tmp_path: Path, text: str, said: str) -> None:
    name = text.partition(":")[0]
    assert first_problem(tmp_path, f"limits:\n  {text}\n").startswith(f"{LINE}: limits.{name}{said}")


def test_an_unknown_limit_is_named(tmp_path: Path) -> None:
    assert "unknown key 'latency' (did you mean 'latency_ms'?)" in first_problem(
        tmp_path, "limits:\n  latency: {pass: 5}\n"
    )
