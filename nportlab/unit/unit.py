"""One unit under test: everything the harness can do with it, behind one small object."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from nportlab.guide.settings import settings_table
from nportlab.inventory.lab import Rack, UnitEntry
from nportlab.inventory.shapes import Permission
from nportlab.unit import first_account, health, identity, management, transaction
from nportlab.unit.bench import PowerOutlet, PressableButton
from nportlab.unit.certificate import UnitCertificate
from nportlab.unit.certificate_provider import CertificateProvider, IssuedLeaf, KeyKind
from nportlab.unit.configuration import UnitConfiguration
from nportlab.unit.console import WebConsole
from nportlab.unit.endpoint import Account, Address, Endpoint
from nportlab.unit.firmware import UnitFirmware
from nportlab.unit.health import Health, Progress
from nportlab.unit.identity import Identity
from nportlab.unit.management import HTTPS_PORT, Management
from nportlab.unit.moxa_service import MoxaServiceClient
from nportlab.unit.pinning import Pin
from nportlab.unit.recording import SwitchedRecorder
from nportlab.unit.shell import Shell
from nportlab.unit.snmp import Community, SnmpClient, User
from nportlab.unit.transaction import Applied, RestartRule
from nportlab.unit.web_session import WebSession
from nportlab.verdicts.faults import ConfigFault, LabFault, UnitBehaviour
from nportlab.verdicts.recorder import Recorder

_HARDWARE_DEADLINE = 240.0  # seconds; a restart may take 90 s after a reset
_POWER_GONE = 10.0  # seconds a unit may answer after its outlet was switched off
_SUPPLY_EMPTY = 2.0  # seconds without power after which no capacitor keeps a unit alive
_MOXA_PORT = 4800
_SNMP_PORT = 161


class Unit:
    """A unit of the lab, reachable as lab.yaml says."""

    def __init__(
        self,
        entry: UnitEntry,
        rack: Rack,
        recorder: Recorder | None = None,
        *,
        state_dir: Path,
        minute: float | None = None,
        power: PowerOutlet | None = None,
        reset_button: PressableButton | None = None,
        certificates: CertificateProvider | None = None,
        bench_check: Callable[[], None] | None = None,
        flash_check: Callable[[], None] | None = None,
    ) -> None:
        """state_dir: `.nportlab`, for generated secrets. minute: seconds of one minute of unit time; the rack's value
        when absent. certificates: issues what the pseudo-setting "certificate" asks for. bench_check: raises LabFault
        when power or link of the rack are not good; asked before the unit is blamed. flash_check: raises LabFault
        while new firmware is being written to the unit; asked before it is restarted or loses power.
        """
        self.entry = entry
        self.rack = rack
        self.name = entry.name
        self.model = entry.model
        self.power = power
        self.reset_button = reset_button
        self.minute = rack.seconds_per_unit_minute if minute is None else minute
        self.recorder = SwitchedRecorder(recorder)
        self.account = Account(entry.credentials.username, entry.credentials.password.resolve(state_dir))
        self.pin = Pin()
        self.state: dict[str, str] = settings_table().factory(entry.model, entry.firmware)
        self.restart_pending = False
        self.waiting_for_restart: dict[str, str] = {}
        self.restarts = 0
        self.written_secrets: dict[str, str] = {}
        self.deleted_certificate: x509.Certificate | None = None  # the one served when this run last deleted it
        self._certificate_in_force: tuple[str, str] | None = None  # pseudo-setting and SHA-256 of what was served then
        self._place = Address(entry.address, entry.port_map.tcp, entry.port_map.udp)
        self._certificates = certificates
        self._bench_check = bench_check
        self._flash_check = flash_check
        self._further: list[WebConsole] = []
        self.console = self.new_console()
        self.certificate = UnitCertificate(self.console, self.https)
        self.configuration = UnitConfiguration(self.console, lambda: entry.pre_shared_key.resolve(state_dir))
        self.firmware = UnitFirmware(self)
        self.shell = Shell(self._place, self.account, self.recorder)
        self.moxa_service = MoxaServiceClient(
            self.udp(_MOXA_PORT),
            self.recorder,
            timeout=rack.probes.udp_timeout,
            tries=rack.probes.udp_tries,
        )

    # ---- where

    @property
    def address(self) -> str:
        """The unit's IP address."""
        return self._place.host

    def tcp(self, port: int) -> Endpoint:
        """Where the unit's TCP port is reached."""
        return self._place.tcp(port)

    def udp(self, port: int) -> Endpoint:
        """Where the unit's UDP port is reached."""
        return self._place.udp(port)

    @property
    def https(self) -> Endpoint:
        """Where its HTTPS console is reached."""
        return self.tcp(HTTPS_PORT)

    # ---- consoles

    def new_session(self, account: Account | None = None, source_address: str | None = None) -> WebSession:
        """A further browser at the web console, not logged in. account: another than the harness's own."""
        return WebSession(
            self.https, account or self.account, self.recorder, pin=self.pin, source_address=source_address
        )

    def new_console(self, account: Account | None = None, source_address: str | None = None) -> WebConsole:
        """A further web console with a session of its own."""
        console = WebConsole(self.new_session(account, source_address), self._stored)
        self._further.append(console)
        return console

    def leave_further_consoles(self) -> None:
        """Log out of those a test left open: firmware 1.x would let nobody else in."""
        for console in self._further:
            if console is not self.console:
                with suppress(UnitBehaviour):
                    console.logout()
        self._further.clear()

    def snmp(self, access: Community | User) -> SnmpClient:
        """An SNMP client for the unit's agent."""
        return SnmpClient(self.udp(_SNMP_PORT), access, self.recorder)

    def management(self) -> Management:
        """The console to manage the unit through right now: web, or a text console while HTTPS is off."""
        return management.choose(self.console, self.shell, self.tcp)

    # ---- identity

    def identity(self) -> Identity:
        """Which unit this is, asked over the first channel that answers: the Moxa service, then a console."""
        try:
            return identity.from_service(self.moxa_service.identity())
        except UnitBehaviour:
            return self.management().identity()

    def identities(self) -> list[Identity]:
        """What every channel that answers says; Moxa service, console, configuration file."""
        asked: list[Callable[[], Identity]] = [
            lambda: identity.from_service(self.moxa_service.identity()),
            lambda: self.management().identity(),
            lambda: identity.from_configuration(self.configuration.export()),
        ]
        found: list[Identity] = []
        for ask in asked:
            try:
                found.append(ask())
            except UnitBehaviour as error:
                self.recorder.note(f"{self.name}: no identity from one channel: {error}")
        return found

    def check_identity(self) -> Identity:
        """See that this is the unit lab.yaml describes, before anything is changed on it.

        Raises ConfigFault when model, firmware or MAC differ from lab.yaml, LabFault when the channels contradict each
        other (two devices at one address), NotReachable when nothing answers.
        """
        found = self.identities() or [self.identity()]
        contradictions = [text for other in found[1:] for text in found[0].differences(other)]
        if contradictions:
            raise LabFault(
                f"the channels of one unit disagree: {'; '.join(contradictions)}",
                remedy="Look for a second device at this address, or a wrong port map in lab.yaml.",
                resource=f"unit {self.name}",
            )
        for seen in found:
            identity.check_expected(seen, self.name, self.entry.model, self.entry.firmware, self.entry.mac)
        return found[-1]

    # ---- state

    def apply(
        self, values: Mapping[str, str], restart: RestartRule = "if-needed", progress: Progress | None = None
    ) -> Applied:
        """Bring settings into force; see nportlab.unit.transaction."""
        self._allowed("restart")
        if restart != "never":
            self.check_not_flashing()
        return transaction.apply(self, values, restart, progress)

    def read_state(self) -> dict[str, str]:
        """Every stored setting of the unit but secrets, by concrete id; also remembered as the state in force."""
        rows = settings_table().for_model(self.model, self.entry.firmware)
        wanted = [key for key, setting in rows if setting.kind not in ("secret", "readonly") and not setting.volatile]
        found = self.management().get_settings(wanted)
        self.remember_state(found)
        return found

    def remember_state(self, values: Mapping[str, str]) -> None:
        """Note settings that are in force now."""
        self.state |= values
        self.account.judged_by_unit = self.state.get("console.authentication_type", "local") == "local"

    # ---- restart and health

    def restart(
        self,
        progress: Progress | None = None,
        *,
        state: Mapping[str, str] | None = None,
        deadline: float | None = None,
    ) -> Health:
        """Restart over a console and wait until healthy.

        state: settings that will be in force afterwards, when they differ from now. Raises as `wait_until_healthy`.
        """
        self._allowed("restart")
        self.check_not_flashing()
        before = health.remember(self)
        self.management().restart()
        return self._back(before, state, deadline, progress, "")

    def power_cycle(
        self, off_seconds: float | None = None, progress: Progress | None = None, *, deadline: float | None = None
    ) -> Health:
        """Cut and give power, then wait until healthy.

        off_seconds: by default long enough for a supply to run empty; that of a virtual unit is empty at once.
        Raises ConfigFault without an outlet; LabFault when the switch fails or feeds another device.
        """
        self._allowed("power-cycle")
        self.check_not_flashing()
        if self.power is None:
            raise ConfigFault(
                "the unit has no outlet", remedy="Name its outlet in lab.yaml.", resource=f"unit {self.name}"
            )
        before = health.remember(self)
        self.power.off()
        try:
            self._see_it_gone(before)
            if off_seconds is None:
                off_seconds = 0.0 if self.rack.virtual else _SUPPLY_EMPTY
            time.sleep(off_seconds)
        finally:
            self.power.on()
        return self._back(before, None, deadline, progress, f"outlet {self.power.name} was off, then on")

    def factory_reset(
        self,
        keep_ip: bool = True,
        progress: Progress | None = None,
        *,
        deadline: float | None = None,
        account: bool = True,
    ) -> Health:
        """Load the factory default over the web console, wait, and create the account of lab.yaml again.

        account: without it the caller creates the account (`ensure_account`) when it has looked at the unit.
        """
        self._allowed("factory-reset")
        self.check_not_flashing()
        if not management.is_open(self.https):  # only the web console can do it
            self.apply({"console.https": "enable"}, "if-needed", progress)
        before = health.remember(self)
        factory = settings_table().factory(self.model, self.entry.firmware)
        self.console.load_factory_default(keep_ip)
        result = self._back(before, factory, deadline, progress, "")
        self.note_factory_reset()
        if account:
            self.ensure_account(fresh=True)
        return result

    def note_factory_reset(self) -> None:
        """Take note that the unit lost its settings and its account."""
        kept = {key: value for key, value in self.state.items() if key.startswith("network.ipv4")}
        self.state = settings_table().factory(self.model, self.entry.firmware) | kept
        self.written_secrets.clear()
        self.firmware.forget_secrets()
        self._certificate_in_force = None
        self.restart_pending = False
        self.remember_state({})
        self.account.accepted()
        self.console.session.forget()

    def ensure_account(self, fresh: bool = False) -> bool:
        """Give the unit the account of lab.yaml; whether it had to. See nportlab.unit.first_account."""
        return first_account.ensure_account(self, fresh)

    def wait_until_healthy(
        self,
        deadline: float | None = None,
        progress: Progress | None = None,
        *,
        before: health.Before | None = None,
        state: Mapping[str, str] | None = None,
        proof: str = "",
    ) -> Health:
        """Wait until the unit works; with `before` (from health.remember) a boot must also be proved."""
        return health.wait_until_healthy(
            self,
            {**self.state, **(state or {})},
            deadline=deadline or self._deadline,
            before=before,
            proof=proof,
            progress=progress,
        )

    def check_bench(self) -> None:
        """Raises LabFault when power or link explain why the unit is silent."""
        if self.power is not None and not self.power.is_on():
            raise LabFault(
                f"{self.name} is silent and its outlet is off",
                remedy="Switch it on.",
                resource=f"outlet {self.power.name}",
            )
        if self._bench_check is not None:
            self._bench_check()

    def check_not_flashing(self) -> None:
        """Raises LabFault while new firmware is being written to the unit: it must not lose its power now."""
        if self._flash_check is not None:
            self._flash_check()

    def runs(self, firmware: str) -> None:
        """Take note that the unit runs another firmware than lab.yaml says. Settings it does not have are forgotten,
        those that are new have their factory value until somebody reads them."""
        self.entry = replace(self.entry, firmware=firmware)
        self.console.session.forget_firmware()
        factory = settings_table().factory(self.model, firmware)
        self.state = factory | {key: value for key, value in self.state.items() if key in factory}
        self.written_secrets.clear()
        self.waiting_for_restart.clear()
        self.restart_pending = False
        self._certificate_in_force = None

    # ---- certificate

    def issue_certificate(self, kind: str) -> IssuedLeaf:
        """A certificate of the lab's authority for this unit. Raises ConfigFault without an authority."""
        if self._certificates is None:
            raise ConfigFault("no lab certificate authority in this run", resource=f"unit {self.name}")
        known: tuple[KeyKind, ...] = ("p256", "p384", "rsa2048", "rsa3072", "rsa4096", "rsa8192", "expired")
        for name in known:
            if name == kind:
                return self._certificates.issue(name, self.address, self.name)
        raise ConfigFault(f"unknown certificate 'lab:{kind}'", remedy=f"Known: {', '.join(known)}.", resource=None)

    def certificate_is(self, wanted: str) -> bool:
        """Whether the pseudo-setting "certificate" has this value; while HTTPS is off only memory can tell."""
        noted, fingerprint = self._certificate_in_force or ("self-signed", "")
        if not management.is_open(self.https):
            return noted == wanted or (noted == "regenerated" and wanted == "self-signed")
        if wanted == "regenerated":
            return noted == wanted and self.certificate.served().fingerprint(hashes.SHA256()).hex() == fingerprint
        return self.certificate.state(self._certificates) == wanted

    def note_certificate(self, value: str) -> None:
        """Remember which certificate the last restart brought into force."""
        is_open = management.is_open(self.https)
        fingerprint = self.certificate.served().fingerprint(hashes.SHA256()).hex() if is_open else ""
        self._certificate_in_force = (value, fingerprint)

    # ---- inside

    @property
    def _deadline(self) -> float:
        virtual = self.rack.virtual
        return 30.0 + 4 * virtual.boot_seconds if virtual else _HARDWARE_DEADLINE

    def _back(
        self,
        before: health.Before,
        state: Mapping[str, str] | None,
        deadline: float | None,
        progress: Progress | None,
        proof: str,
    ) -> Health:
        self.console.session.forget()
        expected = {**self.waiting_for_restart, **(state or {})}
        result = self.wait_until_healthy(deadline, progress, before=before, state=expected, proof=proof)
        self.remember_state(expected)
        self.waiting_for_restart.clear()
        self.restarts += 1
        self.restart_pending = False
        return result

    def _see_it_gone(self, before: health.Before) -> None:
        """An outlet that is off while the unit still answers feeds something else."""
        end = time.monotonic() + _POWER_GONE
        while before.watch and management.is_open(self.tcp(before.watch), 1.0):
            if time.monotonic() > end:
                outlet = self.power.name if self.power else ""
                raise LabFault(
                    f"the switch answered 'off', but {self.name} still answers {_POWER_GONE:g} s later",
                    remedy=f"Check that {self.name} is plugged into this outlet.",
                    resource=f"outlet {outlet}",
                )
            time.sleep(0.05)

    def _stored(self) -> None:
        self.restart_pending = True

    def _allowed(self, what: Permission) -> None:
        if what not in self.entry.allow:
            raise ConfigFault(
                f"lab.yaml does not allow {what} on this unit",
                remedy=f"Add {what} to the unit's `allow`, if that is what you want.",
                resource=f"unit {self.name}",
            )
