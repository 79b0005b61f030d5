"""The control matrix: every control of the catalogue, what covers it, and its verdict on every unit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nportlab.report.record import CellRecord, ControlRecord
from nportlab.verdicts.verdict import TestResult, control_verdict


@dataclass(frozen=True)
class Coverage:
    """A control and what there is to check it with."""

    id: str
    section: str
    statement: str
    markers: tuple[str, ...] = ()
    iec: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    """Node ids of the tests that judge it."""
    defects: tuple[str, ...] = ()
    """Seeded defects that its tests must catch."""
    covered: bool = False
    """It has a test, and a defect that shows the test can fail."""
    reason: str = ""
    """Why it is not covered."""
    contradiction: str = ""


def control_records(
    coverage: Sequence[Coverage], results: Iterable[TestResult], units: Sequence[str]
) -> list[ControlRecord]:
    """One record per control, in catalogue order; a control without a result says why for every unit."""
    by_control: dict[tuple[str, str], list[TestResult]] = defaultdict(list)
    for result in results:
        for control in dict.fromkeys(result.controls):
            by_control[control, result.unit].append(result)
    records = []
    for row in coverage:
        missing = "not selected in this run" if row.tests else row.reason or "no test yet"
        cells: dict[str, CellRecord] = {}
        for unit in units:
            verdict = control_verdict(row.id, unit, by_control[row.id, unit], missing)
            cells[unit] = CellRecord(
                verdict=verdict.verdict, reason=verdict.reason, tests=verdict.tests, evidence=verdict.evidence
            )
        records.append(
            ControlRecord(
                id=row.id,
                section=row.section,
                statement=row.statement,
                markers=row.markers,
                iec=row.iec,
                tests=row.tests,
                defects=row.defects,
                covered=row.covered,
                reason=row.reason,
                contradiction=row.contradiction,
                units=cells,
            )
        )
    return records
