"""Measurements: kept at once, compared with former ones, shown whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nportlab.inventory.limits import LimitsShape
from nportlab.report.measurements import Goal, Machine, Measurement, Series, goal_of
from nportlab.report.measurements_history import MeasurementHistory
from nportlab.report.measurements_page import measurements_table, number, write_measurements_page
from nportlab.report.measurements_plots import LINE_RATE, latency_charts, rate_charts, throughput_charts
from nportlab.report.measurements_store import HISTORY, MeasurementStore, load_record, load_records, partial
from nportlab.report.measurements_svg import linear_axis, logarithmic_axis, short
from nportlab.verdicts.faults import ConfigFault, LabFault

MACHINE = Machine(processors=2, load=0.5, python="3.11")
LIMITS = LimitsShape()


def row(value: float = 99.9, run: str = "1", **fields: Any) -> Measurement:
    wanted: dict[str, Any] = {
        "bench": "throughput",
        "at": "2026-11-26T15:00:00.000Z",
        "what": "throughput",
        "measure": LINE_RATE,
        "goal": goal_of(LIMITS.throughput),
        "band": LIMITS.throughput.band(value),
        "unit": "np6650",
        "model": "NP6650-16",
        "mode": "tcp_server",
        "baud": 921600,
        "ports": 32,
        "direction": "both",
        "line_rate": 92160.0,
        "machine": MACHINE,
    }
    return Measurement(value=value, run=run, **(wanted | fields))


def store(folder: Path, run: str = "1", bench: str = "throughput") -> MeasurementStore:
    return MeasurementStore(folder, bench, run=run, command="make bench", lab="desk")


def test_a_bench_becomes_a_record(tmp_path: Path) -> None:
    bench = store(tmp_path)
    bench.add(row(99.9))
    bench.add(row(98.0, baud=9600))
    bench.note("a note")
    record = load_record(bench.finish())
    assert [measured.value for measured in record.measured] == [99.9, 98.0]
    assert (record.complete, record.band, record.notes, record.lab) == (True, "marginal", ("a note",), "desk")
    assert sorted(path.name for path in tmp_path.iterdir()) == [HISTORY, "throughput.json"]


def test_a_number_is_on_disk_when_add_returns(tmp_path: Path) -> None:
    """The process that measures is killed; nothing that it had measured is lost."""
    program = (
        "import os, signal, sys; from pathlib import Path\n"
        "from selftests.report.test_measurements import row, store\n"
        "bench = store(Path(sys.argv[1])); bench.add(row(99.5)); bench.add(row(99.6, baud=300))\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False, cwd=Path(__file__).parents[2])
    assert killed.returncode == -signal.SIGKILL
    (record,) = load_records(tmp_path)
    assert ([measured.value for measured in record.measured], record.complete) == ([99.5, 99.6], False)
    page = write_measurements_page(tmp_path).read_text()
    assert "not complete: the bench was ended before it was through" in page and "99.600" in page


def test_half_a_line_is_left_out_and_the_next_is_not_glued_to_it(tmp_path: Path) -> None:
    bench = store(tmp_path)
    bench.add(row(99.5))
    for name in ("throughput.jsonl", HISTORY):
        with (tmp_path / name).open("a") as file:
            file.write('{"measurement": {"version": 1, "ben')
    bench.add(row(99.7, run="2"))
    assert [measured.value for measured in partial(tmp_path / "throughput.jsonl").measured] == [99.5, 99.7]
    assert MeasurementHistory.load(tmp_path).previous(row(run="3")) is not None


def test_the_next_run_finishes_what_a_killed_one_left(tmp_path: Path) -> None:
    store(tmp_path).add(row(99.5))
    store(tmp_path, run="2")
    former = load_record(tmp_path / "throughput.json")
    assert (former.run, former.complete, len(former.measured)) == ("1", False, 1)


def test_a_bench_killed_before_its_first_number_replaces_nothing(tmp_path: Path) -> None:
    first = store(tmp_path)
    first.add(row())
    first.finish()
    store(tmp_path, run="2")
    store(tmp_path, run="3")
    assert load_record(tmp_path / "throughput.json").run == "1"


def test_a_full_disk_is_a_lab_fault_that_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = store(tmp_path)

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(LabFault, match=r"throughput\.jsonl: No space left"):
        bench.add(row())


def test_a_record_of_another_version_is_refused(tmp_path: Path) -> None:
    bench = store(tmp_path)
    bench.add(row())
    path = bench.finish()
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"version": 2}))
    with pytest.raises(ConfigFault, match="version"):
        load_record(path)
    path.write_text(json.dumps(content | {"extra": 1}))
    with pytest.raises(ConfigFault, match="extra"):
        load_record(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_no_number_that_is_none(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        row(value)


def test_files_of_other_benches_are_passed_over(tmp_path: Path) -> None:
    bench = store(tmp_path)
    bench.add(row())
    bench.finish()
    (tmp_path / "regression.json").write_text('{"bench": "regression", "results": []}')
    assert [record.bench for record in load_records(tmp_path)] == ["throughput"]


# History ----------------------------------------------------------------------------------------------------------


def test_a_number_is_compared_with_the_run_before(tmp_path: Path) -> None:
    for run, value in (("1", 99.0), ("2", 98.0), ("3", 99.5)):
        bench = store(tmp_path, run)
        bench.add(row(value, run))
        bench.add(row(50.0, run, direction="to-unit"))
        bench.finish()
    history, now = MeasurementHistory.load(tmp_path), row(99.5, "3")
    previous = history.previous(now)
    assert previous is not None and previous.value == 98.0
    assert [other.value for other in history.before(now)] == [99.0, 98.0]
    assert history.change(now) == pytest.approx(1.53, abs=0.01)
    assert history.previous(row(run="1")) is None


@pytest.mark.parametrize(
    "fields",
    [{"mode": "udp"}, {"baud": 300}, {"ports": 1}, {"tls": True}, {"unit": "other"}, {"network": "hardware"}],
    ids=str,
)
def test_only_the_same_is_compared(tmp_path: Path, fields: dict[str, Any]) -> None:
    store(tmp_path).add(row(run="1"))
    assert MeasurementHistory.load(tmp_path).previous(row(run="2", **fields)) is None


def test_a_damaged_history_costs_only_the_damaged_line(tmp_path: Path) -> None:
    store(tmp_path).add(row(99.0, "1"))
    with (tmp_path / HISTORY).open("ab") as file:
        file.write(b'\xff\xfe not json\n{"version": 7}\n[1]\n')
    previous = MeasurementHistory.load(tmp_path).previous(row(run="2"))
    assert previous is not None and previous.value == 99.0


# Shown ------------------------------------------------------------------------------------------------------------


def test_the_table_names_value_goal_band_and_the_run_before(tmp_path: Path) -> None:
    for run, value in (("1", 99.0), ("2", 98.0)):
        bench = store(tmp_path, run)
        bench.add(row(value, run))
    shown = measurements_table(bench.record, MeasurementHistory.load(tmp_path)).splitlines()[1]
    assert shown.startswith("throughput: np6650, TCP Server, 921600 baud, 32 ports, both ways")
    assert shown.split("both ways")[1].split() == [
        *("98.000", "%", "of", "line", "rate", "≥", "99", "(≥", "97)", "marginal", "99.000", "-1", "%")
    ]


def test_the_page_is_one_file_with_plots(tmp_path: Path) -> None:
    bench = store(tmp_path)
    for baud in (300, 9600, 921600):
        bench.add(row(99.0, baud=baud))
    bench.note("<script>alert(1)</script>")
    bench.finish()
    page = write_measurements_page(tmp_path).read_text()
    assert page.count('<svg class="chart"') == 1
    assert "<script" not in page and "&lt;script&gt;" in page
    assert "http://" not in page and "https://" not in page


def test_a_page_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigFault, match="holds no measurements"):
        write_measurements_page(tmp_path)


def test_the_worst_band_is_the_headline(tmp_path: Path) -> None:
    bench = store(tmp_path)
    for value in (99.9, 50.0):
        bench.add(row(value))
    bench.finish()
    assert "<h1>Limits missed</h1>" in write_measurements_page(tmp_path).read_text()


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (99.9512, "99.951"), (100, "100.000"), (1234567.8, "1,234,568"), (0.93412, "0.9341"), (32, "32")],
)
def test_digits(value: float, shown: str) -> None:
    assert number(value) == shown


# Plots ------------------------------------------------------------------------------------------------------------


def test_one_chart_per_mode_with_every_direction_marked() -> None:
    rows = [
        row(99.0 + n / 10, mode=mode, baud=baud, direction=direction, tls=tls)
        for n, baud in enumerate((300, 9600, 921600))
        for direction in ("to-unit", "from-unit")
        for mode, tls in (("real_com", False), ("real_com", True), ("udp", False))
    ]
    charts = throughput_charts(rows)
    assert len(charts) == 3
    for chart in charts:
        drawing = ElementTree.fromstring(chart)
        marks = [path for path in drawing.iter("path") if path.get("class", "").startswith("mark")]
        assert len(marks) == 6
        assert {path.get("class") for path in marks} == {"mark one", "mark two"}


def test_many_ports_at_one_rate_are_no_part_of_the_curve() -> None:
    rows = [row(99.9, baud=baud, ports=1) for baud in (300, 921600)]
    assert throughput_charts([*rows, row(12.0, ports=32)]) == throughput_charts(rows)


def test_a_single_baud_rate_is_no_curve() -> None:
    assert throughput_charts([row(), row(direction="to-unit")]) == []


def test_the_histogram_says_where_the_quantiles_are() -> None:
    series = Series(kind="histogram", points=((0.5, 50), (1.0, 48), (2.0, 1), (8.0, 1)))
    (chart,) = latency_charts([row(0.5, measure="ms", series=(series,))])
    assert "% of 100 round trips, p50 ≤ 0.5 ms, p99 ≤ 2 ms" in chart
    heights = [float(bar.get("height", 0)) for bar in ElementTree.fromstring(chart).iter("rect")]
    assert len(heights) == 4 and heights[0] > heights[1] > heights[2] == heights[3] > 0


def test_the_rate_over_time_has_a_line_per_series() -> None:
    series = tuple(
        Series(kind="rate over time", name=name, points=tuple((float(t), value) for t in range(600)))
        for name, value in (("all ports", 99.9), ("worst port", 99.1))
    )
    (chart,) = rate_charts([row(series=series)])
    assert chart.count('class="line') == 2 and "worst port" in chart and ">minutes<" in chart


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20))
def test_a_linear_axis_holds_its_values(values: list[float]) -> None:
    axis = linear_axis(values)
    assert axis.low <= min(values) + 1e-6 and axis.high >= max(values) - 1e-6
    assert 2 <= len(axis.ticks) <= 12


@given(st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=20))
def test_a_logarithmic_axis_holds_its_values(values: list[float]) -> None:
    axis = logarithmic_axis(values)
    assert axis.low <= min(values) * 1.0001 and axis.high >= max(values) * 0.9999
    assert 0 < len(axis.ticks) <= 10


@pytest.mark.parametrize(("value", "said"), [(300, "300"), (9600, "9.6k"), (921600, "921.6k"), (0.05, "0.05")])
def test_numbers_are_short_on_an_axis(value: float, said: str) -> None:
    assert short(value) == said


def test_a_goal_says_which_way_is_better() -> None:
    assert str(Goal(passing=10, marginal=20)) == "≤ 10 (≤ 20)"
    assert str(Goal(passing=99, more_is_better=True)) == "≥ 99"
