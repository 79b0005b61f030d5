"""index.html: the run at a glance and the control matrix, in one file without anything from elsewhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from nportlab.report import failure
from nportlab.report.record import ControlRecord, RunRecord, UnitRecord
from nportlab.report.templating import template
from nportlab.verdicts.verdict import WORST_FIRST, ExitCode, TestResult, Verdict

SYMBOLS = {
    Verdict.PASS: "✓",
    Verdict.FAIL: "✕",
    Verdict.ERROR: "!",
    Verdict.INCONCLUSIVE: "?",
    Verdict.NOT_APPLICABLE: "–",
    Verdict.NOT_REVIEWED: "○",
    Verdict.WAIVED: "w",
    Verdict.INFORMATIONAL: "i",
}
"""Beside the word, so that colour is never the only sign."""

_HEADLINES = {
    ExitCode.OK: ("pass", "Passed"),
    ExitCode.UNIT_FAILURES: ("fail", "Unit failures"),
    ExitCode.INTERRUPTED: ("inconclusive", "Interrupted"),
    ExitCode.INTERNAL: ("error", "The harness failed"),
    ExitCode.CONFIG_FAULT: ("error", "Configuration fault"),
    ExitCode.NOTHING_RAN: ("inconclusive", "Nothing was judged"),
    ExitCode.LAB_FAULT: ("error", "Lab fault"),
    ExitCode.INCONCLUSIVE: ("inconclusive", "Inconclusive"),
}


@dataclass(frozen=True)
class UnitRow:
    """A unit with its counts and restarts."""

    unit: UnitRecord
    counts: list[tuple[Verdict, int]]
    used: int
    restores: int
    bound: int | None
    file_order: int | None
    states: int | None


@dataclass(frozen=True)
class Detail:
    """One result as its reader sees it: heading, rows, longer text."""

    title: str
    result: TestResult
    rows: list[tuple[str, str]]
    others: list[TestResult]
    """Results that say the same."""


def render_page(record: RunRecord) -> str:
    """The page of a run."""
    controls = {control.id: control for control in record.controls}
    by_verdict: dict[Verdict, list[TestResult]] = defaultdict(list)
    for result in record.results:
        by_verdict[result.verdict].append(result)
    kind, headline = _HEADLINES.get(ExitCode(record.exit_code), ("error", "Ended unexpectedly"))
    return template("index.html.j2").render(
        record=record,
        kind=kind,
        headline=headline if record.complete else f"{headline}, not complete",
        counts=failure.counts(record),
        seconds=_seconds(record),
        restart_line=failure.restart_line(record),
        units=[_unit_row(record, unit) for unit in record.units],
        failures=_details(by_verdict[Verdict.FAIL], controls),
        lab_faults=_details(by_verdict[Verdict.ERROR], controls),
        inconclusive=_details(by_verdict[Verdict.INCONCLUSIVE], controls),
        waived=_details(by_verdict[Verdict.WAIVED], controls),
        informational=_details(by_verdict[Verdict.INFORMATIONAL], controls),
        not_applicable=_grouped(by_verdict[Verdict.NOT_APPLICABLE]),
        not_reviewed=_grouped(by_verdict[Verdict.NOT_REVIEWED]),
        not_covered=_not_covered(record.controls),
        covered=sum(control.covered for control in record.controls),
        sections=_sections(record.controls),
        verdicts=WORST_FIRST,
        symbols=SYMBOLS,
        results=_results_by_control(record.results),
        unit_names=_unit_names(record),
        href=_href,
        test_name=_test_name,
    )


def _details(results: Iterable[TestResult], controls: dict[str, ControlRecord]) -> list[Detail]:
    return [
        Detail(failure.title(result), result, failure.rows(result, controls), others)
        for result, others in failure.fold(results)
    ]


def _unit_row(record: RunRecord, unit: UnitRecord) -> UnitRow:
    mine = [result.verdict for result in record.results if result.unit == unit.name]
    restarts = [restart for restart in record.restarts if restart.unit == unit.name]
    plan = next((plan for plan in record.plan if plan.unit == unit.name), None)
    return UnitRow(
        unit=unit,
        counts=[(verdict, mine.count(verdict)) for verdict in Verdict if verdict in mine],
        used=sum(restart.cause != "restore" for restart in restarts),
        restores=sum(restart.cause == "restore" for restart in restarts),
        bound=plan.lower_bound if plan else None,
        file_order=plan.file_order if plan else None,
        states=plan.states if plan else None,
    )


def _unit_names(record: RunRecord) -> list[str]:
    named = {unit for control in record.controls for unit in control.units}
    return sorted({*named, *(unit.name for unit in record.units)})


def _results_by_control(results: Iterable[TestResult]) -> dict[str, dict[str, list[TestResult]]]:
    """control -> test function -> its results on every unit."""
    found: dict[str, dict[str, list[TestResult]]] = defaultdict(lambda: defaultdict(list))
    for result in results:
        for control in dict.fromkeys(result.controls):
            found[control][result.test.partition("[")[0]].append(result)
    return {control: dict(tests) for control, tests in found.items()}


def _grouped(results: Iterable[TestResult]) -> list[tuple[str, list[TestResult]]]:
    """Results by reason, most frequent reason first."""
    by_reason: dict[str, list[TestResult]] = defaultdict(list)
    for result in results:
        by_reason[result.reason or "no reason given"].append(result)
    return sorted(by_reason.items(), key=lambda item: (-len(item[1]), item[0]))


def _not_covered(controls: Iterable[ControlRecord]) -> list[tuple[str, list[ControlRecord]]]:
    by_reason: dict[str, list[ControlRecord]] = defaultdict(list)
    for control in controls:
        if not control.covered:
            by_reason[control.reason].append(control)
    return sorted(by_reason.items(), key=lambda item: (-len(item[1]), item[0]))


def _sections(controls: Iterable[ControlRecord]) -> list[str]:
    return list(dict.fromkeys(control.section for control in controls))


def _seconds(record: RunRecord) -> str:
    try:
        spent = datetime.fromisoformat(record.ended) - datetime.fromisoformat(record.started)
    except ValueError:
        return ""
    minutes, seconds = divmod(round(spent.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s"


def _href(path: str) -> str:
    return quote(path)


def _test_name(node: str) -> Any:
    """`tests/hardening/test_tls.py::TestA::test_b` -> `test_tls.py::TestA::test_b`."""
    path, separator, rest = node.partition("::")
    return path.rpartition("/")[2] + separator + rest
