"""Fixtures of the benches; their numbers are shown at the end of the run and kept in reports/bench/."""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benches.log import BenchLog, run_name
from benches.place import lab_place, own_place
from benches.results import FOLDER, Results
from benches.worker import Place, Worker
from fixtures.options import lab_of, selected_units
from nportlab.report.measurements import BenchRecord
from nportlab.report.measurements_history import MeasurementHistory
from nportlab.report.measurements_page import measurements_table, write_measurements_page
from nportlab.report.measurements_store import MeasurementStore, load_record
from nportlab.verdicts.faults import HarnessError, NotApplicable

OWN_RACK = "own rack"

_MEASURED = pytest.StashKey[list[Results]]()
_RECORDS = pytest.StashKey[list[BenchRecord]]()
_RUN = pytest.StashKey[str]()


@pytest.fixture(scope="module")
def results(request: pytest.FixtureRequest) -> Iterator[Results]:
    """Numbers of this module; written once all of its tests are through."""
    found = Results(request.module.__name__.rpartition(".")[2].removeprefix("bench_"))
    yield found
    if found.measured:
        found.save()
        request.config.stash.setdefault(_MEASURED, []).append(found)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Benches of the serial side run on a rack of their own, or on the units named by --lab and --unit."""
    if "place" in metafunc.fixturenames:
        option = metafunc.config.option
        given = option.lab or option.unit or option.rack
        metafunc.parametrize(
            "place", list(selected_units(metafunc.config)) if given else [OWN_RACK], indirect=True, scope="session"
        )


@pytest.fixture(scope="session")
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The unit to measure."""
    if request.param == OWN_RACK:
        with own_place(tmp_path_factory.mktemp("bench")) as found:
            yield found
    else:
        with lab_place(lab_of(request.config), request.param) as found:
            yield found


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[None]:
    """What a place cannot measure is skipped, with the reason."""
    try:
        return (yield)
    except NotApplicable as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def worker(place: Place) -> Iterator[Worker]:
    """The process that measures on it."""
    with contextlib.closing(Worker(place)) as found:
        yield found


@pytest.fixture(scope="module")
def log(request: pytest.FixtureRequest) -> Iterator[BenchLog]:
    """Keeps what this module measures: each number at once, the record when all tests are through."""
    config = request.config
    bench = request.module.__name__.rpartition(".")[2].removeprefix("bench_")
    store = MeasurementStore(
        FOLDER,
        bench,
        run=config.stash.setdefault(_RUN, run_name()),
        command=shlex.join(["pytest", *config.invocation_params.args]),
        lab=lab_of(config).name if config.option.lab else "",
    )
    found = BenchLog(store, lab_of(config).limits, config.option.bench_seconds, _say(config))
    failed = request.session.testsfailed
    yield found
    if found.store.measured:
        # A bench that somebody interrupted is finished by its next run, or when the page is made, from its lines.
        path = found.store.finish(complete=not _stopped(request.session, failed))
        config.stash.setdefault(_RECORDS, []).append(load_record(path))


def _stopped(session: pytest.Session, failed: int) -> bool:
    """Whether the tests of a module were ended before all were through; one that missed its limit was through."""
    return bool(session.shouldstop) or (bool(session.shouldfail) and session.testsfailed > failed)


def _say(config: pytest.Config) -> Callable[[str], None]:
    """Writes a line to the terminal at once, past the capture of output."""
    capture: Any = config.pluginmanager.getplugin("capturemanager")

    def say(text: str) -> None:
        with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
            print(text, file=sys.stderr, flush=True)

    return say


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The tables, and where the page is."""
    for found in config.stash.get(_MEASURED, []):
        terminalreporter.section(found.bench)
        terminalreporter.write_line(found.table())
    records = config.stash.get(_RECORDS, [])
    if not records:
        return
    history = MeasurementHistory.load(FOLDER)
    for record in records:
        terminalreporter.section(record.bench)
        terminalreporter.write_line(measurements_table(record, history))
    try:
        terminalreporter.write_line(f"\nbenches   {_shown(write_measurements_page(FOLDER))}")
    except HarnessError as error:
        terminalreporter.write_line(error.describe())


def _shown(path: Path) -> str:
    with contextlib.suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)
