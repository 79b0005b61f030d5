"""What a bench says and keeps while it runs: progress on the terminal, numbers in the store."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from nportlab.inventory.limits import Band, LimitShape, LimitsShape, worst_band
from nportlab.report.measurements import Goal, Machine, Measurement, goal_of
from nportlab.report.measurements_store import MeasurementStore
from nportlab.report.run import utc_now

Say = Callable[[str], None]


class BenchLog:
    """One bench of a run. limits: of lab.yaml. seconds: how long each number is measured."""

    def __init__(self, store: MeasurementStore, limits: LimitsShape, seconds: float, say: Say) -> None:
        self.store = store
        self.limits = limits
        self.seconds = seconds
        self._say = say
        self._parts = 0
        self._done = 0

    def say(self, text: str) -> None:
        """A line for whoever waits."""
        self._say(f"{self.store.bench:11} {text}")

    def plan(self, parts: int, seconds: float) -> None:
        """Announce what comes: how many parts, and how long all of it takes."""
        self._parts, self._done = parts, 0
        ends = datetime.now() + timedelta(seconds=seconds)
        self.say(f"{parts} part{'' if parts == 1 else 's'}, about {_duration(seconds)}, ends about {ends:%H:%M:%S}")

    def part(self, what: str, seconds: float) -> None:
        """The next part begins."""
        self._done += 1
        ends = datetime.now() + timedelta(seconds=seconds)
        of = f"{self._done}/{self._parts}  " if self._parts else ""
        self.say(f"{of}{what}: {_duration(seconds)}, until {ends:%H:%M:%S}")

    def add(
        self,
        what: str,
        value: float,
        measure: str,
        *,
        limit: LimitShape | None = None,
        goal: Goal | None = None,
        **fields: Any,
    ) -> Measurement:
        """Keep a number, judged by a limit of lab.yaml or a goal of the bench; says it, too."""
        wanted = goal_of(limit) if limit is not None else goal
        row = Measurement(
            bench=self.store.bench,
            run=self.store.run,
            at=utc_now(),
            what=what,
            value=value,
            measure=measure,
            goal=wanted,
            band=None if wanted is None else wanted.band(value),
            machine=Machine.now(),
            **fields,
        )
        self.store.add(row)
        verdict = f"  {row.band}" if row.band else ""
        self.say(f"  {what}{': ' if row.where else ''}{row.where}: {value:.5g} {measure}{verdict}")
        return row

    def note(self, text: str) -> None:
        """Something to know about the numbers."""
        self.store.note(text)
        self.say(f"  {text}")

    @property
    def band(self) -> Band | None:
        """The worst band so far."""
        return worst_band([row.band for row in self.store.measured if row.band is not None])


def at_least(value: float) -> Goal:
    """A goal of the bench itself: more is better."""
    return Goal(passing=value, more_is_better=True)


def at_most(value: float) -> Goal:
    """A goal of the bench itself: less is better."""
    return Goal(passing=value)


def run_name() -> str:
    """The name of a run: its time, so that names sort by it."""
    return time.strftime("%Y-%m-%dT%H%M%S", time.gmtime())


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
