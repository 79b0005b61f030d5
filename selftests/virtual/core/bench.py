"""Virtual units and racks for the selftests of the virtual rack's core."""

from __future__ import annotations

import errno
import itertools
import json
import os
import socket
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nportlab.guide.family import model
from nportlab.guide.firmware import flavour, full_version
from nportlab.inventory import load_lab
from nportlab.inventory.lab import Lab
from nportlab.virtual.addressing import Addressing
from nportlab.virtual.client import RunningRack
from nportlab.virtual.unit.boot import Seed, prepare_flash
from nportlab.virtual.unit.device import Device, Identity, Surroundings
from nportlab.virtual.unit.flash import Flash

ACCOUNT = ("admin", "Blue4Bird")
_addresses = itertools.count(1)


def identity(name: str = "NP6450", firmware: str = "2.3") -> Identity:
    return Identity(
        name="unit",
        model=model(name),
        firmware=firmware,
        build=full_version(firmware),
        flavour=flavour(firmware),
        mac="00:90:E8:01:02:03",
        serial_number=417,
    )


def boot_device(
    directory: Path, *, reason: Any = "cold", defects: tuple[str, ...] = (), account: Any = ACCOUNT, **kind: str
) -> Device:
    """A booted unit without services, on an address of its own."""
    flash = Flash(directory)
    unit = identity(**kind)
    planted = frozenset(defects)
    prepare_flash(flash, unit, Seed("192.168.127.11", "255.255.255.0", account), reason, planted)
    block, last = divmod(next(_addresses), 250)
    address = f"127.{9 + block}.{os.getpid() % 200 + 1}.{last + 1}"
    device = Device(unit, flash, Surroundings(Addressing("loopback", address), 1.0, (), planted))
    device.certificate.ensure(device.clock.utc())
    device.running.update({f"log.local_{group}": "enable" for group in ("system", "network", "config", "opmode")})
    return device


def write_lab(directory: Path, *, virtual: str = "", units: int = 2, first: int = 11) -> Lab:
    """A lab with one virtual rack `desk` of units a, b ... (1, 4, 1, 4 ... ports), booting at once.

    first: last byte of the first unit's address.
    """
    (directory / "lab.yaml").write_text(
        textwrap.dedent(
            f"""\
            lab: selftest
            racks:
              desk:
                virtual: {{boot_seconds: 0.05, seconds_per_unit_minute: 0.5, {virtual}}}
                switches:
                  relay: {{driver: http_relay, channels: 8, username: lab, password: {{generated: true}}}}
                units:
            """
        )
        + "".join(_unit(number, first) for number in range(units))
    )
    return load_lab(directory / "lab.yaml")


def _unit(number: int, first: int) -> str:
    return (
        f"      {'abcdefgh'[number]}: {{model: {('NP6150', 'NP6450')[number % 2]},\n"
        f"        address: 192.168.127.{first + number},\n"
        "        credentials: {username: admin, password: {generated: true}},\n"
        f"        outlet: relay/{number + 1}, reset_button: relay/{number + 5}}}\n"
    )


def inside(rack: RunningRack, action: Callable[[], Any]) -> Any:
    """The result (JSON) of `action`, run by a child process inside the rack's network."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            rack.enter()
            result = action()
        except BaseException as error:
            result = {"raised": repr(error)}
        os.write(write_end, json.dumps(result).encode())
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as answer:
        data = answer.read()
    os.waitpid(pid, 0)
    return json.loads(data)


def until(condition: Callable[[], Any], seconds: float = 5.0) -> Any:
    """The first true value of `condition`; AssertionError when there is none within `seconds`."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
    return value


def processes_of(supervisor: int) -> list[int]:
    """Processes of a rack: those of the session its supervisor leads."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == supervisor and fields[0] != "Z":
                found.append(int(entry.name))
    return found


def connects(host: str, port: int, timeout: float = 0.3) -> str:
    """What a TCP connect does: open, refused, silent or another word."""
    try:
        socket.create_connection((host, port), timeout).close()
    except ConnectionRefusedError:
        return "refused"
    except TimeoutError:
        return "silent"
    except OSError as error:
        return "silent" if error.errno == errno.EHOSTUNREACH else repr(error)
    return "open"
