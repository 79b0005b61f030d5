from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest

from nportlab.inventory import Lab
from nportlab.inventory.lab import PortMap
from nportlab.safety import bench as bench_module
from nportlab.safety.bench import Bench
from nportlab.safety.racks import as_running, bench_of, join_or_start
from nportlab.verdicts.faults import LabFault


class Relay:
    """A driver whose channel is what it was told last."""

    on = True

    def switch(self, channel: object, on: bool) -> None:
        self.on = on

    def is_on(self, channel: object) -> bool:
        return self.on


@pytest.fixture
def relay(monkeypatch: pytest.MonkeyPatch) -> Relay:
    relay = Relay()
    monkeypatch.setattr(bench_module, "driver", lambda name: relay)
    monkeypatch.setattr(bench_module, "_has_route", lambda entry: True)
    return relay


def test_an_outlet_that_is_off_is_named(lab: Lab, relay: Relay) -> None:
    bench = bench_of(lab, "bench", None)
    bench.look(lab.units["np6150"])
    relay.on = False
    with pytest.raises(LabFault) as fault:
        bench.look(lab.units["np6150"])
    assert fault.value.resource == "outlet pdu/1"
    bench.look(lab.units["np6450"])  # has no outlet


def test_a_host_without_a_way_to_the_unit_is_named(lab: Lab, relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_module, "_has_route", lambda entry: False)
    with pytest.raises(LabFault, match=r"no route to 192\.0\.2\.11"):
        bench_of(lab, "bench", None).look(lab.units["np6150"])


def test_a_virtual_rack_that_is_gone_is_named(lab: Lab, relay: Relay) -> None:
    running = MagicMock()
    running.ask.side_effect = LabFault("does not answer", resource="rack bench")
    with pytest.raises(LabFault) as fault:
        Bench(lab, lab.racks["bench"], running).look(lab.units["np6150"])
    assert fault.value.resource == "rack bench"


def test_a_unit_asks_the_bench_before_it_is_blamed(lab: Lab, relay: Relay) -> None:
    unit = bench_of(lab, "bench", None).unit(lab.units["np6150"])
    unit.check_bench()
    relay.on = False
    with pytest.raises(LabFault):
        unit.check_bench()


def test_hardware_is_not_started(lab: Lab) -> None:
    assert join_or_start(lab, "bench") == (None, False)


def test_units_on_mapped_ports_are_reached_there(lab: Lab) -> None:
    info = SimpleNamespace(address="127.100.0.11", port_map=PortMap({443: 10443}))
    running: Any = SimpleNamespace(units={"np6150": info}, harness_address="127.0.0.1", mode="loopback")
    rack = as_running(lab.racks["bench"], running)
    assert (rack.units["np6150"].address, rack.units["np6150"].https_port) == ("127.100.0.11", 10443)
    assert rack.units["np6450"].address == "192.0.2.12"
    assert rack.network.harness_address == "127.0.0.1"
