"""A failure as text that can be understood without the source."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from nportlab.report.record import ControlRecord, FaultRecord, RunRecord
from nportlab.verdicts.verdict import TestResult, Verdict

_TITLES = {
    Verdict.FAIL: "FAIL",
    Verdict.INCONCLUSIVE: "INCONCLUSIVE",
    Verdict.WAIVED: "WAIVED",
    Verdict.INFORMATIONAL: "NOTE",
}
_INDENT = 6
_LABEL = 10
_LINES = 6


def title(result: TestResult) -> str:
    """FAIL, LAB FAULT, CONFIG FAULT, HARNESS BUG, INCONCLUSIVE ...: who is to act."""
    if result.verdict is Verdict.ERROR:
        return result.title or "ERROR"
    return _TITLES.get(result.verdict, result.verdict.value.upper())


def again(result: TestResult) -> str:
    """The command that repeats one test."""
    allowed = " --allow-flash" if result.flash else ""
    if result.controls and result.unit:
        return f'pytest -k "{result.controls[0]} and {result.unit}"{allowed}'
    return f"pytest '{result.test}'"


def guide_line(result: TestResult, controls: dict[str, ControlRecord]) -> str:
    """Section and statement of the first control a result judges."""
    known = [controls[control] for control in result.controls if control in controls]
    return f"{known[0].section}: {known[0].statement}" if known else ""


def rows(result: TestResult, controls: dict[str, ControlRecord]) -> list[tuple[str, str]]:
    """Label and text of everything there is to say about a result, most important first; empty ones left out."""
    evidence = result.evidence[0] if result.evidence else ""
    listed = [
        ("guide", guide_line(result, controls)),
        ("resource", result.resource),
        ("expected", result.expected),
        ("seen", result.seen),
        ("control", result.positive_control),
        ("because", result.reason if result.reason != result.summary else ""),
        ("remedy", result.remedy),
        ("waiver", result.waiver),
        ("evidence", evidence),
        ("again", again(result)),
    ]
    return [(label, text) for label, text in listed if text]


def block(result: TestResult, controls: dict[str, ControlRecord], width: int = 120) -> str:
    """The failure as it is shown in a terminal."""
    head = "  ".join(part for part in (title(result), ", ".join(result.controls), result.unit, result.summary) if part)
    lines = [head]
    for label, text in rows(result, controls):
        lines += _row(label, text, width)
    return "\n".join(lines)


def fold(results: Iterable[TestResult]) -> list[tuple[TestResult, list[TestResult]]]:
    """Results that say the same thing of the same resource and unit (a lock, a dead switch), told once.

    Fails are never folded: each is about its own controls.
    """
    found: dict[tuple[object, ...], tuple[TestResult, list[TestResult]]] = {}
    for number, result in enumerate(results):
        same = (title(result), result.resource, result.unit, result.summary, result.phase)
        key = (number,) if result.verdict is Verdict.FAIL else same
        if key in found:
            found[key][1].append(result)
        else:
            found[key] = (result, [])
    return list(found.values())


def folded_block(
    result: TestResult, others: list[TestResult], controls: dict[str, ControlRecord], width: int = 120
) -> str:
    """One block for results that say the same."""
    shown = block(result, controls, width)
    if not others:
        return shown
    more = dict.fromkeys(control for other in others for control in other.controls or (other.test,))
    tests = f"{len(others)} more test{'' if len(others) == 1 else 's'}: {', '.join(more)}"
    return "\n".join([shown, *_row("the same", tests, width)])


def fault_block(fault: FaultRecord, width: int = 120) -> str:
    """A fault that is no test's result."""
    who = f"{fault.resource or fault.unit}: " if fault.resource or fault.unit else ""
    lines = [f"{fault.title}  {who}{fault.message}"]
    if fault.remedy:
        lines += _row("remedy", fault.remedy, width)
    return "\n".join(lines)


def _row(label: str, text: str, width: int) -> list[str]:
    begin = " " * _INDENT + label.ljust(_LABEL)
    room = max(width - len(begin), 20)
    wrapped: list[str] = []
    for line in text.splitlines():
        if label in ("evidence", "again"):  # to be copied whole
            wrapped.append(line)
            continue
        wrapped += textwrap.wrap(line, room, break_on_hyphens=False, break_long_words=False) or [""]
    if len(wrapped) > _LINES:
        wrapped = [*wrapped[: _LINES - 1], "..."]
    return [(begin if number == 0 else " " * len(begin)) + line for number, line in enumerate(wrapped)]


_WORDS = {
    Verdict.PASS: "passed",
    Verdict.FAIL: "failed",
    Verdict.INCONCLUSIVE: "inconclusive",
    Verdict.WAIVED: "waived",
    Verdict.NOT_APPLICABLE: "not applicable",
    Verdict.INFORMATIONAL: "informational",
    Verdict.NOT_REVIEWED: "not reviewed",
}
_ORDER = ("passed", "failed", "lab fault", "config fault", "harness bug", "error", *list(_WORDS.values())[2:])
_COUNTABLE = {"lab fault", "config fault", "harness bug", "error"}


def word(result: TestResult) -> str:
    """`passed`, `failed`, `lab fault` ...: what a result is counted as."""
    return _WORDS.get(result.verdict) or title(result).lower()


def counts(record: RunRecord) -> list[tuple[int, str]]:
    """How many results of each kind, in reading order, with the word that fits the number."""
    found: dict[str, int] = {}
    for result in record.results:
        found[word(result)] = found.get(word(result), 0) + 1
    named = [(found[name], name) for name in _ORDER if name in found]
    return [(number, f"{name}s" if name in _COUNTABLE and number > 1 else name) for number, name in named]


def count_line(record: RunRecord) -> str:
    """`831 passed, 2 failed, 1 lab fault, 4 waived, 9 not applicable`; `nothing ran` when there is no result."""
    return ", ".join(f"{number} {name}" for number, name in counts(record)) or "nothing ran"


def restart_line(record: RunRecord) -> str:
    """`restarts: used 27, lower bound 25, file order would take 398`; empty when nothing was planned."""
    if not record.plan:
        return ""
    used = sum(restart.cause != "restore" for restart in record.restarts)
    bound = sum(plan.lower_bound for plan in record.plan)
    file_order = sum(plan.file_order for plan in record.plan)
    return f"restarts: used {used}, lower bound {bound}, file order would take {file_order}"
