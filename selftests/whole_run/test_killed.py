"""A run that is killed in the middle of a changed state, and what puts the unit back."""

from __future__ import annotations

import pytest

from nportlab.verdicts.verdict import ExitCode
from nportlab.virtual.client import RunningRack
from selftests.whole_run.site import CHANGED, Look, Site, ended, kill, until

pytestmark = pytest.mark.timeout(300)
LOOKING = """
def test_as_found(settings):
    assert settings["console.telnet"] == "disable"
"""


@pytest.fixture
def before(site: Site, rack: RunningRack) -> Look:
    """The unit as it was; a run has changed it since and was killed."""
    look = site.look(rack)
    site.suite(CHANGED)
    process = site.start_run()
    until(lambda: site.testing("one"), process)
    kill(process)
    assert ended(process).code < 0
    until(lambda: not site.left_behind())
    assert site.look(rack).setting("console.telnet") == "enable"
    assert site.phase("one") == "changing"
    return look


def test_recover_puts_the_unit_back_and_says_so(site: Site, rack: RunningRack, before: Look) -> None:
    done = site.recover()
    assert done.code == ExitCode.OK, done.said
    assert "one: putting back what a killed run left changed" in done.said
    assert done.said.endswith("one: as it was found\n")
    assert site.phase("one") == ""
    assert site.look(rack).changes(before) == []
    again = site.recover()
    assert (again.code, again.said) == (ExitCode.OK, "nothing to recover\n")


def test_the_next_run_puts_the_unit_back_before_anything_else(site: Site, rack: RunningRack, before: Look) -> None:
    site.suite(LOOKING)
    run = site.run()
    assert run.code == ExitCode.OK, run.said
    (restart,) = site.record().restarts
    assert (restart.cause, restart.reason) == ("restore", "recovery after a killed run")
    assert site.phase("one") == ""
    assert site.look(rack).changes(before) == []
