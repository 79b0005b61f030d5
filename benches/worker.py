"""A process that has entered a rack's network and measures there, job after job.

A process of its own because there is no way back out of a network namespace, and so that its processor time is the
harness's alone.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from benches.log import BenchLog
from benches.machine import Others
from nportlab.inventory.lab import Lab, UnitEntry
from nportlab.safety.bench import Bench
from nportlab.safety.keeper import Goal, Keeper
from nportlab.safety.racks import bench_of
from nportlab.unit.unit import Unit
from nportlab.verdicts.faults import HarnessError, Inconclusive, LabFault, NotApplicable
from nportlab.virtual.client import RunningRack

_MORE = 180.0
"""Seconds a job may be silent beyond what it announced: a real unit restarts in 90."""


@dataclass(frozen=True)
class Place:
    """Where a bench measures: a rack, and the unit it is about.

    running: of a virtual rack. own: a rack made for the bench, which nobody has to get back as it was.
    """

    lab: Lab
    rack: str
    unit: str
    running: RunningRack | None = None
    own: bool = False

    @property
    def entry(self) -> UnitEntry:
        """The unit as lab.yaml describes it."""
        return self.lab.units[self.unit]

    @property
    def network(self) -> str:
        """How the unit is reached."""
        return "hardware" if self.running is None else self.running.mode

    @property
    def who(self) -> dict[str, Any]:
        """What every record says about the unit."""
        entry = self.entry
        return {"unit": entry.name, "model": entry.model, "firmware": entry.firmware, "network": self.network}


@dataclass
class Inside:
    """What a job works with."""

    place: Place
    bench: Bench
    _tell: Callable[[tuple[str, Any]], None]
    _units: dict[str, Unit] = field(default_factory=dict)
    _keepers: dict[str, Keeper] = field(default_factory=dict)
    _others: Others | None = None

    @property
    def harness_address(self) -> str:
        """This host as the unit reaches it."""
        return self.bench.rack.network.harness_address

    def unit(self, name: str = "") -> Unit:
        """A unit of the rack; the one the bench is about by default. One of a lab is locked and saved at first use."""
        name = name or self.place.unit
        if name not in self._units:
            entry = self.bench.rack.units[name]
            self._units[name] = self.bench.unit(entry)
            if not self.place.own:
                keeper = Keeper(self.bench.lab, entry, self.bench.target(self._units[name]))
                self._keepers[name] = keeper
                keeper.open()
        return self._units[name]

    def bring(self, values: Mapping[str, str], name: str = "") -> None:
        """Bring settings of a unit into force. Values of settings its model has not are left out."""
        unit = self.unit(name)
        self.say(f"  settings of {unit.name}")
        keeper = self._keepers.get(unit.name)
        if keeper is not None:
            keeper.bring(Goal(needs=dict(values)))
        else:
            unit.apply(values)

    def add(self, what: str, value: float, measure: str, **fields: Any) -> None:
        """A number for the record; limit: the name of one in lab.yaml."""
        others = self._others.percent() if self._others else None
        self._tell(("add", (what, value, measure, {**self.place.who, "others": others, **fields})))

    def note(self, text: str) -> None:
        """Something to know about the numbers."""
        self._tell(("note", text))

    def say(self, text: str) -> None:
        """Progress."""
        self._tell(("say", text))

    def part(self, what: str, seconds: float) -> None:
        """A part of the job begins; what others take of the machine is watched from here."""
        self._others = Others(self.place.running)
        self._tell(("part", (what, seconds)))

    def close(self) -> None:
        """Put units of a lab back. Raises what went wrong with the last of them, after all were tried."""
        failed: Exception | None = None
        for keeper in self._keepers.values():
            try:
                if keeper.opened:
                    keeper.close()
            except HarnessError as error:
                failed = error
        if failed is not None:
            raise failed


class Worker:
    """The process, seen from the one that keeps the records. It ends, and puts back, when this one does."""

    def __init__(self, place: Place) -> None:
        self.place = place
        context = multiprocessing.get_context("fork")
        self._pipe, inner = context.Pipe()
        self._process = context.Process(target=_main, args=(place, inner, self._pipe), daemon=False)
        self._process.start()
        inner.close()

    def run(self, log: BenchLog, job: Callable[..., Any], *arguments: Any, seconds: float = 0.0) -> Any:
        """Have `job(inside, *arguments)` done there; its numbers go to `log`, its result comes back.

        job: a function of a module (it is sent by name). seconds: how long it may be silent. Raises what it raised.
        """
        self._pipe.send((job, arguments))
        while True:
            if not self._pipe.poll(seconds + _MORE):
                raise LabFault(f"the bench was silent for {seconds + _MORE:.0f} s", "See what hangs.", "bench")
            try:
                kind, content = self._pipe.recv()
            except EOFError:
                self._process.join(5)
                raise LabFault(f"the measuring process ended ({self._process.exitcode})", "", "bench") from None
            match kind:
                case "add":
                    what, value, measure, fields = content
                    limit = fields.pop("limit", None)
                    log.add(what, value, measure, limit=getattr(log.limits, limit) if limit else None, **fields)
                case "note":
                    log.note(content)
                case "say":
                    log.say(content)
                case "part":
                    log.part(*content)
                case "done":
                    return content
                case "failed":
                    raise content

    def close(self, timeout: float = 300.0) -> None:
        """End it, and wait until the units are put back. Raises LabFault when that failed or takes too long."""
        with contextlib.suppress(OSError):
            self._pipe.send(None)
        self._pipe.close()
        self._process.join(timeout)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        if self._process.exitcode:
            raise LabFault(
                f"the measuring process ended with {self._process.exitcode}; units may not be as they were",
                "nportlab recover puts them back.",
                f"rack {self.place.rack}",
            )


def _main(place: Place, pipe: Connection, other: Connection) -> None:
    """The process. Signals of the terminal are for the other one: this one ends when its pipe does."""
    other.close()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    bench = bench_of(place.lab, place.rack, place.running)
    inside = Inside(place, bench, pipe.send)
    try:
        bench.enter()
        with contextlib.suppress(EOFError):
            while (wanted := pipe.recv()) is not None:
                job, arguments = wanted
                pipe.send(_done(inside, job, arguments))
    except BrokenPipeError:
        pass  # the other process is gone; what was changed is put back
    finally:
        inside.close()


def _done(inside: Inside, job: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[str, Any]:
    try:
        return "done", job(inside, *arguments)
    except BrokenPipeError:
        raise
    except (HarnessError, NotApplicable, Inconclusive) as error:
        return "failed", error
    except BaseException:
        return "failed", AssertionError(traceback.format_exc())
