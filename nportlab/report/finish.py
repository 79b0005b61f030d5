"""The end of a run: run.json, the pages, and `reports/latest`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from nportlab.report.assemble import assemble
from nportlab.report.matrix import Coverage
from nportlab.report.page import render_page
from nportlab.report.record import RUN_FILE, FaultRecord, RunRecord, load_run
from nportlab.report.run import RunRecorder, utc_now
from nportlab.verdicts.faults import ConfigFault
from nportlab.verdicts.verdict import ExitCode, Verdict, exit_code
from nportlab.verdicts.waivers import Waiver, unneeded

INDEX_FILE = "index.html"
LATEST = "latest"


def finish_run(
    run: RunRecorder,
    coverage: Sequence[Coverage],
    *,
    waivers: Sequence[Waiver] = (),
    interrupted: bool = False,
    complete: bool = True,
    unwritten: Iterable[str] = (),
) -> RunRecord:
    """Put the run together and write run.json and index.html, then point `reports/latest` at it.

    unwritten: lines that worker processes could only keep in memory. Nothing is raised: what could not be written is a
    fault in the record returned, and such a run is never green.
    """
    record = assemble(run.folder, coverage, [*run.unwritten(), *unwritten])
    record.waivers_unneeded = [str(waiver) for waiver in unneeded(waivers, record.results)]
    record.complete = complete and not interrupted
    record.ended = utc_now()
    if run.failure:
        _evidence_lost(record, run.failure)
    record.exit_code = decide_exit_code(record, interrupted=interrupted)
    try:
        write_record(run.folder, record)
    except OSError as error:
        _evidence_lost(record, f"{error.filename or run.folder}: {error.strerror}")
        record.exit_code = decide_exit_code(record, interrupted=interrupted)
    return record


def rebuild(folder: Path, coverage: Sequence[Coverage]) -> RunRecord:
    """Put a run together that nobody finished (its process was killed) and write its pages.

    Raises ConfigFault when the folder holds no run or cannot be written. A finished run is only drawn again.
    """
    if (folder / RUN_FILE).exists():
        record = load_run(folder)
    else:
        record = assemble(folder.resolve(), coverage)
        if not record.started:
            raise ConfigFault(f"{folder} holds no run", "Name a folder below reports/.")
        record.ended = max((result.started for result in record.results), default="")
        record.exit_code = ExitCode.INTERRUPTED
    try:
        write_record(folder.resolve(), record, latest=False)
    except OSError as error:
        raise ConfigFault(f"{folder} cannot be written: {error.strerror}", "Make room.") from None
    return record


def decide_exit_code(record: RunRecord, *, interrupted: bool = False) -> ExitCode:
    """Exit code of the results, and of faults that are no test's result."""
    code = exit_code(record.results, interrupted=interrupted)
    if record.faults and code in (ExitCode.OK, ExitCode.INCONCLUSIVE, ExitCode.NOTHING_RAN):
        configuration = all(fault.title == "CONFIG FAULT" for fault in record.faults)
        return ExitCode.CONFIG_FAULT if configuration else ExitCode.LAB_FAULT
    lost = any(result.verdict is Verdict.NOT_REVIEWED for result in record.results)
    return ExitCode.INTERNAL if lost and code in (ExitCode.OK, ExitCode.NOTHING_RAN) else code


def write_record(folder: Path, record: RunRecord, *, latest: bool = True) -> None:
    """Write run.json and index.html and point `latest` at the folder; each replaces the old one in one step.

    latest: False leaves `latest` where it points. Raises OSError.
    """
    replace_file(folder / RUN_FILE, record.model_dump_json(indent=1) + "\n")
    replace_file(folder / INDEX_FILE, render_page(record))
    if latest:
        point_latest(folder)


def point_latest(folder: Path) -> None:
    """Make `latest` beside the run folder point at it; readers see the old target or the new one, never none."""
    link = folder.parent / LATEST
    fresh = folder.parent / f".{LATEST}.{os.getpid()}"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(folder.name)
    fresh.replace(link)


def replace_file(path: Path, text: str) -> None:
    """Write a file so that a reader, or a crash, sees the old content or the new, never half of it."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fresh.write_text(text, encoding="utf-8", errors="surrogatepass")
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


def _evidence_lost(record: RunRecord, what: str) -> None:
    record.faults.append(
        FaultRecord(
            title="LAB FAULT",
            message=f"part of the evidence could not be written ({what})",
            resource="reports",
            remedy="Make room and run again; verdicts are complete, evidence is not.",
            at=utc_now(),
        )
    )
