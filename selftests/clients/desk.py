"""A virtual rack as a person at a desk meets it: client programs nobody here wrote, pointed at running units."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from nportlab.guide.settings import settings_table
from nportlab.inventory import Lab, load_lab
from nportlab.virtual.client import RunningRack, start_rack

REPOSITORY = Path(__file__).parents[2]
RACK = "clients"
USER = "admin"
SECONDS = 60.0
"""Bound of one client program; each needs a fraction of it."""

NOWHERE = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"), "")
PACKAGES = {
    "chromedriver": "chromium-driver",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "snmpget": "snmp",
    "snmpwalk": "snmp",
    "ssh": "openssh-client",
    "unshare": "util-linux",
}
"""Debian packages of programs that are not named like their package."""


def program(name: str) -> str:
    """Path of a program; without it the test is skipped and the package named."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed: apt-get install {PACKAGES.get(name, name)}")
    return found


def lab_text(units: Mapping[str, str], network: str = "auto") -> str:
    """A lab.yaml with one virtual rack. units: model by name."""
    document = {
        "lab": "selftest",
        "racks": {
            RACK: {
                "virtual": {"network": network, "seconds_per_unit_minute": 60},
                "units": {
                    name: {
                        "model": model,
                        "address": f"192.168.127.{number}",
                        "credentials": {"username": USER, "password": {"generated": True}},
                    }
                    for number, (name, model) in enumerate(units.items(), 11)
                },
            }
        },
    }
    return yaml.safe_dump(document, sort_keys=False)


@dataclass
class Desk:
    """A running rack, and a way to start client programs in its network. settings: what was changed on each unit."""

    lab: Lab
    rack: RunningRack
    settings: dict[str, dict[str, str]] = field(default_factory=dict)

    def run(self, name: str, *arguments: str, given: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a client program to its end. given: its standard input."""
        return subprocess.run(
            self.command(name, *arguments),
            input=given,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
            env={**os.environ, **NOWHERE, **environment},
        )

    def command(self, name: str, *arguments: str) -> list[str]:
        """A client program's command line, to be run in the rack's network."""
        prefix = self.rack.enter_command.split()
        if prefix:
            prefix[0] = program(prefix[0])
        return [*prefix, program(name), *arguments]

    def host(self, unit: str) -> str:
        """The unit's address."""
        return self.rack.unit(unit).address

    def port(self, unit: str, number: int, transport: str = "tcp") -> int:
        """Where a port of the device is reached."""
        ports = self.rack.unit(unit).port_map
        return (ports.tcp if transport == "tcp" else ports.udp).get(number, number)

    def place(self, unit: str, number: int, transport: str = "tcp") -> str:
        """`address:port` of a port of the device."""
        return f"{self.host(unit)}:{self.port(unit, number, transport)}"

    def url(self, unit: str, path: str = "/", scheme: str = "https") -> str:
        """A page of the unit's web console."""
        return f"{scheme}://{self.place(unit, 443 if scheme == 'https' else 80)}{path}"

    def password(self, unit: str) -> str:
        """Of the unit's account."""
        return self.lab.units[unit].credentials.password.resolve(self.lab.state_dir)

    def state(self, unit: str) -> dict[str, str]:
        """The settings in force on a unit."""
        entry = self.lab.units[unit]
        return settings_table().factory(entry.model, entry.firmware) | self.settings.get(unit, {})

    def settle(self, unit: str, values: Mapping[str, str]) -> None:
        """Bring settings into force once; the harness does it, in a process of its own inside the rack's network."""
        if self.settings.get(unit) == values:
            return
        done = subprocess.run(
            [sys.executable, "-m", "selftests.clients.settle", str(self.lab.path), unit],
            input=json.dumps(values),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            cwd=REPOSITORY,
        )
        assert done.returncode == 0, done.stderr
        self.settings[unit] = dict(values)


@contextmanager
def running(directory: Path, units: Mapping[str, str], *, new: tuple[str, ...] = (), **lab: str) -> Iterator[Desk]:
    """A rack of `units` (model by name) below `directory`. new: units without an account; lab: see lab_text."""
    path = directory / "lab.yaml"
    path.write_text(lab_text(units, **lab))
    loaded = load_lab(path)
    rack = start_rack(loaded, RACK, as_delivered=new)
    try:
        yield Desk(loaded, rack)
    finally:
        rack.stop()


def wait_until(condition: Callable[[], bool], what: str, seconds: float = SECONDS) -> None:
    """Return once the condition holds; fails when it never does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"never happened: {what}"
        time.sleep(0.01)
