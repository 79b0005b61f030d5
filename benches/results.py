"""What a bench measured: printed as a table, kept as JSON in reports/bench/, so that runs can be compared."""

from __future__ import annotations

import json
import os
import platform
import textwrap
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

FOLDER = Path(__file__).parents[1] / "reports" / "bench"
Verdict = Literal["pass", "miss", ""]


@dataclass(frozen=True)
class Measurement:
    """One number. goal: what it should not exceed (or, with `more`, not fall below); None for a number without one."""

    name: str
    unit: str
    value: float
    goal: float | None = None
    more: bool = False

    @property
    def verdict(self) -> Verdict:
        """Whether the goal is met; "" without a goal."""
        if self.goal is None:
            return ""
        return "pass" if (self.value >= self.goal if self.more else self.value <= self.goal) else "miss"


@dataclass
class Results:
    """The numbers of one bench, in the order they were measured."""

    bench: str
    measured: list[Measurement] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Something to know about the numbers, shown below them; an empty text is none."""
        if text:
            self.notes.append(text)

    def add(self, name: str, unit: str, value: float, goal: float | None = None, *, more: bool = False) -> Measurement:
        """Note a number."""
        self.measured.append(Measurement(name, unit, round(value, 3), goal, more))
        return self.measured[-1]

    def table(self) -> str:
        """For people."""
        rows = [("", "measured", "unit", "goal", ""), *map(_row, self.measured)]
        name, number, unit, goal = (max(len(row[column]) for row in rows) for column in range(4))
        lines = (f"{r[0]:{name}}  {r[1]:>{number}} {r[2]:{unit}}  {r[3]:>{goal}}  {r[4]}".rstrip() for r in rows)
        return "\n".join([*lines, *(textwrap.fill(text, 100) for text in self.notes)])

    def save(self, folder: Path = FOLDER) -> Path:
        """Write `<bench>.json`, in place of the former one, and say where it is."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.bench}.json"
        document = {
            "bench": self.bench,
            "measured": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": {"cpus": os.cpu_count(), "load": os.getloadavg()[0], "python": platform.python_version()},
            "results": [
                {"name": m.name, "unit": m.unit, "value": m.value, "goal": m.goal, "verdict": m.verdict}
                for m in self.measured
            ],
            "notes": self.notes,
        }
        path.write_text(json.dumps(document, indent=1) + "\n")
        return path


def _row(measurement: Measurement) -> tuple[str, str, str, str, str]:
    sign = ">=" if measurement.more else "<="
    goal = "" if measurement.goal is None else f"{sign} {measurement.goal:g}"
    return measurement.name, f"{measurement.value:.2f}", measurement.unit, goal, measurement.verdict
