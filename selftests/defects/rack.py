"""A lab of virtual units with one seeded defect each, and a real run of the suites against it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from nportlab.guide.defects import Defect
from nportlab.report.record import RunRecord, load_run

TOP = Path(__file__).parents[2]
LONGEST_RUN = 900.0  # seconds
USUAL = "2.3"
LATEST = "2.3.9"
"""What a healthy unit has: without the flaws older versions are known for."""

FLASHED = ("flash", "downgrade", "one-way", "sacrificial")
"""What else may be done to units of a lab with firmware images."""

PROFILE = {"strict": True, "longest_handshake_seconds": 0.9, "advisories": "fail", "advisory_list_days": 3650}
"""Published flaws of the firmware fail; the list of them does not grow old, so that these tests do not either."""


def unit_of(defect: Defect) -> str:
    """The name of the unit that has the defect."""
    return defect.id


def lines(unit: str, model: str) -> dict[int, dict[str, object]]:
    """What is plugged into the serial ports of a unit."""
    if model == "NP6150":
        return {1: {"line": "adapter"}}
    crossed: dict[int, dict[str, object]] = {
        port: {"line": {"crosslink": f"{unit}/{other}"}} for port, other in ((3, 4), (4, 3))
    }
    return {1: {"line": "adapter"}, 2: {"line": "adapter"}, **crossed}


def write_lab(
    folder: Path,
    defects: Sequence[Defect],
    healthy: Sequence[str] = (),
    healthy_firmware: str = LATEST,
    images: tuple[str, str] | None = None,
) -> Path:
    """lab.yaml with a unit for each defect, and healthy units of the given models (each named for its model).

    images: the oldest and the newest firmware its units may be flashed with; all defects want the same, or none.
    """
    images = next((defect.images for defect in defects), images)
    models = {unit_of(defect): "NP6450" if "second-port" in defect.needs else "NP6150" for defect in defects}
    models |= {model.lower(): model for model in healthy}
    firmware = {unit_of(defect): defect.firmware or USUAL for defect in defects}
    seeded = {unit_of(defect): [defect.id] for defect in defects}
    units = {
        name: {
            "model": model,
            "firmware": firmware.get(name, healthy_firmware),
            "address": f"192.168.127.{10 + number}",
            "credentials": {"username": "admin", "password": {"generated": True}},
            "allow": ["restart", "power-cycle", "factory-reset", *(FLASHED if images else ())],
            "outlet": f"relay/{2 * number - 1}",
            "reset_button": f"relay/{2 * number}",
            "ports": lines(name, model),
            "defects": seeded.get(name, []),
        }
        for number, (name, model) in enumerate(models.items(), 1)
    }
    rack = {
        "virtual": {"boot_seconds": 0.3, "seconds_per_unit_minute": 1, "flash_seconds": 0.2},
        "switches": {"relay": {"driver": "http_relay", "channels": 2 * len(units)}},
        "units": units,
    }
    lab: dict[str, object] = {"lab": "defects", "profile": PROFILE, "racks": {"bench": rack}}
    if images:
        lab["firmware"] = {"images": "virtual", "mcc_tool": "virtual", "oldest": images[0], "newest": images[1]}
    path = folder / "lab.yaml"
    path.write_text(yaml.safe_dump(lab))
    return path


def run_suites(
    folder: Path, lab: Path, *options: str, workers: int = 2, secrets: Mapping[str, str] | None = None
) -> RunRecord:
    """Run the suites against a lab, as a person would; what the run printed is kept in `output.txt`.

    secrets: variables that lab.yaml takes passwords from.
    """
    command = [sys.executable, "-m", "pytest", "tests", f"--lab={lab}", f"--reports={folder / 'reports'}"]
    command += [f"--workers={workers}", "-q", "--allow-virtual-flash", *options]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    environment |= secrets or {}
    with (folder / "output.txt").open("wb") as output:
        subprocess.run(
            command, cwd=TOP, stdout=output, stderr=subprocess.STDOUT, env=environment, timeout=LONGEST_RUN, check=False
        )
    return load_run(folder / "reports" / "latest")
