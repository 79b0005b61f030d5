"""Runs of the suites against defective units, shared by the tests that look at their results."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from nportlab.guide.defects import Defect
from nportlab.report.record import RunRecord, load_run
from selftests.defects.rack import run_suites, write_lab

Runs = Callable[[int, list[Defect]], RunRecord]


@pytest.fixture(scope="session")
def defect_runs(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Runs:
    """The run of a group of defects: made by the worker process that asks first, read by the others."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent

    def run(number: int, group: list[Defect]) -> RunRecord:
        folder: Path = shared / f"defects-{number}"
        with FileLock(f"{folder}.lock"):
            if not folder.exists():
                folder.mkdir()
                run_suites(folder, write_lab(folder, group), "--defects-only")
            return load_run(folder / "reports" / "latest")

    return run
