"""While a unit writes its flash nobody may restart it or cut its power: a lock beside the unit's own.

The vendor's tool inherits it. When the harness is killed while the tool goes on, the lock stays with the tool, and who
comes next sees that the unit is still being written.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from nportlab.safety.locks import make_folder
from nportlab.verdicts.faults import ConfigFault, LabFault

_POLL = 0.1
_GLANCE = 1.0
"""Seconds to try: another process that looks whether a flash is on holds the lock for an instant."""


class FlashLock:
    """Of one unit. Held by an open file, so it ends with the last process that has it, however that dies."""

    def __init__(self, path: Path, unit: str) -> None:
        """path: of the lock file; it stays when the lock is given back."""
        self.path = path
        self.unit = unit
        self._descriptor: int | None = None

    @contextmanager
    def held(self) -> Iterator[int]:
        """Hold it while the block runs; gives the descriptor a child must inherit. Raises LabFault: a flash is on."""
        descriptor = self._open()
        try:
            end = time.monotonic() + _GLANCE
            while not _lock(descriptor, fcntl.LOCK_EX):
                if time.monotonic() > end:
                    raise self._busy()
                time.sleep(_POLL / 10)
            os.ftruncate(descriptor, 0)
            since = datetime.now(UTC).isoformat(timespec="seconds")
            os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "since": since}).encode(), 0)
            self._descriptor = descriptor
            yield descriptor
        finally:
            self._descriptor = None
            os.close(descriptor)

    def check(self) -> None:
        """Raises LabFault while an image is being written to the unit, by whatever process."""
        if not self.free():
            raise self._busy()

    def free(self) -> bool:
        """Whether no image is being written."""
        if self._descriptor is not None:
            return False
        if not self.path.exists():
            return True
        descriptor = self._open()
        try:
            return _lock(descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)

    def wait(self, seconds: float, progress: Callable[[float, str], None] | None = None) -> None:
        """Until no image is being written; a tool may have outlived the run that started it. Raises LabFault."""
        start, told = time.monotonic(), 0.0
        while not self.free():
            passed = time.monotonic() - start
            if passed > seconds:
                raise self._busy()
            if progress is not None and passed - told >= 1.0:
                told = passed
                progress(passed, "a tool still writes to the unit")
            time.sleep(_POLL)

    def _open(self) -> int:
        try:
            make_folder(self.path.parent)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            with suppress(OSError):  # another user's file has the mode already
                os.fchmod(descriptor, 0o666)
            return descriptor
        except OSError as error:
            raise ConfigFault(
                f"the lock file {self.path} cannot be used: {error.strerror}",
                "Make the file and its folder writable for everybody who runs the harness.",
                f"flash lock {self.unit}",
            ) from None

    def _busy(self) -> LabFault:
        return LabFault(
            f"new firmware is being written to {self.unit}{self._holder()}; it must keep its power, nobody restarts it",
            "Wait until that has ended. To cut the power now can make the unit useless.",
            f"flash lock {self.unit}",
        )

    def _holder(self) -> str:
        try:
            note = json.loads(self.path.read_text())
            return f" by process {int(note['pid'])} since {note['since']}"
        except (OSError, ValueError, KeyError, TypeError):
            return ""


def _lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
