"""The benches of firmware count what they say they count, and a miss is one."""

from __future__ import annotations

from pathlib import Path

import pytest

from benches.bench_firmware_fleet import AFTER, Fleet, fleet_lab, upgraded
from benches.bench_firmware_plan import ALL, BACK, Kind, Planned, each_for_itself, planned, record
from benches.log import BenchLog
from nportlab.firmware.cover import Cover, Walk, cover
from nportlab.firmware.fleet import Line
from nportlab.firmware.graph import Graph
from nportlab.firmware.images import load_folder
from nportlab.firmware.paths import Step
from nportlab.inventory.limits import LimitsShape
from nportlab.report.measurements_store import MeasurementStore
from nportlab.verdicts.faults import LabFault
from nportlab.virtual.image_files import write_images


@pytest.fixture
def log(tmp_path: Path) -> BenchLog:
    store = MeasurementStore(tmp_path / "bench", "firmware", run="1")
    return BenchLog(store, LimitsShape(), 1.0, lambda text: None)


@pytest.mark.parametrize(
    ("versions", "allow", "each_route", "flashes", "alone"),
    [
        # There and back is a plan of two; each of the two steps for itself needs the other one, too.
        (("1.21", "2.0"), BACK, False, 2, (4, 0)),
        # 2.0 -> 1.21 goes by web or tool.
        (("1.21", "2.0"), BACK, True, 4, (6, 0)),
        # One-way: 1.21 -> 2.1 once, then it is given its first image again.
        (("1.21", "2.1"), ALL, False, 1, (1, 1)),
    ],
)
def test_each_step_for_itself(
    versions: tuple[str, ...], allow: frozenset[str], each_route: bool, flashes: int, alone: tuple[int, int]
) -> None:
    graph = Graph.build("NP6450", versions[0], versions).permitted(allow)
    made = cover(graph, each_route=each_route, reimage=True)
    assert made.flashes == flashes
    assert each_for_itself(graph, made) == alone


def test_every_model_from_every_version(tmp_path: Path) -> None:
    write_images(tmp_path, ("2.1", "2.3"))
    found = planned(load_folder(tmp_path), Kind(BACK))
    assert len(found) == 2 * 11 and {plan.cover.flashes for plan in found} == {2}


def test_a_plan_above_its_bound_is_a_miss(log: BenchLog) -> None:
    graph = Graph.build("NP6150", "2.1", ("2.1", "2.3")).permitted(BACK)
    steps = tuple(Step(edge, edge.route) for edge in graph.edges.values())
    for bound, band in ((2, "pass"), (1, "fail")):
        record(log, "a kind", [Planned("x", Cover((Walk("2.1", steps),), bound), (4, 0), 0.1)])
        flashes, alone = log.store.measured[-3:-1]
        assert (flashes.value, flashes.band, alone.value) == (2, band, 4)


def test_a_small_fleet(tmp_path: Path, log: BenchLog) -> None:
    fleet = upgraded(fleet_lab(tmp_path, units=2, flash_seconds=0.1), "web", 2, log)
    assert fleet.failures == []
    assert 0 < fleet.seconds_each <= fleet.seconds


def test_a_unit_that_was_not_upgraded_is_a_failure() -> None:
    lines = [Line("a", 1.0, error=LabFault("off", "")), Line("b", 1.0), Line("c", 1.0, begun=False)]
    failures = Fleet(lines, 1.0, 0.0).failures
    assert [text.split()[0] for text in failures] == ["a", "b", "c"], f"{AFTER} was reached by none"
