"""`nportlab virtual`: units that a client of this host can be pointed at."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from nportlab.inventory import load_lab
from nportlab.virtual.client import RunningRack, attach
from nportlab.virtual.foreground import in_words
from selftests.virtual.core.bench import connects, processes_of, until, write_lab

FOREGROUND = """
import sys
from pathlib import Path
from nportlab.inventory import load_lab
from nportlab.virtual.foreground import run_foreground
sys.exit(run_foreground(load_lab(Path(sys.argv[1])), "desk", json=True))
"""

Shown = tuple[dict[str, Any], RunningRack, subprocess.Popen[str]]


@pytest.fixture
def show(tmp_path: Path) -> Iterator[Callable[[str], Shown]]:
    started: list[subprocess.Popen[str]] = []

    def run(network: str) -> Shown:
        lab = write_lab(tmp_path, virtual=f"network: {network}")
        process = subprocess.Popen(
            [sys.executable, "-c", FOREGROUND, str(lab.path)], stdout=subprocess.PIPE, text=True, process_group=0
        )
        started.append(process)
        assert process.stdout is not None
        text = io.StringIO()
        for line in process.stdout:
            text.write(line)
            if line == "}\n":
                break
        rack = attach(lab, "desk")
        assert rack is not None
        return json.loads(text.getvalue()), rack, process

    yield run
    for process in started:
        process.kill()
        process.wait()


NETWORKS = ["user-namespaces", "loopback", *(["namespaces"] if os.geteuid() == 0 else [])]


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
@pytest.mark.parametrize("network", NETWORKS)
def test_units_are_reached_from_this_host(show: Callable[[str], Shown], network: str) -> None:
    shown, _, _ = show(network)
    assert shown["mode"] == network
    unit = shown["units"][0]
    assert (unit["name"], unit["model"], unit["firmware"]) == ("a", "NP6150", "2.3")
    tcp = unit["port_map"]["tcp"]
    assert connects(unit["address"], tcp["443"]) == "open"
    assert connects(unit["address"], tcp["23"]) == "refused"
    assert "BEGIN CERTIFICATE" in ssl.get_server_certificate((unit["address"], tcp["443"]), timeout=5)
    with requests.Session() as session:
        session.trust_env, session.verify = False, False
        assert session.get(unit["url"], timeout=5).status_code == 200
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.sendto(bytes.fromhex("0100000800000000"), (unit["address"], unit["port_map"]["udp"]["4800"]))
        assert client.recv(100)[14:20].hex(":").upper() == unit["mac"]


def test_what_closes_on_the_unit_closes_here(show: Callable[[str], Shown]) -> None:
    shown, rack, _ = show("user-namespaces")
    unit = shown["units"][1]
    place = unit["address"], unit["port_map"]["tcp"]["953"]
    assert connects(*place) == "open"
    rack.power("b", False)
    until(lambda: connects(*place) == "refused")
    rack.power("b", True)
    until(lambda: connects(*place) == "open")


def test_bytes_pass_unharmed_and_an_end_is_an_end(show: Callable[[str], Shown]) -> None:
    shown, rack, _ = show("user-namespaces")
    unit = shown["units"][0]
    with socket.create_connection((unit["address"], unit["port_map"]["tcp"]["22"]), 5) as client:
        assert client.recv(8) == b"SSH-2.0-"
        rack.power("a", False)
        rack.power("a", True)
        rack.wait_booted()


def test_the_relay_board_is_reached_too(show: Callable[[str], Shown], tmp_path: Path) -> None:
    shown, rack, _ = show("user-namespaces")
    lab = load_lab(tmp_path / "lab.yaml")
    switch = lab.racks["desk"].switches["relay"]
    assert switch.password is not None
    with requests.Session() as session:
        session.trust_env, session.auth = False, ("lab", switch.password.resolve(lab.state_dir))
        answer = session.put(shown["relays"]["relay"]["url"] + "/relay/2", json={"on": False}, timeout=5)
    assert answer.json() == {"relay": 2, "on": False}
    assert not rack.unit("b").powered


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_it_and_leaves_nothing(show: Callable[[str], Shown], number: signal.Signals) -> None:
    _, rack, process = show("user-namespaces")
    os.killpg(process.pid, number)
    assert process.wait(10) == 0
    assert processes_of(rack.supervisor) == []


def test_a_killed_foreground_leaves_nothing(show: Callable[[str], Shown]) -> None:
    _, rack, process = show("user-namespaces")
    process.kill()
    until(lambda: processes_of(rack.supervisor) == [])
    until(lambda: not _group(process.pid))


def _group(leader: int) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == leader and fields[0] != "Z":
            found.append(str(entry))
    return found


def test_in_words(show: Callable[[str], Shown]) -> None:
    shown, _, _ = show("loopback")
    words = in_words(shown)
    unit = shown["units"][0]
    for part in (
        "rack desk runs (loopback: lab.yaml asks",
        unit["url"],
        unit["credentials"]["password"],
        "10000 higher",
    ):
        assert part in words
