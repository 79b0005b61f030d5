"""The command line of the benches; a plugin, so that `pytest -m bench` finds them without naming their folder."""

from __future__ import annotations

import os
import re

import pytest

FULL_SECONDS = 10.0
"""How long a number is measured if nobody says otherwise."""

SOAK_SECONDS = "SOAK_SECONDS"
"""Environment variable: how long the soak takes; `make soak` sets an hour."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of a bench."""
    group = parser.getgroup("bench", "measurements")
    group.addoption(
        "--bench-seconds",
        type=float,
        default=FULL_SECONDS,
        metavar="SECONDS",
        help=f"how long each number of a bench is measured (default: {FULL_SECONDS:g})",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """`pytest -m bench` without a path means the benches; testpaths holds the tests of units only."""
    seconds = config.option.bench_seconds
    if not 0.5 <= seconds <= 86400:
        raise pytest.UsageError(f"--bench-seconds {seconds:g}: must be between 0.5 and 86400")
    by_marker = re.search(r"(?<!not )\bbench\b", config.option.markexpr or "")
    if by_marker and config.args_source is pytest.Config.ArgsSource.TESTPATHS:
        config.args[:] = [str(config.rootpath / "benches")]


def soak_seconds(config: pytest.Config) -> float:
    """How long the soak takes: SOAK_SECONDS, else short. Raises UsageError for a text that is no number."""
    text = os.environ.get(SOAK_SECONDS, "")
    try:
        return float(text) if text else 3 * config.option.bench_seconds
    except ValueError:
        raise pytest.UsageError(f"{SOAK_SECONDS}={text!r} is not a number of seconds") from None
