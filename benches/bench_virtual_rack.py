"""The virtual rack: seconds to start and restart, memory of a unit, and sixteen units at once.

    pytest benches/bench_virtual_rack.py -m bench

Boot seconds are set to 0 where only the rack's own share is wanted. Memory is that of a unit's process: PSS counts what
it shares with the others by halves, thirds ..., and so adds up; RSS counts it in full.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import pytest
import yaml

from benches.results import Results
from nportlab.inventory import Lab, load_lab
from nportlab.safety.racks import bench_of
from nportlab.unit.unit import Unit
from nportlab.virtual.client import RunningRack, start_rack

pytestmark = pytest.mark.bench

RACK = "bench"
MODELS = ("NP6150", "NP6450", "NP6650-16")
MANY = 16
SECONDS = 300.0
"""Bound of what is measured on units."""


def lab(directory: Path, units: int, boot_seconds: float) -> Lab:
    """A lab of so many virtual units, of all three models in turn."""
    virtual = {"network": "auto", "boot_seconds": boot_seconds}
    entries = {
        f"unit{number}": {
            "model": MODELS[number % len(MODELS)],
            "address": f"192.168.127.{11 + number}",
            "credentials": {"username": "admin", "password": {"generated": True}},
        }
        for number in range(units)
    }
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "lab.yaml"
    path.write_text(yaml.safe_dump({"lab": "bench", "racks": {RACK: {"virtual": virtual, "units": entries}}}))
    return load_lab(path)


@contextmanager
def running(lab: Lab) -> Iterator[tuple[RunningRack, float]]:
    """The rack, and the seconds until all of its units had booted."""
    began = time.monotonic()
    rack = start_rack(lab, RACK)
    seconds = time.monotonic() - began
    try:
        yield rack, seconds
    finally:
        rack.stop()


def inside(lab: Lab, rack: RunningRack, work: Callable[[list[Unit]], list[float]]) -> list[float]:
    """What `work` measures on the units of the rack, in a process that has entered its network."""
    bench = bench_of(lab, RACK, rack)

    def child() -> None:
        bench.enter()
        answer.send(work([bench.unit(entry) for entry in bench.lab.racks[RACK].units.values()]))

    context = multiprocessing.get_context("fork")
    question, answer = context.Pipe(duplex=False)
    process = context.Process(target=child)
    process.start()
    answer.close()
    try:
        assert question.poll(SECONDS), "nothing was measured in time"
        return question.recv()
    finally:
        process.kill()
        process.join()


def memory(pid: int) -> dict[str, float]:
    """Rss and Pss of a process in MiB."""
    rows = (line.split() for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    return {row[0].rstrip(":"): int(row[1]) / 1024 for row in rows if row[0] in ("Rss:", "Pss:")}


def children(pid: int) -> dict[int, str]:
    """Name of each child process."""
    pids = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {int(child): Path(f"/proc/{child}/comm").read_text().strip() for child in pids}


def test_start(results: Results, tmp_path: Path) -> None:
    new, known = {}, {}
    for units in (1, 3, MANY):
        place = lab(tmp_path / str(units), units, 0)
        with running(place) as (_, new[units]):
            pass
        with running(place) as (_, known[units]):
            pass
    results.add("start of a rack of 1 new unit, boot time 0", "s", new[1])
    results.add("start of a rack of 3 new units, boot time 0", "s", new[3], 3.0)
    results.add(f"start of a rack of {MANY} new units, boot time 0", "s", new[MANY], 8.0)
    results.add("each further new unit (first boot makes its keys)", "s", (new[MANY] - new[1]) / (MANY - 1))
    results.add("each further unit that has booted before", "s", (known[MANY] - known[1]) / (MANY - 1), 0.5)


def test_restart(results: Results, tmp_path: Path) -> None:
    place = lab(tmp_path / "rack", 3, 0)
    with running(place) as (rack, _):
        cold = []
        for _ in range(5):
            began = time.monotonic()
            rack.power("unit1", False)
            rack.power("unit1", True)
            rack.wait_booted(["unit1"])
            cold.append(time.monotonic() - began)
    results.add("power off, on, booted, boot time 0", "s", median(cold), 0.5)
    place = lab(tmp_path / "rack", 3, 0.5)
    with running(place) as (rack, _):
        warm = inside(place, rack, _restart_and_wait)
        assert rack.restarts("unit1") == 6
    results.add("restart as the harness sees it, healthy again, boot time 0.5", "s", median(warm), 1.5)


def _restart_and_wait(units: list[Unit]) -> list[float]:
    return [units[1].restart().seconds for _ in range(5)]


def test_many_units_at_once(results: Results, tmp_path: Path) -> None:
    place = lab(tmp_path / "rack", MANY, 0)
    with running(place) as (rack, _):
        began = time.monotonic()
        menus = inside(place, rack, _log_in_everywhere)
        seconds = time.monotonic() - began
        assert [pages > 10 for pages in menus] == [True] * MANY
        assert all(unit.booted and not unit.crashes for unit in rack.units.values())
        found = {name: memory(pid) for pid, name in children(rack.supervisor).items()}
        whole = sum(row["Pss"] for row in found.values()) + memory(rack.supervisor)["Pss"]
    units = [row for name, row in found.items() if name.removeprefix("nport-") in place.units]
    assert len(units) == MANY
    results.add("units that answered a login at the same time", "units", len(menus), MANY, more=True)
    results.add(f"{MANY} logins at the same time, with the menu read", "s", seconds, 5.0)
    results.add(f"memory of a unit among {MANY}, PSS", "MiB", sum(row["Pss"] for row in units) / MANY, 30.0)
    results.add(f"memory of a unit among {MANY}, RSS", "MiB", sum(row["Rss"] for row in units) / MANY)
    results.add(f"memory of a rack of {MANY}, PSS", "MiB", whole, 480.0)


def _log_in_everywhere(units: list[Unit]) -> list[float]:
    """Pages in the menu of each unit."""
    with ThreadPoolExecutor(len(units)) as pool:
        return list(pool.map(lambda unit: len(unit.console.menu()), units))
