from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from nportlab.inventory import Lab
from nportlab.safety.journal import Journal, pending_units
from nportlab.safety.keeper import Goal, Keeper
from nportlab.verdicts.faults import ConfigFault, HarnessError, LabFault, NotApplicable, UnitBehaviour
from selftests.safety.fake_target import FakeTarget

TELNET = {"console.telnet": "enable"}


@pytest.fixture
def target(lab: Lab, tmp_path: Path) -> FakeTarget:
    return FakeTarget(tmp_path / "np6150.unit", lab.units["np6150"])


@pytest.fixture
def keeper(lab: Lab, target: FakeTarget) -> Keeper:
    return Keeper(lab, lab.units["np6150"], target)


def held(lab: Lab, target: FakeTarget) -> Keeper:
    keeper = Keeper(lab, target.entry, target)
    keeper.open()
    return keeper


def test_a_state_that_is_in_force_needs_nothing(keeper: Keeper, target: FakeTarget) -> None:
    keeper.open()
    assert keeper.bring(Goal({"console.telnet": "disable"})) is False
    keeper.close()
    assert target.actions == []


def test_only_what_differs_is_set_and_the_rest_goes_back_to_the_baseline(keeper: Keeper, target: FakeTarget) -> None:
    keeper.open()
    keeper.bring(Goal(TELNET))
    keeper.bring(Goal({"console.http": "redirect"}))
    assert target.actions == ["restart console.telnet", "restart console.http,console.telnet"]
    assert keeper.values["console.telnet"] == "disable"
    keeper.close()


def test_the_unit_ends_as_it_was_found(lab: Lab, target: FakeTarget) -> None:
    target._write({**target.factory(), "console.auto_logout": "17"}, "self-signed", [])
    found = target.state
    keeper = held(lab, target)
    keeper.bring(Goal({**TELNET, "certificate": "lab:p256"}))
    keeper.close()
    assert target.state == found
    assert target.certificate() == "self-signed"
    assert pending_units(lab.state_dir) == []


def test_an_event_is_shared_by_the_tests_of_a_visit_and_activates_what_is_pending(lab: Lab, target: FakeTarget) -> None:
    keeper = held(lab, target)
    for _ in range(3):
        keeper.bring(Goal(TELNET, "power-cycle", entry="4"))
    assert target.actions == ["power-cycle console.telnet"]
    keeper.bring(Goal(TELNET, "power-cycle", entry="5"))
    assert target.actions[1:] == ["power-cycle"]


def test_after_a_factory_reset_everything_has_factory_values(lab: Lab, target: FakeTarget) -> None:
    target._write({**target.factory(), "console.auto_logout": "17"}, "self-signed", [])
    keeper = held(lab, target)
    assert keeper.bring(Goal({}, "factory-reset", after_reset=True, entry="1")) is True
    assert keeper.values["console.auto_logout"] == "5"
    keeper.bring(Goal(TELNET, after_reset=True))
    assert target.actions == ["factory-reset", "restart console.telnet"]
    keeper.bring(Goal({}))
    assert target.actions[-1] == "restart console.auto_logout,console.telnet"


def test_what_disturbs_is_cleared_by_a_restart(lab: Lab, target: FakeTarget) -> None:
    keeper = held(lab, target)
    keeper.disturbed()
    keeper.bring(Goal({}))
    assert target.actions == ["restart"]
    keeper.bring(Goal({}))
    assert target.actions == ["restart"]


def test_what_a_test_left_stored_is_found_before_the_next_one(lab: Lab, target: FakeTarget) -> None:
    keeper = held(lab, target)
    target._write({**target.state, **TELNET}, "self-signed", [])
    keeper.suspect()
    keeper.bring(Goal({}))
    assert target.actions == ["restart console.telnet"]


@pytest.mark.parametrize(("event", "said"), [("restart", "restarted"), ("factory-reset", "reset")])
def test_what_lab_yaml_does_not_allow_is_not_applicable(lab: Lab, tmp_path: Path, event: str, said: str) -> None:
    target = FakeTarget(tmp_path / "np6450.unit", lab.units["np6450"])
    keeper = held(lab, target)
    with pytest.raises(NotApplicable, match=f"np6450 may not be {said}"):
        keeper.bring(Goal({}, event, entry="1"))  # type: ignore[arg-type]
    with pytest.raises(NotApplicable, match="activating a setting"):
        keeper.bring(Goal(TELNET))
    assert keeper.bring(Goal({"console.telnet": "disable"})) is False
    keeper.close()
    assert target.actions == []


def test_a_foreign_certificate_is_not_lost(lab: Lab, target: FakeTarget) -> None:
    target._write(target.factory(), "imported", [])
    keeper = held(lab, target)
    for goal in (Goal({"certificate": "lab:p256"}), Goal({}, "factory-reset", entry="1")):
        with pytest.raises(NotApplicable, match="imported certificate"):
            keeper.bring(goal)
    keeper.close()
    assert target.actions == []


def test_secrets_that_cannot_be_read_are_not_lost(lab: Lab, target: FakeTarget) -> None:
    target._write({**target.factory(), "radius.key": "of the site"}, "self-signed", [])
    keeper = held(lab, target)
    with pytest.raises(NotApplicable, match="could not be put back"):
        keeper.bring(Goal({"radius.key": "of the lab"}))
    with pytest.raises(NotApplicable, match="a factory reset would lose"):
        keeper.bring(Goal({}, "factory-reset", entry="1"))
    keeper.close()
    assert target.actions == []


def test_the_journal_holds_no_secret(lab: Lab, target: FakeTarget) -> None:
    keeper = held(lab, target)
    keeper.bring(Goal({"radius.key": "lab-shared-secret", **TELNET}))
    text = keeper.journal.path.read_text()
    assert "lab-shared-secret" not in text
    assert "console.telnet" in text
    keeper.close()


def test_a_change_that_fails_is_looked_at_again(lab: Lab, target: FakeTarget) -> None:
    keeper = held(lab, target)
    target.breaks["restart"] = UnitBehaviour("did not come back")
    with pytest.raises(UnitBehaviour):
        keeper.bring(Goal(TELNET))
    target.breaks.clear()
    keeper.bring(Goal({}))
    assert target.actions == ["restart"]


def test_a_unit_that_cannot_be_put_back_stays_in_the_journal(lab: Lab, target: FakeTarget) -> None:
    keeper = held(lab, target)
    keeper.bring(Goal(TELNET))
    target.breaks["load"] = UnitBehaviour("refused")
    with pytest.raises(UnitBehaviour):
        keeper.close()
    assert pending_units(lab.state_dir) == [("bench", "np6150")]
    assert not keeper.lock.held
    target.breaks.clear()
    held(lab, target).close()
    assert target.state["console.telnet"] == "disable"
    assert pending_units(lab.state_dir) == []


def test_a_load_that_does_not_take_is_said(lab: Lab, target: FakeTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = held(lab, target)
    keeper.bring(Goal(TELNET))
    monkeypatch.setattr(target, "load", lambda *_: None)
    with pytest.raises(LabFault, match="not as it was found") as fault:
        keeper.close()
    assert "nportlab recover --unit np6150" in fault.value.remedy


def test_another_unit_is_not_given_the_baseline_of_the_former(lab: Lab, target: FakeTarget) -> None:
    keeper = held(lab, target)
    keeper.bring(Goal(TELNET))
    keeper.lock.release()
    target.mac = "00:90:E8:00:00:02"
    with pytest.raises(LabFault, match=r"another one answers there now: mac is 00:90:E8:00:00:02"):
        held(lab, target)
    assert target.actions == ["restart console.telnet"]


def test_a_damaged_baseline_is_not_loaded(lab: Lab, target: FakeTarget) -> None:
    keeper = held(lab, target)
    keeper.bring(Goal(TELNET))
    keeper.lock.release()
    saved = keeper.journal.folder / "bench.np6150.baseline"
    saved.write_bytes(saved.read_bytes()[:-40])
    with pytest.raises(LabFault, match="names a baseline that has changed since"):
        held(lab, target)


def test_two_runs_do_not_share_a_unit(lab: Lab, target: FakeTarget) -> None:
    first = held(lab, target)
    with pytest.raises(LabFault, match=rf"in use by process {os.getpid()}") as fault:
        held(lab, target)
    assert fault.value.resource == "lock np6150"
    first.close()
    held(lab, target).close()


def test_without_a_journal_nothing_is_touched(lab: Lab, target: FakeTarget) -> None:
    (lab.state_dir / "journal").parent.mkdir(exist_ok=True)
    (lab.state_dir / "journal").write_text("a file where the folder should be")
    with pytest.raises(ConfigFault, match="cannot be written"):
        held(lab, target)
    assert target.actions == []


def test_the_baseline_is_for_its_owner_only(lab: Lab, target: FakeTarget) -> None:
    keeper = held(lab, target)
    assert {path.stat().st_mode & 0o077 for path in keeper.journal.folder.iterdir()} == {0}
    keeper.close()


def test_a_killed_run_is_cleaned_up_by_the_next(lab: Lab, target: FakeTarget, tmp_path: Path) -> None:
    """A process changes the unit and is killed; nothing but the journal and the freed lock are left of it."""
    target._write({**target.factory(), "console.auto_logout": "17"}, "self-signed", [])
    found = target.state
    code = f"""
        import os, signal
        from pathlib import Path
        from nportlab.inventory import load_lab
        from nportlab.safety import locks
        from nportlab.safety.keeper import Goal, Keeper
        from selftests.safety.fake_target import FakeTarget
        locks._machine_folder = lambda: Path({str(tmp_path / "machine-locks")!r})
        lab = load_lab({str(lab.path)!r})
        keeper = Keeper(lab, lab.units["np6150"], FakeTarget(Path({str(target.path)!r}), lab.units["np6150"]))
        keeper.open()
        keeper.bring(Goal({{"console.telnet": "enable"}}, "factory-reset", entry="1"))
        os.kill(os.getpid(), signal.SIGKILL)
    """
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], cwd=root, timeout=30, check=False)
    assert done.returncode == -signal.SIGKILL
    assert target.state != found
    assert pending_units(lab.state_dir) == [("bench", "np6150")]
    keeper = held(lab, target)
    assert target.state == found
    assert keeper.baseline is not None
    assert keeper.baseline.values["console.auto_logout"] == "17"
    keeper.close()
    assert pending_units(lab.state_dir) == []


def test_a_journal_that_cannot_be_read_is_not_ignored(lab: Lab) -> None:
    journal = Journal(lab.state_dir, "bench", "np6150")
    journal.folder.mkdir(parents=True)
    journal.path.write_text("{")
    with pytest.raises(HarnessError, match="cannot be read"):
        journal.read()
