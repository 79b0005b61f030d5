"""Racks and images for the selftests of firmware upgrades; the tool is run as the program it is."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nportlab.inventory import load_lab
from nportlab.inventory.lab import Lab
from nportlab.protocol.virtual_image import make_image
from nportlab.virtual.client import RunningRack
from nportlab.virtual.unit.flash import Flash

LINES = {"NP6150": "6100/6200", "NP6450": "6400/6600"}
ACCOUNT = ("admin", "Blue4Bird")


def image(version: str, model: str = "NP6450", **more: Any) -> bytes:
    """An image of a version that a model takes; small, as size is not the matter here."""
    return make_image(LINES[model], version, payload_size=more.pop("payload_size", 4096), **more)


def write_lab(directory: Path, **units: tuple[str, str]) -> Lab:
    """A lab in loopback mode whose units, name -> (model, firmware), boot and flash at once."""
    rows = "".join(
        f"      {name}: {{model: {model}, firmware: '{firmware}', address: 192.168.127.{11 + number},\n"
        f"        credentials: {{username: {ACCOUNT[0]}, password: {{file: password}}}}, outlet: relay/{number + 1}}}\n"
        for number, (name, (model, firmware)) in enumerate(units.items())
    )
    head = textwrap.dedent(
        """\
        lab: selftest
        racks:
          desk:
            virtual: {network: loopback, boot_seconds: 0.05, flash_seconds: 0.05, seconds_per_unit_minute: 2}
            switches:
              relay: {driver: http_relay, channels: 8}
            units:
        """
    )
    (directory / "password").write_text(ACCOUNT[1])
    (directory / "password").chmod(0o600)
    (directory / "lab.yaml").write_text(head + rows)
    return load_lab(directory / "lab.yaml")


def tool(*arguments: object, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the stand-in for mcc_tool; its exit status is what a caller of a Unix program sees."""
    command = [sys.executable, "-m", "nportlab.virtual.mcc_tool", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=folder, check=False)


def code_of(status: int) -> int:
    """The tool's code behind the exit status of a process: 249 -> -7."""
    return status - 256 if status else 0


def upgrade(rack: RunningRack, unit: str, file: Path, *more: object, account: tuple[str, str] = ACCOUNT) -> int:
    """Upgrade by the tool; returns its code."""
    address = rack.unit(unit).address
    user, password = account
    done = tool("-fw", "-up", "-i", address, "-u", user, "-p", password, "-f", file, "-t", 20, *more)
    return code_of(done.returncode)


def until(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
    """The first true value of a condition; AssertionError when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return value


def log_everything(rack: RunningRack, unit: str) -> None:
    """Tick all groups of the local log, which are off from the factory, and boot with that."""
    rack.power(unit, False)
    flash = Flash(rack.directory / "flash" / unit)
    configuration = flash.read("configuration")
    configuration["settings"] |= {f"log.local_{group}": "enable" for group in ("system", "config")}
    flash.commit("configuration", configuration)
    rack.power(unit, True)
    rack.wait_booted([unit])
