"""A healthy unit passes every check, so that a fail means something."""

from __future__ import annotations

from pathlib import Path

import pytest

from nportlab.report.record import RunRecord
from nportlab.verdicts.verdict import ExitCode, Verdict
from selftests.defects.rack import LATEST, run_suites, write_lab

OF_OLD_FIRMWARE = {"ACC-02", "ACC-03"}
"""Controls about firmware before 2.0."""

OF_FLASHING = {"LOG-12", *(f"FWU-{number:02}" for number in (4, 5, 6, 7, 8, 9, 10, 13, 14))}
"""Controls that are seen only on a unit which is given other firmware."""

OF_THE_6450 = {"FWU-08", "FWU-09"}
"""Those of the one step an NP6450 does not take by web."""

RUN_BEFORE_2_0 = "not PSI-01 and (not operation_modes or test_data_integrity)"
"""All but its published flaws, and the operation modes, which are the same in every firmware of a virtual unit."""


@pytest.mark.timeout(1200)
def test_a_healthy_unit_passes_every_check(tmp_path: Path) -> None:
    run = run_suites(tmp_path, write_lab(tmp_path, [], healthy=["NP6450"]), workers=0)
    nothing_but(run, Verdict.PASS, Verdict.NOT_APPLICABLE)
    elsewhere = OF_OLD_FIRMWARE | OF_FLASHING
    covered = [control for control in run.controls if control.covered and control.id not in elsewhere]
    assert covered, "no control is covered"
    not_passed = [control.id for control in covered if control.units["np6450"].verdict is not Verdict.PASS]
    loopback = any(unit.network == "loopback" for unit in run.units)
    assert not_passed == [] or loopback, "covered controls that did not pass on a healthy unit"


@pytest.mark.parametrize(
    ("model", "firmware", "images", "suites", "controls"),
    [
        ("NP6150", LATEST, ("2.3", LATEST), (), OF_FLASHING - OF_THE_6450),
        ("NP6450", "1.21", ("1.21", "2.0"), ("-k", "test_upgrade_paths or test_forbidden_steps"), OF_THE_6450),
    ],
)
@pytest.mark.timeout(1200)
def test_a_healthy_unit_passes_every_check_of_flashing(
    tmp_path: Path, model: str, firmware: str, images: tuple[str, str], suites: tuple[str, ...], controls: set[str]
) -> None:
    lab = write_lab(tmp_path, [], healthy=[model], healthy_firmware=firmware, images=images)
    run = run_suites(tmp_path, lab, "-m", "firmware", *suites, workers=0)
    nothing_but(run, Verdict.PASS, Verdict.NOT_APPLICABLE)
    verdicts = {control.id: control.units[model.lower()].verdict for control in run.controls}
    assert {control: verdicts[control] for control in controls} == dict.fromkeys(controls, Verdict.PASS)


@pytest.mark.timeout(1200)
def test_a_healthy_unit_with_firmware_before_2_0_fails_nothing(tmp_path: Path) -> None:
    lab = write_lab(tmp_path, [], healthy=["NP6450"], healthy_firmware="1.21")
    run = run_suites(tmp_path, lab, "-k", RUN_BEFORE_2_0, workers=0)
    nothing_but(run, Verdict.PASS, Verdict.NOT_APPLICABLE, Verdict.INFORMATIONAL)
    verdicts = {control.id: control.units["np6450"].verdict for control in run.controls if control.covered}
    assert {verdicts[control] for control in OF_OLD_FIRMWARE} == {Verdict.PASS}


def nothing_but(run: RunRecord, *verdicts: Verdict) -> None:
    """Every result is one of these, and nothing went wrong beside."""
    wrong = [
        f"{result.verdict} {result.test}: {result.summary or result.reason}"
        for result in run.results
        if result.verdict not in verdicts
    ]
    assert wrong == []
    assert run.faults == []
    assert run.exit_code == ExitCode.OK
