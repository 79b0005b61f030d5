"""From the exception that ended a test to its verdict; the one place where blame is decided."""

from __future__ import annotations

from typing import Literal

from nportlab.verdicts.faults import HarnessError, Inconclusive, Informational, NotApplicable
from nportlab.verdicts.verdict import Verdict, worst

Phase = Literal["setup", "call", "teardown"]


def classify(exception: BaseException | None, phase: Phase = "call") -> Verdict:
    """The verdict an exception leads to; None (the test just ended) is a pass.

    An assertion blames the unit only in the test itself: one that fails while a fixture is set up or torn down is an
    error of the harness. pytest's own outcomes are known by name, so that the library does not import pytest: a skip is
    not applicable, `pytest.fail` and an unmet `pytest.raises` count as assertions, a time-out proves nothing.
    """
    match exception:
        case None:
            return Verdict.PASS
        case HarnessError():
            # A unit that misbehaves while the bench is prepared or put back was not being judged by this test.
            if phase != "call" and exception.verdict is Verdict.FAIL and not exception.judges_in_setup:
                return Verdict.INCONCLUSIVE if phase == "setup" else Verdict.ERROR
            return exception.verdict
        case NotApplicable():
            return Verdict.NOT_APPLICABLE
        case Inconclusive():
            return Verdict.INCONCLUSIVE
        case Informational():
            return Verdict.INFORMATIONAL
        case AssertionError():
            return Verdict.FAIL if phase == "call" else Verdict.ERROR
        case BaseExceptionGroup():
            return _group(exception, phase)
        case KeyboardInterrupt() | SystemExit():
            return Verdict.NOT_REVIEWED
    return _pytest_outcome(exception, phase)


def _group(group: BaseExceptionGroup[BaseException], phase: Phase) -> Verdict:
    return worst(classify(inner, phase) for inner in group.exceptions)


def _pytest_outcome(exception: BaseException, phase: Phase) -> Verdict:
    bases = {base.__name__ for base in type(exception).__mro__ if base.__module__ == "_pytest.outcomes"}
    # pytest gives its outcomes the module `builtins` for nicer tracebacks; their common base keeps its own.
    if not bases:
        return Verdict.ERROR
    match type(exception).__name__:
        case "Skipped":
            return Verdict.NOT_APPLICABLE
        case "Exit":
            return Verdict.NOT_REVIEWED
        case "Failed" if str(exception).startswith("Timeout"):
            return Verdict.INCONCLUSIVE
        case "Failed" | "XFailed":
            return Verdict.FAIL if phase == "call" else Verdict.ERROR
    return Verdict.ERROR
