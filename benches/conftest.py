"""Fixtures of the benches; their numbers are shown at the end of the run and kept in reports/bench/."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benches.results import Results

_MEASURED = pytest.StashKey[list[Results]]()


@pytest.fixture(scope="module")
def results(request: pytest.FixtureRequest) -> Iterator[Results]:
    """Numbers of this module; written once all of its tests are through."""
    found = Results(request.module.__name__.rpartition(".")[2].removeprefix("bench_"))
    yield found
    if found.measured:
        found.save()
        request.config.stash.setdefault(_MEASURED, []).append(found)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The tables."""
    for found in config.stash.get(_MEASURED, []):
        terminalreporter.section(found.bench)
        terminalreporter.write_line(found.table())
