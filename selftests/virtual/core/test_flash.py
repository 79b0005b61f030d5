from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nportlab.virtual.unit.flash import Flash, FlashDamaged


def test_what_was_committed_is_read_back(tmp_path: Path) -> None:
    Flash(tmp_path).commit("configuration", {"settings": {"console.telnet": "enable"}})
    assert Flash(tmp_path).read("configuration") == {"settings": {"console.telnet": "enable"}}


def test_nothing_is_the_default(tmp_path: Path) -> None:
    flash = Flash(tmp_path)
    assert flash.read("accounts", []) == []
    flash.commit("accounts", [1])
    flash.remove("accounts")
    flash.remove("accounts")
    assert flash.read("accounts") is None


def test_a_commit_cut_short_leaves_the_old_value(tmp_path: Path) -> None:
    flash = Flash(tmp_path)
    flash.commit("configuration", "old")
    (tmp_path / "configuration.new").write_text('"ne')
    assert Flash(tmp_path).read("configuration") == "old"
    assert not list(tmp_path.glob("*.new"))


def test_power_cuts_never_leave_half_a_value(tmp_path: Path) -> None:
    for round_number in range(8):
        pid = os.fork()
        if pid == 0:
            flash = Flash(tmp_path)
            for number in range(10**6):
                flash.commit("counter", [number] * 500)
                flash.append("log", f"line {number}")
        time.sleep(0.01 + 0.003 * round_number)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        value = Flash(tmp_path).read("counter", [0])
        assert len(set(value)) == 1
        assert all(line.startswith("line ") and line[5:].isdigit() for line in Flash(tmp_path).lines("log"))


def test_damage_is_told_from_absence(tmp_path: Path) -> None:
    Flash(tmp_path)
    (tmp_path / "boots.json").write_text("{")
    with pytest.raises(FlashDamaged, match="boots"):
        Flash(tmp_path).read("boots")


@settings(deadline=None, max_examples=40)
@given(st.lists(st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=30), max_size=8))
def test_lines_come_back_without_a_torn_one(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    directory = tmp_path_factory.mktemp("flash")
    flash = Flash(directory)
    for line in lines:
        flash.append("log", line)
    with (directory / "log.txt").open("a") as file:
        file.write("torn")
    assert list(flash.lines("log")) == lines
    flash.replace_lines("log", lines[:2])
    assert list(flash.lines("log")) == lines[:2]


def test_secrets_in_flash_are_for_the_owner_only(tmp_path: Path) -> None:
    flash = Flash(tmp_path / "new")
    flash.commit("certificate", "key")
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0
    assert (tmp_path / "new" / "certificate.json").stat().st_mode & 0o077 == 0
