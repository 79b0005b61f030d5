"""The way out of the data state of the Ethernet modem mode: +++ with silence around it."""

from __future__ import annotations

from nportlab.virtual.unit.modes.at_commands import Profile

TIMES = 3
"""The escape character is said so often."""


class EscapeWatch:
    """Looks for the escape sequence in what the line says. Times are those of a monotonic clock.

    guarded: False is the seeded defect that does without the silence.
    """

    def __init__(self, profile: Profile, *, guarded: bool = True) -> None:
        self._profile = profile
        self._guarded = guarded
        self._said = 0
        self._tail = b""
        self._last = float("-inf")

    def begin(self, now: float) -> None:
        """The data state begins."""
        self._said, self._tail, self._last = 0, b"", now

    def hear(self, data: bytes, now: float) -> bool:
        """Take what the line said now; whether it ends the sequence: after silence, it leads out of the data state."""
        guard = self._profile.guard_seconds
        quiet = now - self._last >= guard
        self._last = now
        escape = self._profile.escape
        if not self._guarded:
            seen, self._tail = self._tail + data, (self._tail + data)[1 - TIMES :]
            return bool(escape) and escape * TIMES in seen
        if not escape or len(data) > TIMES or data != escape * len(data):
            self._said = 0
        elif self._said and not (quiet and guard):
            self._said = min(self._said + len(data), TIMES + 1)
        elif quiet:
            self._said = len(data)
        return self._said == TIMES
