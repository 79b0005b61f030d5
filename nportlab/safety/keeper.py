"""Holds one unit for a run: takes the lock, saves how it was found, brings it into states, puts it back."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from nportlab.guide.settings import settings_table
from nportlab.inventory.lab import Lab, UnitEntry
from nportlab.plan.need import CERTIFICATE, Event, Values, serves
from nportlab.protocol.configuration_text import ConfigurationText, parse
from nportlab.safety.baseline import (
    Baseline,
    cannot_restore,
    differences,
    hidden_secrets,
    same_certificate,
    settings_of,
)
from nportlab.safety.journal import Entry, Identity, Journal, Phase
from nportlab.safety.locks import UnitLock, unit_lock
from nportlab.safety.permission import missing_outlet, permissions_for, refusal
from nportlab.safety.target import Target
from nportlab.verdicts.faults import HarnessBug, LabFault, NotApplicable

Cause = Literal["plan", "test", "restore"]
"""Of a restart: planned (the last one, which puts the unit back, too), made by a test, or after a killed run."""


class Listener(Protocol):
    """Is told what is being done to the unit."""

    def doing(self, what: str) -> None:
        """What happens now, in a few words."""
        ...

    def restarted(self, event: Event, cause: Cause, reason: str, seconds: float) -> None:
        """A restart has been made. seconds: until the unit was healthy again."""
        ...

    def changing(self, event: Event) -> AbstractContextManager[None]:
        """Entered while the unit goes through an event."""
        ...


class Silent:
    """Tells nobody."""

    def doing(self, what: str) -> None:
        """Say nothing."""

    def restarted(self, event: Event, cause: Cause, reason: str, seconds: float) -> None:
        """Say nothing."""

    def changing(self, event: Event) -> AbstractContextManager[None]:
        """Do nothing."""
        return nullcontext()


@dataclass(frozen=True)
class Goal:
    """A state to bring the unit into. needs: settings that matter; everything else has its value of the baseline, or of
    the last factory reset (after_reset). event: what the unit must just have gone through; entry: names the visit, so
    that tests of one visit do not go through the event again."""

    needs: Values
    event: Event | None = None
    after_reset: bool = False
    entry: str = ""


class Keeper:
    """One unit, from the lock to the lock's release. Not touched before `open`, and not after `close`."""

    def __init__(self, lab: Lab, entry: UnitEntry, target: Target, listener: Listener | None = None) -> None:
        self.entry = entry
        """As lab.yaml has it, but with the firmware the unit runs now."""
        self._found_on = entry.firmware
        self._virtual = lab.racks[entry.rack].virtual is not None
        self.lock: UnitLock = unit_lock(lab, entry)
        self.journal = Journal(lab.state_dir, entry.rack, entry.name)
        self.identity = Identity()
        self.baseline: Baseline | None = None
        self.values: dict[str, str] = {}
        """The settings in force."""
        self._kept_certificate = entry.certificate is not None
        self._target = target
        self._listener: Listener = listener or Silent()
        self._entry: Entry | None = None
        self._after_reset: dict[str, str] = {}
        self._visit = ""
        self._disturbed = False
        self._suspect = False

    # ---- taking and leaving

    def open(self) -> None:
        """Lock, put back what an earlier run left changed, save the baseline. Nothing is changed before all that.

        Raises LabFault (in use, not reachable), ConfigFault (another unit than lab.yaml says, wrong password, no room
        for the journal).
        """
        if not self.lock.held:
            self.lock.acquire()
        self._refuse_half_an_upgrade()
        self._listener.doing("looking who answers")
        self._target.ready(saved=self.journal.pending)
        self.identity = self._target.identity()
        if self.journal.pending:
            self._recover()
        self._listener.doing("saving the baseline")
        text = self._target.export()
        values = settings_of(text, self.entry.model, self.entry.firmware, self.entry.name)
        values[CERTIFICATE] = self._target.certificate()
        self._entry = Entry(
            unit=self.entry.name,
            rack=self.entry.rack,
            address=self.entry.address,
            identity=self.identity,
            baseline="",
            baseline_sha256="",
            certificate=values[CERTIFICATE],
        )
        self.journal.begin(self._entry, text.dump())
        secrets = self._secrets(text)
        self.baseline = Baseline(text, values | secrets, secrets)
        self.values = dict(self.baseline.values)

    @property
    def record(self) -> Entry:
        """What stands in the journal; for who flashes the unit."""
        self._opened()
        assert self._entry is not None
        return self._entry

    def flashed(self, firmware: str) -> None:
        """The unit runs this firmware now; what it stores is looked at anew.

        It can be left only on the firmware it was found with, or after `adopt`.
        """
        self.entry = replace(self.entry, firmware=firmware)
        self._after_reset = {}
        self._visit = ""
        self._look_again()

    def adopt(self) -> None:
        """What the unit is now is how it is to be left: it was given other firmware for good."""
        baseline = self._opened()
        assert self._entry is not None
        text, certificate = self._target.export(), self._target.certificate()
        values = settings_of(text, self.entry.model, self.entry.firmware, self.entry.name)
        values[CERTIFICATE] = certificate
        self._entry.certificate = certificate
        self._entry.identity = self._entry.identity.model_copy(update={"firmware": self.entry.firmware})
        self._entry.flash = None
        self.journal.begin(self._entry, text.dump())
        self._found_on = self.entry.firmware
        self.baseline = Baseline(text, values | dict(baseline.secrets), baseline.secrets)
        self.values = dict(self.baseline.values)
        self._disturbed = False

    @property
    def opened(self) -> bool:
        """Whether the baseline is saved, so that the unit may be changed."""
        return self.baseline is not None

    def close(self) -> None:
        """Put the unit back, prove it, end the journal, release the lock.

        Raises when it cannot be put back; the journal then stays for the next run.
        """
        try:
            if self.baseline is not None and self._entry is not None:
                self._restore(self.baseline, self._entry)
                self.journal.end()
        finally:
            self.baseline = None
            self._target.close()
            self.lock.release()

    def leave(self) -> None:
        """Give the unit up as it is, without putting it back: it is in the middle of an upgrade that failed.

        The journal stays, and `nportlab recover` goes on from it.
        """
        self.baseline = None

    @property
    def half_upgraded(self) -> bool:
        """Whether bytes of an image went out and nobody knows yet that the unit is whole."""
        flash = self._entry.flash if self._entry is not None else None
        return flash is not None and flash.stage in ("sending", "sent", "back")

    # ---- states

    def bring(self, goal: Goal) -> bool:
        """Bring the unit into a state; returns whether that took a restart.

        Raises NotApplicable when lab.yaml does not allow what it takes, or the unit could not be put back afterwards.
        """
        baseline = self._opened()
        if goal.event and self._visit == goal.entry:
            goal = replace(goal, event=None)
        reset = goal.event == "factory-reset"
        if reset:
            self._reset()
            goal = replace(goal, event=None)
        base = self._after_reset if goal.after_reset and self._after_reset else baseline.values
        wanted = {**base, **goal.needs}
        if self._disturbed or self._suspect:
            self._look_again()
        change = {key: value for key, value in wanted.items() if not serves(key, self.values.get(key), value)}
        if not change and not goal.event and not self._disturbed:
            self._visit = goal.entry
            return reset
        event: Event = goal.event or "restart"
        self._allowed(permissions_for(goal.event, changes=bool(change) or self._disturbed))
        if refused := self.refusal(goal.needs, goal.event):
            raise NotApplicable(refused)
        reason = ", ".join(sorted(change)) or goal.event or "a test left something behind"
        with self._changing(event, change, "plan", reason):
            self._target.apply(change, event)
        self.values |= change
        self._disturbed = False
        self._visit = goal.entry
        return True

    def refusal(self, needs: Values, event: Event | None) -> str:
        """Why this must not, or cannot, be done to the unit; empty when it can."""
        baseline = self._opened()
        change = {key: value for key, value in needs.items() if not serves(key, baseline.values.get(key), value)}
        entry = self.entry
        return (
            missing_outlet(entry, event)
            or refusal(entry, permissions_for(event, changes=bool(change)))
            or cannot_restore(baseline, change, event, entry.model, entry.firmware, kept=self._kept_certificate)
        )

    def disturbed(self) -> None:
        """A test left something behind: look at the unit anew and restart it before anything else runs."""
        self._disturbed = True

    def suspect(self) -> None:
        """A test may have left something behind: look before the next one runs."""
        self._suspect = True

    def restarted_by_test(self, event: Event, seconds: float) -> None:
        """A test restarted the unit itself."""
        self._listener.restarted(event, "test", "by the test", seconds)

    # ---- inside

    def _opened(self) -> Baseline:
        if self.baseline is None:
            raise HarnessBug(f"{self.entry.name} is used before its baseline is saved", "Report this.")
        return self.baseline

    def _reset(self) -> None:
        if refused := self.refusal({}, "factory-reset"):
            raise NotApplicable(refused)
        with self._changing("factory-reset", {}, "plan", "factory values"):
            self._target.factory_reset()
        self._disturbed = False
        self._look_again()
        self._after_reset = dict(self.values)

    def _allowed(self, permissions: tuple[str, ...]) -> None:
        if reason := refusal(self.entry, permissions):
            raise NotApplicable(reason)

    def _secrets(self, text: ConfigurationText) -> dict[str, str]:
        """The hidden secrets whose value is known. Nobody but the harness ever sets up a virtual unit, so those it was
        found with are the factory's."""
        hidden = hidden_secrets(text, self.entry.model, self.entry.firmware) if self._virtual else {}
        return {key: setting.factory for key, setting in hidden.items() if setting.factory}

    def _look_again(self) -> None:
        """Read what is stored; whatever a test stored without a restart becomes active with the next one."""
        text = self._target.export()
        self.values |= settings_of(text, self.entry.model, self.entry.firmware, self.entry.name)
        certificate = self._target.certificate()
        if not serves(CERTIFICATE, self.values.get(CERTIFICATE), certificate):
            self.values[CERTIFICATE] = certificate
        self._suspect = False

    @contextmanager
    def _changing(
        self, event: Event, change: Mapping[str, str], cause: Cause, reason: str, phase: Phase = "changing"
    ) -> Iterator[None]:
        """Write down what is about to happen, and tell how long it took. When it fails, the state is unknown."""
        assert self._entry is not None
        self.journal.update(self._entry, phase, _plain(change), event)
        self._listener.doing(f"{_DOING[event]}: {reason}")
        before, start = self._disturbed, time.monotonic()
        self._disturbed = True
        self._visit = ""
        with self._listener.changing(event):
            yield
        self._disturbed = before
        self._listener.restarted(event, cause, reason, time.monotonic() - start)

    def _refuse_half_an_upgrade(self) -> None:
        """A run was killed while it flashed the unit: that takes more than putting settings back."""
        if self.journal.pending and (flash := self.journal.read()[0].flash) is not None:
            raise LabFault(
                f"a killed run left {self.entry.name} in the middle of an upgrade from {flash.before} to {flash.after}",
                f"Leave its power on and run: nportlab recover --unit {self.entry.name}",
                f"unit {self.entry.name}",
            )

    def _restore(self, baseline: Baseline, entry: Entry) -> None:
        if self.half_upgraded:
            raise LabFault(
                f"{self.entry.name} is in the middle of an upgrade that failed",
                f"Leave its power on and run: nportlab recover --unit {self.entry.name}",
                f"unit {self.entry.name}",
            )
        if self.entry.firmware != self._found_on:
            raise LabFault(
                f"{self.entry.name} was found on firmware {self._found_on} and runs {self.entry.firmware}",
                f"Go back: nportlab recover --unit {self.entry.name} --allow-flash",
                f"unit {self.entry.name}",
            )
        self._listener.doing("putting the unit back")
        self._target.ready(saved=True)
        now = self._target.export()
        certificate = self._target.certificate()
        same = all(self.values.get(key) == value for key, value in baseline.secrets.items())
        if same and not self._disturbed and self._as_found(baseline.text, now, baseline.certificate, certificate):
            return
        with self._changing("restart", {}, "plan", "putting the unit back", "restoring"):
            wanted = None if same_certificate(baseline.certificate, certificate) else baseline.certificate
            changed = {key: value for key, value in baseline.secrets.items() if self.values.get(key) != value}
            self._target.load(baseline.text, changed, wanted)
        self._prove(baseline.text, baseline.certificate)

    def _recover(self) -> None:
        """Put back what a killed run left changed."""
        entry, data = self.journal.read()
        seen = self._target.identity()
        if difference := entry.identity.differs(seen):
            raise LabFault(
                f"a killed run left a changed unit at {entry.address}, but another one answers there now: {difference}",
                f"Connect the former unit again, or delete {self.journal.path} if it is gone for good.",
                f"unit {self.entry.name}",
            )
        self._listener.doing("putting back what a killed run left changed")
        start = time.monotonic()
        text = parse(data)
        certificate = self._target.certificate()
        wanted = None if same_certificate(entry.certificate, certificate) else entry.certificate
        self._target.load(text, self._secrets(text), wanted)
        self._listener.restarted("restart", "restore", "recovery after a killed run", time.monotonic() - start)
        self._prove(text, entry.certificate)
        self.journal.end()

    def _as_found(self, found: ConfigurationText, now: ConfigurationText, kind: str, certificate: str) -> bool:
        left = differences(found, now, self.entry.model, self.entry.firmware)
        return not left and same_certificate(kind, certificate)

    def _prove(self, found: ConfigurationText, kind: str) -> None:
        now, certificate = self._target.export(), self._target.certificate()
        left = differences(found, now, self.entry.model, self.entry.firmware)
        if left or not same_certificate(kind, certificate):
            places = [f"[{change.section}] {change.key}" for change in left]
            places += [] if same_certificate(kind, certificate) else ["certificate"]
            raise LabFault(
                f"the unit is not as it was found: {', '.join(places[:5])}{' ...' if len(places) > 5 else ''}",
                f"Set it by hand, or try again: nportlab recover --unit {self.entry.name}. "
                f"The baseline is {self.journal.path.with_suffix('.baseline')}.",
                f"unit {self.entry.name}",
            )


_DOING = {"restart": "restarting", "power-cycle": "power-cycling", "factory-reset": "loading factory values"}


def _plain(change: Mapping[str, str]) -> dict[str, str]:
    """Without secrets: the journal is no place for them."""
    table = settings_table()
    return {key: value for key, value in change.items() if key == CERTIFICATE or table[key].kind != "secret"}
