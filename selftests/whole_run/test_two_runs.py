"""Two runs want one unit."""

from __future__ import annotations

import pytest

from nportlab.verdicts.verdict import ExitCode, Verdict
from nportlab.virtual.client import RunningRack
from selftests.whole_run.site import CHANGED, Site, ended, until

pytestmark = pytest.mark.timeout(300)


def test_the_second_run_names_the_lock_and_its_holder_and_leaves_the_unit_alone(site: Site, rack: RunningRack) -> None:
    before = site.look(rack)
    site.suite(CHANGED)
    first = site.start_run()
    until(lambda: site.testing("one"), first)
    held = site.look(rack)
    second = site.run_suites("test_telnet_is_closed_when_switched_off")
    assert second.code == ExitCode.LAB_FAULT, second.said
    (result,) = site.record().results
    assert (result.verdict, result.title, result.resource) == (Verdict.ERROR, "LAB FAULT", "lock one")
    assert result.summary.startswith(f"in use by process {first.pid} since ")
    left = site.look(rack)
    assert (left.changes(held), left.boots) == ([], held.boots)
    site.go_on()
    run = ended(first)
    assert run.code == ExitCode.OK, run.said
    assert site.look(rack).changes(before) == []
