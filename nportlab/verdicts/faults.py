"""The error family: who is to blame, and what to do about it.

A failed assertion in a test is the only thing that says "the unit is wrong". Everything else raises one of these, each
with a remedy a lab engineer can act on, and each class knows the verdict it leads to when nothing catches it.
"""

from __future__ import annotations

from typing import ClassVar

from nportlab.verdicts.verdict import ExitCode, Verdict


class HarnessError(Exception):
    """Base of everything the harness raises on purpose.

    message: what happened, one or two sentences, no secrets. remedy: what a person does next.
    resource: what it happened to ("outlet pdu-a/4", "peer syslog", "lock np6450").
    """

    verdict: ClassVar[Verdict] = Verdict.ERROR
    exit_code: ClassVar[ExitCode] = ExitCode.INTERNAL
    title: ClassVar[str] = "ERROR"
    judges_in_setup: ClassVar[bool] = False
    """Whether a verdict FAIL stands even though the error came before the test itself ran."""

    def __init__(self, message: str, remedy: str = "", resource: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.resource = resource

    def __reduce__(self) -> tuple[object, ...]:
        # The default pickling (used between worker processes) would call a subclass with `args` only and fail when its
        # constructor differs; rebuild without the constructor instead.
        return (_rebuild, (type(self), self.args, self.__dict__.copy()))

    def describe(self) -> str:
        """The error as it is shown: `LAB FAULT  outlet pdu-a/4: ...` and the remedy on the next line."""
        resource = f"{self.resource}: " if self.resource else ""
        text = f"{self.title}  {resource}{self.message}"
        return f"{text}\n{' ' * (len(self.title) + 2)}{self.remedy}" if self.remedy else text


def _rebuild(kind: type[HarnessError], args: tuple[object, ...], state: dict[str, object]) -> HarnessError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class LabFault(HarnessError):
    """Power switch, adapter, cable, peer, network or lock. Repair the bench and run again; the unit is not blamed."""

    exit_code = ExitCode.LAB_FAULT
    title = "LAB FAULT"


class ConfigFault(HarnessError):
    """lab.yaml, waivers.yaml, credentials or the catalogue contradict themselves. Correct the file and run again."""

    exit_code = ExitCode.CONFIG_FAULT
    title = "CONFIG FAULT"


class HarnessBug(HarnessError):
    """The harness broke its own rules. Report it with the evidence folder; no verdict about the unit can be drawn."""

    title = "HARNESS BUG"


class UnitBehaviour(HarnessError):
    """What the unit did to us, without blame yet: refused a login, dropped a session, did not come back.

    A test that expects it asserts on it. Uncaught it makes the result inconclusive, unless the subclass says otherwise
    (a setting that did not stick is the unit's fault).
    """

    verdict = Verdict.INCONCLUSIVE
    exit_code = ExitCode.LAB_FAULT
    title = "UNIT"


class NotApplicable(Exception):
    """The statement does not concern this unit, firmware or bench. The reason is shown in the report."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Inconclusive(Exception):
    """The check ran, but what was seen proves neither pass nor fail."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Informational(Exception):
    """The check has a finding to report that is neither right nor wrong."""

    def __init__(self, finding: str) -> None:
        super().__init__(finding)
        self.finding = finding
