"""Starting a virtual rack or joining one that runs, and the lab as it is then reached."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv4Interface

from nportlab.inventory.lab import Lab, Rack
from nportlab.safety.bench import Bench
from nportlab.virtual.client import RunningRack, attach, start_rack


def join_or_start(lab: Lab, rack: str) -> tuple[RunningRack | None, bool]:
    """The virtual rack, and whether it was started here (and so has to be stopped here); (None, False) for hardware.

    Raises LabFault when it cannot be started.
    """
    if lab.racks[rack].virtual is None:
        return None, False
    running = attach(lab, rack)
    if running is not None:
        return running, False
    return start_rack(lab, rack), True


def bench_of(lab: Lab, rack: str, running: RunningRack | None) -> Bench:
    """The bench of a rack, its addresses and ports as they really are."""
    reached = lab.racks[rack] if running is None else as_running(lab.racks[rack], running)
    return Bench(replace(lab, racks={**lab.racks, rack: reached}), reached, running)


def as_running(rack: Rack, running: RunningRack) -> Rack:
    """The rack as it is reached: without namespaces its units have other addresses and mapped ports."""
    units = {
        name: replace(entry, address=info.address, port_map=info.port_map)
        for name, info in running.units.items()
        if (entry := rack.units.get(name)) is not None
    }
    harness = running.harness_address
    if "/" not in harness:
        harness = f"{harness}/{rack.network.prefix_length}"
    virtual = replace(rack.virtual, network=running.mode) if rack.virtual else None
    network = replace(rack.network, harness=IPv4Interface(harness))
    return replace(rack, units={**rack.units, **units}, virtual=virtual, network=network)


@contextmanager
def open_bench(lab: Lab, rack: str) -> Iterator[Bench]:
    """The bench of a rack, its virtual rack running meanwhile."""
    running, started = join_or_start(lab, rack)
    try:
        yield bench_of(lab, rack, running)
    finally:
        if running is not None and started:
            running.stop()
