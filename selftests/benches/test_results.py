from __future__ import annotations

import json
from pathlib import Path

import pytest

from benches.results import Measurement, Results


@pytest.mark.parametrize(
    ("goal", "more", "verdict"),
    [(None, False, ""), (5.0, False, "pass"), (4.9, False, "miss"), (5.0, True, "pass"), (5.1, True, "miss")],
)
def test_a_goal_is_met_or_missed(goal: float | None, more: bool, verdict: str) -> None:
    assert Measurement("start", "s", 5.0, goal, more).verdict == verdict


def test_results_are_kept_and_shown(tmp_path: Path) -> None:
    results = Results("rack")
    results.add("start", "s", 1.23456, 2)
    results.add("units at once", "units", 15, 16, more=True)
    kept = json.loads(results.save(tmp_path / "bench").read_text())
    assert kept["bench"] == "rack"
    assert kept["results"] == [
        {"name": "start", "unit": "s", "value": 1.235, "goal": 2, "verdict": "pass"},
        {"name": "units at once", "unit": "units", "value": 15, "goal": 16, "verdict": "miss"},
    ]
    shown = [line.split() for line in results.table().splitlines()]
    assert shown[1:] == [
        ["start", "1.24", "s", "<=", "2", "pass"],
        ["units", "at", "once", "15.00", "units", ">=", "16", "miss"],
    ]
