"""Breaks and errors an adapter saw."""

from __future__ import annotations

import time

from nportlab.serial.adapter import Adapter, LineCounts
from nportlab.serial.line_events import BreakSeen

_LOOK = 0.01


def breaks(adapter: Adapter, seconds: float = 0.0) -> list[float]:
    """The length of each break that ended within that time (or before), in seconds.

    Raises NotApplicable for an adapter that can not tell.
    """
    end = time.monotonic() + seconds
    found: list[float] = []
    while True:
        found += [one.seconds for one in adapter.take_events() if isinstance(one, BreakSeen) and one.seconds]
        if time.monotonic() >= end:
            return found
        time.sleep(_LOOK)


def breaks_until(adapter: Adapter, timeout: float) -> list[float]:
    """As `breaks`, until one has ended; then it also waits a moment for another."""
    end = time.monotonic() + timeout
    found: list[float] = []
    while not found and time.monotonic() < end:
        found += breaks(adapter, _LOOK)
    return found + breaks(adapter, 10 * _LOOK)


def errors_until(adapter: Adapter, timeout: float) -> LineCounts:
    """Errors and breaks counted, once there are any, or when the time is up."""
    end = time.monotonic() + timeout
    while (counts := adapter.counts()) == LineCounts() and time.monotonic() < end:
        time.sleep(_LOOK)
    return counts
