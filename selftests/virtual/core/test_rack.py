"""A whole rack: its processes, its network, its power."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from nportlab.inventory.lab import Lab
from nportlab.verdicts.faults import ConfigFault, LabFault
from nportlab.virtual.addressing import mapped
from nportlab.virtual.client import RunningRack, attach, rack_directory, rack_spec, start_rack
from nportlab.virtual.unit.accounts import Accounts
from nportlab.virtual.unit.flash import Flash
from selftests.virtual.core.bench import connects, inside, processes_of, until, write_lab

Start = Callable[..., RunningRack]

NAMESPACES = "namespaces" if os.geteuid() == 0 else "user-namespaces"
MODES = sorted({NAMESPACES, "user-namespaces", "loopback"})


@pytest.fixture(scope="module")
def rack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRack]:
    """One rack for all tests that leave their unit running; what they count, they count from where they began."""
    directory = tmp_path_factory.mktemp("rack")
    rack = start_rack(write_lab(directory, virtual=f"network: {NAMESPACES}", units=3), "desk")
    yield rack
    rack.stop()


def reached(rack: RunningRack, unit: str, port: int) -> tuple[str, int]:
    info = rack.unit(unit)
    return info.address, info.port_map.tcp.get(port, port)


def tried(rack: RunningRack, unit: str, *ports: int) -> list[str]:
    places = [reached(rack, unit, port) for port in ports]
    return inside(rack, lambda: [connects(*place) for place in places])


def log_of(rack: RunningRack, unit: str) -> list[str]:
    return [line.split("] ")[-1] for line in Flash(rack.directory / "flash" / unit).lines("log")]


def secret(lab: Lab) -> tuple[str, str]:
    switch = lab.racks["desk"].switches["relay"]
    assert switch.password is not None
    return ("lab", switch.password.resolve(lab.state_dir))


@pytest.mark.parametrize("network", MODES)
def test_units_listen_where_the_rack_says(start: Start, network: str) -> None:
    rack = start(f"network: {network}")
    assert rack.mode == network
    assert [(unit.name, unit.model, unit.booted, unit.boots) for unit in rack.units.values()] == [
        ("a", "NP6150", True, 1),
        ("b", "NP6450", True, 1),
    ]
    assert tried(rack, "a", 443, 22, 950, 966, 951, 23, 80) == ["open"] * 4 + ["refused"] * 3
    assert tried(rack, "b", 443, 953, 969, 954) == ["open"] * 3 + ["refused"]


@pytest.mark.parametrize("network", MODES)
def test_a_stopped_rack_leaves_nothing_and_its_flash_is_kept(start: Start, network: str) -> None:
    rack = start(f"network: {network}")
    assert len(processes_of(rack.supervisor)) == 5
    rack.stop()
    assert processes_of(rack.supervisor) == []
    rack.stop()
    again = start(f"network: {network}")
    assert Flash(again.directory / "flash" / "a").read("boots") == 2


def test_power_off_is_silence_and_power_on_a_cold_start(rack: RunningRack) -> None:
    before, others = rack.restarts("a"), rack.restarts("b")
    rack.power("a", False)
    assert tried(rack, "a", 443) == ["silent"]
    assert not rack.unit("a").powered
    rack.power("a", True)
    rack.wait_booted(["a"])
    assert tried(rack, "a", 443) == ["open"]
    assert log_of(rack, "a")[-1] == "System Cold Start"
    assert (rack.restarts("a"), rack.restarts("b")) == (before + 1, others)


def test_a_connection_dies_in_silence_when_the_power_goes(rack: RunningRack) -> None:
    place = reached(rack, "a", 950)

    def cut() -> str:
        with socket.create_connection(place, 2) as client:
            rack.power("a", False)
            client.settimeout(0.3)
            try:
                return repr(client.recv(1))
            except TimeoutError:
                return "silence"

    assert inside(rack, cut) == "silence"
    rack.power("a", True)
    rack.wait_booted()


@pytest.mark.parametrize("network", MODES)
def test_a_crash_is_a_crash_and_the_watchdog_restarts(start: Start, network: str) -> None:
    rack = start(f"network: {network}")
    pid = rack.ask({"do": "describe"})["units"]["a"]["pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: rack.unit("a").crashes == 1 and rack.unit("a").booted)
    assert log_of(rack, "a") == ["System Cold Start", "System Warm Start"]
    assert tried(rack, "a", 443) == ["open"]


def test_the_reset_button_loads_factory_values_and_keeps_the_address(rack: RunningRack) -> None:
    flash = rack.directory / "flash" / "a"
    address, boots = rack.unit("a").address, rack.restarts("a")
    Accounts(Flash(flash)).put("somebody", "Blue4Bird")
    rack.press_reset("a", 0.01)
    threading.Event().wait(0.1)
    assert rack.restarts("a") == boots
    rack.press_reset("a", 1.0)
    until(lambda: rack.restarts("a") == boots + 1)
    rack.wait_booted()
    assert not Accounts(Flash(flash)).exists()
    assert rack.unit("a").address == address
    assert log_of(rack, "a")[-1] == "System Warm Start"


def test_a_button_that_is_held_from_power_on_resets_once(start: Start, tmp_path: Path) -> None:
    rack = start("network: loopback")
    auth = secret(write_lab(tmp_path))
    flash = rack.directory / "flash" / "a"
    relay(rack, auth, "PUT", 1, json={"on": False})
    boots = rack.unit("a").boots
    relay(rack, auth, "PUT", 5, json={"on": True})
    relay(rack, auth, "PUT", 1, json={"on": True})
    until(lambda: rack.unit("a").boots == boots + 2)
    rack.wait_booted()
    assert not Accounts(Flash(flash)).exists()
    threading.Event().wait(1.0)  # a press of five seconds takes a twelfth of a unit minute, of half a second here
    assert rack.unit("a").boots == boots + 2
    relay(rack, auth, "PUT", 5, json={"on": False})


def test_a_button_that_works_for_a_minute(rack: RunningRack) -> None:
    flash = Flash(rack.directory / "flash" / "b")
    rack.power("b", False)
    configuration = flash.read("configuration")
    configuration["settings"]["console.reset_button"] = "60s"
    flash.commit("configuration", configuration)
    rack.power("b", True)
    rack.wait_booted()
    boots = rack.restarts("b")
    threading.Event().wait(0.6)  # a unit minute takes half a second here
    rack.press_reset("b", 0.3)
    threading.Event().wait(0.4)
    assert rack.restarts("b") == boots


def test_an_address_comes_from_the_flash(rack: RunningRack) -> None:
    flash = Flash(rack.directory / "flash" / "c")
    rack.power("c", False)
    configuration = flash.read("configuration")
    configuration["settings"]["network.ipv4_address"] = "192.168.127.99"
    flash.commit("configuration", configuration)
    rack.power("c", True)
    rack.wait_booted()
    assert rack.unit("c").address == "192.168.127.99"
    assert tried(rack, "c", 443) == ["open"]


def test_every_unit_hears_a_broadcast_and_shows_its_mac(rack: RunningRack) -> None:

    def search() -> list[str]:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            client.bind((rack.harness_address, 0))
            client.settimeout(2)
            client.sendto(bytes.fromhex("0100000800000000"), ("255.255.255.255", 4800))
            return sorted(client.recv(100)[14:20].hex(":").upper() for _ in range(3))

    assert inside(rack, search) == sorted(unit.mac for unit in rack.units.values())
    neighbours = inside(rack, lambda: Path("/proc/net/arp").read_text().upper())
    assert all(unit.mac in neighbours for unit in rack.units.values())


def relay(rack: RunningRack, auth: tuple[str, str], method: str, number: int, **options: Any) -> Any:
    def call() -> Any:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(method, f"{rack.relay_url}/relay/{number}", auth=auth, timeout=5, **options)
            return answer.json() | {"status": answer.status_code}

    return inside(rack, call)


@pytest.mark.parametrize("network", [NAMESPACES, "loopback"])
def test_relays_feed_units_and_press_buttons(start: Start, tmp_path: Path, network: str) -> None:
    rack = start(f"network: {network}")
    auth = secret(write_lab(tmp_path, virtual=f"network: {network}"))
    assert relay(rack, auth, "GET", 1) == {"relay": 1, "on": True, "status": 200}
    assert relay(rack, auth, "PUT", 1, json={"on": False})["on"] is False
    assert not rack.unit("a").powered
    relay(rack, auth, "PUT", 1, json={"on": True})
    rack.wait_booted()
    assert rack.unit("a").boots == 2
    relay(rack, auth, "PUT", 5, json={"on": True})
    until(lambda: rack.unit("a").boots == 3)
    relay(rack, auth, "PUT", 5, json={"on": False})
    assert relay(rack, ("lab", "wrong"), "GET", 1)["status"] == 401


def test_relay_boards_that_fail(start: Start, tmp_path: Path) -> None:
    rack = start("network: loopback")
    auth = secret(write_lab(tmp_path))
    rack.set_relay_fault("relay", 1, "lying")
    assert relay(rack, auth, "PUT", 1, json={"on": False})["on"] is False
    assert rack.unit("a").powered
    rack.set_relay_fault("relay", 1, "error")
    assert relay(rack, auth, "GET", 1)["status"] == 500
    rack.set_relay_fault("relay", 1, None)
    assert relay(rack, auth, "GET", 1)["on"] is True


def test_a_unit_made_new_is_as_delivered_or_provisioned(rack: RunningRack) -> None:
    flash = rack.directory / "flash" / "a"
    rack.erase("a", provisioned=False)
    assert not Accounts(Flash(flash)).exists()
    rack.erase("a")
    assert Accounts(Flash(flash)).names() == ["admin"]


def test_a_unit_may_be_delivered_without_account(start: Start) -> None:
    rack = start("network: loopback", as_delivered=["b"])
    assert Accounts(Flash(rack.directory / "flash" / "a")).exists()
    assert not Accounts(Flash(rack.directory / "flash" / "b")).exists()


def test_defects_are_planted_from_the_start_and_later(start: Start) -> None:
    rack = start("network: loopback", defects={"a": ["undocumented-listener"]})
    assert rack.unit("a").defects == ("undocumented-listener",)
    assert tried(rack, "a", 2323) == ["open"]
    rack.set_defects("a", [])
    rack.power("a", False)
    rack.power("a", True)
    rack.wait_booted()
    assert tried(rack, "a", 2323) == ["refused"]
    with pytest.raises(Exception, match="unknown defects: nonsense"):
        rack.set_defects("a", ["nonsense"])


def test_two_supervisors_never_share_a_flash(start: Start, tmp_path: Path) -> None:
    rack = start()
    with pytest.raises(LabFault, match=rf"runs already \(supervisor {rack.supervisor}\)"):
        start()
    assert rack.unit("a").booted


def test_a_running_rack_can_be_attached_to(start: Start, tmp_path: Path) -> None:
    lab = write_lab(tmp_path)
    assert attach(lab, "desk") is None
    rack = start()
    found = attach(lab, "desk")
    assert found is not None
    assert (found.supervisor, found.mode, found.relay_urls) == (rack.supervisor, rack.mode, rack.relay_urls)
    found.stop()
    assert processes_of(rack.supervisor) == []
    with pytest.raises(LabFault, match="does not answer"):
        rack.unit("a")


def test_two_units_with_one_address_are_refused(tmp_path: Path) -> None:
    lab = write_lab(tmp_path)
    rack = lab.racks["desk"]
    same = dataclasses.replace(rack.units["b"], address=rack.units["a"].address)
    broken = dataclasses.replace(rack, units={**rack.units, "b": same})
    with pytest.raises(ConfigFault, match="a and b have the same address"):
        rack_spec(broken, tmp_path, set(), {})


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    lab = write_lab(tmp_path, virtual="network: loopback", units=1, first=77)
    with contextlib.ExitStack() as taken:
        for second in range(100, 228):
            taken.enter_context(socket.create_server((f"127.{second}.127.77", mapped(22))))
        with pytest.raises(LabFault, match=r"a: ssh: .*in use"):
            start_rack(lab, "desk")


def test_a_state_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    lab = write_lab(tmp_path, units=1)
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises((LabFault, ConfigFault), match="file"):
        start_rack(lab, "desk", tmp_path / "file")


def test_a_user_namespace_is_entered_by_single_threaded_processes(start: Start) -> None:
    rack = start("network: user-namespaces")

    def enter_with_a_thread() -> str:
        stop = threading.Event()
        threading.Thread(target=stop.wait, daemon=True).start()
        try:
            rack.enter()
        except LabFault as fault:
            return str(fault)
        return "entered"

    pid = os.fork()
    if pid == 0:
        os._exit("threads" not in enter_with_a_thread())
    assert os.waitpid(pid, 0)[1] == 0


def test_a_rack_that_cannot_be_networked_as_asked_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "ip").write_text("#!/bin/sh\necho no such thing >&2\nexit 1\n")
    (tmp_path / "bin" / "ip").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    lab = write_lab(tmp_path, virtual=f"network: {NAMESPACES}")
    with pytest.raises(LabFault, match="no such thing"):
        start_rack(lab, "desk")
    rack = start_rack(write_lab(tmp_path), "desk")
    rack.stop()
    assert rack.mode == "loopback"
    assert "no such thing" in rack.reason


def test_a_state_folder_deeper_than_socket_paths_go(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 80) / ("y" * 80)
    rack = start_rack(write_lab(tmp_path), "desk", deep)
    assert rack.directory == rack_directory(deep, "desk")
    rack.stop()
