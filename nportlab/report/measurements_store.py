"""Where measurements are kept: in reports/bench/, on disk before the next one is taken.

While a bench runs, each number is a line of `<bench>.jsonl` (the first line is its head) and of `history.jsonl`. At its
end the lines become `<bench>.json`, in place of the former one. What a killed bench has measured stays in its lines,
from which the next run of that bench, or `partial`, makes a record.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nportlab.report.measurements import BenchRecord, Machine, Measurement
from nportlab.report.run import utc_now
from nportlab.verdicts.faults import ConfigFault, LabFault

HISTORY = "history.jsonl"


class MeasurementStore:
    """The record of one bench while it runs. Nothing is lost that `add` has returned from."""

    def __init__(self, folder: Path, bench: str, *, run: str, command: str = "", lab: str = "") -> None:
        """Start a record; a former one of this bench that was never finished is finished first (as not complete).

        run: the same for all benches of one command. Raises LabFault when the folder cannot be written.
        """
        self.folder = folder
        self.bench = bench
        self._head = BenchRecord(
            bench=bench, run=run, started=utc_now(), command=command, lab=lab, machine=Machine.now()
        )
        self.measured: list[Measurement] = []
        self.notes: list[str] = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(folder, error) from None
        self._finish_former()
        self._append(self._lines, {"head": self._head.model_dump(mode="json", exclude={"measured", "notes"})})

    @property
    def run(self) -> str:
        """The run this belongs to."""
        return self._head.run

    @property
    def _lines(self) -> Path:
        return self.folder / f"{self.bench}.jsonl"

    def add(self, row: Measurement) -> Measurement:
        """Keep a number. It is on disk when this returns. Raises LabFault when it cannot be."""
        self.measured.append(row)
        line = row.model_dump(mode="json", exclude_defaults=True) | {"version": row.version}
        self._append(self._lines, {"measurement": line})
        self._append(self.folder / HISTORY, line | {"series": []} if row.series else line)
        return row

    def note(self, text: str) -> None:
        """Something to know about the numbers, shown below them."""
        self.notes.append(text)
        self._append(self._lines, {"note": text})

    @property
    def record(self) -> BenchRecord:
        """What there is now."""
        return self._head.model_copy(update={"measured": tuple(self.measured), "notes": tuple(self.notes)})

    def finish(self, *, complete: bool = True) -> Path:
        """Write `<bench>.json`; complete: whether the bench was through. Raises LabFault."""
        record = self.record.model_copy(update={"ended": utc_now(), "complete": complete})
        return self._keep(record)

    def _finish_former(self) -> None:
        """Two runs of one bench at a time are not told apart: the machine's load would make both worthless anyway."""
        with suppress(FileNotFoundError):
            former = partial(self._lines)
            if former.measured:
                self._keep(former)
            else:
                self._lines.unlink(missing_ok=True)

    def _keep(self, record: BenchRecord) -> Path:
        path = self.folder / f"{self.bench}.json"
        fresh = path.with_suffix(f".{os.getpid()}")
        try:
            with fresh.open("w", encoding="utf-8") as file:
                file.write(record.model_dump_json(indent=1, exclude_defaults=False) + "\n")
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
            self._lines.unlink(missing_ok=True)
        except OSError as error:
            fresh.unlink(missing_ok=True)
            raise _unwritable(path, error) from None
        return path

    def _append(self, path: Path, content: dict[str, Any]) -> None:
        raw = (json.dumps(content, ensure_ascii=False) + "\n").encode()
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                if _torn(descriptor):
                    raw = b"\n" + raw
                if os.write(descriptor, raw) != len(raw):
                    raise OSError(28, "no space left")
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise _unwritable(path, error) from None


def _torn(descriptor: int) -> bool:
    """Whether a killed process left half a line at the end of the file; the next must not be glued to it."""
    size = os.fstat(descriptor).st_size
    return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"


def _unwritable(path: Path, error: OSError) -> LabFault:
    return LabFault(
        f"measurements cannot be kept: {path}: {error.strerror}",
        remedy="Make room on the disk, or the folder writable; numbers measured before are in the files.",
        resource=str(path),
    )


def partial(path: Path) -> BenchRecord:
    """The record of a bench that was killed, from the lines it left. Half a line at the end is left out.

    Raises FileNotFoundError; ConfigFault when the file is not one of this version.
    """
    head: dict[str, Any] = {}
    measured: list[Measurement] = []
    notes: list[str] = []
    ended = ""
    for number, content in _lines_of(path):
        try:
            if "head" in content:
                head = content["head"]
            elif "measurement" in content:
                measured.append(Measurement.model_validate(content["measurement"]))
                ended = measured[-1].at
            elif "note" in content:
                notes.append(str(content["note"]))
            else:
                raise ValueError(f"unknown line ({', '.join(content) or 'empty'})")
        except ValueError as error:
            raise _damaged(f"{path}:{number}", error) from None
    try:
        return BenchRecord.model_validate(
            {**head, "measured": tuple(measured), "notes": tuple(notes), "ended": ended, "complete": False}
        )
    except ValidationError as error:
        raise _damaged(f"{path}:1", error) from None


def load_record(path: Path) -> BenchRecord:
    """A finished `<bench>.json`. Raises ConfigFault when it is missing, damaged or of another version."""
    try:
        return BenchRecord.model_validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise _damaged(str(path), error) from None


def load_records(folder: Path, benches: tuple[str, ...] | None = None) -> list[BenchRecord]:
    """Every record of a folder, killed benches included, by the time they started. benches: only these.

    Files that are none of ours (other benches keep JSON here too) are passed over.
    """
    found: dict[str, BenchRecord] = {}
    for path in sorted(folder.glob("*.json")):
        with suppress(ConfigFault):
            found[path.stem] = load_record(path)
    for path in sorted(folder.glob("*.jsonl")):
        if path.name != HISTORY:
            with suppress(ConfigFault):
                record = partial(path)
                if record.measured:
                    found[path.stem] = record
    wanted = [record for record in found.values() if benches is None or record.bench in benches]
    return sorted(wanted, key=lambda record: record.started)


def _lines_of(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each whole line, with its number. A line that is no JSON object was cut off when its writer was killed."""
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            try:
                content = json.loads(raw)
            except ValueError:
                continue
            if isinstance(content, dict):
                yield number, content


def _damaged(where: str, error: Exception) -> ConfigFault:
    said = f"{error.errors()[0]['loc']}: {error.errors()[0]['msg']}" if isinstance(error, ValidationError) else error
    return ConfigFault(
        f"{where} cannot be read as measurements: {said}", "Move the file away; it is of another version."
    )
