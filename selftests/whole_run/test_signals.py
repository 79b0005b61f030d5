"""A run that is told to stop, at different moments: the unit is as it was found, and no process is left."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable

import pytest

from nportlab.verdicts.verdict import ExitCode
from nportlab.virtual.client import RunningRack
from selftests.whole_run.conftest import MakeSite
from selftests.whole_run.site import CHANGED, Look, Site, ended, until

pytestmark = pytest.mark.timeout(300)
BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["INT", "TERM"])


def _stopped(site: Site, process: subprocess.Popen[str], number: signal.Signals) -> str:
    os.kill(process.pid, number)
    run = ended(process)
    assert run.code == ExitCode.INTERRUPTED, run.said
    until(lambda: not site.left_behind())
    return run.said


def _as_found(site: Site, rack: RunningRack, before: Look, unit: str = "one") -> None:
    assert site.phase(unit) == ""
    after = site.look(rack, unit)
    assert after.changes(before) == []
    assert after.setting("console.telnet") == "disable"


@BOTH
@pytest.mark.parametrize("moment", ["reaching", "testing", "restoring"])
def test_a_stopped_run_leaves_the_unit_as_it_was(
    site: Site, rack: RunningRack, number: signal.Signals, moment: str
) -> None:
    before = site.look(rack)
    site.suite(CHANGED)
    process = site.start_run()
    if moment == "reaching":
        until(lambda: site.phase("one") == "changing", process)
    else:
        until(lambda: site.testing("one"), process)
        assert site.phase("one") == "changing"
    if moment == "restoring":
        site.go_on()
        until(lambda: site.phase("one") == "restoring", process)
    _stopped(site, process, number)
    _as_found(site, rack, before)


@BOTH
def test_workers_put_their_units_back_too(
    make_site: MakeSite, running: Callable[[Site], RunningRack], number: signal.Signals
) -> None:
    site = make_site("one", "two")
    rack = running(site)
    before = {unit: site.look(rack, unit) for unit in site.units}
    site.suite(CHANGED)
    process = site.start_run()
    until(lambda: all(site.testing(unit) for unit in site.units), process)
    _stopped(site, process, number)
    for unit in site.units:
        _as_found(site, rack, before[unit], unit)


def test_ctrl_c_reaches_every_process_of_a_run_and_its_own_rack_ends_last(make_site: MakeSite) -> None:
    site = make_site("one", "two")
    site.suite(CHANGED)
    process = site.start_run()
    until(lambda: all(site.testing(unit) for unit in site.units), process)
    os.killpg(process.pid, signal.SIGINT)
    run = ended(process)
    assert run.code == ExitCode.INTERRUPTED, run.said
    until(lambda: not site.left_behind())
    assert [site.phase(unit) for unit in site.units] == ["", ""]
    assert len([restart for restart in site.record().restarts if restart.reason == "putting the unit back"]) == 2
