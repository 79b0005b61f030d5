"""The flash record: on disk before the first byte, and what a killed run leaves behind."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from nportlab.firmware import recovery
from nportlab.firmware.recovery import settle
from nportlab.inventory import Lab
from nportlab.safety import journal as journal_module
from nportlab.safety.journal import Entry, FlashRecord, Identity, Journal
from nportlab.safety.keeper import Keeper
from nportlab.unit.errors import NeverCameBack
from nportlab.unit.firmware import Firmware
from nportlab.unit.health import Health
from nportlab.unit.identity import Identity as Seen
from nportlab.verdicts.faults import ConfigFault, LabFault
from selftests.safety.fake_target import FakeTarget


def record(**changes: Any) -> FlashRecord:
    known = {
        "before": "2.1", "after": "2.3", "home": "2.1", "route": "web", "image": "/i.rom", "sha512": "00",
        "stage": "sent", "first_byte": 1.0, "patience": 0.0,
    }  # fmt: skip
    return FlashRecord(**(known | changes))


@pytest.fixture
def journal(lab: Lab) -> Journal:
    journal = Journal(lab.state_dir, "bench", "np6150")
    entry = Entry(
        unit="np6150", rack="bench", address="192.0.2.11", identity=Identity(mac="00:90:E8:00:00:01"), baseline="",
        baseline_sha256="", certificate="self-signed", flash=record(),
    )  # fmt: skip
    journal.begin(entry, b"found")
    return journal


def test_a_record_survives_and_goes(journal: Journal) -> None:
    entry, _ = journal.read()
    assert entry.flash is not None
    journal.keep_export(entry.flash, b"before")
    entry.flash.stage = "back"
    journal.flash(entry, entry.flash)
    again, _ = journal.read()
    assert again.flash is not None and again.flash.stage == "back" and again.phase == "flashing"
    assert journal.kept_export(again.flash) == b"before"
    journal.flash(entry, None)
    assert journal.read()[0].flash is None
    journal.end()
    assert list(journal.folder.iterdir()) == []


def test_a_full_disk_is_told_before_the_first_byte(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(journal_module, "write_durably", full)
    with pytest.raises(ConfigFault, match="No space left"):
        journal.keep_export(record(), b"before")


def test_a_run_does_not_touch_a_unit_in_the_middle_of_an_upgrade(lab: Lab, journal: Journal, tmp_path: Path) -> None:
    entry = lab.units["np6150"]
    target = FakeTarget(tmp_path / "u", entry)
    keeper = Keeper(lab, entry, target)
    with pytest.raises(LabFault, match=r"in the middle of an upgrade from 2\.1 to 2\.3") as fault:
        keeper.open()
    assert "nportlab recover --unit np6150" in fault.value.remedy
    keeper.close()
    assert target.actions == [] and journal.pending


def test_an_upgrade_that_failed_half_way_is_left_to_recovery(lab: Lab, tmp_path: Path) -> None:
    entry = lab.units["np6150"]
    target = FakeTarget(tmp_path / "u", entry)
    keeper = Keeper(lab, entry, target)
    keeper.open()
    keeper.journal.flash(keeper.record, record())
    assert keeper.half_upgraded
    with pytest.raises(LabFault, match="in the middle of an upgrade that failed"):
        keeper.close()
    assert target.actions == [] and keeper.journal.pending and not keeper.lock.held


def test_a_unit_that_is_left_keeps_its_journal(lab: Lab, tmp_path: Path) -> None:
    entry = lab.units["np6150"]
    keeper = Keeper(lab, entry, FakeTarget(tmp_path / "u", entry))
    keeper.open()
    keeper.journal.flash(keeper.record, record())
    keeper.leave()
    keeper.close()
    assert keeper.journal.pending and not keeper.lock.held


def test_firmware_for_good_is_the_new_baseline(lab: Lab, tmp_path: Path) -> None:
    entry = lab.units["np6150"]
    target = FakeTarget(tmp_path / "u", entry)
    keeper = Keeper(lab, entry, target)
    keeper.open()
    keeper.flashed("2.3.9")
    target._write({**target.state, "console.auto_logout": "17"}, "self-signed", [])
    keeper.adopt()
    keeper.close()
    assert target.actions == [] and target.state["console.auto_logout"] == "17"
    assert not keeper.journal.pending


# ---- settling


@pytest.fixture
def unit(lab: Lab) -> Any:
    unit = MagicMock()
    unit.name, unit.address, unit.model = "np6150", "192.0.2.11", "NP6150"
    unit.entry = lab.units["np6150"]
    unit.rack.virtual = None
    unit.power.is_on.return_value = True
    unit.moxa_service.kernel.return_value.version = "2.1"
    unit.wait_until_healthy.return_value = Health()
    return unit


def runs(unit: Any, version: str, mac: str = "00:90:E8:00:00:01") -> None:
    unit.firmware.read.return_value = Firmware((Seen("web overview", "NP6150", version, mac, "17"),))


def settled(lab: Lab, unit: Any, journal: Journal, allow_flash: bool = False) -> recovery.Settled:
    bench = MagicMock()
    bench.unit.return_value = unit
    return settle(lab, bench, "np6150", journal, allow_flash=allow_flash, say=lambda text: None)


def test_nothing_sent_is_nothing_to_settle(lab: Lab, unit: Any, journal: Journal) -> None:
    entry, _ = journal.read()
    journal.flash(entry, record(stage="cleared"))
    assert settled(lab, unit, journal).end == "at home"
    assert unit.mock_calls == [] and journal.read()[0].flash is None


def test_whole_on_the_old_firmware(lab: Lab, unit: Any, journal: Journal) -> None:
    runs(unit, "2.1")
    assert settled(lab, unit, journal).end == "at home"
    assert journal.pending and journal.read()[0].flash is None
    unit.console.logout.assert_called()


def test_whole_on_the_new_firmware_that_was_wanted(
    lab: Lab, unit: Any, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "lost", lambda *_: ())
    entry, _ = journal.read()
    journal.flash(entry, record(home="2.3"))
    runs(unit, "2.3")
    done = settled(lab, unit, journal)
    assert done.end == "finished" and 'write firmware: "2.3"' in done.said
    unit.ensure_account.assert_called()
    assert not journal.pending


def test_new_firmware_without_a_way_back_stays(lab: Lab, unit: Any, journal: Journal) -> None:
    runs(unit, "2.3")
    done = settled(lab, unit, journal, allow_flash=True)  # this lab has no images
    assert done.end == "stays" and "found on 2.1" in done.said
    assert not journal.pending


@pytest.mark.parametrize(
    ("version", "mac", "words"),
    [("2.0", "00:90:E8:00:00:01", "np6150 runs 2.0"), ("2.3", "00:90:E8:00:00:02", "another")],
)
def test_what_nobody_expects_is_left_for_a_person(
    lab: Lab, unit: Any, journal: Journal, version: str, mac: str, words: str
) -> None:
    runs(unit, version, mac)
    with pytest.raises(LabFault, match=words):
        settled(lab, unit, journal)
    assert journal.pending


def test_a_silent_unit_gets_its_power_cut_once_and_then_a_person(lab: Lab, unit: Any, journal: Journal) -> None:
    unit.wait_until_healthy.side_effect = NeverCameBack("silent")
    with pytest.raises(LabFault, match="does not answer after an upgrade") as fault:
        settled(lab, unit, journal)
    unit.power.cycle.assert_called_once()
    assert fault.value.exit_code == 10
    for words in (
        "Leave the power of np6150 on",
        "off and on once",
        "reset button 5 s",
        "nportlab recover --unit np6150",
    ):
        assert words in fault.value.remedy
    assert journal.pending


def test_the_power_is_not_cut_where_that_is_not_allowed(lab: Lab, unit: Any, journal: Journal) -> None:
    unit.entry = lab.units["np6450"]
    unit.wait_until_healthy.side_effect = NeverCameBack("silent")
    with pytest.raises(LabFault, match="does not answer"):
        settled(lab, unit, journal)
    unit.power.cycle.assert_not_called()


def test_power_and_link_come_before_the_unit(lab: Lab, unit: Any, journal: Journal) -> None:
    unit.wait_until_healthy.side_effect = NeverCameBack("silent")
    unit.check_bench.side_effect = LabFault("this host has no route", resource="rack bench")
    with pytest.raises(LabFault, match="no route"):
        settled(lab, unit, journal)


def test_a_unit_left_without_power_gets_it(lab: Lab, unit: Any, journal: Journal) -> None:
    unit.power.is_on.return_value = False
    runs(unit, "2.1")
    settled(lab, unit, journal)
    unit.power.on.assert_called_once()
