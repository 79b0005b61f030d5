from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from nportlab.inventory import Lab
from nportlab.safety import racks
from nportlab.safety.journal import pending_units
from nportlab.safety.keeper import Goal, Keeper
from nportlab.safety.recover import recover
from nportlab.verdicts.faults import ConfigFault
from nportlab.verdicts.verdict import ExitCode
from selftests.fixtures.fake_bench import FakeBench


@pytest.fixture
def bench(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> FakeBench:
    bench = FakeBench(lab, "bench", None)

    @contextmanager
    def opened(*_: Any) -> Iterator[FakeBench]:
        yield bench

    monkeypatch.setattr(racks, "open_bench", opened)
    return bench


def leave_changed(lab: Lab, bench: FakeBench, name: str) -> Keeper:
    entry = lab.units[name]
    keeper = Keeper(lab, entry, bench.target(bench.unit(entry)))
    keeper.open()
    keeper._target.apply({"console.telnet": "enable"}, "restart")
    keeper.lock.release()
    return keeper


def telnet(lab: Lab, bench: FakeBench, name: str) -> str:
    return bench.target(bench.unit(lab.units[name])).state["console.telnet"]


def test_nothing_to_do(lab: Lab, bench: FakeBench, capsys: pytest.CaptureFixture[str]) -> None:
    assert recover(lab) == ExitCode.OK
    assert capsys.readouterr().out == "nothing to recover\n"
    assert not list(lab.path.parent.glob("*.unit"))


def test_every_unit_left_changed_is_put_back(lab: Lab, bench: FakeBench) -> None:
    for name in lab.units:
        leave_changed(lab, bench, name)
    assert recover(lab) == ExitCode.OK
    assert [telnet(lab, bench, name) for name in lab.units] == ["disable", "disable"]
    assert pending_units(lab.state_dir) == []


def test_one_unit_can_be_named(lab: Lab, bench: FakeBench) -> None:
    for name in lab.units:
        leave_changed(lab, bench, name)
    assert recover(lab, ["np6450"]) == ExitCode.OK
    assert [telnet(lab, bench, name) for name in lab.units] == ["enable", "disable"]
    with pytest.raises(ConfigFault, match="no unit 'np1'"):
        recover(lab, ["np1"])


def test_a_unit_in_use_is_not_touched(lab: Lab, bench: FakeBench, capsys: pytest.CaptureFixture[str]) -> None:
    keeper = leave_changed(lab, bench, "np6150")
    keeper.lock.acquire()
    assert recover(lab) == ExitCode.LAB_FAULT
    assert "in use by process" in capsys.readouterr().err
    assert telnet(lab, bench, "np6150") == "enable"
    keeper.lock.release()


def test_a_unit_that_left_the_lab_is_mentioned(lab: Lab, bench: FakeBench, capsys: pytest.CaptureFixture[str]) -> None:
    keeper = leave_changed(lab, bench, "np6150")
    keeper.journal.path.rename(keeper.journal.folder / "bench.np1.json")
    assert recover(lab) == ExitCode.CONFIG_FAULT
    assert "np1: left changed by a killed run" in capsys.readouterr().err


def test_the_state_is_brought_again_after_recovery(lab: Lab, bench: FakeBench, tmp_path: Path) -> None:
    leave_changed(lab, bench, "np6150")
    entry = lab.units["np6150"]
    keeper = Keeper(lab, entry, bench.target(bench.unit(entry)))
    keeper.open()
    assert keeper.bring(Goal({"console.telnet": "enable"})) is True
    keeper.close()
    assert telnet(lab, bench, "np6150") == "disable"
