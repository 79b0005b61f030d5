"""One unit as the supervisor holds it: its spec, its process, its power."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
from pathlib import Path
from typing import Any

from nportlab.guide.family import model
from nportlab.guide.firmware import flavour
from nportlab.virtual import kernel, wire
from nportlab.virtual.cables.control import CABLES_SOCKET
from nportlab.virtual.networking import NetworkUnavailable, RackNetwork
from nportlab.virtual.spec import RackSpec, UnitSpec
from nportlab.virtual.unit.boot import BootReason, Seed
from nportlab.virtual.unit.device import Identity, Surroundings
from nportlab.virtual.unit.firmware import Installed, choose_bank, look
from nportlab.virtual.unit.firmware_rules import way_exists
from nportlab.virtual.unit.flash import Flash
from nportlab.virtual.unit.process import PowerOn, run_unit

EPHEMERAL = 32768

log = logging.getLogger("rack")


class UnitSlot:
    """State of one unit. `pid` is None while no process runs; `powered` is what its outlet says."""

    def __init__(self, number: int, spec: UnitSpec, rack: RackSpec, network: RackNetwork) -> None:
        self.number = number
        self.spec = spec
        self.pid: int | None = None
        self.link: socket.socket | None = None
        self.lines = wire.Lines()
        self.powered = False
        self.pressed = False
        self.press_unseen = False
        """The reset button is held since before the unit could notice."""
        self.boots = 0
        self.crashes = 0
        self.booted: dict[str, Any] | None = None
        self.faults: list[str] = []
        self.defects = tuple(spec.defects)
        self.hosts: tuple[str, ...] = ()
        self.provisioned = spec.username is not None
        self.firmware = spec.firmware
        """The version a new flash gets: of lab.yaml, until the unit is re-imaged with another."""
        self.upgrade: dict[str, Any] | None = None
        """How far its upgrade is, while it is in one."""
        self.cut_at: tuple[str, float] | None = None
        self.cut = False
        self.hold_at: tuple[str, float] | None = None
        self.held = False
        self._rack = rack
        self._network = network
        self.directory: Path = rack.directory / "flash" / spec.name
        self.address = spec.address

    # Power --------------------------------------------------------------------------------------------------------

    def start(self, reason: BootReason) -> None:
        """Fork the unit's process on a fresh network. Raises NetworkUnavailable."""
        self.boots += 1
        self.booted = None
        self.faults = []
        self.cut = False
        self.held = False
        self.lines = wire.Lines()
        network = self._network.plug(self.number, self.spec)
        ours, theirs = socket.socketpair()
        supervisor = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._become_unit(supervisor, network, theirs, reason)
        theirs.close()
        ours.setblocking(False)
        self.pid, self.link = pid, ours
        if network.addressing.mode == "loopback":
            self.address = network.addressing.address

    def _become_unit(self, supervisor: int, network: Any, link: socket.socket, reason: BootReason) -> None:
        """In the child: leave the supervisor's things behind and live as a unit. Never returns."""
        try:
            kernel.die_with_parent(supervisor)
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            kernel.set_process_name(f"nport-{self.spec.name}")
            network.enter()
            kernel.close_all_but({0, 1, 2, link.fileno()})
            run_unit(self._power_on(network, link, reason))
        except BaseException:
            log.exception("%s could not be started", self.spec.name)
        finally:
            os._exit(1)

    def _power_on(self, network: Any, link: socket.socket, reason: BootReason) -> PowerOn:
        spec = self.spec
        flash = Flash(self.directory)
        cold_sound = {"restart-taken-during-upgrade"} if reason == "cold" else set()
        runs = choose_bank(flash, self.firmware, frozenset(self.defects) - cold_sound)
        identity = Identity(
            name=spec.name,
            model=model(spec.model),
            firmware=runs.code,
            build=runs.shown,
            flavour=flavour(runs.code),
            mac=spec.mac,
            serial_number=spec.serial_number,
            reported=runs.reported,
        )
        account = (spec.username, spec.password) if self.provisioned and spec.username and spec.password else None
        surroundings = Surroundings(
            network.addressing,
            self._rack.seconds_per_unit_minute,
            self.hosts,
            frozenset(self.defects),
            cables=self._rack.directory / CABLES_SOCKET,
            ptys={port: Path(plug.path) for port, plug in spec.lines.items() if plug.path},
            flash_seconds=self._rack.flash_seconds,
            cut_at=self.cut_at,
            hold_at=self.hold_at,
        )
        seed = Seed(spec.address, spec.netmask, account)
        return PowerOn(identity, flash, seed, surroundings, network, self._rack.boot_seconds, reason, link)

    def power_off(self) -> None:
        """Cut the link, then kill: what was open dies in silence, as it does when the supply fails."""
        self.powered = False
        self._network.cut(self.number)
        if self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            log.info("%s powered off", self.spec.name)
        self.forget()

    def forget(self) -> None:
        """The process is gone."""
        self.pid = None
        self.booted = None
        self.upgrade = None
        if self.link is not None:
            self.link.close()
            self.link = None

    def ended(self) -> None:
        """The process ended by itself: nothing of it may be reachable any more."""
        self._network.cut(self.number)
        self.forget()

    # Talk ---------------------------------------------------------------------------------------------------------

    def tell(self, message: dict[str, Any]) -> None:
        """Send to the unit, if it runs."""
        if self.link is not None:
            wire.send(self.link, message)

    def hear(self) -> None:
        """Read what the unit has to say."""
        assert self.link is not None
        try:
            data = self.link.recv(65536)
        except OSError:
            return
        for message in self.lines.feed(data):
            if "booted" in message:
                self.booted = message["booted"]
                self.address = message["booted"]["address"]
            if "fault" in message:
                self.faults.append(message["fault"])
            if "firmware" in message:
                self.upgrade = message["firmware"]
            if "cut" in message:
                self.cut = True
            if "held" in message:
                self.held, self.hold_at = True, None

    # Firmware -----------------------------------------------------------------------------------------------------

    def runs(self) -> Installed:
        """The firmware in its flash."""
        return look(self.directory, self.firmware)

    def plan_cut(self, stage: str | None, fraction: float) -> None:
        """Let the power fail at a stage of the next upgrade, or not at all (None)."""
        self.cut_at = (stage, fraction) if stage else None
        self.tell({"cut_at": self.cut_at})

    def plan_hold(self, stage: str | None, fraction: float) -> None:
        """Let it stand still at a stage of the next upgrade, or not at all (None)."""
        self.hold_at = (stage, fraction) if stage else None
        self.tell({"hold_at": self.hold_at})

    def release(self) -> None:
        """Let it go on."""
        if self.held and self.pid is not None:
            os.kill(self.pid, signal.SIGCONT)
        self.held = False

    def renew_if_stranded(self) -> bool:
        """Make it new when its firmware has no way back to that of lab.yaml. Only while it is off."""
        there, back = self.runs().version, self.spec.firmware
        if way_exists(self.spec.model, there, back):
            return False
        log.warning("%s has firmware %s and no way back to %s: it is made new", self.spec.name, there, back)
        self.erase(self.provisioned)
        return True

    def erase(self, provisioned: bool, firmware: str | None = None) -> None:
        """Make it a new unit: as delivered, or provisioned with its account. Only while it is off.

        firmware: with that version instead of lab.yaml's, until the rack ends.
        """
        if self.powered:
            raise ValueError(f"{self.spec.name} is on; only a unit that is off can be erased")
        self.provisioned = provisioned
        self.firmware = firmware or self.spec.firmware
        self.boots = 0
        shutil.rmtree(self.directory, ignore_errors=True)

    def describe(self) -> dict[str, Any]:
        """Everything but secrets."""
        runs = self.runs()
        return {
            "model": self.spec.model,
            "firmware": runs.version,
            "build": runs.shown,
            "previous": runs.previous,
            "upgrades": runs.upgrades,
            "upgrade": self.upgrade,
            "held": self.held,
            "mac": self.spec.mac,
            "serial_number": self.spec.serial_number,
            "address": self.address,
            "powered": self.powered,
            "booted": self.booted is not None,
            "boots": self.boots,
            "crashes": self.crashes,
            "faults": self.faults,
            "defects": list(self.defects),
            "pid": self.pid,
        }

    def ports(self) -> dict[str, list[int]]:
        """TCP ports that listen and UDP ports that are bound; none while it boots, and none when it shares the host's
        network. The kernel takes milliseconds for each unit."""
        if self.pid is None or self.booted is None or self._network.mode == "loopback":
            return {}
        return open_ports(self.pid)


def open_ports(pid: int) -> dict[str, list[int]]:
    """TCP ports that listen and UDP ports that are bound in the network namespace of process `pid`, as the kernel says.

    UDP ports of the ephemeral range are clients and left out.
    """
    return {
        "tcp": _bound(f"/proc/{pid}/net/tcp", listening="0A"),
        "udp": [port for port in _bound(f"/proc/{pid}/net/udp", listening="07") if port < EPHEMERAL],
    }


def _bound(table: str, listening: str) -> list[int]:
    try:
        rows = [line.split() for line in Path(table).read_text().splitlines()[1:]]
    except OSError:
        return []
    return sorted({int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == listening})


__all__ = ["NetworkUnavailable", "UnitSlot"]
