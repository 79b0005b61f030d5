import json
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from nportlab.report import RunRecorder, load_run
from nportlab.report.assemble import assemble
from nportlab.report.finish import decide_exit_code, finish_run, rebuild
from nportlab.report.record import PlanRecord, RunRecord, UnitRecord
from nportlab.verdicts.faults import ConfigFault, LabFault
from nportlab.verdicts.redaction import Redactor
from nportlab.verdicts.verdict import ExitCode, Verdict
from selftests.report.sample import COVERAGE, FAILED, OTHERS, run_record

PASSED = replace(OTHERS[0], started="2026-11-22T01:30:01.000Z")


def start(tmp_path: Path, redactor: Redactor | None = None) -> RunRecorder:
    return RunRecorder.create(
        tmp_path / "reports", lab="desk", redactor=redactor or Redactor(), command="pytest -m tls"
    )


def test_workers_and_controller_make_one_record(tmp_path: Path) -> None:
    run = start(tmp_path)
    workers = [RunRecorder.join(run.folder, f"gw{n}", Redactor()) for n in range(2)]
    run.planned(PlanRecord(unit="np6150", states=3, restarts=2, lower_bound=2, file_order=40))
    workers[0].unit(UnitRecord(name="np6150", model="NP6150", firmware="2.3"))
    workers[0].restarted("np6150", "state 1")
    workers[0].restarted("np6150", "restored", cause="restore", kind="factory-reset", seconds=0.5)
    workers[0].begin(PASSED.test, PASSED.unit, PASSED.controls)
    workers[0].add(PASSED)
    workers[1].add(FAILED)
    record = finish_run(run, COVERAGE)
    assert [result.verdict for result in record.results] == [Verdict.PASS, Verdict.FAIL]
    assert (record.lab, record.command, record.complete) == ("desk", "pytest -m tls", True)
    assert [(r.cause, r.kind, r.reason) for r in record.restarts] == [
        ("plan", "restart", "state 1"),
        ("restore", "factory-reset", "restored"),
    ]
    assert record.exit_code == ExitCode.UNIT_FAILURES
    assert load_run(run.folder) == record
    cell = {control.id: control.units for control in record.controls}["CON-05"]
    assert (cell["np6150"].verdict, cell["np6650"].verdict) == (Verdict.PASS, Verdict.FAIL)
    assert (tmp_path / "reports" / "latest").resolve() == run.folder


def test_a_second_run_gets_its_own_folder_and_latest_moves(tmp_path: Path) -> None:
    first, second = start(tmp_path), start(tmp_path)
    assert first.folder != second.folder
    for run in (first, second):
        run.add(PASSED)
        finish_run(run, COVERAGE)
    assert (tmp_path / "reports" / "latest").readlink() == Path(second.folder.name)


def test_what_a_killed_process_had_done_is_in_the_record(tmp_path: Path) -> None:
    run = start(tmp_path)
    program = f"""
        import os, signal
        from nportlab.report import RunRecorder
        from nportlab.verdicts.redaction import Redactor
        from selftests.report.sample import OTHERS
        PASSED = OTHERS[0]
        worker = RunRecorder.join(__import__("pathlib").Path({str(run.folder)!r}), "gw0", Redactor())
        worker.begin(PASSED.test, PASSED.unit, PASSED.controls)
        worker.add(PASSED)
        worker.begin("tests/a.py::test_next[np6150]", "np6150", ["SVC-07"])
        os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], cwd=Path(__file__).parents[2], check=False)
    assert done.returncode == -signal.SIGKILL
    with (run.folder / "parts" / "gw0.jsonl").open("a") as file:
        file.write('{"kind": "result", "test": "cut sho')
    with pytest.raises(ConfigFault, match="does not exist"):
        load_run(run.folder)
    record = rebuild(run.folder, COVERAGE)
    assert [result.verdict for result in record.results] == [Verdict.PASS, Verdict.NOT_REVIEWED]
    assert record.results[1].reason == "the run ended during this test"
    assert not record.complete
    assert (run.folder / "index.html").exists()
    assert load_run(run.folder) == record


def test_rebuilding_needs_a_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigFault, match="holds no run"):
        rebuild(tmp_path, COVERAGE)


def test_a_run_that_lost_a_test_is_not_green(tmp_path: Path) -> None:
    run = start(tmp_path)
    run.add(PASSED)
    run.begin("tests/a.py::test_lost[np6150]", "np6150")
    assert finish_run(run, COVERAGE).exit_code == ExitCode.INTERNAL


def test_faults_that_are_no_result_make_the_run_red(tmp_path: Path) -> None:
    run = start(tmp_path)
    run.add(PASSED)
    run.fault(LabFault("not put back", "nportlab recover", resource="unit np6150"), unit="np6150")
    record = finish_run(run, COVERAGE)
    assert record.exit_code == ExitCode.LAB_FAULT
    [fault] = record.faults
    assert (fault.title, fault.resource, fault.remedy) == ("LAB FAULT", "unit np6150", "nportlab recover")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, ExitCode.UNIT_FAILURES),
        ({"results": []}, ExitCode.LAB_FAULT),
        ({"results": [], "faults": []}, ExitCode.NOTHING_RAN),
    ],
)
def test_exit_code_of_a_record(change: dict[str, list[object]], code: ExitCode) -> None:
    assert decide_exit_code(run_record().model_copy(update=change)) == code


def test_an_unwritable_reports_folder_stops_the_run_early(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file")
    with pytest.raises(ConfigFault, match="cannot be written"):
        start(tmp_path)


def test_a_nearly_full_disk_stops_the_run_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=2**20))
    with pytest.raises(ConfigFault, match="has 1 MB left"):
        start(tmp_path)


def test_a_disk_that_fills_up_loses_no_verdict_and_stops_nothing(tmp_path: Path) -> None:
    run = start(tmp_path)
    (run.folder / "parts" / "gw0.jsonl").symlink_to("/dev/full")
    worker = RunRecorder.join(run.folder, "gw0", Redactor())
    worker.begin(PASSED.test, PASSED.unit, PASSED.controls)
    worker.add(PASSED)
    worker.restarted("np6150")
    assert "No space left" in worker.failure
    record = finish_run(run, COVERAGE, unwritten=worker.unwritten())
    assert [result.verdict for result in record.results] == [Verdict.PASS]
    assert len(record.restarts) == 1


def test_a_record_that_cannot_be_written_is_a_lab_fault_not_a_crash(tmp_path: Path) -> None:
    run = start(tmp_path)
    run.add(PASSED)
    (run.folder / "run.json").mkdir()
    record = finish_run(run, COVERAGE)
    assert record.exit_code == ExitCode.LAB_FAULT
    assert "could not be written" in record.faults[0].message
    assert not list(run.folder.glob(".run.json*"))


def test_no_secret_in_the_record(tmp_path: Path) -> None:
    redactor = Redactor()
    redactor.add("hunter22")
    run = start(tmp_path, redactor)
    run.add(replace(FAILED, seen="hunter22", details='x="hunter22"', needs={"radius.key": "hunter22"}))
    run.note("hunter22")
    run.state("np6150", {"radius.key": "hunter22"})
    run.fault("hunter22")
    finish_run(run, COVERAGE)
    for path in run.folder.rglob("*"):
        assert path.is_dir() or b"hunter22" not in path.read_bytes(), path


def test_equal_states_are_kept_once(tmp_path: Path) -> None:
    run = start(tmp_path)
    one = run.state("np6150", {"a": "1", "b": "2"})
    assert run.state("np6150", {"b": "2", "a": "1"}) == one
    assert run.state("np6150", {"a": "2"}) != one
    assert json.loads((run.folder / one).read_text()) == {"a": "1", "b": "2"}


def test_evidence_of_a_repeated_test_is_kept_apart(tmp_path: Path) -> None:
    run = start(tmp_path)
    folders = []
    for _ in range(2):
        evidence = run.evidence(PASSED.test, "np6150", PASSED.controls)
        evidence.note("x")
        folders.append(evidence.folder.relative_to(run.folder).as_posix())
    name = "evidence/CON-05/np6150/console_settings.test_old_tls_is_refused-np6150"
    assert folders == [name, f"{name}-2"]


def test_the_record_survives_its_own_json() -> None:
    record = run_record()
    assert RunRecord.model_validate_json(record.model_dump_json()) == record


def test_an_unknown_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"version": 99}))
    with pytest.raises(ConfigFault, match="cannot be read"):
        load_run(tmp_path)


def test_assembling_an_empty_folder_gives_an_empty_run(tmp_path: Path) -> None:
    assert assemble(tmp_path, COVERAGE).results == []
