"""Sixteen units given other firmware at once, against one after another, in the same run.

    pytest benches/bench_firmware_fleet.py -m bench

Each way has a rack of its own with sixteen new units. A virtual flash takes 5 s here, so that writing dominates, as it
does with real units, which take minutes. The rest is work of the processors, both of the harness (exports, logins,
checks, the tool) and of the virtual units: about 2 s a unit by web, 3.5 s by tool. That is why sixteen at a time are
bound by two processors, and not sixteen times faster; a fleet of real units is not, which brings their own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pytest
import yaml

from benches.log import BenchLog, at_least, at_most
from benches.machine import QUIET, Others
from nportlab.firmware.fleet import Line, upgrade_units
from nportlab.firmware.one_unit import Order
from nportlab.guide.firmware import Route
from nportlab.inventory import Lab, load_lab
from nportlab.inventory.firmware import FirmwareShape
from nportlab.safety.racks import bench_of
from nportlab.virtual.client import start_rack
from nportlab.virtual.image_files import write_images

pytestmark = [pytest.mark.bench, pytest.mark.timeout(1200)]

RACK = "fleet"
UNITS = 16
BEFORE, AFTER = "2.1", "2.3"
MODELS = ("NP6150", "NP6450", "NP6650-16")
FLASH_SECONDS = 5.0
"""Of a virtual flash; a real one is estimated at 300 s."""
AT_ONCE = int(FirmwareShape.model_fields["at_once"].default)
"""Units flashed at the same time unless lab.yaml says otherwise."""
FASTER = 3.0
"""How many times faster AT_ONCE (4) at a time are at least; 4 times is all there can be. Measured on two processors
that other programs used too: 3.2 by web, 3.3 by tool."""


@dataclass(frozen=True)
class Fleet:
    """What became of all units. seconds: for all of them; others: percent of the processors other programs took."""

    lines: Sequence[Line]
    seconds: float
    others: float

    @property
    def failures(self) -> list[str]:
        """The units that are not where they should be."""
        return [str(line) for line in self.lines if not line.ok or [step.target for step in line.steps] != [AFTER]]

    @property
    def seconds_each(self) -> float:
        """For one unit, from its lock to its last check; the median."""
        return median(line.seconds for line in self.lines)


def fleet_lab(folder: Path, units: int = UNITS, flash_seconds: float = FLASH_SECONDS) -> Lab:
    """A lab of so many virtual units of three models, and images for them."""
    write_images(folder / "images", (BEFORE, AFTER))
    entries = {
        f"unit{number}": {
            "model": MODELS[number % len(MODELS)],
            "firmware": BEFORE,
            "address": f"192.168.127.{11 + number}",
            "credentials": {"username": "admin", "password": {"generated": True}},
            "allow": ["restart", "flash", "one-way"],
            "outlet": f"relay/{number + 1}",
        }
        for number in range(units)
    }
    virtual = {"network": "loopback", "boot_seconds": 0.5, "flash_seconds": flash_seconds}
    switches = {"relay": {"driver": "http_relay", "channels": units}}
    lab = {
        "lab": "fleet",
        "firmware": {"images": "images", "mcc_tool": "virtual"},
        "racks": {RACK: {"virtual": virtual, "switches": switches, "units": entries}},
    }
    path = folder / "lab.yaml"
    path.write_text(yaml.safe_dump(lab))
    return load_lab(path)


def upgraded(lab: Lab, route: Route, workers: int, log: BenchLog) -> Fleet:
    """Bring all units of a new rack to other firmware, so many at a time."""
    rack = start_rack(lab, RACK)
    try:
        order = Order(AFTER, route, allow_flash=True)
        others, tools, began = Others(rack), _seconds_of_children(), time.monotonic()
        lines = upgrade_units(
            lab, bench_of(lab, RACK, rack), list(lab.units), order, workers, lambda line: log.say(f"  {line}")
        )
        seconds = time.monotonic() - began
        own = 100 * (_seconds_of_children() - tools) / (seconds * (os.cpu_count() or 1))
        return Fleet(lines, seconds, max(0.0, others.percent() - own))
    finally:
        rack.stop()


def _seconds_of_children() -> float:
    """Processor seconds of the processes that have ended: the vendor's tool."""
    times = os.times()
    return times.children_user + times.children_system


@pytest.mark.parametrize("route", ["web", "tool"])
def test_fleet(route: Route, tmp_path: Path, log: BenchLog) -> None:
    log.plan(3, 2.6 * UNITS * FLASH_SECONDS)
    found: dict[int, Fleet] = {}
    for workers in (1, AT_ONCE, UNITS):
        log.part(f"{UNITS} units by {route}, {workers} at a time", UNITS * (FLASH_SECONDS + 2) / workers)
        lab = fleet_lab(tmp_path / str(workers))
        found[workers] = fleet = upgraded(lab, route, workers, log)
        what = f"{UNITS} units by {route}, {workers} at a time"
        log.add(what, fleet.seconds, "s", others=round(fleet.others, 1))
        log.add(f"{what}: each unit", fleet.seconds_each, "s")
        log.add(f"{what}: failures", len(fleet.failures), "units", goal=at_most(0))
        assert not fleet.failures, "a failed upgrade is quick, and says nothing about speed"
    alone = found[1]
    log.add(f"by {route}: writing, of a unit's seconds", 100 * FLASH_SECONDS / alone.seconds_each, "%")
    faster = log.add(
        f"by {route}: {AT_ONCE} at a time, against one after another",
        alone.seconds / found[AT_ONCE].seconds,
        "times faster",
        goal=at_least(FASTER),
    )
    log.add(
        f"by {route}: all at a time, against one after another", alone.seconds / found[UNITS].seconds, "times faster"
    )
    busiest = max(fleet.others for fleet in found.values())
    if busiest > QUIET:
        log.note(f"by {route}: other programs took {busiest:.0f} % of the processors; a missed goal says little")
    assert faster.band == "pass" or busiest > QUIET
