"""The rack a bench measures on: one made for it, or that of a lab."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from benches.worker import Place
from nportlab.inventory.lab import Lab
from nportlab.inventory.load import load_lab
from nportlab.safety.racks import join_or_start
from nportlab.virtual.client import start_rack

RACK = "bench"
UNIT = "np6650"
PARTNER = "partner"
"""The other end of a pair connection."""


def own_lab(
    folder: Path,
    lines: Mapping[int, Any] | None = None,
    *,
    model: str = "NP6650-32",
    partner: bool = True,
    network: str = "auto",
) -> Lab:
    """A lab of one virtual unit with an adapter on every port, or with other lines, and a partner like it."""

    def unit(number: int) -> dict[str, Any]:
        ports = {"1-32": {"line": "adapter"}} if lines is None else {n: {"line": line} for n, line in lines.items()}
        return {
            "model": model,
            "address": f"192.168.127.{10 + number}",
            "credentials": {"username": "admin", "password": {"generated": True}},
            "ports": ports,
        }

    units = {UNIT: unit(1), **({PARTNER: unit(2)} if partner else {})}
    # A unit's minute as on hardware: with a shorter one, timeouts that nobody asked for would end sessions.
    # And it boots long enough for the harness to see it gone; what it does not see it waits for.
    virtual = {"network": network, "boot_seconds": 0.5, "seconds_per_unit_minute": 60}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "lab.yaml"
    path.write_text(yaml.safe_dump({"lab": "bench", "racks": {RACK: {"virtual": virtual, "units": units}}}))
    return load_lab(path)


@contextmanager
def own_place(
    folder: Path,
    lines: Mapping[int, Any] | None = None,
    *,
    model: str = "NP6650-32",
    partner: bool = True,
    network: str = "auto",
) -> Iterator[Place]:
    """A virtual rack for the bench alone."""
    lab = own_lab(folder, lines, model=model, partner=partner, network=network)
    rack = start_rack(lab, RACK)
    try:
        yield Place(lab, RACK, UNIT, rack, own=True)
    finally:
        rack.stop()


@contextmanager
def lab_place(lab: Lab, unit: str) -> Iterator[Place]:
    """The rack of a unit of a lab, started if it is virtual and does not run."""
    rack = lab.units[unit].rack
    running, started = join_or_start(lab, rack)
    try:
        yield Place(lab, rack, unit, running)
    finally:
        if running is not None and started:
            running.stop()
