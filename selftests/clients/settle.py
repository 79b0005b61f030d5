"""Bring settings into force on one unit of a running virtual rack: `python -m selftests.clients.settle lab.yaml unit`.

The settings are a JSON object on standard input. A program of its own because entering a rack has no way back.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from nportlab.inventory import load_lab
from nportlab.safety.racks import bench_of
from nportlab.virtual.client import attach


def main() -> None:
    """Apply the settings, with the one restart they need."""
    lab = load_lab(Path(sys.argv[1]))
    entry = lab.units[sys.argv[2]]
    running = attach(lab, entry.rack)
    assert running is not None, "the rack does not run"
    bench = bench_of(lab, entry.rack, running)
    bench.enter()
    bench.unit(bench.lab.units[entry.name]).apply(json.load(sys.stdin))


if __name__ == "__main__":
    main()
