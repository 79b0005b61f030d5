"""What every service of a virtual unit reads and changes: identity, settings, accounts, log, certificate, clock."""

import asyncio
import os
import re
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from nportlab.guide.defects import Effects, effects, overridden
from nportlab.guide.family import Model
from nportlab.guide.settings import settings_table
from nportlab.virtual.addressing import Addressing
from nportlab.virtual.unit.accounts import Accounts
from nportlab.virtual.unit.authentication import Authenticator, LoginResult
from nportlab.virtual.unit.certificate import CertificateSlot
from nportlab.virtual.unit.clock import UnitClock
from nportlab.virtual.unit.event_log import EventLog
from nportlab.virtual.unit.firmware import Stage, installed
from nportlab.virtual.unit.firmware_upgrade import FirmwareUpgrade
from nportlab.virtual.unit.flash import Flash
from nportlab.virtual.unit.netstat import Netstat
from nportlab.virtual.unit.serial_ports import SerialPorts
from nportlab.virtual.unit.services import Closeable
from nportlab.virtual.unit.settings import Settings

RestartKind = Literal["warm", "factory-keep-ip", "factory", "cold"]

ADDRESS_SETTINGS = (
    "network.ipv4_configuration",
    "network.ipv4_address",
    "network.netmask",
    "network.gateway",
)
"""What "Keep IP settings" keeps on a factory reset."""


UNTOUCHED = "untouched"
"""In flash as long as no console settings were saved since the factory values were loaded."""

LOCAL_TIME = "basic.local_time"


class ValueRefused(ValueError):
    """A value the unit does not take.

    setting: its concrete id. label: the field as the console shows it. message: what the unit says.
    """

    def __init__(self, setting: str, label: str, message: str) -> None:
        super().__init__(f"{label}: {message}")
        self.setting = setting
        self.label = label
        self.message = message


@dataclass(frozen=True)
class Identity:
    """What a unit is while it runs.

    firmware: version it behaves as. build: full firmware text it shows, "2.3 Build 24101817". mac: "00:90:E8:...".
    reported: version in replies of the Moxa service, "" for the same as `firmware`.
    """

    name: str
    model: Model
    firmware: str
    build: str
    flavour: Literal["1.x", "2.x"]
    mac: str
    serial_number: int
    reported: str = ""


@dataclass
class Surroundings:
    """What the virtual rack decides for a unit rather than the unit itself.

    host_names: names and addresses, other than its own, under which the rack makes the unit reachable (a unit with
    "Reject an unrecognized host header" must know them). defects: seeded defects of guide/defects.yaml. cables: socket
    of what its serial ports are plugged into, None when there is nothing. ptys: serial ports that are a pty or tty of
    the host instead. flash_seconds: what a firmware upgrade takes after its last byte. notify: tells the rack. cut_at:
    stage of an upgrade, and how much of it, at which the power fails. hold_at: where the unit stands still until the
    rack lets it go on.
    """

    addressing: Addressing
    seconds_per_minute: float = 60.0
    host_names: tuple[str, ...] = ()
    defects: frozenset[str] = field(default_factory=frozenset)
    cables: Path | None = None
    ptys: Mapping[int, Path] = field(default_factory=dict)
    flash_seconds: float = 0.0
    notify: Callable[[dict[str, Any]], None] = lambda message: None
    cut_at: tuple[str, float] | None = None
    hold_at: tuple[str, float] | None = None

    def reached(self, stage: Stage, done: float) -> None:
        """An upgrade has come this far. When the power is to fail here, nothing of the unit goes on after it."""
        self.notify({"firmware": {"stage": stage, "percent": int(100 * done)}})
        if self.hold_at and stage == self.hold_at[0] and done >= self.hold_at[1]:
            self.hold_at = None
            self.notify({"held": stage})
            os.kill(os.getpid(), signal.SIGSTOP)
        if self.cut_at and stage == self.cut_at[0] and done >= self.cut_at[1]:
            self.notify({"cut": stage})
            while True:  # the rack kills the process, as every loss of power does
                time.sleep(3600)


class Device:
    """One booted unit. Made anew at every boot from the flash; nothing else survives."""

    def __init__(self, identity: Identity, flash: Flash, surroundings: Surroundings) -> None:
        self.identity = identity
        self.name = identity.name
        self.model = identity.model
        self.firmware = identity.firmware
        self.build = identity.build
        self.reported = identity.reported or identity.firmware
        self.flavour = identity.flavour
        self.mac = identity.mac
        self.serial_number = identity.serial_number
        self.flash = flash
        self.surroundings = surroundings
        self._table = settings_table()
        configuration = flash.read("configuration", {"settings": {}, "extra": {}})
        self.factory = factory_values(identity, surroundings.defects)
        self.saved = Settings(self.factory, configuration["settings"])
        self.running = Settings(self.factory, configuration["settings"])
        self.extra: dict[str, dict[str, str]] = configuration["extra"]
        """Configuration file keys no setting models: section -> key -> value."""
        self.accounts = Accounts(flash)
        self.clock = UnitClock(flash, surroundings.seconds_per_minute, self._zone())
        self.log = EventLog(flash, self.clock.now, self.running)
        self.certificate = CertificateSlot(flash, self.has_defect)
        self.untouched = flash.read(UNTOUCHED) is not None
        """No console settings were saved since the factory values were loaded."""
        if self.running.on("tls.high_secure_mode") and self.has_defect("high-secure-cannot-be-left"):
            flash.commit("was-high-secure", True)
        self.netstat = Netstat()
        self.authenticator = Authenticator(self.accounts, self.running, self.clock, self.log)
        self.serial_ports = SerialPorts(self.model, surroundings.ptys, self.has_defect)
        self.serial_ports.configure(self.running)
        self.serial = self.serial_ports.by_number
        """Every serial port of the model by its number; nothing is plugged in before `serial_ports.plug_in`."""
        self.services: list[Closeable] = []
        """What runs, kept alive here; a restart ends the process and everything with it."""
        self.restart_wanted: asyncio.Future[RestartKind] | None = None
        self.installed = installed(flash, identity.firmware)
        self.upgrade = FirmwareUpgrade(self)

    @property
    def effects(self) -> Effects:
        """What the planted defects change by themselves (guide/defects.yaml)."""
        return effects(self.surroundings.defects)

    # Defects, addresses -------------------------------------------------------------------------------------------

    def has_defect(self, defect: str) -> bool:
        """Whether the seeded defect `defect` (id in guide/defects.yaml) is planted in this unit."""
        return defect in self.surroundings.defects

    def tcp(self, port: int) -> tuple[str, int]:
        """Where a TCP listener for device port `port` is bound: (host, port)."""
        return self.surroundings.addressing.bind(port)

    def udp(self, port: int) -> tuple[str, int]:
        """Where a UDP socket for device port `port` is bound: (host, port)."""
        return self.surroundings.addressing.bind(port)

    def peer(self, host: str, port: int) -> tuple[str, int]:
        """Where `port` of another machine is reached: (host, port)."""
        return self.surroundings.addressing.dial(host, port)

    @property
    def address(self) -> str:
        """The unit's own IPv4 address in force."""
        addressing = self.surroundings.addressing
        return addressing.address if addressing.mode == "loopback" else self.running["network.ipv4_address"]

    def knows_host(self, host: str) -> bool:
        """Whether a Host header (with or without port) names this unit: its address, server name or DNS-less alias."""
        name = host.rsplit(":", 1)[0] if host.rsplit(":", 1)[-1].isdigit() else host
        known = {self.address, self.running["basic.server_name"], *self.surroundings.host_names}
        return name.lower() in {item.lower() for item in known}

    # Settings -----------------------------------------------------------------------------------------------------

    def check(self, values: Mapping[str, str]) -> None:
        """Raise ValueRefused for the first value out of range or setting the unit does not have."""
        for setting, value in values.items():
            if setting not in self.factory:
                raise ValueRefused(setting, setting, "no such setting")
            if setting in self.effects.unchecked:
                continue
            row = self._table[setting]
            try:
                row.check(value)
            except ValueError as error:
                raise ValueRefused(setting, row.label, str(error)) from None
            if value in self.effects.lacks_choices.get(setting, ()):
                raise ValueRefused(setting, row.label, f"{row.label}: {value!r} is not offered")

    def current(self, setting: str) -> str:
        """What a console shows in the field of `setting`: the saved value, or the running clock."""
        return f"{self.clock.now():%Y/%m/%d %H:%M:%S}" if setting == LOCAL_TIME else self.saved[setting]

    def submit(self, values: Mapping[str, str], by: str) -> None:
        """Check and save `values`; they are in force after a restart, those that need none at once.

        by: who changes, for the log ("admin via web"). All or nothing; raises ValueRefused. Nothing is committed or
        logged when nothing differs. The local time is set at once and not saved.
        """
        self.check(values)
        if any(setting.startswith("console.") for setting in values):
            self.flash.remove(UNTOUCHED)
        self._save(values, self.extra, by, "Config Changed")

    def import_configuration(self, values: Mapping[str, str], extra: Mapping[str, Mapping[str, str]], by: str) -> None:
        """Take over an imported configuration file in one commit; raises ValueRefused before anything changed.

        values: the settings it names. extra: keys no setting models, section -> key -> value; replaces the former ones.
        """
        self.check(values)
        self._save(values, {section: dict(keys) for section, keys in extra.items()}, by, "Config Import")

    def _save(self, values: Mapping[str, str], extra: dict[str, dict[str, str]], by: str, event: str) -> None:
        if values.get(LOCAL_TIME):
            self.clock.set(datetime.strptime(values[LOCAL_TIME], "%Y/%m/%d %H:%M:%S"))
        lasting = {setting: value for setting, value in values.items() if not self._table[setting].volatile}
        changed = {setting: value for setting, value in lasting.items() if self.saved[setting] != value}
        if not changed and extra == self.extra and event == "Config Changed":
            return
        self.flash.commit("configuration", {"settings": {**self.saved, **changed}, "extra": extra})
        self.saved.update(changed)
        self.extra = extra
        self.running.update({key: value for key, value in changed.items() if self._table[key].active == "immediate"})
        self.log.add("Config", event, by)
        if not changed.keys().isdisjoint(ADDRESS_SETTINGS):
            self.log.add("Config", "IP Changed", by)

    def _zone(self) -> timedelta:
        row = self._table["basic.time_zone"]
        found = re.match(r"\(GMT(?:([+-])(\d\d):(\d\d))?\)", row.choices[self.running["basic.time_zone"]])
        if found is None or found[1] is None:
            return timedelta(0)
        shift = timedelta(hours=int(found[2]), minutes=int(found[3]))
        return -shift if found[1] == "-" else shift

    @property
    def high_secure(self) -> bool:
        """Whether TLS is in high secure mode."""
        stuck = self.has_defect("high-secure-cannot-be-left") and self.flash.read("was-high-secure") is not None
        return self.running.on("tls.high_secure_mode") or stuck

    # Restart ------------------------------------------------------------------------------------------------------

    def request_restart(self, kind: RestartKind = "warm") -> bool:
        """Restart soon: services get a moment to finish the answer they are sending. False while firmware is upgraded.

        kind: "factory-keep-ip" and "factory" also load the factory defaults, "factory" the IP settings too. The reset
        is noted in flash first, so that a power cut after this call does not undo it.
        """
        if self.upgrade.busy and not self.has_defect("restart-taken-during-upgrade"):
            return False
        if kind != "warm":
            self.flash.commit("reset", kind)
        self._restart(kind)
        return True

    def restart_cold(self) -> None:
        """Restart as after power-on: the end of a firmware upgrade."""
        self._restart("cold")

    @property
    def restarting(self) -> bool:
        """Whether the restart is decided, and what still answers are the last words."""
        return self.restart_wanted is not None and self.restart_wanted.done()

    def _restart(self, kind: RestartKind) -> None:
        if self.restart_wanted is not None and not self.restart_wanted.done():
            self.restart_wanted.set_result(kind)

    # Login --------------------------------------------------------------------------------------------------------

    async def authenticate(
        self, user: str, password: str, console: str, source: str, types: str | None = None
    ) -> LoginResult:
        """Judge one login attempt. console: "web", "ssh", "telnet"; source: the client's address; types: what is asked,
        "local", "radius-local" ..., None for what the console settings say."""
        return await self.authenticator.login(user, password, console, source, types)


def factory_values(identity: Identity, planted: Iterable[str] = ()) -> dict[str, str]:
    """Every setting of a unit with its factory value. planted: defects, some of which change factory values."""
    values = settings_table().factory(identity.model, identity.firmware, identity.serial_number)
    return overridden(values, effects(frozenset(planted)).factory)
