"""Putting a run together from what its processes wrote, also when some of them did not live to the end."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from nportlab.report.matrix import Coverage, control_records
from nportlab.report.record import FaultRecord, PlanRecord, RestartRecord, RunRecord, UnitRecord
from nportlab.report.run import PARTS
from nportlab.verdicts.verdict import TestResult, Verdict

_FIELDS = {field.name for field in fields(TestResult)}
_TUPLES = {"controls", "evidence", "waived"}


def assemble(folder: Path, coverage: Sequence[Coverage], extra_lines: Iterable[str] = ()) -> RunRecord:
    """The record of a run from its parts. extra_lines: what a process could only keep in memory.

    A line cut short by a crash or a full disk is dropped; a test that began and has no result is `not-reviewed`, with
    the reason that its process ended.
    """
    lines = [*_lines(folder / PARTS), *extra_lines]
    record = RunRecord(run=folder.name, lab="", started="")
    begun: dict[tuple[str, str], dict[str, Any]] = {}
    results: dict[tuple[str, str, str], TestResult] = {}
    units: dict[str, UnitRecord] = {}
    plans: dict[str, PlanRecord] = {}
    for content in _parsed(lines):
        kind = content.pop("line")
        match kind:
            case "run":
                record = record.model_copy(update={k: v for k, v in content.items() if k in RunRecord.model_fields})
            case "begin":
                begun[content["test"], content["unit"]] = content
            case "result":
                result = _result(content)
                results[result.test, result.unit, result.started] = result
            case "unit":
                units[content["name"]] = UnitRecord(**content)
            case "plan":
                plans[content["unit"]] = PlanRecord(**content)
            case "restart":
                record.restarts.append(RestartRecord(**content))
            case "fault":
                record.faults.append(FaultRecord(**content))
            case "note" if content["text"] not in record.notes:
                record.notes.append(content["text"])
            case "waivers":
                record.waivers = list(content["waivers"])
                record.waivers_expiring = list(content["expiring"])
    ended = {(test, unit) for test, unit, _ in results}
    for (test, unit), content in begun.items():
        if (test, unit) not in ended:
            lost = _lost(content, units.get(unit))
            results[test, unit, lost.started] = lost
    record.results = sorted(results.values(), key=lambda result: (result.started, result.unit, result.test))
    record.units = [units[name] for name in sorted(units)]
    record.plan = [plans[name] for name in sorted(plans)]
    names = sorted({*units, *(result.unit for result in record.results if result.unit)})
    record.controls = control_records(coverage, record.results, names)
    return record


def _lines(parts: Path) -> Iterable[str]:
    try:
        files = sorted(
            (path for path in parts.glob("*.jsonl") if path.is_file()),
            key=lambda path: (path.stem != "main", path.stem),
        )
    except OSError:
        return
    for path in files:
        try:
            yield from path.read_text(encoding="utf-8", errors="replace").split("\n")
        except OSError:
            continue


def _parsed(lines: Iterable[str]) -> Iterable[dict[str, Any]]:
    for line in lines:
        try:
            content = json.loads(line)
        except ValueError:
            continue
        if isinstance(content, dict) and "line" in content:
            yield content


def _result(content: dict[str, Any]) -> TestResult:
    known = {key: tuple(value) if key in _TUPLES else value for key, value in content.items() if key in _FIELDS}
    return TestResult(**{**known, "verdict": Verdict(known["verdict"])})


def _lost(begun: dict[str, Any], unit: UnitRecord | None) -> TestResult:
    return TestResult(
        test=begun["test"],
        unit=begun["unit"],
        verdict=Verdict.NOT_REVIEWED,
        controls=tuple(begun["controls"]),
        reason="the run ended during this test",
        started=begun["started"],
        model=unit.model if unit else "",
        firmware=unit.firmware if unit else "",
        rack=unit.rack if unit else "",
    )
