"""The measuring process: its numbers arrive, its errors too, and it ends with the one that started it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benches.log import BenchLog
from benches.place import RACK, UNIT, own_lab
from benches.worker import Inside, Place, Worker
from nportlab.inventory.limits import LimitsShape
from nportlab.report.measurements_store import MeasurementStore, load_records
from nportlab.verdicts.faults import LabFault, NotApplicable

ROOT = Path(__file__).parents[2]


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    """Of a rack that does not run: jobs here touch no unit."""
    with contextlib.closing(Worker(Place(own_lab(tmp_path), RACK, UNIT, own=True))) as found:
        yield found


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def log(tmp_path: Path, said: list[str]) -> BenchLog:
    return BenchLog(MeasurementStore(tmp_path / "bench", "short", run="1"), LimitsShape(), 1.0, said.append)


def measures(inside: Inside, value: float) -> str:
    inside.part("something", 3)
    inside.add("throughput", value, "% of line rate", limit="throughput", mode="udp", baud=9600, ports=2)
    inside.note("a note")
    return "through"


def fails(inside: Inside) -> None:
    raise NotApplicable("not here")


def breaks(inside: Inside) -> None:
    assert 1 == 2, "one is not two"


def dies(inside: Inside) -> None:
    inside.add("throughput", 98.0, "% of line rate", limit="throughput")
    os._exit(7)


def test_numbers_arrive_judged(worker: Worker, log: BenchLog, said: list[str]) -> None:
    assert worker.run(log, measures, 98.0) == "through"
    (row,) = log.store.measured
    assert (row.unit, row.model, row.network, row.mode, row.band) == (UNIT, "NP6650-32", "hardware", "udp", "marginal")
    assert str(row.goal) == "≥ 99 (≥ 97)"
    assert log.store.notes == ["a note"]
    assert any("something: 3 s, until " in line for line in said)
    assert any("98 % of line rate  marginal" in line for line in said)


def test_errors_arrive_with_their_kind(worker: Worker, log: BenchLog) -> None:
    with pytest.raises(NotApplicable, match="not here"):
        worker.run(log, fails)
    with pytest.raises(AssertionError, match="one is not two"):
        worker.run(log, breaks)
    assert worker.run(log, measures, 99.0) == "through", "an error does not end the process"


def test_a_process_that_dies_is_a_lab_fault_and_keeps_what_it_measured(tmp_path: Path, log: BenchLog) -> None:
    worker = Worker(Place(own_lab(tmp_path), RACK, UNIT, own=True))
    with pytest.raises(LabFault, match="ended"):
        worker.run(log, dies)
    with pytest.raises(LabFault, match="ended with 7"):
        worker.close()
    (record,) = load_records(tmp_path / "bench")
    assert [row.value for row in record.measured] == [98.0]


def _collected(*options: str) -> list[str]:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", *options]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    return [line for line in found.stdout.splitlines() if "::" in line]


def test_the_marker_finds_the_benches() -> None:
    found = _collected("-m", "bench", "-k", "short")
    assert found and all(name.startswith("benches/bench_short.py::") for name in found)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--bench-seconds", "0"], "must be between 0.5 and 86400"),
        (["--bench-seconds", "soon"], "invalid float value"),
    ],
)
def test_wrong_options_are_named(options: list[str], said: str) -> None:
    command = [sys.executable, "-m", "pytest", "benches", *options, "--collect-only", "-q"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert found.returncode == 4 and said in found.stderr


def test_a_wrong_time_for_the_soak_is_named(monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config) -> None:
    from benches.options import soak_seconds

    monkeypatch.setenv("SOAK_SECONDS", "an hour")
    with pytest.raises(pytest.UsageError, match="'an hour' is not a number of seconds"):
        soak_seconds(pytestconfig)
    monkeypatch.setenv("SOAK_SECONDS", "120")
    assert soak_seconds(pytestconfig) == 120
