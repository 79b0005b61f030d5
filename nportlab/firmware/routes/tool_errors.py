"""What the vendor's tool can end with, as typed errors; the texts are data (mcc_codes.yaml)."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from nportlab.guide.rows import load_yaml
from nportlab.unit.errors import ConfigurationRefused, FirstBootPending, LoginRefused, NotReachable
from nportlab.unit.firmware import FirmwareRefused
from nportlab.verdicts.faults import ConfigFault, HarnessBug, HarnessError, LabFault, UnitBehaviour

Kind = Literal["silent", "login", "config", "lab", "timeout", "import", "refused", "misuse", "account"]


class ToolError(HarnessError):
    """code: of the tool, None when the process ended in another way. printed: what it printed, without secrets.
    touched: whether the unit may have got something of an upgrade."""

    code: int | None = None
    printed: str = ""
    touched: bool = False
    kind: ClassVar[str] = ""


class ToolFoundNoUnit(ToolError, NotReachable):
    """-1."""


class ToolLoginRefused(ToolError, LoginRefused):
    """-2."""


class ToolConfigFault(ToolError, ConfigFault):
    """lab.yaml, the credentials or the tool as installed are wrong."""


class ToolLabFault(ToolError, LabFault):
    """This host keeps the tool from working."""


class ToolTimedOut(ToolError, UnitBehaviour):
    """-5, or the tool hung and was ended: what the unit does is not known."""


class ToolConfigurationRefused(ToolError, ConfigurationRefused):
    """-6."""


class ToolFirmwareRefused(ToolError, FirmwareRefused):
    """-7, -16."""


class ToolMisused(ToolError, HarnessBug):
    """The harness called the tool wrongly."""


class ToolNeedsAccount(ToolError, FirstBootPending):
    """-17."""


class ToolCrashed(ToolError, UnitBehaviour):
    """The tool ended in a way that is none of its own: by a signal, or with an unknown exit status."""


_KINDS: dict[Kind, type[ToolError]] = {
    "silent": ToolFoundNoUnit,
    "login": ToolLoginRefused,
    "config": ToolConfigFault,
    "lab": ToolLabFault,
    "timeout": ToolTimedOut,
    "import": ToolConfigurationRefused,
    "refused": ToolFirmwareRefused,
    "misuse": ToolMisused,
    "account": ToolNeedsAccount,
}


class Meaning(BaseModel):
    """One row of the table."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: int | None = None
    exit: int | None = None
    kind: Kind
    message: str
    remedy: str
    touched: bool = False


@cache
def meanings() -> tuple[dict[int, Meaning], dict[int, Meaning]]:
    """By code, and by exit status."""
    table = load_yaml(Path(__file__).with_name("mcc_codes.yaml"))
    codes = [Meaning(**row) for row in table["codes"]]
    exits = [Meaning(**row) for row in table["exits"]]
    return {row.code: row for row in codes if row.code is not None}, {
        row.exit: row for row in exits if row.exit is not None
    }


def error_of(code: int, printed: str, unit: str) -> ToolError:
    """The error a code stands for."""
    meaning = meanings()[0].get(code)
    if meaning is None:
        return crashed(f"the tool ended with the unknown code {code}", printed, unit)
    return _error(meaning, f"mcc_tool: {meaning.message} (code {code})", code, printed, unit)


def error_of_exit(status: int, printed: str, unit: str) -> ToolError:
    """The error an exit status stands for that is no code."""
    meaning = meanings()[1].get(status)
    if meaning is not None:
        return _error(meaning, f"mcc_tool: {meaning.message} (exit status {status})", None, printed, unit)
    how = f"was ended by signal {-status}" if status < 0 else f"ended with the unknown exit status {status}"
    return crashed(f"mcc_tool {how}", printed, unit)


def crashed(message: str, printed: str, unit: str) -> ToolCrashed:
    """The tool broke down; the unit has to be looked at."""
    error = ToolCrashed(
        message,
        "Keep the unit's power on and look at it; what the tool printed is in the evidence.",
        f"unit {unit}",
    )
    error.printed, error.touched = printed, True
    return error


def hung(seconds: float, printed: str, unit: str) -> ToolTimedOut:
    """The tool did not end in time and was ended."""
    error = ToolTimedOut(
        f"mcc_tool did not end within {seconds:g} s and was ended",
        "The unit may still be writing: keep its power on and look at it before anything else.",
        f"unit {unit}",
    )
    error.printed, error.touched = printed, True
    return error


def _error(meaning: Meaning, message: str, code: int | None, printed: str, unit: str) -> ToolError:
    error = _KINDS[meaning.kind](message, meaning.remedy, f"unit {unit}")
    error.code, error.printed, error.touched = code, printed, meaning.touched
    if isinstance(error, ToolFirmwareRefused | ToolConfigurationRefused):
        error.said = printed or meaning.message
    return error
