"""What the run may say about a test, a control and itself.

A test result carries one verdict; the verdict of a control on a unit is the worst over its tests; the exit code of the
run follows from all results.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum


class Verdict(StrEnum):
    """Why a test ended as it did. Only an assertion about the unit makes a FAIL."""

    PASS = "pass"
    FAIL = "fail"
    ERROR = "error"
    """A fault of the lab, the configuration or the harness; the unit is not blamed."""
    INCONCLUSIVE = "inconclusive"
    """The check ran but what was seen proves neither (a reset instead of an alert, a reply that never came)."""
    NOT_APPLICABLE = "not-applicable"
    """The statement does not concern this unit, firmware or bench; the reason says why."""
    NOT_REVIEWED = "not-reviewed"
    """Nothing looked at it: not selected, interrupted before, or there is no test."""
    WAIVED = "waived"
    """Would be a fail, accepted in waivers.yaml until its date. Still shown."""
    INFORMATIONAL = "informational"
    """A finding worth reading that is neither right nor wrong."""


WORST_FIRST: tuple[Verdict, ...] = (
    Verdict.FAIL,
    Verdict.ERROR,
    Verdict.INCONCLUSIVE,
    Verdict.WAIVED,
    Verdict.NOT_REVIEWED,
    Verdict.PASS,
    Verdict.INFORMATIONAL,
    Verdict.NOT_APPLICABLE,
)
"""Order for aggregation. A pass outranks not-applicable: one test that applied and passed speaks for the control."""


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict that speaks for all of them; NOT_REVIEWED when there is none."""
    return min(verdicts, key=WORST_FIRST.index, default=Verdict.NOT_REVIEWED)


class ExitCode(IntEnum):
    """Exit codes of a run and of `nportlab`. 0-5 keep pytest's meaning."""

    OK = 0
    UNIT_FAILURES = 1
    INTERRUPTED = 2
    INTERNAL = 3
    CONFIG_FAULT = 4
    NOTHING_RAN = 5
    LAB_FAULT = 10
    INCONCLUSIVE = 11


@dataclass(frozen=True)
class TestResult:
    """One test on one unit, with what a reader needs to understand it without the source."""

    __test__ = False  # pytest must not collect this class

    test: str
    """Node id, as pytest takes it on the command line."""
    unit: str
    verdict: Verdict
    controls: tuple[str, ...] = ()
    summary: str = ""
    """One line: what was found. For a fail, the headline."""
    reason: str = ""
    """Why it is not applicable, inconclusive, waived ... ; empty for pass."""
    expected: str = ""
    seen: str = ""
    positive_control: str = ""
    """Where the same probe was seen to succeed, so that absence counts."""
    resource: str = ""
    """For a lab fault: the outlet, adapter, cable, peer or lock that failed."""
    remedy: str = ""
    fault: str = ""
    """Name of the exception class behind the verdict (LabFault, DidNotStick ...); empty for pass."""
    title: str = ""
    """Who is to act, for an error: LAB FAULT, CONFIG FAULT, HARNESS BUG or ERROR."""
    phase: str = "call"
    """setup, call or teardown: where the verdict was decided."""
    started: str = ""
    """UTC, ISO 8601."""
    seconds: float = 0.0
    model: str = ""
    firmware: str = ""
    rack: str = ""
    needs: dict[str, str] = field(default_factory=dict)
    flash: str = ""
    """What the unit was flashed with, "1.21 -> 2.0 by tool"; empty for a test that needs no permission to flash."""
    state: str = ""
    """Evidence path of the full state in force, or empty."""
    evidence: tuple[str, ...] = ()
    """Paths below the run folder."""
    waived: tuple[str, ...] = ()
    """Controls of a fail that waivers.yaml accepts; the verdict is WAIVED when these are all of its controls."""
    waiver: str = ""
    details: str = ""
    """Traceback or longer text, redacted."""


@dataclass(frozen=True)
class ControlVerdict:
    """One control on one unit."""

    control: str
    unit: str
    verdict: Verdict
    tests: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    reason: str = ""


def control_verdict(control: str, unit: str, results: Iterable[TestResult], reason: str = "") -> ControlVerdict:
    """Fold the results of one control on one unit; `reason` is used when there is no result."""
    mine = [result for result in results if result.unit == unit and control in result.controls]
    judged = [(_for_control(control, result), result) for result in mine]
    verdict = worst(each for each, _ in judged)
    reasons = dict.fromkeys(r.reason or r.summary for each, r in judged if each is verdict and (r.reason or r.summary))
    return ControlVerdict(
        control=control,
        unit=unit,
        verdict=verdict,
        tests=tuple(result.test for result in mine),
        evidence=tuple(dict.fromkeys(path for result in mine for path in result.evidence)),
        reason="; ".join(reasons) if mine and verdict is not Verdict.PASS else (reason if not mine else ""),
    )


def _for_control(control: str, result: TestResult) -> Verdict:
    return Verdict.WAIVED if result.verdict is Verdict.FAIL and control in result.waived else result.verdict


_SAYS_NOTHING = {Verdict.NOT_APPLICABLE, Verdict.NOT_REVIEWED}


def exit_code(results: Iterable[TestResult], *, interrupted: bool = False) -> ExitCode:
    """Exit code of a run: unit failures outrank faults of lab, harness and configuration; those outrank inconclusive.

    A run in which nothing was judged (no test, or every test not applicable) is NOTHING_RAN, never green.
    """
    if interrupted:
        return ExitCode.INTERRUPTED
    listed = list(results)
    seen = {result.verdict for result in listed}
    if Verdict.FAIL in seen:
        return ExitCode.UNIT_FAILURES
    if Verdict.ERROR in seen:
        titles = {result.title for result in listed if result.verdict is Verdict.ERROR}
        if "LAB FAULT" in titles:
            return ExitCode.LAB_FAULT
        return ExitCode.CONFIG_FAULT if titles == {"CONFIG FAULT"} else ExitCode.INTERNAL
    if Verdict.INCONCLUSIVE in seen:
        return ExitCode.INCONCLUSIVE
    return ExitCode.NOTHING_RAN if seen <= _SAYS_NOTHING else ExitCode.OK
