"""A regression of the lab of lab.yaml: seconds, and restarts against the lower bound and against file order.

    pytest benches/bench_regression.py -m bench

Runs what a person runs, in processes of their own, with a copy of lab.yaml in a folder of its own: units as delivered,
no history, nothing shared with the lab in use. `-m tls` comes second and finds units that have booted before, as it
does at a desk. The goals hold for three virtual units on two cores that have nothing else to do: when other programs
take much of the processors a goal of time that is missed is shown, and does not fail.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from benches.results import Results
from nportlab.report.record import PlanRecord, RunRecord, load_run

pytestmark = [pytest.mark.bench, pytest.mark.timeout(1800)]

ROOT = Path(__file__).parents[1]
SECONDS = 240.0
TLS_SECONDS = 45.0
OF_BOUND = 1.2
OF_FILE_ORDER = 0.1
QUIET = 0.15
"""Share of the processors that others may take."""


@dataclass(frozen=True)
class Timed:
    """A run. seconds: from the command to the end of its process; processor_seconds: its own and those of the rack;
    others: share of the machine's processors that was taken by other programs meanwhile."""

    record: RunRecord
    seconds: float
    processor_seconds: float
    others: float

    @property
    def counts(self) -> bool:
        """Whether the machine was free enough for the goals of time."""
        return self.others <= QUIET


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of lab.yaml; state and reports stay beside it."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copy(ROOT / "lab.yaml", folder)
    return folder / "lab.yaml"


@pytest.fixture(scope="module")
def regression(lab: Path) -> Timed:
    """Everything, on units as delivered."""
    return timed(lab)


def timed(lab: Path, *options: str) -> Timed:
    """Run pytest with these options against the lab. A run that is not green measures something else."""
    reports = lab.parent / "reports"
    command = [sys.executable, "-m", "pytest", f"--lab={lab}", f"--reports={reports}", *options]
    # Set by some machines; it would have every process compile the suites anew.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    before, busy_before, began = os.times(), busy_seconds(), time.monotonic()
    result = subprocess.run(
        command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    seconds, busy, after = time.monotonic() - began, busy_seconds() - busy_before, os.times()
    assert result.returncode == 0, "\n".join([*result.stdout.splitlines()[-60:], *result.stderr.splitlines()[-20:]])
    taken = (after.children_user + after.children_system) - (before.children_user + before.children_system)
    others = max(busy - taken, 0.0) / (seconds * (os.cpu_count() or 1))
    return Timed(load_run(reports / "latest"), seconds, taken, others)


def busy_seconds() -> float:
    """Seconds the processors of this machine have worked, for anybody, since it started."""
    user, nice, system, _idle, _iowait, irq, softirq, steal, *_ = Path("/proc/stat").read_text().split()[1:11]
    return sum(map(int, (user, nice, system, irq, softirq, steal))) / os.sysconf("SC_CLK_TCK")


def report(timed: Timed, name: str, goal: float, results: Results) -> None:
    """Note the numbers of a run; fails when the goal is missed and nobody else is to blame."""
    results.add(f"{name}, {len(timed.record.results)} tests", "s", timed.seconds, goal)
    results.add(f"{name}, processor time", "s", timed.processor_seconds)
    results.add(f"{name}, processors taken by others", "%", 100 * timed.others)
    if not timed.counts:
        results.note(f"{name}: other programs took {timed.others:.0%} of the processors; its time says little.")
    assert timed.seconds <= goal or not timed.counts


def used(record: RunRecord, unit: str) -> int:
    """Restarts of a unit, whoever asked for them; putting back what a killed run left is not the plan's."""
    return sum(restart.unit == unit and restart.cause != "restore" for restart in record.restarts)


def own(record: RunRecord, unit: str) -> int:
    """Restarts that are part of a test: every order takes them."""
    return sum(restart.unit == unit and restart.cause == "test" for restart in record.restarts)


def test_seconds_of_a_full_regression(regression: Timed, results: Results) -> None:
    report(regression, "full regression", SECONDS, results)


def test_seconds_of_the_tls_rows(regression: Timed, lab: Path, results: Results) -> None:
    report(timed(lab, "-m", "tls"), "-m tls", TLS_SECONDS, results)


def test_restarts(regression: Timed, results: Results) -> None:
    """File order is compared and not asserted: with the suites there are, no plan can be that good (see the note)."""
    record, plans = regression.record, regression.record.plan
    for plan in plans:
        results.add(f"restarts of {plan.unit}: used", "restarts", used(record, plan.unit))
        results.add(f"restarts of {plan.unit}: lower bound", "restarts", plan.lower_bound)
        results.add(f"restarts of {plan.unit}: file order", "restarts", plan.file_order)
    every = sum(used(record, plan.unit) for plan in plans)
    bound = sum(plan.lower_bound for plan in plans)
    file_order = sum(plan.file_order for plan in plans)
    of_bound = results.add("restarts used, of the lower bound", "ratio", every / bound, OF_BOUND)
    results.add("restarts used, of file order", "ratio", every / file_order, OF_FILE_ORDER)
    results.add("lower bound, of file order", "ratio", bound / file_order)
    results.note(why_not(record, plans))
    assert of_bound.verdict == "pass"


def why_not(record: RunRecord, plans: list[PlanRecord]) -> str:
    """What keeps the restarts from being a tenth of file order; empty when they are."""
    bound = sum(plan.lower_bound for plan in plans)
    file_order = sum(plan.file_order for plan in plans)
    if bound <= OF_FILE_ORDER * file_order:
        return ""
    inside = sum(own(record, plan.unit) for plan in plans)
    return (
        f"A tenth of file order ({file_order}) is out of reach: {bound} restarts are proven necessary. {inside} of "
        "them are part of tests, which take them in any order; most of the others separate states that exclude each "
        "other (one certificate key or authentication type against the next) with one to three tests each. And file "
        "order is cheap where the tests of a chapter need the same values, which is how they are written."
    )
