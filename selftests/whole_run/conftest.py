from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest

from nportlab.virtual.client import RunningRack, start_rack
from selftests.whole_run.site import RACK, Site


class MakeSite(Protocol):
    """Makes the site of a test."""

    def __call__(self, *units: str) -> Site: ...


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[MakeSite]:
    """A site with the units that are named. No process of its runs outlives the test."""
    made: list[Site] = []

    def make(*units: str) -> Site:
        site = Site(tmp_path, units or ("one",))
        site.write_lab()
        made.append(site)
        return site

    yield make
    for site in made:
        for process in site.left_behind():
            os.kill(int(process.split()[0]), signal.SIGKILL)


@pytest.fixture
def site(make_site: MakeSite) -> Site:
    """A site with one unit."""
    return make_site()


@pytest.fixture
def running() -> Iterator[Callable[[Site], RunningRack]]:
    """Starts the rack of a site apart from any run, so that it outlives them and can be looked at."""
    started: list[RunningRack] = []

    def start(site: Site) -> RunningRack:
        rack = start_rack(site.lab, RACK)
        started.append(rack)
        return rack

    yield start
    for rack in started:
        rack.stop()


@pytest.fixture
def rack(site: Site, running: Callable[[Site], RunningRack]) -> RunningRack:
    """The rack of the site with one unit."""
    return running(site)
