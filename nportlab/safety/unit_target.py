"""`nportlab.unit.Unit` as keeping it safe sees it."""

from __future__ import annotations

import time
from collections.abc import Mapping

from nportlab.inventory.lab import UnitEntry
from nportlab.plan.need import CERTIFICATE, Event
from nportlab.protocol.configuration_text import ConfigurationText
from nportlab.safety.baseline import settings_of
from nportlab.safety.journal import Identity
from nportlab.unit.certificate_provider import CertificateProvider
from nportlab.unit.errors import FirstBootPending, LockedOut, LoginRefused, NotReachable
from nportlab.unit.free_place import when_a_place_is_free
from nportlab.unit.health import Progress
from nportlab.unit.identity import Identity as Seen
from nportlab.unit.unit import Unit
from nportlab.verdicts.faults import ConfigFault, HarnessError, LabFault, UnitBehaviour

_LOOK_AT_BENCH = 3.0
"""Seconds of silence after which power and link are looked at."""
_PATIENCE = 20.0
"""Seconds to wait for a unit nobody has touched; longer than the loss of a few packets."""
_REBOOT = 240.0
"""Seconds to wait for one that may be restarting."""


class UnitTarget:
    """A unit of the lab. progress: told how long a restart has been taking."""

    def __init__(
        self, unit: Unit, certificates: CertificateProvider | None = None, progress: Progress | None = None
    ) -> None:
        self.unit = unit
        self._certificates = certificates
        self._progress = progress

    @property
    def _entry(self) -> UnitEntry:
        return self.unit.entry

    def ready(self, saved: bool) -> None:
        """Wait until it answers and the harness is logged in.

        Raises LabFault when nothing answers, ConfigFault when user name or password are refused (they are not tried
        again, so that the account is not locked out), when the unit has no account and may not be given one, or when
        its HTTPS console is off before its baseline is saved.
        """
        try:
            if saved:
                self._powered()
            over_web = self._reached(_REBOOT if saved else _PATIENCE)
            if not saved and not over_web:
                raise ConfigFault(
                    f"the HTTPS console of {self.unit.name} is off; without it its configuration cannot be saved",
                    "Switch it on by hand, as the guide recommends; nothing was changed.",
                    f"unit {self.unit.name}",
                )
            self._way_in()
        except LoginRefused as error:
            raise ConfigFault(error.message, error.remedy, f"unit {self.unit.name}") from error
        except UnitBehaviour as error:
            raise LabFault(error.message, error.remedy, error.resource or f"unit {self.unit.name}") from error

    def _powered(self) -> None:
        """Switch on what a run has left off when it was killed. A switch that fails keeps no unit from being put back
        that answers."""
        power = self.unit.power
        try:
            if power is not None and not power.is_on():
                power.on()
        except LabFault as fault:
            self.unit.recorder.note(fault.describe())

    def _reached(self, seconds: float) -> bool:
        """Wait until some console answers; whether that is the web console. Raises LabFault after `seconds`."""
        end = time.monotonic() + seconds
        look = time.monotonic() + _LOOK_AT_BENCH
        while True:
            try:
                return self.unit.management().name == "web console"
            except NotReachable as error:
                if time.monotonic() > look:
                    self.unit.check_bench()  # without power there is nothing to wait for
                    look = end
                if time.monotonic() > end:
                    self.unit.check_bench()
                    raise LabFault(error.message, error.remedy, f"unit {self.unit.name}") from None
            if self._progress is not None:
                self._progress(seconds - (end - time.monotonic()), "waiting for a console")
            time.sleep(0.1)

    def _way_in(self) -> None:
        if self.unit.management().name != "web console":
            self.unit.apply({"console.https": "enable"}, "always", self._progress)
        try:
            when_a_place_is_free(self.unit, self.unit.console.login, self._progress)
        except FirstBootPending:
            if not self._sets_up:
                raise ConfigFault(
                    f"{self.unit.name} has no account yet and lab.yaml does not allow to set it up",
                    f"Create the account in its web console, or allow factory-reset for {self.unit.name}.",
                    f"unit {self.unit.name}",
                ) from None
            self.unit.ensure_account()
        except LockedOut:
            raise
        except LoginRefused:
            if self.unit.console.session.flavour.name != "1.x" or not self._sets_up:
                raise
            self.unit.ensure_account()

    @property
    def _sets_up(self) -> bool:
        """Whether lab.yaml allows what makes a first account necessary."""
        return not {"factory-reset", "flash"}.isdisjoint(self._entry.allow)

    def identity(self) -> Identity:
        """Who answers. Raises ConfigFault when that is not what lab.yaml describes."""
        return _journalled(self.unit.check_identity())

    def export(self) -> ConfigurationText:
        """The stored configuration; the unit's idea of its state follows it."""
        text = self.unit.configuration.export()
        self.unit.remember_state(settings_of(text, self._entry.model, self._entry.firmware, self.unit.name))
        return text

    def certificate(self) -> str:
        """The certificate in use."""
        return self.unit.certificate.state(self._certificates)

    def apply(self, values: Mapping[str, str], event: Event) -> None:
        """Store, go through the event, read back."""
        if event == "restart":
            self.unit.apply(values, "always", self._progress)
            return
        self.unit.apply(values, "never", self._progress)
        self.unit.remember_state({key: value for key, value in values.items() if key != CERTIFICATE})
        self.unit.power_cycle(progress=self._progress)

    def factory_reset(self) -> None:
        """Factory values, IP settings kept, first account made."""
        self.unit.factory_reset(progress=self._progress)

    def load(self, text: ConfigurationText, secrets: Mapping[str, str], certificate: str | None) -> None:
        """Import a whole configuration, set secrets and, where named, bring the certificate back; then restart."""
        self._way_in()
        self.unit.configuration.import_(text)
        if secrets:
            self.unit.apply(secrets, "never", self._progress)
        if certificate == "imported":
            self._import_kept()
        elif certificate is not None:
            self.unit.certificate.delete()
        state = settings_of(text, self._entry.model, self._entry.firmware, self.unit.name)
        self.unit.restart(self._progress, state={**self.unit.state, **state})

    def close(self) -> None:
        """Log out; a unit that is gone is no error."""
        try:
            self.unit.console.logout()
        except HarnessError as error:
            self.unit.recorder.note(f"logout: {error.message}")

    def _import_kept(self) -> None:
        path = self._entry.certificate
        if path is None:
            raise LabFault(
                "the unit's own certificate cannot be put back: lab.yaml does not name its file",
                f"Import it by hand and name it: racks.{self._entry.rack}.units.{self.unit.name}.certificate.",
                f"unit {self.unit.name}",
            )
        try:
            pem = path.read_bytes()
        except OSError as error:
            raise ConfigFault(
                f"the certificate {path} cannot be read: {error.strerror}",
                "Correct lab.yaml.",
                f"unit {self.unit.name}",
            ) from None
        self.unit.certificate.import_pem(pem)


def _journalled(seen: Seen) -> Identity:
    return Identity(model=seen.model or "", mac=seen.mac or "", serial=seen.serial or "", firmware=seen.firmware or "")
