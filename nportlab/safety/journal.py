"""What a run is about to do to a unit, on disk before it does it: after SIGKILL or a power cut nothing else is left.

One file per unit below `.nportlab/journal`. It exists from just before the first change until the unit is proven to be
as it was found. The next run, or `nportlab recover`, puts the unit back before anything else.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nportlab.safety.durable import remove_durably, write_durably
from nportlab.verdicts.faults import ConfigFault, LabFault

Phase = Literal["saved", "changing", "restoring", "flashing"]
FlashStage = Literal["cleared", "sending", "sent", "back", "ended"]
"""How far an upgrade came: everything checked and nothing sent; bytes may have gone out; the unit has the whole image;
it answers again; nothing more to do. Written before the thing it names begins."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Identity(BaseModel):
    """Who answered at the unit's address. Empty fields are not compared."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = ""
    mac: str = ""
    serial: str = ""
    firmware: str = ""

    def differs(self, other: Identity) -> str:
        """In words, why `other` is another unit than this one; empty when it can be the same. Firmware may change."""
        for field in ("model", "mac", "serial"):
            mine, yours = getattr(self, field), getattr(other, field)
            if mine and yours and mine.casefold() != yours.casefold():
                return f"{field} is {yours}, it was {mine}"
        return ""


class FlashRecord(BaseModel):
    """The upgrade under way."""

    model_config = ConfigDict(extra="forbid")

    before: str
    """Version the unit ran, such as 1.21."""
    after: str
    """Version the image holds."""
    home: str
    """Version the unit is to be left on: `after` when somebody upgraded it for good, else where a run found it."""
    route: str
    image: str
    """Whole path of the image."""
    sha512: str
    stage: FlashStage = "cleared"
    first_byte: float = 0.0
    """When the first byte went out, seconds since 1970; 0: none did."""
    patience: float = 1200.0
    """Seconds from the first byte during which the unit may be writing, so that nobody may cut its power."""
    export: str = ""
    """File name of the configuration just before this step, beside the journal."""
    waived: list[str] = Field(default_factory=list)
    """Checks of the guard that were left out on purpose."""


class Entry(BaseModel):
    """The journal of one unit."""

    model_config = ConfigDict(extra="forbid")

    unit: str
    rack: str
    address: str
    identity: Identity
    baseline: str
    """File name of the exported configuration, beside the journal."""
    baseline_sha256: str
    certificate: str
    """The pseudo-setting: self-signed, imported, or a key of the lab."""
    phase: Phase = "saved"
    pid: int = Field(default_factory=os.getpid)
    boot_id: str = ""
    since: str = ""
    intended: dict[str, str] = Field(default_factory=dict)
    """The change under way; secrets are left out."""
    event: str = ""
    flash: FlashRecord | None = None
    """Of an upgrade; also of one that ended while the unit is not on its home version yet."""


class Journal:
    """The journal file of one unit."""

    def __init__(self, state_dir: Path, rack: str, unit: str) -> None:
        self.folder = state_dir / "journal"
        self.path = self.folder / f"{rack}.{unit}.json"
        self.unit = unit

    @property
    def pending(self) -> bool:
        """Whether some run began to change the unit and never proved it restored."""
        return self.path.exists()

    def begin(self, entry: Entry, baseline: bytes) -> None:
        """Save the baseline and open the journal, in this order. Raises ConfigFault when the disk does not take it."""
        entry.boot_id = boot_id()
        entry.since = datetime.now(UTC).isoformat(timespec="seconds")
        entry.baseline = f"{self.path.stem}.baseline"
        entry.baseline_sha256 = sha256(baseline).hexdigest()
        self._write(entry.baseline, baseline)
        self._write(self.path.name, entry.model_dump_json(indent=1).encode())

    def update(self, entry: Entry, phase: Phase, intended: dict[str, str] | None = None, event: str = "") -> None:
        """Write what is about to happen. Raises ConfigFault when the disk does not take it."""
        entry.phase = phase
        entry.intended = dict(intended or {})
        entry.event = event
        self._write(self.path.name, entry.model_dump_json(indent=1).encode())

    def flash(self, entry: Entry, record: FlashRecord | None) -> None:
        """Write how far an upgrade is; None: there is none. Raises ConfigFault when the disk does not take it."""
        entry.flash = record
        entry.phase = "flashing" if record is not None and record.stage != "ended" else "changing"
        entry.intended = {}
        entry.event = ""
        self._write(self.path.name, entry.model_dump_json(indent=1).encode())

    def keep_export(self, record: FlashRecord, text: bytes) -> None:
        """Save the configuration as it is just before a step. Raises ConfigFault when the disk does not take it."""
        record.export = f"{self.path.stem}.before-flash"
        self._write(record.export, text)

    def kept_export(self, record: FlashRecord) -> bytes | None:
        """What `keep_export` saved; None when it cannot be read."""
        try:
            return (self.folder / record.export).read_bytes() if record.export else None
        except OSError:
            return None

    def read(self) -> tuple[Entry, bytes]:
        """The entry and the baseline it refers to. Raises LabFault when either is damaged."""
        try:
            entry = Entry.model_validate_json(self.path.read_bytes())
            baseline = (self.folder / entry.baseline).read_bytes()
        except (OSError, ValidationError) as error:
            raise self._damaged(f"cannot be read ({type(error).__name__})") from None
        if sha256(baseline).hexdigest() != entry.baseline_sha256:
            raise self._damaged("names a baseline that has changed since")
        return entry, baseline

    def end(self) -> None:
        """The unit is as it was: nothing is pending any more."""
        entry = self.path.with_name(f"{self.path.stem}.baseline")
        remove_durably(self.path)
        remove_durably(entry)
        remove_durably(self.path.with_name(f"{self.path.stem}.before-flash"))

    def _damaged(self, what: str) -> LabFault:
        return LabFault(
            f"{self.path} {what}; a run changed the unit and did not restore it",
            f"Set the unit up by hand, then delete {self.path}.",
            f"journal {self.unit}",
        )

    def _write(self, name: str, data: bytes) -> None:
        try:
            write_durably(self.folder / name, data)
        except OSError as error:
            raise ConfigFault(
                f"the journal {self.folder / name} cannot be written: {error.strerror}",
                "Make room or make the folder writable; without a journal no unit is touched.",
                f"journal {self.unit}",
            ) from None


def boot_id() -> str:
    """Identifies this boot of this host: with another one, a process id in a journal means nothing."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""


def pending_units(state_dir: Path) -> list[tuple[str, str]]:
    """(rack, unit) of every journal that is still open."""
    found = []
    for path in sorted((state_dir / "journal").glob("*.json")):
        rack, _, unit = path.stem.rpartition(".")
        found.append((rack, unit))
    return found
