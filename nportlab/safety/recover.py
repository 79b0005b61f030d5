"""`nportlab recover`: put back what killed runs left changed."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from nportlab.inventory.lab import Lab
from nportlab.safety.bench import Bench
from nportlab.safety.journal import pending_units
from nportlab.safety.keeper import Keeper, Silent
from nportlab.verdicts.faults import ConfigFault, HarnessError
from nportlab.verdicts.verdict import ExitCode


class _Said(Silent):
    def __init__(self, unit: str) -> None:
        self._unit = unit

    def doing(self, what: str) -> None:
        print(f"{self._unit}: {what}", flush=True)


def recover(lab: Lab, units: Sequence[str] | None = None) -> ExitCode:
    """Put units back and say so; units: only these. Units nobody left changed are not touched.

    Returns the exit code: OK, or that of the first unit that could not be put back. Raises ConfigFault for a unit that
    is not in the lab.
    """
    for name in units or ():
        if name not in lab.units:
            raise ConfigFault(f"{lab.path.name} has no unit {name!r}", f"Units: {', '.join(lab.units)}.")
    pending = [name for _, name in pending_units(lab.state_dir) if not units or name in units]
    gone = [name for name in pending if name not in lab.units]
    for name in gone:
        print(f"{name}: left changed by a killed run, but not in {lab.path.name} any more", file=sys.stderr)
    code = ExitCode.CONFIG_FAULT if gone else ExitCode.OK
    pending = [name for name in pending if name in lab.units]
    if not pending and not gone:
        print("nothing to recover")
    for rack in dict.fromkeys(lab.units[name].rack for name in pending):
        code = _recover_rack(lab, rack, [name for name in pending if lab.units[name].rack == rack]) or code
    return code


def _recover_rack(lab: Lab, rack: str, units: Sequence[str]) -> ExitCode:
    from nportlab.safety.racks import open_bench

    code = ExitCode.OK
    with open_bench(lab, rack) as bench:
        bench.enter()
        for name in units:
            try:
                _recover_unit(lab, bench, name)
                print(f"{name}: as it was found")
            except HarnessError as error:
                print(f"{name}: {error.describe()}", file=sys.stderr)
                code = code or error.exit_code
    return code


def _recover_unit(lab: Lab, bench: Bench, name: str) -> None:
    entry = lab.units[name]
    keeper = Keeper(lab, entry, bench.target(bench.unit(entry)), _Said(name))
    try:
        keeper.open()
    finally:
        keeper.close()
