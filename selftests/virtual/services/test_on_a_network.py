"""The services in a rack with real networks: broadcasts, multicasts, leases, and what a sweep finds."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from nportlab.inventory import load_lab
from nportlab.virtual.client import RunningRack, rack_directory, start_rack
from nportlab.virtual.unit.accounts import Accounts
from nportlab.virtual.unit.flash import Flash
from selftests.virtual.services.bench import PASSWORD, USER, program, wait_until

UNIT, ADDRESS, HARNESS = "unit", "192.168.127.21", "192.168.127.1"
UNIT_MINUTE = 1
SEARCH = "0100000800000000"

LAB = f"""
lab: test
racks:
  rack:
    virtual: {{network: namespaces, boot_seconds: 0.05, seconds_per_unit_minute: {UNIT_MINUTE}}}
    network: {{harness_address: {HARNESS}/24}}
    units:
      {UNIT}:
        model: NP6150
        firmware: "2.3"
        address: {ADDRESS}
        credentials: {{username: {USER}, password: {{generated: true}}}}
"""


class Network:
    """A rack with one unit, and programs run beside it in the rack's network."""

    def __init__(self, rack: RunningRack) -> None:
        self.rack = rack

    def command(self, *words: str) -> list[str]:
        return [program("nsenter"), "-t", str(self.rack.supervisor), "-n", program(words[0]), *words[1:]]

    def run(self, *words: str) -> str:
        """Output of a program that ends by itself."""
        done = subprocess.run(self.command(*words), capture_output=True, text=True, timeout=30, check=False)
        return done.stdout + done.stderr

    @contextmanager
    def capture(self, what: str, directory: Path) -> Iterator[Path]:
        """tcpdump's lines about packets that fit `what`, in a file, from before the block on."""
        lines = directory / "packets.txt"
        with lines.open("wb") as output:
            command = self.command("tcpdump", "-Z", "root", "-l", "-n", "-i", "br0", what)
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.PIPE)
            try:
                assert process.stderr is not None
                while b"listening on" not in (line := process.stderr.readline()):
                    assert line, "tcpdump does not start"
                yield lines
            finally:
                process.terminate()
                process.communicate(timeout=10)

    def power_cycle(self) -> None:
        self.rack.power(UNIT, False)
        self.rack.power(UNIT, True)
        self.rack.wait_booted()

    def searches(self, destination: str) -> str:
        """Reply to a Moxa search sent to `destination`, as hexadecimal text."""
        script = (
            "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(0.3);"
            "s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1); s.bind(('192.168.127.1', 0));"
            f"s.sendto(bytes.fromhex('{SEARCH}'), ('{destination}', 4800)); print(s.recv(100).hex())"
        )
        return self.run(sys.executable, "-c", script)


@contextmanager
def network(
    directory: Path, settings: Mapping[str, str] | None = None, defects: Iterable[str] = ()
) -> Iterator[Network]:
    """A rack whose unit's flash holds `settings`."""
    (directory / "lab.yaml").write_text(LAB)
    lab = load_lab(directory / "lab.yaml")
    flash = Flash(rack_directory(directory / "state", "rack") / "flash" / UNIT)
    place = {"network.ipv4_address": ADDRESS, "network.netmask": "255.255.255.0"}
    flash.commit("configuration", {"settings": {**place, **(settings or {})}, "extra": {}})
    flash.commit("seeded", {"model": "NP6150"})
    Accounts(flash).create_first(USER, PASSWORD)
    rack = start_rack(lab, "rack", directory / "state", defects={UNIT: defects})
    try:
        yield Network(rack)
    finally:
        rack.stop()


@pytest.fixture(autouse=True)
def _root_only() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root for network namespaces and tcpdump")


def test_searches_are_answered_by_unicast_and_broadcast(tmp_path: Path) -> None:
    with network(tmp_path) as net:
        for destination in (ADDRESS, "192.168.127.255", "255.255.255.255"):
            assert net.searches(destination).startswith("81000018"), destination


def test_defect_search_ignores_broadcast(tmp_path: Path) -> None:
    with network(tmp_path, defects=["search-ignores-broadcast"]) as net:
        assert net.searches(ADDRESS).startswith("81000018")
        assert "timed out" in net.searches("192.168.127.255")


def test_nmap_finds_the_ports_of_a_factory_unit(tmp_path: Path) -> None:
    with network(tmp_path) as net:
        tcp = net.run("nmap", "-n", "-Pn", "-sT", "-p", "1-15000", "--max-retries", "1", ADDRESS)
        udp = net.run("nmap", "-n", "-Pn", "-sU", "-p", "68,161,520,4800", ADDRESS)
    assert set(re.findall(r"^(\d+)/tcp +open ", tcp, re.MULTILINE)) == {"22", "443", "950", "966", "4900", "14900"}
    assert re.findall(r"^(\d+)/udp +open", udp, re.MULTILINE) == ["4800"]


def test_a_lease_from_dnsmasq_is_taken_and_renewed(tmp_path: Path) -> None:
    with network(tmp_path, {"network.ipv4_configuration": "dhcp", "log.local_network": "enable"}) as net:
        leases = tmp_path / "leases"
        command = net.command("dnsmasq", "-k", "--conf-file=/dev/null", "--port=0", "--user=root", "--interface=br0")
        command += [
            "--dhcp-range=192.168.127.100,192.168.127.110,2m",
            f"--dhcp-leasefile={leases}",
            "--dhcp-authoritative",
            "--no-ping",
        ]
        with subprocess.Popen([*command, f"--pid-file={tmp_path}/pid"]) as server:
            try:
                wait_until(lambda: leases.exists() and "00:90:e8" in leases.read_text())
                address = leases.read_text().split()[2]
                assert address.startswith("192.168.127.1")
                wait_until(lambda: net.searches(address).startswith("81000018"))
            finally:
                server.terminate()
        log = (tmp_path / "state/virtual/rack/flash" / UNIT / "log.txt").read_text()
        assert "[Network] DHCP/BOOTP/PPPoE Get IP/Renew" in log


def test_rip_2_is_announced_and_answered(tmp_path: Path) -> None:
    with network(tmp_path, {"network.routing_protocol": "rip-2"}) as net, net.capture("udp port 520", tmp_path) as seen:
        wait_until(lambda: f"{ADDRESS}.520 > 224.0.0.9.520: RIPv2, Response" in seen.read_text())


SENT_BY_DEFECTS = {
    "rip-announces-though-off": rf"{ADDRESS}.520 > 224.0.0.9.520: RIPv2, Response",
    "dhcp-discover-though-static": r"\.68 > 255.255.255.255.67: BOOTP/DHCP, Request",
    "ntp-built-in-server": rf"{ADDRESS}.\d+ > {HARNESS}.123: NTPv4, Client",
    "syslog-broadcast-though-empty": rf"{ADDRESS}.\d+ > 192.168.127.255.514: ",
}


def test_defects_that_send(tmp_path: Path) -> None:
    with network(tmp_path, defects=SENT_BY_DEFECTS) as net, net.capture("udp", tmp_path) as seen:
        net.power_cycle()
        for packet in SENT_BY_DEFECTS.values():
            wait_until(lambda packet=packet: re.search(packet, seen.read_text()) is not None)


def test_a_sound_unit_sends_nothing_by_itself(tmp_path: Path) -> None:
    with network(tmp_path) as net, net.capture("ip", tmp_path) as seen:
        net.power_cycle()
        net.run(sys.executable, "-c", f"import socket; socket.create_connection(('{ADDRESS}', 443), 5).close()")
        time.sleep(UNIT_MINUTE * 1.2)  # absence has no event to wait for; the test above sees all of these packets
        packets = [line for line in seen.read_text().splitlines() if f"IP {ADDRESS}." in line]
    assert [line for line in packets if f"{ADDRESS}.443" not in line] == []
