"""Runs of the suites against defective units, shared by the tests that look at their results."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nportlab.guide.defects import Defect
from nportlab.report.record import RunRecord
from selftests.defects.rack import run_suites, write_lab

Runs = Callable[[int, list[Defect]], RunRecord]


@pytest.fixture(scope="session")
def defect_runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """The run of a group of defects, made when the first of its tests asks; all of them ask in one process."""
    made: dict[int, RunRecord | None] = {}

    def run(number: int, group: list[Defect]) -> RunRecord:
        if number not in made:
            made[number] = None
            folder = tmp_path_factory.mktemp(f"defects-{number}", numbered=False)
            # Its units one after another: other groups run beside it.
            made[number] = run_suites(folder, write_lab(folder, group), "--defects-only", workers=0)
        record = made[number]
        if record is None:
            pytest.fail(f"the run of {', '.join(defect.id for defect in group)} did not end; see the first of them")
        return record

    return run
