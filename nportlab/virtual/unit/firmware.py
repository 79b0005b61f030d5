"""The firmware in a unit's flash: two banks, and the record that says which of them runs.

The record `firmware` is the only thing a switch-over writes, so a power cut finds the old image in force or the new
one, and nothing between. That a unit has two banks is invented: what happens to a real one is not public.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from nportlab.guide.firmware import full_version
from nportlab.protocol.virtual_image import ImageError, ImageHead, read_head
from nportlab.virtual.unit.flash import Flash, peek

RECORD = "firmware"

_BOOT_HALF = frozenset({"half-written-image-boots", "restart-taken-during-upgrade"})
"""Seeded defects."""

Stage = Literal["receive", "verify", "erase", "write", "switch-over", "migrate", "cold start"]

STAGES: tuple[Stage, ...] = ("receive", "verify", "erase", "write", "switch-over", "migrate", "cold start")
"""Of an upgrade, in order. The last two belong to the boot of the new firmware."""

SHARES: dict[Stage, float] = {"verify": 0.1, "erase": 0.2, "write": 0.45, "switch-over": 0.1, "migrate": 0.15}
"""What each stage takes of `flash_seconds` (invented); receiving takes what the network takes, a cold start a boot."""

Progress = Callable[[Stage, float], None]
"""Told of every step of an upgrade: stage, and how much of it is done, 0 to 1. The power may be cut in here."""


@dataclass(frozen=True)
class Installed:
    """What runs.

    version: as the consoles show it, with `build` after it where the image named one. code: the version it behaves as;
    another one with a seeded defect only. mixed: half of another image (a seeded defect). seeded_as: version the unit
    was made with. previous: what ran before, None in a unit that never was upgraded. bank: "a" or "b". sha256: of the
    image, "" for the one the unit was made with. upgrades: how many. migrate_from: the configuration is still that of
    this version. log_owed: the upgrade is not in the log yet. by: who did it.
    """

    version: str
    code: str
    build: str = ""
    mixed: bool = False
    seeded_as: str = ""
    previous: str | None = None
    bank: str = "a"
    sha256: str = ""
    upgrades: int = 0
    migrate_from: str | None = None
    log_owed: bool = False
    by: str = ""

    @property
    def shown(self) -> str:
        """The full text: "2.3 Build 24101817"."""
        return f"{self.version} {self.build}" if self.build else full_version(self.version)

    @property
    def reported(self) -> str:
        """The version in replies of the Moxa service; half of another image does not reach that far."""
        return self.code if self.mixed else self.version

    @property
    def spare(self) -> str:
        """The bank that does not run."""
        return "b" if self.bank == "a" else "a"


def seeded(version: str) -> Installed:
    """What a new unit runs."""
    return Installed(version, version, seeded_as=version)


def installed(flash: Flash, seed: str) -> Installed:
    """What runs, by the record; a unit without one is as it was made, with version `seed`."""
    return _read(flash.read(RECORD), seed)


def look(directory: Path, seed: str) -> Installed:
    """The same from outside of the unit, while it may be running. A unit seeded with another version will be again."""
    found = _read(peek(directory, RECORD), seed)
    return found if found.seeded_as == seed else seeded(seed)


def commit(flash: Flash, found: Installed) -> None:
    """Make `found` what runs from the next boot on."""
    flash.commit(RECORD, asdict(found))


def choose_bank(flash: Flash, seed: str, defects: frozenset[str] = frozenset()) -> Installed:
    """What a powered unit runs; called before anything else. An image that was not switched to is dropped.

    seed: the version the rack makes this unit with; when that is another one than before, the unit runs it now.
    """
    found = installed(flash, seed)
    if found.seeded_as != seed:
        found = seeded(seed)
    leftover = bank_file(flash, found.spare)
    if _BOOT_HALF & defects and (half := _head_of(leftover)):
        found = replace(found, version=half.version, build=half.build, mixed=True, previous=found.version)
    else:
        leftover.unlink(missing_ok=True)
    if flash.read(RECORD) != asdict(found):
        commit(flash, found)
    return found


class BankWriter:
    """Fills the spare bank piece by piece; nothing of it counts before `switch_over`."""

    def __init__(self, flash: Flash, now: Installed) -> None:
        self._flash = flash
        self._now = now
        self._path = bank_file(flash, now.spare)

    def erase(self) -> None:
        """Empty the bank."""
        self._path.unlink(missing_ok=True)

    def write(self, piece: bytes) -> None:
        """Append a piece; it is in the flash when this returns."""
        with self._path.open("ab") as file:
            file.write(piece)
            file.flush()
            os.fsync(file.fileno())

    def switch_over(self, head: ImageHead, sha256: str, by: str, code: str | None = None) -> None:
        """Let the bank be the one that boots, in one step. code: behaves as that version (a seeded defect)."""
        now = self._now
        commit(
            self._flash,
            Installed(
                version=head.version,
                code=code or head.version,
                build=head.build,
                seeded_as=now.seeded_as,
                previous=now.version,
                bank=now.spare,
                sha256=sha256,
                upgrades=now.upgrades + 1,
                migrate_from=now.code,
                log_owed=True,
                by=by,
            ),
        )


def bank_file(flash: Flash, bank: str) -> Path:
    """Where the image in a bank is; the one a unit was made with has no file."""
    return flash.directory / f"bank-{bank}.rom"


def _read(row: dict[str, Any] | None, seed: str) -> Installed:
    return Installed(**row) if row is not None else seeded(seed)


def _head_of(path: Path) -> ImageHead | None:
    try:
        return read_head(path.read_bytes())
    except (OSError, ImageError):
        return None
