"""One run per unit: an operating-system lock that goes away with its holder, however that dies."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from nportlab.inventory.lab import Lab, UnitEntry
from nportlab.verdicts.faults import ConfigFault, LabFault

_SHARED = Path("/run/lock")


@dataclass(frozen=True)
class Holder:
    """Who holds a lock, as that process said of itself."""

    pid: int
    since: str
    command: str

    def __str__(self) -> str:
        return f"process {self.pid} since {self.since} ({self.command})"


class UnitLock:
    """The lock of one unit. Nothing is done to the unit without it."""

    def __init__(self, path: Path, unit: str) -> None:
        self.path = path
        self.unit = unit
        self._note = path.with_suffix(".holder")
        self._lock: FileLock | None = None

    def acquire(self) -> None:
        """Take the lock at once. Raises LabFault naming the holder; ConfigFault when the lock file cannot be made."""
        lock = FileLock(self.path, mode=0o666, thread_local=False)
        try:
            make_folder(self.path.parent)
            lock.acquire(timeout=0)
        except Timeout:
            holder = self.holder()
            raise LabFault(
                f"in use by {holder or 'another process'}",
                f"Wait for that run to end. Only if it is stuck: kill {holder.pid if holder else 'it'}, and the next "
                "run puts the unit back.",
                f"lock {self.unit}",
            ) from None
        except OSError as error:
            raise ConfigFault(
                f"the lock file {self.path} cannot be used: {error.strerror}",
                "Make the file and its folder writable for everybody who runs the harness.",
                f"lock {self.unit}",
            ) from None
        self._lock = lock
        since = datetime.now(UTC).isoformat(timespec="seconds")
        with suppress(OSError):  # it only serves the message above
            self._note.write_text(json.dumps({"pid": os.getpid(), "since": since, "command": _command()}))

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        if self._lock is not None:
            with suppress(OSError):
                self._note.unlink()
            self._lock.release()
            self._lock = None

    @property
    def held(self) -> bool:
        """Whether this process holds it through this object."""
        return self._lock is not None

    def holder(self) -> Holder | None:
        """Who says it holds the lock; None when nobody left word."""
        try:
            note = json.loads(self._note.read_text())
            return Holder(int(note["pid"]), str(note["since"]), str(note["command"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None


def unit_lock(lab: Lab, unit: UnitEntry) -> UnitLock:
    """The lock of a unit: machine-wide by address for hardware, so that two labs files that name the same unit exclude
    each other; within the state folder for a virtual unit, whose address means nothing outside its rack."""
    if lab.racks[unit.rack].virtual is not None:
        return UnitLock(lab.state_dir / "locks" / f"{unit.rack}.{unit.name}.lock", unit.name)
    return UnitLock(_machine_folder() / f"{re.sub(r'[^0-9A-Za-z.-]', '_', unit.address)}.lock", unit.name)


def _machine_folder() -> Path:
    base = _SHARED if os.access(_SHARED, os.W_OK) or (_SHARED / "nportlab").is_dir() else Path(tempfile.gettempdir())
    return base / "nportlab"


def make_folder(folder: Path) -> None:
    """Make the folder; a machine-wide one is for every user. It carries no sticky bit, because the kernel would then
    refuse one user's O_CREAT on another's lock file (fs.protected_regular)."""
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        if folder == _machine_folder():
            folder.chmod(0o777)


def _command() -> str:
    return " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])[:200] if sys.argv else "python"
