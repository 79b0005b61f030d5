"""The serial side of a whole rack: cables beside the units, adapters opened from outside, power, faults, the end."""

from __future__ import annotations

import os
import signal
import stat
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import serial

from nportlab.inventory import load_lab
from nportlab.inventory.lab import Lab
from nportlab.serial.handlers import register
from nportlab.serial.handlers.protocol_wire import Serial
from nportlab.verdicts.faults import HarnessBug, LabFault
from nportlab.virtual.client import RunningRack, start_rack
from nportlab.virtual.foreground import Reach, describe, in_words
from nportlab.virtual.spec import RackSpec
from selftests.virtual.core.bench import processes_of, until
from selftests.virtual.serial.bench import SECONDS
from selftests.virtual.serial.test_pty_port import Far


def write_lab(directory: Path, network: str = "loopback", pty: str = "/nowhere") -> Lab:
    """Rack `desk` with unit a (adapter, loopback plug, cable to b/1, pty) and unit b (the cable's other end)."""
    (directory / "lab.yaml").write_text(
        textwrap.dedent(
            f"""\
            lab: selftest
            racks:
              desk:
                virtual: {{boot_seconds: 0.05, network: {network}}}
                units:
                  a:
                    model: NP6450
                    address: 192.168.127.11
                    credentials: {{password: {{generated: true}}}}
                    ports: {{1: {{line: adapter}}, 2: {{line: loopback}}, 4: {{line: {{pty: {pty}}}}}}}
                  b:
                    model: NP6150
                    address: 192.168.127.12
                    credentials: {{password: {{generated: true}}}}
                    ports: {{1: {{line: {{crosslink: a/3}}}}}}
            """
        )
    )
    return load_lab(directory / "lab.yaml")


@pytest.fixture(scope="module")
def rack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRack]:
    """One rack for the tests that leave it as it was, in the best network there is."""
    rack = start_rack(write_lab(tmp_path_factory.mktemp("rack"), "auto"), "desk")
    yield rack
    rack.stop()


@pytest.fixture
def own_rack(tmp_path: Path) -> Iterator[RunningRack]:
    rack = start_rack(write_lab(tmp_path), "desk")
    yield rack
    rack.stop()


def plugged(rack: RunningRack, **settings: Any) -> Serial:
    register()
    adapter = serial.serial_for_url(rack.adapter_url("a", 1), 115200, timeout=SECONDS, **settings)
    assert isinstance(adapter, Serial)
    return adapter


def ends(rack: RunningRack) -> dict[str, dict[str, Any]]:
    return {end["end"]: end for end in rack.cables()["ends"]}


def cables_process(rack: RunningRack) -> int:
    (pid,) = (pid for pid in processes_of(rack.supervisor) if Path(f"/proc/{pid}/comm").read_text().strip() == "cables")
    return pid


def test_every_port_has_the_line_of_the_lab(rack: RunningRack) -> None:
    assert {end: (row["line"], row["open"]) for end, row in ends(rack).items()} == {
        "a/1": ("adapter of a/1", True),
        "adapter of a/1": ("a/1", False),
        "a/2": ("loopback", True),
        "a/3": ("b/1", True),
        "b/1": ("a/3", True),
        "a/4": ("none", True),
    }


def test_the_socket_is_for_this_user_only(rack: RunningRack) -> None:
    assert stat.S_IMODE((rack.directory / "cables.sock").stat().st_mode) == 0o600


def test_bytes_reach_a_unit_from_outside_its_network(rack: RunningRack) -> None:
    before = ends(rack)["a/1"]["received"]
    with plugged(rack) as adapter:
        adapter.write(b"over the fence")
        adapter.flush()
        until(lambda: ends(rack)["a/1"]["received"] == before + 14)


def test_the_foreground_says_where_the_adapters_are(rack: RunningRack) -> None:
    lab = load_lab(rack.directory.parents[2] / "lab.yaml")
    reaches = {name: Reach(entry, "127.0.0.1", True) for name, entry in lab.racks["desk"].units.items()}
    described = describe(lab, rack, reaches, {})
    assert [unit["adapters"] for unit in described["units"]] == [{"1": rack.adapter_url("a", 1)}, {}]
    assert f"    port 1: {rack.adapter_url('a', 1)}\n" in in_words(described)


def test_only_ports_with_an_adapter_have_one(rack: RunningRack) -> None:
    register()
    for unit, port in (("a", 2), ("a", 9), ("c", 1)):
        with pytest.raises(serial.SerialException, match=f"could not open {unit}/{port}: there is no adapter"):
            serial.serial_for_url(rack.adapter_url(unit, port))


def test_a_fault_of_a_cable_comes_and_goes(rack: RunningRack) -> None:
    with plugged(rack) as adapter:
        rack.set_cable_fault("a", 1, "unplugged")
        with pytest.raises(serial.SerialException, match="unplugged"):
            adapter.read(1)
    rack.set_cable_fault("a", 1, "drop-byte", every=2, direction="to-unit")
    assert ends(rack)["a/1"]["fault"] == "drop-byte"
    rack.set_cable_fault("a", 1, None)
    plugged(rack).close()


@pytest.mark.parametrize(
    ("unit", "port", "fault", "words"),
    [
        ("c", 1, "cut", "no unit 'c'"),
        ("a", 7, "cut", "a has no port 7"),
        ("a", 4, "cut", "nothing is plugged into a/4"),
        ("a", 1, "frayed", "unknown fault 'frayed'"),
    ],
)
def test_a_fault_there_cannot_be(rack: RunningRack, unit: str, port: int, fault: str, words: str) -> None:
    with pytest.raises(HarnessBug, match=words):
        rack.set_cable_fault(unit, port, fault)


def test_power_off_closes_the_ports_and_power_on_opens_them(rack: RunningRack) -> None:
    rack.power("b", False)
    until(lambda: not ends(rack)["b/1"]["open"])
    assert ends(rack)["a/3"]["open"]
    rack.power("b", True)
    rack.wait_booted()
    assert ends(rack)["b/1"]["open"]


def test_cables_that_die_are_started_again_and_units_plug_in_again(own_rack: RunningRack) -> None:
    adapter = plugged(own_rack)
    first = cables_process(own_rack)
    os.kill(first, signal.SIGKILL)
    with pytest.raises(serial.SerialException):
        adapter.read(1)
    adapter.close()
    until(lambda: ends(own_rack)["a/1"]["open"] and ends(own_rack)["b/1"]["open"])
    assert cables_process(own_rack) != first
    assert "the process cables ended" in (own_rack.directory / "rack.log").read_text()
    with plugged(own_rack) as adapter:
        adapter.write(b"again")
        adapter.flush()
        until(lambda: ends(own_rack)["a/1"]["received"] == 5)


def test_a_rack_that_stops_leaves_nothing(own_rack: RunningRack) -> None:
    adapter = plugged(own_rack)
    own_rack.stop()
    assert processes_of(own_rack.supervisor) == []
    assert not [path for path in own_rack.directory.iterdir() if path.is_socket()]
    with pytest.raises(serial.SerialException, match="the rack of a/1 has ended"):
        adapter.read(1)
    with pytest.raises(LabFault, match="cables do not answer"):
        own_rack.cables()


def test_a_supervisor_that_is_killed_takes_the_cables_along(own_rack: RunningRack) -> None:
    own_rack.process.kill()  # type: ignore[union-attr] - started by us
    until(lambda: processes_of(own_rack.supervisor) == [])


def test_a_port_of_a_unit_can_be_a_pty_of_this_host(tmp_path: Path) -> None:
    far = Far(tmp_path / "port")
    rack = start_rack(write_lab(tmp_path, pty=str(far.path)), "desk")
    far.let_go()
    pid = rack.ask({"do": "describe"})["units"]["a"]["pid"]
    name = far.path.readlink()
    until(lambda: name in [entry.readlink() for entry in Path(f"/proc/{pid}/fd").iterdir()])
    rack.stop()


def test_a_rack_whose_lines_contradict_is_refused() -> None:
    unit = {"model": "NP6150", "firmware": "2.3", "serial_number": 1}
    a = {**unit, "name": "a", "address": "192.168.127.11", "mac": "00:90:E8:00:00:01"}
    b = {**unit, "name": "b", "address": "192.168.127.12", "mac": "00:90:E8:00:00:02"}
    for lines, words in (
        ({1: {"kind": "crosslink", "other": ("b", 2)}}, "no such port"),
        ({1: {"kind": "crosslink", "other": ("a", 1)}}, "crosslink to itself"),
        ({1: {"kind": "crosslink"}}, "has another port at its end"),
        ({2: {"kind": "loopback"}}, "a: a NP6150 has no serial port 2"),
        ({1: {"kind": "pty"}}, "a pty, and nothing else, has a path"),
        ({1: {"kind": "string"}}, "'loopback', 'adapter', 'crosslink' or 'pty'"),
    ):
        with pytest.raises(ValueError, match=words):
            RackSpec.model_validate({"name": "r", "directory": "/nowhere", "units": [{**a, "lines": lines}, b]})
