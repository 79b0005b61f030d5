"""After a run was killed in the middle of an upgrade: finish it, go back, or say exactly what a person must do."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from nportlab.firmware.kept import lost
from nportlab.firmware.one_unit import Flasher, put_back
from nportlab.firmware.outcomes import what_to_do
from nportlab.firmware.upgrade import deadline_of
from nportlab.inventory.lab import Lab
from nportlab.protocol.configuration_text import parse
from nportlab.safety.bench import Bench
from nportlab.safety.firmware_guard import flash_lock
from nportlab.safety.journal import Entry, FlashRecord, Identity, Journal
from nportlab.unit.errors import FirstBootPending, LoginRefused, NeverCameBack
from nportlab.unit.firmware import Firmware, same_version
from nportlab.unit.free_place import when_a_place_is_free
from nportlab.unit.health import Progress
from nportlab.unit.identity import Identity as Seen
from nportlab.unit.unit import Unit
from nportlab.verdicts.faults import ConfigFault, LabFault, UnitBehaviour

_PATIENCE: Final = 60.0
"""Seconds a unit has to answer although its time for writing is over: it may be starting."""
_LOOK: Final = 0.2
_LOOK_HARDWARE: Final = 5.0  # a unit that writes its flash is not to be bothered

End = Literal["at home", "finished", "stays"]
"""The unit runs the firmware it is to be left on and its settings are to be put back; the upgrade was wanted and is
finished; it stays on firmware it was not found with, its settings as they were."""


@dataclass(frozen=True)
class Settled:
    """What became of the unit, in a sentence for a person."""

    end: End
    said: str


def settle(
    lab: Lab,
    bench: Bench,
    name: str,
    journal: Journal,
    *,
    allow_flash: bool,
    say: Callable[[str], None],
    progress: Progress | None = None,
) -> Settled:
    """Bring the upgrade that stands in the journal to an end. The unit's lock is held by the caller.

    allow_flash: whether the unit may be flashed to get it back to where it was found. Raises LabFault when the unit
    does not answer (with what a person must do), or when it runs something nobody gave it.
    """
    entry, _ = journal.read()
    record = entry.flash
    if record is None:
        return Settled("at home", "no upgrade was under way")
    if record.stage == "cleared":
        journal.flash(entry, None)
        return Settled("at home", "nothing of the image had been sent")
    unit = bench.unit(bench.rack.units[name])
    say(f"a run was killed while it flashed {record.before} -> {record.after} ({record.stage})")
    flash_lock(lab, unit.entry).wait(record.patience + _PATIENCE, progress)
    try:
        return _settled(lab, unit, journal, entry, record, allow_flash, say, progress)
    finally:
        unit.console.logout()


def _settled(
    lab: Lab,
    unit: Unit,
    journal: Journal,
    entry: Entry,
    record: FlashRecord,
    allow_flash: bool,
    say: Callable[[str], None],
    progress: Progress | None,
) -> Settled:
    name = unit.name
    _powered(unit)
    firmware = _look(unit, entry, record, say, progress)
    version = firmware.version
    if version is not None and same_version(version, record.before) and not same_version(version, record.after):
        unit.runs(record.before)
        say(f"whole on {record.before}")
        return _on_old(journal, entry, record)
    if version is None or not same_version(version, record.after):
        raise LabFault(
            f"{name} runs {firmware}; it had {record.before} and was given {record.after}",
            f"See what it is and correct lab.yaml; its settings were {journal.folder / entry.baseline}. "
            f"Then delete {journal.path}.",
            f"unit {name}",
        )
    say(f"whole on {record.after}")
    unit.runs(record.after)
    _finish(unit, journal, record)
    if same_version(record.home, record.after):
        journal.end()
        return Settled("finished", _lab_says(unit, record.after))
    return _go_back(lab, unit, journal, entry, record, allow_flash, progress)


def _on_old(journal: Journal, entry: Entry, record: FlashRecord) -> Settled:
    if same_version(record.before, record.home) or same_version(record.after, record.home):
        journal.flash(entry, None)
        return Settled("at home", f"on {record.before}, as before the upgrade")
    record.stage = "ended"
    record.after = record.before
    journal.flash(entry, record)
    raise LabFault(
        f"{journal.unit} is whole on {record.before}, but was found on {record.home}",
        f"Go back: nportlab recover --unit {journal.unit} --allow-flash",
        f"unit {journal.unit}",
    )


def _powered(unit: Unit) -> None:
    """A run may have been killed between off and on."""
    if unit.power is not None and not unit.power.is_on():
        unit.power.on()


def _look(
    unit: Unit, entry: Entry, record: FlashRecord, say: Callable[[str], None], progress: Progress | None
) -> Firmware:
    """The firmware it runs when it has surely ended writing. Its power is cut once when it stays silent and that is
    allowed. Raises LabFault."""
    written = record.first_byte + record.patience
    try:
        return _answer(unit, entry, record, max(written, time.time() + _patience(unit)), progress)
    except NeverCameBack:
        if unit.power is None or "power-cycle" not in unit.entry.allow or time.time() < written:
            raise _silent(unit, record) from None
    say("silent; cutting its power once")
    unit.power.cycle(0.0 if unit.rack.virtual else 5.0)
    try:
        return _answer(unit, entry, record, time.time() + deadline_of(unit, 300.0), progress)
    except NeverCameBack:
        raise _silent(unit, record) from None


def _answer(unit: Unit, entry: Entry, record: FlashRecord, until: float, progress: Progress | None) -> Firmware:
    """Wait for it, and while it may still be writing, for the new firmware."""
    written = record.first_byte + record.patience
    if record.stage != "ended":
        while time.time() < written and not _tells(unit, record.after):
            if progress is not None:
                left = written - time.time()
                progress(record.patience - left, f"it may still be writing, for at most {left:.0f} s more")
            time.sleep(_LOOK if unit.rack.virtual else _LOOK_HARDWARE)
    healthy = unit.wait_until_healthy(max(until - time.time(), 1.0), progress)
    if healthy.first_boot:
        unit.ensure_account()
    _log_in(unit, progress)
    firmware = unit.firmware.read()
    _same_unit(unit, entry.identity, firmware.told)
    return firmware


def _tells(unit: Unit, version: str) -> bool:
    """Whether the unit tells anybody who asks that it runs this version."""
    try:
        return same_version(unit.moxa_service.kernel().version, version)
    except UnitBehaviour:
        return False


def _log_in(unit: Unit, progress: Progress | None) -> None:
    """The session of the run that was killed may fill the unit's last place."""

    def act() -> None:
        unit.ensure_account()
        unit.console.login()

    when_a_place_is_free(unit, act, progress)


def _same_unit(unit: Unit, was: Identity, told: tuple[Seen, ...]) -> None:
    for seen in told:
        now = Identity(model=seen.model or "", mac=seen.mac or "", serial=seen.serial or "")
        if difference := was.differs(now):
            raise LabFault(
                f"a run was killed while it flashed the unit at {unit.address}; another one answers there now: "
                f"{difference}",
                "Connect the former unit again.",
                f"unit {unit.name}",
            )


def _patience(unit: Unit) -> float:
    return _PATIENCE if unit.rack.virtual is None else 10.0 + 8 * unit.rack.virtual.boot_seconds


def _silent(unit: Unit, record: FlashRecord) -> LabFault:
    left = max(0.0, record.first_byte + record.patience - time.time())
    try:
        unit.check_bench()
    except LabFault as fault:
        return fault
    return LabFault(
        f"{unit.name} does not answer after an upgrade from {record.before} to {record.after} that was cut short",
        what_to_do(unit.name, unit.address, left / 60),
        f"unit {unit.name}",
    )


def _finish(unit: Unit, journal: Journal, record: FlashRecord) -> None:
    """Account and configuration after an upgrade that nobody saw the end of."""
    try:
        unit.ensure_account()
        now = unit.configuration.export()
    except (LoginRefused, FirstBootPending) as error:
        raise LabFault(
            f"{unit.name} is whole on {record.after}, but does not let the harness in: {error.message}",
            "Log in by hand and give it the account of lab.yaml, then run nportlab recover again.",
            f"unit {unit.name}",
        ) from None
    kept = journal.kept_export(record)
    if kept is not None:
        put_back(unit, lost(parse(kept), now, unit.model, record.before, record.after))


def _go_back(
    lab: Lab,
    unit: Unit,
    journal: Journal,
    entry: Entry,
    record: FlashRecord,
    allow_flash: bool,
    progress: Progress | None,
) -> Settled:
    """To the firmware the unit was found on, when a way leads there and may be gone."""
    flasher = Flasher(lab, unit, journal, entry, record.home, allow_flash, progress)
    try:
        path = flasher.path(record.home)
    except ConfigFault as fault:
        return _stay(unit, journal, record, fault.message)
    if not allow_flash:
        return _stay(unit, journal, record, "nobody said --allow-flash")
    try:
        for step in path.steps:
            flasher.flash(step)
    except UnitBehaviour as error:
        raise LabFault(error.message, error.remedy, error.resource) from error
    return Settled("at home", f"back on {record.home} by {path}")


def _stay(unit: Unit, journal: Journal, record: FlashRecord, why: str) -> Settled:
    journal.end()
    return Settled("stays", f"{_lab_says(unit, record.after)} It was found on {record.home}; not back there: {why}")


def _lab_says(unit: Unit, version: str) -> str:
    return f'whole on {version} with its settings; write firmware: "{version}" for {unit.name} into lab.yaml.'
