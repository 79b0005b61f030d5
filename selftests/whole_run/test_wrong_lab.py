"""What lab.yaml says is not what is there: named, and nothing touched."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nportlab.unit.unit import Unit
from nportlab.verdicts.verdict import ExitCode, Verdict
from nportlab.virtual.client import RunningRack
from selftests.whole_run.conftest import MakeSite
from selftests.whole_run.site import Site

pytestmark = pytest.mark.timeout(300)
TELNET = "test_telnet_prompts_when_switched_on or test_telnet_is_closed_when_switched_off"


def _log_logins(unit: Unit) -> None:
    unit.apply({"log.local_config": "enable"})
    unit.console.login()


def test_a_wrong_password_is_tried_once_and_changes_nothing(site: Site, rack: RunningRack) -> None:
    site.on_unit(rack, _log_logins)
    before = site.look(rack)
    (secret,) = (site.folder / ".nportlab" / "secrets").glob("*one*")
    right = secret.read_text()
    secret.write_text("Not-The-Pass1")
    run = site.run_suites(TELNET)
    secret.write_text(right)
    assert run.code == ExitCode.CONFIG_FAULT, run.said
    assert "CONFIG FAULT  CON-08  one  the unit refused user 'admin'" in run.said
    assert "Not-The-Pass1" not in run.said
    assert {result.resource for result in site.record().results} == {"unit one"}
    after = site.look(rack)
    assert after.failed_logins == before.failed_logins + 1
    assert after.changes(before) == []
    assert after.boots == before.boots
    assert site.phase("one") == ""


@pytest.mark.parametrize(
    ("different", "said"),
    [
        ({"model": "NP6450"}, "lab.yaml says model NP6450, the unit says NP6150"),
        ({"firmware": "2.1"}, "lab.yaml says firmware 2.1, the unit says 2.3"),
        ({"mac": "00:90:E8:00:00:01"}, "lab.yaml says MAC 00:90:E8:00:00:01, the unit says "),
    ],
    ids=["model", "firmware", "mac"],
)
def test_another_unit_than_expected_is_not_touched(
    site: Site, rack: RunningRack, different: dict[str, str], said: str
) -> None:
    before = site.look(rack)
    site.write_lab(**different)
    run = site.run_suites(TELNET)
    assert run.code == ExitCode.CONFIG_FAULT, run.said
    assert f"CONFIG FAULT  CON-08  one  {said}" in run.said
    assert {result.resource for result in site.record().results} == {"unit one"}
    site.write_lab()
    after = site.look(rack)
    assert (after.changes(before), after.boots) == ([], before.boots)


def _off_at_the_outlet(rack: RunningRack) -> None:
    rack.ask({"do": "relay", "switch": "relay", "channel": 1, "on": False})


def _off_behind_the_outlet(rack: RunningRack) -> None:
    rack.ask({"do": "relay-fault", "switch": "relay", "channel": 1, "fault": "lying"})
    rack.ask({"do": "relay", "switch": "relay", "channel": 1, "on": True})
    rack.power("one", False)


@pytest.mark.parametrize(
    ("gone", "resource", "said"),
    [
        (_off_at_the_outlet, "outlet relay/1", "one is silent and its outlet is off"),
        (_off_behind_the_outlet, "unit one", "no console answers: "),
    ],
    ids=["outlet", "silent"],
)
def test_a_unit_that_is_not_there_is_named_and_the_other_one_judged(
    make_site: MakeSite,
    running: Callable[[Site], RunningRack],
    gone: Callable[[RunningRack], None],
    resource: str,
    said: str,
) -> None:
    site = make_site("one", "two")
    gone(running(site))
    run = site.run_suites("test_telnet_is_closed_when_switched_off")
    assert run.code == ExitCode.LAB_FAULT, run.said
    assert f"LAB FAULT  CON-08  one  {said}" in run.said
    results = {result.unit: result for result in site.record().results}
    assert results["two"].verdict is Verdict.PASS
    assert (results["one"].verdict, results["one"].resource) == (Verdict.ERROR, resource)
