"""One image into one unit, and proof of what became of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final, TypeVar

from nportlab.firmware.graph import Graph
from nportlab.firmware.images import Image
from nportlab.firmware.kept import lost
from nportlab.firmware.outcomes import AccountLost, CameBackOld, CameBackOther, DidNotComeBack, Upgraded, what_to_do
from nportlab.firmware.routes.route import Route
from nportlab.firmware.routes.tool_errors import ToolError
from nportlab.firmware.uninterrupted import uninterrupted
from nportlab.guide.firmware import known_version
from nportlab.protocol.configuration_text import ConfigurationText
from nportlab.safety import firmware_guard
from nportlab.safety.baseline import settings_of
from nportlab.safety.firmware_guard import Cleared, Waivable
from nportlab.safety.flash_lock import FlashLock
from nportlab.safety.journal import Entry, FlashRecord, FlashStage, Journal
from nportlab.unit import health
from nportlab.unit.errors import DidNotRestart, LoginRefused, NeverCameBack
from nportlab.unit.firmware import Firmware, FirmwareRefused, TransferBroken, same_version
from nportlab.unit.free_place import when_a_place_is_free
from nportlab.unit.health import Before, Health, Progress
from nportlab.unit.management import is_open
from nportlab.unit.unit import Unit
from nportlab.verdicts.faults import ConfigFault, HarnessError, UnitBehaviour

HARDWARE_DEADLINE: Final = 1200.0  # seconds; what the vendor's tool allows (nport-facts 7)
_CONNECT: Final = 0.5
_POLL: Final = 0.05
_POLL_HARDWARE: Final = 2.0  # a unit that writes its flash is not to be bothered
_T = TypeVar("_T")


@dataclass
class Flash:
    """What is to be flashed, and everything that takes.

    graph: the steps the rules leave, from the firmware the unit has now. home: the version it is to be left on; the
    image's own when this is for good. journal, entry: of whoever holds the unit. lock: held while the unit is written.
    deadline: seconds until it must be back. waived: checks of the guard that are left out on purpose.
    """

    unit: Unit
    image: Image
    route: Route
    graph: Graph
    journal: Journal
    entry: Entry
    lock: FlashLock
    home: str
    allow_flash: bool = False
    deadline: float = HARDWARE_DEADLINE
    waived: Collection[Waivable] = ()
    progress: Progress | None = None
    _record: FlashRecord | None = field(default=None, init=False)

    @property
    def source(self) -> str:
        """The version the unit has."""
        return self.unit.entry.firmware

    @property
    def target(self) -> str:
        """The version of the image."""
        return self.image.version

    def tell(self, seconds: float, what: str) -> None:
        """Say what happens."""
        if self.progress is not None:
            self.progress(seconds, what)

    def stage(self, stage: FlashStage) -> None:
        """Write into the journal what begins now. Raises ConfigFault when the disk does not take it; once the image is
        out nothing is given up for that: the stage on disk has a recovery look at the unit, too."""
        assert self._record is not None
        before = self._record.stage, self._record.first_byte
        self._record.stage = stage
        if stage == "sending":
            self._record.first_byte = time.time()
        try:
            self.journal.flash(self.entry, self._record)
        except ConfigFault as full:
            if stage not in ("sent", "back"):
                self._record.stage, self._record.first_byte = before
                raise
            self.tell(0.0, full.message)
            self.unit.recorder.note(full.message)

    def begin(self, export: ConfigurationText, sha512: str) -> None:
        """Save the configuration and open the record, in this order."""
        record = FlashRecord(
            before=self.source,
            after=self.target,
            home=self.home,
            route=self.route.name,
            image=str(self.image.path.resolve()),
            sha512=sha512,
            patience=patience_of(self.unit, self.deadline),
            waived=sorted(self.waived),
        )
        self.journal.keep_export(record, export.dump())
        self._record = record
        self.stage("cleared")

    def end(self, version: str) -> None:
        """The unit is whole on this version; the record stays while that is not its home."""
        if same_version(version, self.home):
            self.journal.flash(self.entry, None)
        else:
            self.stage("ended")


def upgrade(flash: Flash) -> Upgraded:
    """Bring the image into the unit and see what became of it.

    Nothing is sent before the guard has cleared it, the configuration is exported and the journal is on disk. Raises
    FlashRefused and what else the guard raises (nothing was sent), FirmwareRefused (the unit did not take it, and is
    seen to be whole on the old firmware), TransferBroken or a ToolError likewise, CameBackOld, CameBackOther,
    DidNotComeBack, AccountLost, LabFault when power or link explain it.
    """
    unit, start = flash.unit, time.monotonic()
    cleared = firmware_guard.clear(
        unit, flash.image, flash.route, flash.graph, allow_flash=flash.allow_flash, waived=flash.waived
    )
    export = unit.configuration.export()
    unit.remember_state(settings_of(export, unit.model, flash.source, unit.name))
    logged = _quietly(unit.console.system_log) or []
    flash.begin(export, cleared.handed.sha512)
    sent = _written(flash, cleared)
    firmware, healthy = sent.firmware, sent.health
    unit.console.logout()  # 1.x knows one session only
    unit.runs(flash.target)
    first = _account(flash)
    now = unit.configuration.export()
    unit.remember_state(settings_of(now, unit.model, flash.target, unit.name))
    after = unit.firmware.read() if healthy.first_boot else firmware
    _agreed(flash, after)
    result = Upgraded(
        unit=unit.name,
        source=known_version(flash.graph.present) or flash.graph.present,
        target=flash.target,
        route=flash.route.name,
        seconds=time.monotonic() - start,
        said=sent.said,
        proof=healthy.proof,
        versions=after.versions,
        first_account=first,
        lost=lost(export, now, unit.model, sent.source, flash.target),
        log=_since(logged, _quietly(unit.console.system_log) or []),
        note=sent.note,
    )
    flash.end(flash.target)
    unit.recorder.note(f"{unit.name}: {result}")
    return result


@dataclass(frozen=True)
class _Written:
    source: str
    said: str
    health: Health
    firmware: Firmware
    note: str = ""


def _written(flash: Flash, cleared: Cleared) -> _Written:
    """From the first byte until the unit answers on the new firmware; nobody cuts its power meanwhile."""
    unit, source = flash.unit, flash.source
    begun = time.monotonic()
    with flash.lock.held() as lock, uninterrupted(lambda text: flash.tell(time.monotonic() - begun, text)):
        before = health.remember(unit)
        try:
            firmware_guard.look_again(unit, cleared, flash.entry.identity)
        except HarnessError:
            flash.end(source)
            raise
        flash.stage("sending")
        said, trouble = "", None
        with _Absence(unit, before, flash.route.watched) as absence:
            try:
                said = flash.route.send(unit, cleared.handed, flash.deadline, lock, _shown(flash, begun))
            except HarnessError as error:
                if not _may_have_arrived(error):
                    flash.end(source)
                    raise
                trouble = error
        if isinstance(trouble, FirmwareRefused):
            _still_whole(flash, trouble)
            raise trouble
        flash.stage("sent")
        healthy, firmware = _back(flash, before, absence.proof, trouble)
        flash.stage("back")
    note = f"although {trouble.message}" if trouble is not None else ""
    return _Written(source, said, healthy, firmware, note)


def _may_have_arrived(error: HarnessError) -> bool:
    if isinstance(error, ToolError):
        return error.touched or isinstance(error, FirmwareRefused)
    return isinstance(error, FirmwareRefused | TransferBroken)


def _shown(flash: Flash, begun: float) -> Callable[[int, int], None]:
    def told(sent: int, total: int) -> None:
        flash.tell(time.monotonic() - begun, f"sending the image ({100 * sent // max(total, 1)} %)")

    return told


def _still_whole(flash: Flash, refused: FirmwareRefused) -> None:
    """A refusal counts when the unit still works on the firmware it had. Raises what is true otherwise."""
    healthy, firmware = _settled(flash, None, "")
    if firmware.version is None or not same_version(firmware.version, flash.source):
        raise _other(flash, firmware, f"it refused the image ({refused.said}), and yet") from None
    flash.unit.recorder.note(f"{flash.unit.name} refused the image; whole on {firmware} after {healthy.seconds:.1f} s")
    flash.end(flash.source)


def _back(flash: Flash, before: Before, proof: str, trouble: HarnessError | None) -> tuple[Health, Firmware]:
    """Wait until the unit is back. Raises CameBackOld, CameBackOther, DidNotComeBack, or `trouble` when nothing came of
    it but that."""
    unit = flash.unit
    proof = proof or _gone(flash, before, long=trouble is None)
    healthy, firmware = _settled(flash, before if proof else None, proof)
    version = firmware.version
    if version is None and healthy.first_boot and not firmware.versions:
        return healthy, firmware  # without an account only the Moxa service could tell, and it is off
    unchanged = same_version(flash.source, flash.target) and trouble is not None
    if version is not None and same_version(version, flash.target) and not unchanged:
        return healthy, firmware
    if version is None or not same_version(version, flash.source):
        raise _other(flash, firmware, "after the upgrade") from trouble
    flash.end(flash.source)
    if trouble is not None:
        unit.recorder.note(f"{unit.name} is whole on {firmware}")
        raise trouble
    how = f"came back ({proof}) on" if proof else "never restarted, and still runs"
    raise CameBackOld(
        f"{unit.name} took the image of {flash.target} and {how} {firmware}",
        "Look at its log, and whether the image is for this unit.",
        f"unit {unit.name}",
    )


def _settled(flash: Flash, before: Before | None, proof: str) -> tuple[Health, Firmware]:
    """Healthy again, and what it says it runs. Raises DidNotComeBack, CameBackDifferent, LabFault."""
    unit = flash.unit
    if proof:
        unit.console.session.forget_firmware()  # otherwise the login still counts, and 1.x knows one only
    try:
        healthy = unit.wait_until_healthy(flash.deadline, flash.progress, before=before, proof=proof)
    except DidNotRestart:
        healthy = unit.wait_until_healthy(flash.deadline, flash.progress)
    except NeverCameBack as error:
        raise DidNotComeBack(
            f"{unit.name} was given the image of {flash.target} and did not come back within {flash.deadline:g} s; "
            "power and link are good",
            what_to_do(unit.name, unit.address, 0 if unit.rack.virtual else flash.deadline / 60),
            f"unit {unit.name}",
        ) from error
    return healthy, unit.firmware.read()


def _gone(flash: Flash, before: Before, *, long: bool) -> str:
    """Wait until the unit goes away, or already tells the new version; empty when it does neither.

    long: whether it is sure to go, as it took the image; it may first write for minutes.
    """
    unit, start = flash.unit, time.monotonic()
    virtual = unit.rack.virtual
    seconds = (15.0 if long else 2.0) + 2 * virtual.flash_seconds if virtual else flash.deadline
    told = 0.0
    while (passed := time.monotonic() - start) < seconds:
        if before.watch and _closed(unit, before.watch):
            return f"TCP {before.watch} closed"
        service = _quietly(lambda: unit.moxa_service.kernel().version)
        if service is not None and same_version(service, flash.target):
            return f"the Moxa service tells {service}"
        if passed - told >= 1.0:
            told = passed
            flash.tell(passed, "waiting for the unit to restart")
        time.sleep(_POLL if unit.rack.virtual else _POLL_HARDWARE)
    return ""


def _closed(unit: Unit, port: int) -> bool:
    endpoint = unit.tcp(port)
    return not is_open(endpoint, _CONNECT) and not is_open(endpoint, _CONNECT)


class _Absence:
    """Watches whether the unit goes away while a tool, which itself waits until it is back, is at work."""

    def __init__(self, unit: Unit, before: Before, needed: bool) -> None:
        self.proof = ""
        self._unit = unit
        self._port = before.watch if needed else 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> _Absence:
        if self._port:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._port:
            self._thread.join(5.0)

    def _watch(self) -> None:
        while not self._over.wait(_POLL if self._unit.rack.virtual else _POLL_HARDWARE):
            if _closed(self._unit, self._port):
                self.proof = f"TCP {self._port} closed while the tool was at work"
                return


def _account(flash: Flash) -> bool:
    """The account of lab.yaml, where the unit wants one now. Raises AccountLost."""

    def act() -> bool:
        created = flash.unit.ensure_account()
        if not flash.unit.console.alive():  # firmware 1.x takes no second login
            flash.unit.console.login()
        return created

    try:
        return when_a_place_is_free(flash.unit, act, flash.progress)
    except LoginRefused as refused:
        raise AccountLost(
            f"after the upgrade to {flash.target} {flash.unit.name} refuses the account it had: {refused.message}",
            "Log in by hand with the default account, or press the reset button.",
            f"unit {flash.unit.name}",
        ) from None


def _agreed(flash: Flash, firmware: Firmware) -> None:
    if firmware.version is None or not same_version(firmware.version, flash.target):
        raise _other(flash, firmware, "after the upgrade")


def _other(flash: Flash, firmware: Firmware, when: str) -> CameBackOther:
    error = CameBackOther(
        f"{when} {flash.unit.name} runs {firmware}; it had {flash.source}, the image is {flash.target}",
        "Look which image the file really is, and what each channel of the unit shows.",
        f"unit {flash.unit.name}",
    )
    error.versions = firmware.versions
    return error


def _since(before: list[str], after: list[str]) -> tuple[str, ...]:
    """The lines that came to a log, whichever end it shows first."""
    left = list(before)
    new = []
    for line in after:
        if line in left:
            left.remove(line)
        else:
            new.append(line)
    return tuple(new)


def _quietly(ask: Callable[[], _T]) -> _T | None:
    try:
        return ask()
    except UnitBehaviour:
        return None


def patience_of(unit: Unit, deadline: float) -> float:
    """Seconds from the first byte after which a unit that answers on its old firmware does no longer write."""
    virtual = unit.rack.virtual
    return deadline if virtual is None else 5.0 + 6 * (virtual.boot_seconds + virtual.flash_seconds)


def deadline_of(unit: Unit, longest: float = HARDWARE_DEADLINE) -> float:
    """Seconds until a unit must be back from a flash. longest: what lab.yaml allows a real one."""
    virtual = unit.rack.virtual
    return longest if virtual is None else 60.0 + 8 * virtual.boot_seconds + 8 * virtual.flash_seconds
