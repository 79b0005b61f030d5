"""`nportlab recover`: put back what killed runs left changed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nportlab.inventory.lab import Lab
from nportlab.safety.bench import Bench
from nportlab.safety.journal import pending_units
from nportlab.safety.keeper import Keeper, Silent
from nportlab.verdicts.faults import ConfigFault, HarnessError
from nportlab.verdicts.verdict import ExitCode

if TYPE_CHECKING:
    from nportlab.firmware.recovery import Settled


class _Said(Silent):
    def __init__(self, unit: str) -> None:
        self._unit = unit

    def doing(self, what: str) -> None:
        print(f"{self._unit}: {what}", flush=True)


def recover(lab: Lab, units: Sequence[str] | None = None, allow_flash: bool = False) -> ExitCode:
    """Put units back and say so; units: only these. Units nobody left changed are not touched.

    allow_flash: whether a unit that a killed run left on other firmware may be flashed to get it back.
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
        mine = [name for name in pending if lab.units[name].rack == rack]
        code = _recover_rack(lab, rack, mine, allow_flash) or code
    return code


def _recover_rack(lab: Lab, rack: str, units: Sequence[str], allow_flash: bool) -> ExitCode:
    from nportlab.safety.racks import open_bench

    code = ExitCode.OK
    with open_bench(lab, rack) as bench:
        bench.enter()
        for name in units:
            try:
                print(f"{name}: {_recover_unit(lab, bench, name, allow_flash)}")
            except HarnessError as error:
                print(f"{name}: {error.describe()}", file=sys.stderr)
                code = code or error.exit_code
    return code


def _recover_unit(lab: Lab, bench: Bench, name: str, allow_flash: bool) -> str:
    """Put one unit back; what to say of it. Raises what keeps it from being put back."""
    entry = bench.rack.units[name]
    said = _Said(name)
    keeper = Keeper(lab, entry, bench.target(bench.unit(entry)), said)
    try:
        keeper.lock.acquire()
        if keeper.journal.pending and keeper.journal.read()[0].flash is not None:
            settled = _settle(lab, bench, keeper, said, allow_flash)
            if settled.end == "stays":
                raise ConfigFault(settled.said, resource=f"unit {name}")
            if settled.end == "finished":
                return settled.said
            said.doing(settled.said)
        keeper.open()
        return "as it was found"
    finally:
        keeper.close()


def _settle(lab: Lab, bench: Bench, keeper: Keeper, said: _Said, allow_flash: bool) -> Settled:
    from nportlab.firmware.recovery import settle

    last = [0.0]

    def progress(seconds: float, what: str) -> None:
        if seconds - last[0] >= 10.0 or seconds < last[0]:
            last[0] = seconds
            said.doing(f"{what} ({seconds:.0f} s)")

    return settle(
        lab, bench, keeper.entry.name, keeper.journal, allow_flash=allow_flash, say=said.doing, progress=progress
    )
