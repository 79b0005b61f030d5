"""A running virtual rack, seen from a process outside of it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from nportlab.inventory.lab import PortMap
from nportlab.verdicts.faults import HarnessBug, LabFault
from nportlab.virtual import kernel
from nportlab.virtual.addressing import Mode, mapped
from nportlab.virtual.cables.control import CABLES_SOCKET, NoCables, ask_cables
from nportlab.virtual.control import NoSupervisor, ask

BOOT_SECONDS = 30.0
STOP_SECONDS = 10.0
POLL_SECONDS = 0.01
LOW_PORTS = {port: mapped(port) for port in range(1, 1024)}


@dataclass(frozen=True)
class VirtualUnitInfo:
    """One running unit. port_map: where its ports are reached (empty where they keep their numbers)."""

    name: str
    model: str
    firmware: str
    build: str
    address: str
    mac: str
    serial_number: int
    port_map: PortMap
    powered: bool
    booted: bool
    boots: int
    crashes: int
    defects: tuple[str, ...]
    faults: tuple[str, ...]


@dataclass(frozen=True)
class VirtualFirmware:
    """What is in a unit's flash, as the rack sees it from outside.

    version, build: what the consoles show, without and with the build. previous: what ran before, None when it never
    was upgraded. upgrades: how many there were. stage, percent: of the upgrade the unit is in (`receive`, `verify`,
    `erase`, `write`, `switch-over`, `migrate`, `cold start`), None when it is in none.
    """

    version: str
    build: str
    previous: str | None
    upgrades: int
    stage: str | None
    percent: int


@dataclass
class RunningRack:
    """A running virtual rack.

    mode: how it is networked; reason: why not better, "" for the best. harness_address: of this side in the rack's
    network. relay_urls: base address of each switch.
    """

    name: str
    directory: Path
    mode: Mode
    reason: str
    harness_address: str
    relay_urls: dict[str, str]
    supervisor: int
    boot_seconds: float
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def relay_url(self) -> str | None:
        """Base address of the first switch; None when the rack has none."""
        return next(iter(self.relay_urls.values()), None)

    @property
    def units(self) -> dict[str, VirtualUnitInfo]:
        """Every unit as it is now."""
        return {name: self._info(name, row) for name, row in self.ask({"do": "describe"})["units"].items()}

    def unit(self, name: str) -> VirtualUnitInfo:
        """One unit as it is now."""
        return self.units[name]

    def _info(self, name: str, row: dict[str, Any]) -> VirtualUnitInfo:
        ports = PortMap(dict(LOW_PORTS), dict(LOW_PORTS)) if self.mode == "loopback" else PortMap()
        return VirtualUnitInfo(
            name=name,
            model=row["model"],
            firmware=row["firmware"],
            build=row["build"],
            address=row["address"],
            mac=row["mac"],
            serial_number=row["serial_number"],
            port_map=ports,
            powered=row["powered"],
            booted=row["booted"],
            boots=row["boots"],
            crashes=row["crashes"],
            defects=tuple(row["defects"]),
            faults=tuple(row["faults"]),
        )

    # Entering -----------------------------------------------------------------------------------------------------

    def enter(self) -> None:
        """Move the calling thread, and threads and processes it starts later, into the rack's network.

        Nothing to do in loopback mode. There is no way back. Raises LabFault: the rack is gone, no permission, or, in a
        user namespace, this process has more than one thread (the kernel demands a single one).
        """
        if self.mode == "loopback":
            return
        if self.mode == "user-namespaces" and kernel.thread_count() > 1:
            raise LabFault(
                f"a user namespace admits single-threaded processes only; this one has {kernel.thread_count()} threads",
                remedy="Enter in a forked child, or before anything starts threads (numpy does, too); or run as root.",
                resource=f"rack {self.name}",
            )
        try:
            if self.mode == "user-namespaces":
                self._join("user", kernel.CLONE_NEWUSER)
            self._join("net", kernel.CLONE_NEWNET)
        except OSError as error:
            raise LabFault(
                f"the rack's network cannot be entered: {error.strerror}",
                remedy="Is the rack still running, and started by the same user?",
                resource=f"rack {self.name}",
            ) from None

    def _join(self, kind: str, flag: int) -> None:
        descriptor = os.open(f"/proc/{self.supervisor}/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            kernel.setns(descriptor, flag)
        finally:
            os.close(descriptor)

    @property
    def enter_command(self) -> str:
        """What a person types to get a shell in the rack's network; "" in loopback mode."""
        if self.mode == "loopback":
            return ""
        user = "-U --preserve-credentials " if self.mode == "user-namespaces" else ""
        return f"nsenter -t {self.supervisor} {user}-n"

    # Steering -----------------------------------------------------------------------------------------------------

    def ask(self, command: dict[str, Any]) -> dict[str, Any]:
        """One command to the supervisor (see commands). Raises LabFault when it is gone, HarnessBug when it refuses."""
        try:
            answer = ask(self.directory, command)
        except NoSupervisor:
            raise LabFault(
                "the virtual rack's supervisor does not answer",
                remedy=f"See {self.directory / 'rack.log'}.",
                resource=f"rack {self.name}",
            ) from None
        if not answer.get("ok"):
            raise HarnessBug(f"virtual rack: {answer.get('error')}", resource=f"rack {self.name}")
        return answer

    def power(self, unit: str, on: bool) -> None:
        """Give or cut a unit's supply, past the relay board."""
        self.ask({"do": "power", "unit": unit, "on": on})

    def restarts(self, unit: str) -> int:
        """How often the unit has booted since the rack was started (cold, warm and after crashes)."""
        return self.unit(unit).boots

    def set_defects(self, unit: str, defects: Iterable[str]) -> None:
        """Plant exactly these defects. They act at once; those about factory values or listeners from the next boot."""
        self.ask({"do": "defects", "unit": unit, "defects": list(defects)})

    def set_host_names(self, unit: str, hosts: Iterable[str]) -> None:
        """Names and addresses, beside its own, that the unit takes for its own in a Host header."""
        self.ask({"do": "hosts", "unit": unit, "hosts": list(hosts)})

    # Firmware -----------------------------------------------------------------------------------------------------

    def firmware(self, unit: str) -> VirtualFirmware:
        """What is in the unit's flash, and how far it is with an upgrade."""
        row = self.ask({"do": "describe"})["units"][unit]
        upgrade = row["upgrade"] or {"stage": None, "percent": 0}
        return VirtualFirmware(
            row["firmware"], row["build"], row["previous"], row["upgrades"], upgrade["stage"], upgrade["percent"]
        )

    def reimage(self, unit: str, version: str | None = None, provisioned: bool = True) -> None:
        """Make the unit new with firmware `version` (None: lab.yaml's) and boot it, whatever it had before.

        Another version than lab.yaml's lasts until the rack ends. A rack that starts does this by itself to units whose
        firmware has no way back to that of lab.yaml.
        """
        self.power(unit, False)
        self.ask({"do": "erase", "unit": unit, "provisioned": provisioned, "firmware": version})
        self.power(unit, True)
        self.wait_booted([unit])

    def cut_power_at(self, unit: str, stage: str | None, fraction: float = 0.0) -> None:
        """Let the power fail when the unit's next upgrade has come to `fraction` of `stage`; None: let it not fail.

        Its relay follows to off; `power` gives it back. It fails once. Raises HarnessBug for a stage there is not.
        """
        self.ask({"do": "cut", "unit": unit, "stage": stage, "fraction": fraction})

    def hold_at(self, unit: str, stage: str | None, fraction: float = 0.0) -> None:
        """Let the unit stand still when its next upgrade has come to `fraction` of `stage`, until `release`; once.

        None: let it not, and go on when it does. Raises HarnessBug for a stage there is not.
        """
        self.ask({"do": "hold", "unit": unit, "stage": stage, "fraction": fraction})
        if stage is None:
            self.release(unit)

    def holds(self, unit: str) -> bool:
        """Whether the unit stands still."""
        return bool(self.ask({"do": "describe"})["units"][unit]["held"])

    def release(self, unit: str) -> None:
        """Let a unit that stands still go on."""
        self.ask({"do": "release", "unit": unit})

    def set_link(self, unit: str, up: bool) -> None:
        """Pull the unit's network cable, or plug it in again. Nothing happens in loopback mode: there is no cable."""
        self.ask({"do": "link", "unit": unit, "up": up})

    def set_flash_seconds(self, unit: str, seconds: float) -> None:
        """What an upgrade of the unit takes after its last byte, until it boots again."""
        self.ask({"do": "flash-seconds", "unit": unit, "seconds": seconds})

    def add_account(self, unit: str, name: str, password: str, group: str = "guest") -> None:
        """Give a running unit an account, as its administrator would. group: "administrator", or "guest" to read."""
        self.ask({"do": "account", "unit": unit, "name": name, "password": password, "group": group})

    def remove_account(self, unit: str, name: str) -> None:
        """Take an account from a running unit; nothing happens when it has none of this name."""
        self.ask({"do": "account-gone", "unit": unit, "name": name})

    # Buttons and relays -------------------------------------------------------------------------------------------

    def press_reset(self, unit: str, seconds: float) -> None:
        """Hold the reset button for real `seconds`; returns at once."""
        self.ask({"do": "press", "unit": unit, "seconds": seconds})

    def set_relay_fault(self, switch: str, channel: int, fault: str | None) -> None:
        """Make a relay fail (relays.Fault) or work again (None)."""
        self.ask({"do": "relay-fault", "switch": switch, "channel": channel, "fault": fault})

    # Serial side --------------------------------------------------------------------------------------------------

    def adapter_url(self, unit: str, port: int) -> str:
        """pyserial URL of the adapter plugged into a unit's port (`line: adapter` in lab.yaml).

        Whether there is one shows when it is opened. The scheme is known after `nportlab.serial.handlers.register`.
        """
        return adapter_url(self.directory, unit, port)

    def set_cable_fault(self, unit: str, port: int, fault: str | None, **details: Any) -> None:
        """Make what is plugged into a unit's port fail, or work again (None).

        fault: "bit-errors", "drop-byte", "duplicate-byte" (one in `every` bytes, in `direction` "to-unit", "from-unit"
        or "both"), "cut" (nothing crosses, lines low), "unplugged" (the adapter is closed and cannot be opened).
        Raises HarnessBug for what there is not, LabFault when the cables do not answer.
        """
        self.ask_cables({"do": "fault", "unit": unit, "port": port, "fault": fault, **details})

    def cables(self) -> dict[str, Any]:
        """What every end of every cable is doing: format, lines, counters. Raises LabFault when nobody answers."""
        return self.ask_cables({"do": "describe"})

    def ask_cables(self, command: dict[str, Any]) -> dict[str, Any]:
        """One command to the cables (see cables.control). Raises LabFault when they are gone, HarnessBug on refusal."""
        try:
            answer = ask_cables(self.directory / CABLES_SOCKET, command)
        except NoCables:
            raise LabFault(
                "the virtual rack's cables do not answer",
                remedy=f"See {self.directory / 'rack.log'}.",
                resource=f"rack {self.name}",
            ) from None
        if not answer.get("ok"):
            raise HarnessBug(f"virtual rack: {answer.get('error')}", resource=f"rack {self.name}")
        return answer

    # Condition ----------------------------------------------------------------------------------------------------

    def erase(self, unit: str, provisioned: bool = True) -> None:
        """Make the unit new and boot it. provisioned: with its account; otherwise as delivered, without one."""
        self.power(unit, False)
        self.ask({"do": "erase", "unit": unit, "provisioned": provisioned})
        self.power(unit, True)
        self.wait_booted([unit])

    def wait_booted(self, units: Iterable[str] | None = None, timeout: float = BOOT_SECONDS) -> None:
        """Wait until the units (default: all that are powered) have booted; LabFault after timeout + boot time."""
        wanted = set(units) if units is not None else None
        deadline = time.monotonic() + timeout + self.boot_seconds
        while True:
            now = self.units
            waiting = [
                name
                for name, unit in now.items()
                if (name in wanted if wanted is not None else unit.powered) and not unit.booted
            ]
            if not waiting:
                return
            if time.monotonic() > deadline:
                reasons = "; ".join(f"{name}: {_why(now[name])}" for name in waiting)
                raise LabFault(
                    f"units did not boot: {reasons}",
                    remedy=f"See {self.directory / 'rack.log'}.",
                    resource=f"rack {self.name}",
                )
            time.sleep(POLL_SECONDS)

    # End ----------------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """End the rack and every process of it. Does nothing when it is gone already; never takes longer than 10 s."""
        with contextlib.suppress(NoSupervisor):
            ask(self.directory, {"do": "shutdown"}, timeout=STOP_SECONDS / 2)
        if self.process is None:
            _until(lambda: not kernel.process_is_alive(self.supervisor), STOP_SECONDS / 2)
            return
        try:
            self.process.wait(STOP_SECONDS / 2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(STOP_SECONDS / 2)


def adapter_url(directory: Path, unit: str, port: int) -> str:
    """pyserial URL of the adapter plugged into a unit's port in the rack that lives in `directory`."""
    return f"wire://{quote(str(directory.absolute() / CABLES_SOCKET), safe='')}?end={unit}/{port}"


def _why(unit: VirtualUnitInfo) -> str:
    crashes = [f"crashed {unit.crashes} times"] if unit.crashes else []
    return ", ".join([*unit.faults, *crashes]) or "no reason given"


def _until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
