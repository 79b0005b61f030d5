"""A lab with a virtual rack, images for it, and units as the harness holds them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from nportlab.firmware.one_unit import Flasher
from nportlab.inventory import Lab, load_lab
from nportlab.safety.bench import Bench
from nportlab.safety.keeper import Keeper
from nportlab.safety.racks import bench_of
from nportlab.unit.unit import Unit
from nportlab.virtual.client import RunningRack, start_rack
from nportlab.virtual.image_files import write_images

VERSIONS = ("1.17", "1.21", "2.0", "2.1", "2.3")
ALL = ["restart", "power-cycle", "factory-reset", "flash", "downgrade", "one-way", "sacrificial"]


def entry(number: int, firmware: str, model: str = "NP6450", **more: Any) -> dict[str, Any]:
    """One unit of lab.yaml."""
    return {
        "model": model,
        "firmware": firmware,
        "address": f"192.168.127.{10 + number}",
        "credentials": {"username": "admin", "password": {"generated": True}},
        "allow": ALL,
        "outlet": f"relay/{number}",
        **more,
    }


def write_lab(folder: Path, units: dict[str, dict[str, Any]], flash_seconds: float = 0.1) -> Lab:
    """lab.yaml and its images."""
    write_images(folder / "images", VERSIONS)
    virtual = {"network": "loopback", "boot_seconds": 0.1, "flash_seconds": flash_seconds}
    rack = {"virtual": virtual, "switches": {"relay": {"driver": "http_relay", "channels": 24}}, "units": units}
    lab = {"lab": "flashing", "firmware": {"images": "images", "mcc_tool": "virtual"}, "racks": {"desk": rack}}
    (folder / "lab.yaml").write_text(yaml.safe_dump(lab))
    return load_lab(folder / "lab.yaml")


@dataclass
class Held:
    """One unit that is held; what is said of it is in `told`."""

    lab: Lab
    bench: Bench
    unit: Unit
    keeper: Keeper
    told: list[str] = field(default_factory=list)

    def flasher(self, home: str | None = None, allow_flash: bool = True) -> Flasher:
        """To flash it. home: by default where it was found."""
        home = home or self.bench.rack.units[self.unit.name].firmware
        return Flasher(
            self.lab, self.unit, self.keeper.journal, self.keeper.record, home, allow_flash,
            lambda seconds, what: self.told.append(what),
        )  # fmt: skip


@contextmanager
def held(lab: Lab, rack: RunningRack, name: str) -> Iterator[Held]:
    """Hold a unit; it is not put back, so that a test may leave it where it likes."""
    bench = bench_of(lab, "desk", rack)
    unit = bench.unit(bench.rack.units[name])
    keeper = Keeper(lab, unit.entry, bench.target(unit))
    keeper.open()
    try:
        yield Held(lab, bench, unit, keeper)
    finally:
        unit.console.logout()
        keeper.journal.end()
        keeper.lock.release()


@contextmanager
def running(lab: Lab) -> Iterator[RunningRack]:
    """The rack of the lab."""
    rack = start_rack(lab, "desk")
    try:
        yield rack
    finally:
        rack.stop()
