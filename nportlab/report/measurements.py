"""What a bench measured, as data: one record per number, with all that is needed to compare it with another run's."""

from __future__ import annotations

import os
import platform
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from nportlab.guide.modes import modes
from nportlab.inventory.limits import Band, LimitShape, band_of, worst_band

VERSION = 1
"""Changes when a reader of the older form would misunderstand."""

Direction = Literal["to-unit", "from-unit", "both", ""]
"""Which way the bytes go on the line: into the unit, out of it, both at once; "" where it makes no difference."""

Number = Annotated[float, Field(allow_inf_nan=False)]


class Part(BaseModel):
    """A mapping of a file of measurements."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Machine(Part):
    """The machine of the harness. load: of the last minute, all programs together."""

    processors: int
    load: Number
    python: str

    @classmethod
    def now(cls) -> Machine:
        """As it is."""
        return cls(processors=os.cpu_count() or 1, load=round(os.getloadavg()[0], 2), python=platform.python_version())


class Goal(Part):
    """What a value had to reach when it was judged."""

    passing: Number
    marginal: Number | None = None
    more_is_better: bool = False

    def band(self, value: float) -> Band:
        """Where a value falls."""
        return band_of(value, self.passing, self.marginal, more_is_better=self.more_is_better)

    def __str__(self) -> str:
        sign = "≥" if self.more_is_better else "≤"
        marginal = "" if self.marginal is None else f" ({sign} {self.marginal:g})"
        return f"{sign} {self.passing:g}{marginal}"


class Series(Part):
    """Numbers behind a value, for a plot: rate over time (seconds, percent of line rate), or a histogram (upper border
    of a class in ms, how many fell into it)."""

    kind: Literal["rate over time", "histogram"]
    name: str = ""
    points: tuple[tuple[Number, Number], ...]


class Measurement(Part):
    """One number.

    what: the number's name within its bench. measure: its unit ("% of line rate", "ms", "MB/s", ...). line_rate: bytes
    per second that the line of one port can carry each way. ports: how many at once. wrong: bytes lost, added, changed
    or moved, None where nothing was compared. seconds: how long it was measured.
    """

    version: Literal[1] = VERSION
    bench: str
    run: str
    at: str
    what: str
    value: Number
    measure: str
    goal: Goal | None = None
    band: Band | None = None
    unit: str = ""
    model: str = ""
    firmware: str = ""
    network: str = ""
    """How the unit was reached: hardware, namespaces, loopback ...; "" when no unit took part."""
    mode: str = ""
    baud: Annotated[int, Field(ge=0)] = 0
    ports: Annotated[int, Field(ge=0)] = 0
    direction: Direction = ""
    tls: bool = False
    line_rate: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    moved: Annotated[int, Field(ge=0)] = 0
    """Bytes, all ports and directions together."""
    wrong: Annotated[int, Field(ge=0)] | None = None
    series: tuple[Series, ...] = ()
    others: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    """Percent of the processors that other programs took meanwhile; None where that was not watched."""
    machine: Machine

    @property
    def key(self) -> tuple[str | int | bool, ...]:
        """What two numbers have in common that may be compared: all but value, time and machine."""
        return (
            self.bench,
            self.what,
            self.measure,
            self.unit,
            self.model,
            self.network,
            self.mode,
            self.baud,
            self.ports,
            self.direction,
            self.tls,
        )

    @property
    def mode_name(self) -> str:
        """The mode as the unit's list of modes calls it; anything else as it is."""
        known = modes().get(self.mode)
        return known.choice if known else self.mode

    @property
    def where(self) -> str:
        """Unit, mode, baud rate, ports and direction in words."""
        parts = [
            self.unit,
            self.mode_name + (" over TLS" if self.tls else ""),
            f"{self.baud} baud" if self.baud else "",
            (f"{self.ports} port" + ("" if self.ports == 1 else "s")) if self.ports else "",
            {"both": "both ways", "to-unit": "to the unit", "from-unit": "from the unit", "": ""}[self.direction],
        ]
        return ", ".join(part for part in parts if part)


class BenchRecord(Part):
    """One run of one bench. complete: False when it was ended before it was through."""

    version: Literal[1] = VERSION
    bench: str
    run: str
    started: str
    ended: str = ""
    complete: bool = False
    command: str = ""
    lab: str = ""
    machine: Machine
    measured: tuple[Measurement, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def band(self) -> Band | None:
        """The worst of what was judged; None when nothing was."""
        return worst_band([row.band for row in self.measured if row.band is not None])


def goal_of(limit: LimitShape) -> Goal:
    """A limit of lab.yaml as a record keeps it."""
    return Goal(passing=limit.passing, marginal=limit.marginal, more_is_better=limit.more_is_better)
