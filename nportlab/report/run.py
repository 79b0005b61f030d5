"""The record of a run while it goes on.

Every process appends what happens to its own file below `parts/`, one JSON line each, so that nothing is lost when a
process is killed; the controlling process puts them together. When the disk fails the run goes on: results are kept in
memory, and the end of the run says what is missing.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from nportlab.report.evidence import Budget, EvidenceRecorder, Limits, test_folder
from nportlab.report.record import FaultRecord, PlanRecord, RestartRecord, UnitRecord
from nportlab.verdicts.faults import ConfigFault, HarnessError
from nportlab.verdicts.redaction import Redactor
from nportlab.verdicts.verdict import TestResult

PARTS = "parts"
_LEAST_FREE = 64 * 1024 * 1024


class RunRecorder:
    """Receives results and events of one process of a run.

    `create` in the controlling process, `join` in a worker. Nothing but `create` raises when the disk is full.
    """

    def __init__(self, folder: Path, process: str, redactor: Redactor, limits: Limits | None = None) -> None:
        self.folder = folder
        self.process = process
        self.redactor = redactor
        self.results: list[TestResult] = []
        self._budget = Budget(limits or Limits())
        self._unwritten: list[str] = []
        self._states: dict[str, str] = {}

    @classmethod
    def create(
        cls,
        reports: Path,
        *,
        lab: str,
        redactor: Redactor,
        command: str = "",
        profile: Mapping[str, str] | None = None,
        limits: Limits | None = None,
    ) -> RunRecorder:
        """Make the folder of a new run below `reports` and write its head.

        Raises ConfigFault, before anything is touched, when the folder cannot be made or the disk is nearly full.
        """
        folder = _new_folder(reports)
        run = cls(folder, "main", redactor, limits)
        run._line(
            "run",
            {
                "run": folder.name,
                "lab": lab,
                "started": utc_now(),
                "command": redactor.clean(command),
                "profile": dict(profile or {}),
            },
        )
        if run._budget.failure:
            raise ConfigFault(f"reports cannot be written: {run._budget.failure}", "Make room, or pass another folder.")
        return run

    @classmethod
    def join(cls, folder: Path, process: str, redactor: Redactor, limits: Limits | None = None) -> RunRecorder:
        """The recorder of a worker process, for a run that the controlling process has created."""
        return cls(folder, process, redactor, limits)

    def evidence(self, test: str, unit: str, controls: Iterable[str] = ()) -> EvidenceRecorder:
        """Where the evidence of a test goes: `evidence/<control>/<unit>/<test>/`.

        A test of several controls keeps it under the first; the matrix links to it from all of them.
        """
        control = next(iter(controls), "other")
        folder = self.folder / "evidence" / control / (unit or "no-unit") / test_folder(test)
        for number in range(2, 1000):
            if not folder.exists():
                break
            folder = folder.with_name(f"{test_folder(test)}-{number}")
        return EvidenceRecorder(self.folder, folder, self.redactor, self._budget)

    def state(self, unit: str, values: Mapping[str, str]) -> str:
        """Keep the settings in force on a unit, equal ones once; returns their path relative to the run folder."""
        clean = self.redactor.clean_all(dict(sorted(values.items())))
        text = json.dumps(clean, indent=1, ensure_ascii=False) + "\n"
        path = self._states.get(unit + text)
        if path is None:
            path = f"evidence/states/{unit}-{sha256(text.encode()).hexdigest()[:10]}.json"
            self._states[unit + text] = path
            target = self.folder / path
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, encoding="utf-8")
            except OSError as error:
                self._budget.failed(error, target)
        return path

    def begin(self, test: str, unit: str, controls: Iterable[str] = ()) -> None:
        """A test starts. If its process dies the record still says which test that was."""
        self._line("begin", {"test": test, "unit": unit, "controls": list(controls), "started": utc_now()})

    def add(self, result: TestResult) -> None:
        """A test has ended."""
        self.results.append(result)
        self._line("result", asdict(result))

    def unit(self, record: UnitRecord) -> None:
        """Who answered as a unit; the last word counts."""
        self._line("unit", record.model_dump())

    def planned(self, plan: PlanRecord) -> None:
        """What the planner promised for a unit."""
        self._line("plan", plan.model_dump())

    def restarted(
        self,
        unit: str,
        reason: str = "",
        *,
        cause: Literal["plan", "test", "restore"] = "plan",
        kind: str = "restart",
        seconds: float = 0.0,
    ) -> None:
        """A unit was restarted. kind: restart, power-cycle or factory-reset."""
        record = RestartRecord(
            unit=unit, cause=cause, kind=kind, reason=reason, seconds=round(seconds, 3), at=utc_now()
        )
        self._line("restart", record.model_dump())

    def fault(self, error: BaseException | str, unit: str = "") -> None:
        """Something went wrong that is no test's result (a restore that failed, a bench that broke)."""
        known = error if isinstance(error, HarnessError) else None
        record = FaultRecord(
            title=known.title if known else "ERROR",
            message=known.message if known else str(error),
            resource=(known.resource or "") if known else "",
            remedy=known.remedy if known else "",
            unit=unit,
            at=utc_now(),
        )
        self._line("fault", record.model_dump())

    def note(self, text: str) -> None:
        """A line for the head of the report (how the network was made, what was chosen and why)."""
        self._line("note", {"text": text})

    def waivers(self, waivers: Iterable[str], expiring: Iterable[str]) -> None:
        """The waivers in force, as text."""
        self._line("waivers", {"waivers": list(waivers), "expiring": list(expiring)})

    @property
    def failure(self) -> str:
        """The first thing that could not be written, or empty."""
        return self._budget.failure

    def lost(self, error: OSError, path: Path) -> None:
        """A file of the run that somebody else writes could not be written."""
        self._budget.failed(error, path)

    def unwritten(self) -> list[str]:
        """Lines that are only in memory because the disk failed, for the controlling process to add."""
        return list(self._unwritten)

    def _line(self, kind: str, content: Mapping[str, Any]) -> None:
        clean = self.redactor.clean_all({"line": kind, **content})
        self._append(json.dumps(clean, ensure_ascii=False, default=str))

    def _append(self, line: str) -> None:
        path = self.folder / PARTS / f"{self.process}.jsonl"
        raw = (line + "\n").encode("utf-8", "surrogatepass")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                written = os.write(descriptor, raw)
                if written != len(
                    raw
                ):  # the disk filled up within the line: end it, readers drop what they cannot parse
                    self._unwritten.append(line)
                    self._budget.failure = self._budget.failure or f"{path}: no space left"
                    os.write(descriptor, b"\n")
            finally:
                os.close(descriptor)
        except OSError as error:
            self._unwritten.append(line)
            self._budget.failed(error, path)


def utc_now() -> str:
    """The time as records carry it: UTC, ISO 8601, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _new_folder(reports: Path) -> Path:
    """A folder named for the minute; a second run in that minute gets `-2`."""
    remedy = "Make the folder writable, or pass another one."
    try:
        reports.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(reports).free
        if free < _LEAST_FREE:
            raise ConfigFault(
                f"{reports} has {free // 2**20} MB left, a run needs {_LEAST_FREE // 2**20} MB",
                "Make room, or pass another folder.",
            )
        base = datetime.now(UTC).strftime("%Y-%m-%dT%H%M%S")
        for number in range(1, 1000):
            folder = reports / (base if number == 1 else f"{base}-{number}")
            with suppress(FileExistsError):
                folder.mkdir()
                (folder / PARTS).mkdir()
                return folder
    except OSError as error:
        raise ConfigFault(f"reports cannot be written to {reports}: {error.strerror}", remedy) from None
    raise ConfigFault(f"{reports} holds a thousand runs of this second", remedy)
