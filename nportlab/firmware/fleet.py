"""Several units at once: bounded, one line of result for each, and one that fails keeps none of the others back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from nportlab.firmware.one_unit import Order, bring
from nportlab.firmware.outcomes import Upgraded
from nportlab.inventory.lab import Lab
from nportlab.safety.bench import Bench
from nportlab.verdicts.faults import HarnessBug, HarnessError
from nportlab.verdicts.verdict import ExitCode

One = Callable[[str], Sequence[Upgraded]]
"""Upgrades the unit with that name."""


@dataclass(frozen=True)
class Line:
    """What became of one unit. steps: those that were done; error: why no more were; begun: False when it was left
    alone because the run was to stop."""

    unit: str
    seconds: float
    steps: tuple[Upgraded, ...] = ()
    error: HarnessError | None = None
    begun: bool = True

    @property
    def ok(self) -> bool:
        """Whether the unit is where it should be."""
        return self.begun and self.error is None

    def __str__(self) -> str:
        if not self.begun:
            return f"{self.unit:<16} left alone"
        if self.error is not None:
            first = self.error.describe().replace("\n", " ")
            return f"{self.unit:<16} FAILED  {' '.join(first.split())}"
        what = "; ".join(map(str, self.steps)) or "has it already"
        return f"{self.unit:<16} ok      {what}"


def upgrade_fleet(
    units: Iterable[str], one: One, workers: int = 4, told: Callable[[Line], None] | None = None
) -> list[Line]:
    """Upgrade units side by side, `workers` at a time; the lines in the order of `units`.

    told: called with each line as it comes. Ctrl-C: those that are being written are waited for, the others are left
    alone, and KeyboardInterrupt is raised then.
    """
    names = list(dict.fromkeys(units))
    found: dict[str, Line] = {}
    stop = threading.Event()

    def run(name: str) -> Line:
        if stop.is_set():
            return Line(name, 0.0, begun=False)
        start = time.monotonic()
        try:
            steps = tuple(one(name))
            return Line(name, time.monotonic() - start, steps)
        except HarnessError as error:
            return Line(name, time.monotonic() - start, error=error)
        except Exception as error:  # one unit's surprise is not the end of the others
            bug = HarnessBug(f"{type(error).__name__}: {error}", "Report this.", f"unit {name}")
            return Line(name, time.monotonic() - start, error=bug)

    interrupted: KeyboardInterrupt | None = None
    with ThreadPoolExecutor(max(1, workers), thread_name_prefix="flash") as pool:
        waiting: set[Future[Line]] = {pool.submit(run, name) for name in names}
        while waiting:
            try:
                done, waiting = wait(waiting, timeout=0.5, return_when=FIRST_COMPLETED)
            except KeyboardInterrupt as error:
                interrupted = error
                stop.set()
                continue
            for future in done:
                line = future.result()
                found[line.unit] = line
                if told is not None:
                    told(line)
    if interrupted is not None:
        raise interrupted
    return [found[name] for name in names]


def upgrade_units(
    lab: Lab,
    bench: Bench,
    units: Iterable[str],
    order: Order,
    workers: int = 4,
    told: Callable[[Line], None] | None = None,
    say: Callable[[str, str], None] | None = None,
) -> list[Line]:
    """Bring units of one bench to a version. say: told what happens to which unit."""

    def one(name: str) -> Sequence[Upgraded]:
        def doing(what: str) -> None:
            if say is not None:
                say(name, what)

        return bring(lab, bench, name, order, doing, lambda seconds, what: doing(f"{what} ({seconds:.0f} s)"))

    return upgrade_fleet(units, one, workers, told)


def exit_code_of(lines: Iterable[Line]) -> ExitCode:
    """OK when every unit is where it should be, else that of the first that is not."""
    for line in lines:
        if line.error is not None:
            return line.error.exit_code
        if not line.begun:
            return ExitCode.INTERRUPTED
    return ExitCode.OK
