"""Each seeded defect makes the checks of its controls fail, and no check of another control."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from nportlab.guide.defects import Defect, defects
from nportlab.report.coverage import coverage
from nportlab.report.record import RunRecord
from nportlab.verdicts.verdict import Verdict
from selftests.defects.conftest import Runs
from selftests.defects.rack import TOP, unit_of

GROUP_SIZE = 12
TESTED = {row.id for row in coverage(TOP / "tests") if row.tests}
SEEDED = [defect for defect in defects().values() if TESTED & set(defect.proves)]


def groups(seeded: Sequence[Defect]) -> list[list[Defect]]:
    """Those of one run each: few enough, and with the same firmware images in the lab. Runs that flash, the longest,
    come first."""
    alike: dict[tuple[str, str] | None, list[Defect]] = {}
    for defect in sorted(seeded, key=lambda defect: defect.images is None):
        alike.setdefault(defect.images, []).append(defect)
    return [same[start : start + GROUP_SIZE] for same in alike.values() for start in range(0, len(same), GROUP_SIZE)]


GROUPS = groups(SEEDED)


@pytest.mark.parametrize(
    ("number", "defect"),
    [pytest.param(number, defect, id=defect.id) for number, group in enumerate(GROUPS) for defect in group],
)
@pytest.mark.timeout(1200)
def test_the_defect_is_caught_and_named(number: int, defect: Defect, defect_runs: Runs) -> None:
    run = defect_runs(number, GROUPS[number])
    unit = unit_of(defect)
    loopback = next((seen.network_reason for seen in run.units if seen.network == "loopback"), None)
    missing = [need for need in defect.needs if need in ("capture", "broadcast")]
    if loopback is not None and missing:
        pytest.skip(f"the rack of this host has no {' and no '.join(missing)}: {loopback}")
    results = [result for result in run.results if result.unit == unit]
    assert results, f"no check ran on a unit with {defect.id}\n{_faults(run)}"
    verdicts = _verdicts(run, unit)
    caught = {control for control, verdict in verdicts.items() if verdict is Verdict.FAIL}
    must = TESTED & set(defect.proves)
    assert must <= caught, f"not caught: {sorted(must - caught)}; verdicts {verdicts}\n{_reasons(run, unit)}"
    assert caught <= set(defect.controls), f"blamed as well: {sorted(caught - set(defect.controls))}"


def _verdicts(run: RunRecord, unit: str) -> dict[str, Verdict]:
    cells = {control.id: control.units[unit] for control in run.controls if unit in control.units}
    return {control: cell.verdict for control, cell in cells.items() if cell.verdict is not Verdict.NOT_REVIEWED}


def _reasons(run: RunRecord, unit: str) -> str:
    return "\n".join(
        f"{result.verdict} {result.test}: {result.summary or result.reason}"
        for result in run.results
        if result.unit == unit
    )


def _faults(run: RunRecord) -> str:
    return "\n".join(f"{fault.title} {fault.resource}: {fault.message}" for fault in run.faults)
