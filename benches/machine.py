"""How much of the machine other programs take while a bench measures: a number from a busy machine says little."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

from nportlab.virtual.client import RunningRack

QUIET = 15.0
"""Percent of the processors others may take; with more, a goal that is missed is shown and fails nothing."""

_TICK = os.sysconf("SC_CLK_TCK")


class Others:
    """From when it is made: the share of the processors that went to neither this process nor the rack."""

    def __init__(self, running: RunningRack | None) -> None:
        self._running = running
        self._began = time.monotonic()
        self._busy, self._own = _busy_seconds(), self._own_seconds()

    def percent(self) -> float:
        """Of all processors together, until now."""
        seconds = (time.monotonic() - self._began) * (os.cpu_count() or 1)
        others = (_busy_seconds() - self._busy) - (self._own_seconds() - self._own)
        return round(max(0.0, 100 * others / seconds), 1) if seconds else 0.0

    def _own_seconds(self) -> float:
        times = os.times()
        own = times.user + times.system
        return own + sum(map(_seconds_of, _family(self._running.supervisor)) if self._running else ())


def _busy_seconds() -> float:
    """Seconds the processors have worked, for anybody."""
    user, nice, system, _idle, _iowait, irq, softirq, steal, *_ = Path("/proc/stat").read_text().split()[1:11]
    return sum(map(int, (user, nice, system, irq, softirq, steal))) / _TICK


def _seconds_of(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICK


def _family(pid: int) -> Iterable[int]:
    """A process and all below it."""
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from _family(int(child))
