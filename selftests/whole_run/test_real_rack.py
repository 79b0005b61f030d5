"""A rack the harness does not know to be virtual: images in a folder, the tool a program, power cuts by the clock."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from nportlab.verdicts.verdict import Verdict
from nportlab.virtual.image_files import write_images
from selftests.clients.printed import Printed, foreground
from selftests.defects.rack import run_suites

ADMIN = "REAL_RACK_ADMIN"
RELAY = "REAL_RACK_RELAY"
RELAY_PASSWORD = "relay-of-the-rack"
MAY = ["restart", "power-cycle", "flash", "downgrade", "sacrificial"]
SUITES = "(takes_the_image and to-2.3.9) or tool-flip-middle or (cut_before and write-80)"


def metal() -> dict[str, Any]:
    """The rack as `nportlab virtual` has it: slow enough that somebody who looks now and then sees it go."""
    relay = {"driver": "http_relay", "channels": 1, "username": "lab", "password": {"env": RELAY}}
    unit = {
        "model": "NP6150",
        "address": "192.168.127.11",
        "credentials": {"username": "admin", "password": {"generated": True}},
        "outlet": "relay/1",
        "ports": {1: {"line": "adapter"}},
    }
    virtual = {"boot_seconds": 2, "flash_seconds": 2, "seconds_per_unit_minute": 60}
    return {
        "lab": "metal",
        "racks": {"cabinet": {"virtual": virtual, "switches": {"relay": relay}, "units": {"np6150": unit}}},
    }


def as_real(printed: Printed, folder: Path) -> dict[str, Any]:
    """The same rack as a person describes one of metal. Ports that are found elsewhere on this host are named."""
    unit = printed.unit
    tool = folder / "mcc_tool"
    tool.write_text(f'#!/bin/sh\nexec {sys.executable} -m nportlab.virtual.mcc_tool "$@"\n')
    tool.chmod(0o755)
    write_images(folder / "images", ("2.3", "2.3.9"))
    moved = {
        transport: {int(port): place for port, place in ports.items() if int(port) != place}
        for transport, ports in unit["port_map"].items()
    }
    url = printed.said["relays"]["relay"]["url"]
    relay = {"driver": "http_relay", "url": url, "channels": 1, "username": "lab", "password": {"env": RELAY}}
    entry = {
        "model": "NP6150",
        "firmware": "2.3",
        "address": unit["address"],
        "mac": unit["mac"],
        "credentials": {"username": unit["credentials"]["username"], "password": {"env": ADMIN}},
        "allow": MAY,
        "outlet": "relay/1",
        "ports": {1: {"line": {"adapter": unit["adapters"]["1"]}}},
        **({"port_map": moved} if moved["tcp"] else {}),
    }
    network = {"harness_address": "127.0.0.1/8", "interface": "lo"}
    return {
        "lab": "real",
        "firmware": {"images": "images", "mcc_tool": str(tool), "flash_seconds": 4, "longest_flash_seconds": 60},
        "racks": {"bench": {"network": network, "switches": {"relay": relay}, "units": {"np6150": entry}}},
    }


@pytest.fixture
def printed(tmp_path: Path) -> Iterator[Printed]:
    folder = tmp_path / "metal"
    folder.mkdir()
    with foreground(folder, document=metal(), environment={RELAY: RELAY_PASSWORD}) as printed:
        yield printed


@pytest.mark.timeout(300)
def test_a_real_unit_is_upgraded_refuses_a_bad_image_and_survives_a_power_cut(tmp_path: Path, printed: Printed) -> None:
    lab = tmp_path / "lab.yaml"
    lab.write_text(yaml.safe_dump(as_real(printed, tmp_path)))
    secrets = {RELAY: RELAY_PASSWORD, ADMIN: printed.unit["credentials"]["password"]}
    said = run_suites(tmp_path, lab, "--allow-flash", "-m", "firmware", "-k", SUITES, workers=0, secrets=secrets)
    assert said.faults == []
    seen = {
        result.test.partition("::")[2]: (result.verdict, result.summary or result.reason) for result in said.results
    }
    assert {verdict for verdict, _ in seen.values()} == {Verdict.PASS}, seen
    assert len(seen) == 3
