"""run.json: one run as data. The version changes when a reader of the older one would misunderstand."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from nportlab.verdicts.faults import ConfigFault
from nportlab.verdicts.verdict import TestResult, Verdict

VERSION = 1
RUN_FILE = "run.json"


class Part(BaseModel):
    """A mapping of run.json."""

    model_config = ConfigDict(extra="forbid")


class UnitRecord(Part):
    """A unit as lab.yaml names it and as it answered."""

    name: str
    rack: str = ""
    model: str = ""
    firmware: str = ""
    address: str = ""
    serial: str = ""
    mac: str = ""
    seen_firmware: str = ""
    network: str = ""
    """How it was reached: hardware, namespaces, user-namespaces, loopback."""
    network_reason: str = ""


class PlanRecord(Part):
    """What the planner promised for one unit."""

    unit: str
    states: int = 0
    restarts: int = 0
    lower_bound: int = 0
    file_order: int = 0


class RestartRecord(Part):
    """One restart of a unit. cause: the plan, a test's own, or putting the unit back at the end."""

    unit: str
    cause: Literal["plan", "test", "restore"] = "plan"
    kind: str = "restart"
    reason: str = ""
    seconds: float = 0.0
    at: str = ""


class FaultRecord(Part):
    """Something that is not the unit's fault and no test's result: the bench, a restore that failed, lost evidence."""

    title: str
    message: str
    resource: str = ""
    remedy: str = ""
    unit: str = ""
    at: str = ""


class CellRecord(Part):
    """A control on a unit."""

    verdict: Verdict
    reason: str = ""
    tests: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()


class ControlRecord(Part):
    """A control of the catalogue, what covers it, and its verdict per unit."""

    id: str
    section: str
    statement: str
    markers: tuple[str, ...] = ()
    iec: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    defects: tuple[str, ...] = ()
    covered: bool = False
    reason: str = ""
    contradiction: str = ""
    units: dict[str, CellRecord] = {}


class RunRecord(Part):
    """One run."""

    version: int = VERSION
    run: str
    lab: str
    started: str
    ended: str = ""
    complete: bool = False
    """False when the run was interrupted or killed: what is missing was not judged."""
    exit_code: int = 0
    command: str = ""
    harness: str = ""
    profile: dict[str, str] = {}
    units: list[UnitRecord] = []
    plan: list[PlanRecord] = []
    restarts: list[RestartRecord] = []
    results: list[TestResult] = []
    controls: list[ControlRecord] = []
    faults: list[FaultRecord] = []
    waivers: list[str] = []
    waivers_unneeded: list[str] = []
    waivers_expiring: list[str] = []
    notes: list[str] = []

    def count(self) -> dict[Verdict, int]:
        """How many results carry each verdict; verdicts that do not occur are left out."""
        found: dict[Verdict, int] = {}
        for verdict in Verdict:
            number = sum(result.verdict is verdict for result in self.results)
            if number:
                found[verdict] = number
        return found


def load_run(folder: Path) -> RunRecord:
    """The record of a finished run. Raises ConfigFault when run.json is missing, damaged or of another version."""
    path = folder / RUN_FILE
    try:
        return RunRecord.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise ConfigFault(
            f"{path} does not exist", f"A killed run is put together by: nportlab report {folder}"
        ) from None
    except (OSError, ValueError) as error:
        raise ConfigFault(f"{path} cannot be read: {error}") from None
