"""`nportlab firmware upgrade`: units to a version, side by side, with one line of result each."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from threading import Lock

from nportlab.firmware.fleet import Line, exit_code_of, upgrade_units
from nportlab.firmware.images import load_images
from nportlab.firmware.one_unit import Order
from nportlab.guide.firmware import Route, known_version
from nportlab.inventory.lab import Lab
from nportlab.safety.racks import open_bench
from nportlab.verdicts.faults import ConfigFault
from nportlab.verdicts.problems import did_you_mean
from nportlab.verdicts.verdict import ExitCode


def upgrade(
    lab: Lab,
    units: Sequence[str],
    *,
    target: str,
    route: Route | None = None,
    allow_flash: bool = False,
    workers: int | None = None,
) -> ExitCode:
    """Bring units to a version and say what became of each; progress goes to standard error.

    Everything that can be wrong with the order and the images is said before the first unit is touched. Returns OK, or
    the exit code of the first unit that failed.
    """
    names = list(dict.fromkeys(units))
    for name in names:
        if name not in lab.units:
            raise ConfigFault(f"{lab.path.name} has no unit {name!r}{did_you_mean(name, lab.units)}")
    if workers is not None and workers < 1:
        raise ConfigFault(f"--workers {workers}: at least one", "Leave it out for firmware.at_once of lab.yaml.")
    if not allow_flash:
        raise ConfigFault("nobody said that units may be flashed; nothing was done", "Say --allow-flash.")
    version = known_version(target)
    images = load_images(lab)
    lacking = [name for name in names if version not in images.for_model(lab.units[name].model)]
    if version is None or lacking:
        at_hand = {at for name in names for at in images.for_model(lab.units[name].model)}
        raise ConfigFault(
            f"no image of {target} for {', '.join(lacking or names)}{did_you_mean(target, at_hand)}",
            "nportlab firmware check lists the images.",
        )
    at_once = workers or (lab.firmware.settings.at_once if lab.firmware else 1)
    order = Order(version, route, allow_flash)
    lines: list[Line] = []
    said = _Said()
    for rack in dict.fromkeys(lab.units[name].rack for name in names):
        with open_bench(lab, rack) as bench:
            bench.enter()
            mine = [name for name in names if lab.units[name].rack == rack]
            lines += upgrade_units(lab, bench, mine, order, at_once, lambda line: print(line, flush=True), said)
    moved = [line.unit for line in lines if line.ok and line.steps]
    if moved:
        print(f'write firmware: "{version}" into {lab.path.name} for {", ".join(moved)}', flush=True)
    return exit_code_of(lines)


class _Said:
    """What happens to which unit, not the same twice in a row."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._last: dict[str, str] = {}

    def __call__(self, unit: str, what: str) -> None:
        with self._lock:
            if self._last.get(unit) != what:
                self._last[unit] = what
                print(f"{unit}: {what}", file=sys.stderr, flush=True)
