"""A healthy unit passes every check, so that a fail means something."""

from __future__ import annotations

from pathlib import Path

import pytest

from nportlab.verdicts.verdict import ExitCode, Verdict
from selftests.defects.rack import run_suites, write_lab


@pytest.mark.timeout(1200)
def test_a_healthy_unit_passes_every_check(tmp_path: Path) -> None:
    run = run_suites(tmp_path, write_lab(tmp_path, [], healthy=["NP6450"]), workers=0)
    wrong = [
        f"{result.verdict} {result.test}: {result.summary or result.reason}"
        for result in run.results
        if result.verdict not in (Verdict.PASS, Verdict.NOT_APPLICABLE)
    ]
    assert wrong == []
    assert run.faults == []
    assert run.exit_code == ExitCode.OK
    covered = [control for control in run.controls if control.covered]
    assert covered, "no control is covered"
    not_passed = [control.id for control in covered if control.units["np6450"].verdict is not Verdict.PASS]
    loopback = any(unit.network == "loopback" for unit in run.units)
    assert not_passed == [] or loopback, "covered controls that did not pass on a healthy unit"
