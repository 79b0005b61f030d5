from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from selftests.virtual.web.bench import Bench, Client


@pytest.fixture
def boot(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Make units; they are stopped after the test."""
    benches: list[Bench] = []

    def make(**options: Any) -> Bench:
        benches.append(Bench(tmp_path / f"flash{len(benches)}", **options))
        return benches[-1]

    yield make
    for bench in benches:
        bench.close()


@pytest.fixture
def bench(boot: Callable[..., Bench]) -> Bench:
    """A healthy NP6450 with firmware 2.3 and an account."""
    return boot()


@pytest.fixture
def client(bench: Bench) -> Client:
    """Somebody logged in at `bench`."""
    client = Client(bench)
    client.login()
    return client
