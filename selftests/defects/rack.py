"""A lab of virtual units with one seeded defect each, and a real run of the suites against it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from nportlab.guide.defects import Defect
from nportlab.report.record import RunRecord, load_run

TOP = Path(__file__).parents[2]
LONGEST_RUN = 900.0  # seconds
PROFILE = {"strict": True, "longest_handshake_seconds": 0.9}


def unit_of(defect: Defect) -> str:
    """The name of the unit that has the defect."""
    return defect.id


def write_lab(folder: Path, defects: Sequence[Defect], healthy: Sequence[str] = ()) -> Path:
    """lab.yaml with a unit for each defect, and healthy units of the given models (each named for its model)."""
    models = {unit_of(defect): "NP6450" if "second-port" in defect.needs else "NP6150" for defect in defects}
    models |= {model.lower(): model for model in healthy}
    seeded = {unit_of(defect): [defect.id] for defect in defects}
    units = {
        name: {
            "model": model,
            "firmware": "2.3",
            "address": f"192.168.127.{10 + number}",
            "credentials": {"username": "admin", "password": {"generated": True}},
            "allow": ["restart", "power-cycle", "factory-reset"],
            "outlet": f"relay/{2 * number - 1}",
            "reset_button": f"relay/{2 * number}",
            "defects": seeded.get(name, []),
        }
        for number, (name, model) in enumerate(models.items(), 1)
    }
    rack = {
        "virtual": {"boot_seconds": 0.3, "seconds_per_unit_minute": 1},
        "switches": {"relay": {"driver": "http_relay", "channels": 2 * len(units)}},
        "units": units,
    }
    path = folder / "lab.yaml"
    path.write_text(yaml.safe_dump({"lab": "defects", "profile": PROFILE, "racks": {"bench": rack}}))
    return path


def run_suites(folder: Path, lab: Path, *options: str, workers: int = 2) -> RunRecord:
    """Run the suites against a lab, as a person would; what the run printed is kept in `output.txt`."""
    command = [sys.executable, "-m", "pytest", "tests", f"--lab={lab}", f"--reports={folder / 'reports'}"]
    command += [f"--workers={workers}", "-q", *options]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    with (folder / "output.txt").open("wb") as output:
        subprocess.run(
            command, cwd=TOP, stdout=output, stderr=subprocess.STDOUT, env=environment, timeout=LONGEST_RUN, check=False
        )
    return load_run(folder / "reports" / "latest")
