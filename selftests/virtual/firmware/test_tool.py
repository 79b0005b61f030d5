"""The stand-in for mcc_tool as a program, and the tool port of the unit behind it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from nportlab.protocol.virtual_image import damaged
from nportlab.virtual.client import RunningRack
from nportlab.virtual.mcc_list import COLUMNS, Row, list_text, read_list
from nportlab.virtual.unit.flash import peek
from selftests.virtual.firmware.bench import ACCOUNT, code_of, image, log_everything, tool, until, upgrade

USER, PASSWORD = ACCOUNT
OLD_ACCOUNT = ("admin", "moxa")


def test_it_tells_its_version() -> None:
    done = tool("-ver")
    assert (done.returncode, "1.2" in done.stdout) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], -11),
        (["-fw"], -12),
        (["-cfg", "-up", "-i", "127.0.0.1"], -12),
        (["-fw", "-r"], -11),
        (["-fw", "-r", "-i", "nowhere"], -11),
        (["-fw", "-r", "-i", "127.0.0.1", "-t", "soon"], -11),
        (["-fw", "-r", "-i", "127.0.0.1", "-what"], -11),
        (["-fw", "-up", "-i", "127.0.0.1", "-u", "a", "-p", "b"], -11),
        (["-fw", "-up", "-i", "127.0.0.1", "-u", "a", "-p", "b", "-f", "/nowhere.rom"], -4),
        (["-fw", "-r", "-i", "127.250.0.9", "-t", "1"], -1),
        (["-pw", "-ch", "-i", "127.0.0.1", "-u", "a", "-p", "b", "-npw", "x" * 17], -8),
        (["-cfg", "-ex", "-i", "127.0.0.1", "-u", "a", "-p", "x" * 17], -3),
        (["-fw", "-up", "-d", "/nowhere.csv"], -4),
    ],
)
def test_what_is_wrong_with_a_command_line(arguments: list[str], code: int) -> None:
    done = tool(*arguments)
    assert done.returncode == 256 + code
    assert code_of(done.returncode) == code


def test_an_upgrade_across_2_0(start: Callable[..., RunningRack], file: Callable[..., Path], tmp_path: Path) -> None:
    """The 6450 goes from 1.21 to 2.0; then it has no account, and the tool makes one."""
    rack = start(np=("NP6450", "1.21"))
    log_everything(rack, "np")
    address = rack.unit("np").address
    log = tmp_path / "log.csv"
    user, password = OLD_ACCOUNT
    arguments = ["-u", user, "-p", password, "-f", file("2.0"), "-t", 20, "-l", log, "-print"]
    done = tool("-fw", "-up", "-i", address, *arguments)
    assert done.returncode == 0, done
    assert "write 100 %" in done.stdout
    head, line = log.read_text().splitlines()
    assert head == ";".join((*COLUMNS, "ErrCode"))
    assert (line.split(";")[-1], password in line) == ("0", False)
    now = rack.firmware("np")
    assert (now.version, now.previous, now.upgrades, now.stage) == ("2.0", "1.21", 1, None)
    assert upgrade(rack, "np", file("2.1")) == -17
    assert code_of(tool("-pw", "-ch", "-i", address, "-u", USER, "-p", "", "-npw", PASSWORD).returncode) == 0
    assert upgrade(rack, "np", file("2.0")) == 0, "the account is good"
    assert (
        peek(rack.directory / "flash" / "np", "configuration")["settings"]["network.ipv4_address"] == "192.168.127.11"
    )
    lines = (rack.directory / "flash" / "np" / "log.txt").read_text().splitlines()
    upgraded = [number for number, text in enumerate(lines) if text.endswith("[Config] Firmware Upgrade")]
    assert len(upgraded) == 2
    assert all("System Cold Start" in lines[number + 1] for number in upgraded)


def test_refusals_leave_the_unit_alone(start: Callable[..., RunningRack], file: Callable[..., Path]) -> None:
    rack = start(np=("NP6450", "2.1"))
    path = file("2.3")
    assert upgrade(rack, "np", path, account=(USER, "Wrong1234")) == -2
    assert upgrade(rack, "np", file("2.0")) == -16
    path.write_bytes(damaged(image("2.3"), "flip"))
    assert upgrade(rack, "np", path) == -7
    path.write_bytes(b"")
    assert upgrade(rack, "np", path) == -7
    rack.add_account("np", "reader", "Read1234")
    path.write_bytes(image("2.3"))
    assert upgrade(rack, "np", path, account=("reader", "Read1234")) == -15
    assert rack.restarts("np") == 1
    assert rack.firmware("np").version == "2.1"


def test_export_import_and_password(start: Callable[..., RunningRack], tmp_path: Path) -> None:
    rack = start(np=("NP6450", "2.3"))
    login = ["-i", rack.unit("np").address, "-u", USER, "-p", PASSWORD]
    assert tool("-cfg", "-ex", *login, "-dk", "secret", folder=tmp_path).returncode == 0
    (exported,) = tmp_path.glob("*.ini")
    text = exported.read_text()
    assert "[NPort Configuration File]" in text
    exported.write_text(text.replace("Server Location=", "Server Location=cellar"), newline="")
    assert tool("-cfg", "-im", *login, "-f", exported, "-n").returncode == 0
    until(lambda: rack.restarts("np") == 2 and rack.unit("np").booted)
    exported.write_text("nonsense")
    assert code_of(tool("-cfg", "-im", *login, "-f", exported).returncode) == -6
    assert tool("-pw", "-ch", *login, "-npw", "Green4Bird").returncode == 0
    assert code_of(tool("-cfg", "-ex", *login, folder=tmp_path).returncode) == -2


def test_several_units_by_a_list(start: Callable[..., RunningRack], file: Callable[..., Path], tmp_path: Path) -> None:
    """One of three is off: its line fails, the others pass."""
    rack = start(a=("NP6450", "2.1"), b=("NP6450", "2.1"), c=("NP6450", "2.1"))
    addresses = [rack.unit(name).address for name in "abc"]
    listed, log = tmp_path / "list.csv", tmp_path / "log.csv"
    assert tool("-fw", "-r", "-i", ",".join(addresses), "-o", listed, "-t", 5).returncode == 0
    rows = read_list(listed)
    assert [(row.model, row.address, row.firmware) for row in rows] == [("NP6450", one, "2.1") for one in addresses]
    path = str(file("2.3"))
    ready = [Row(row.model, row.name, row.address, row.mac, row.firmware, USER, PASSWORD, "", "", path) for row in rows]
    listed.write_text(list_text(ready))
    rack.power("b", False)
    assert code_of(tool("-fw", "-up", "-d", listed, "-t", 20, "-l", log).returncode) == -1
    assert [line.split(";")[-1] for line in log.read_text().splitlines()[1:]] == ["0", "-1", "0"]
    assert [rack.firmware(name).version for name in "abc"] == ["2.3", "2.1", "2.3"]


def test_lists(tmp_path: Path) -> None:
    path = tmp_path / "list"
    row = Row("NP6450", "door", "192.168.127.12", "00:90:E8:00:00:01", "2.3", "admin", "pw")
    path.write_text(list_text([row]))
    assert read_list(path) == [row]
    widths = [max(len(name), 18) for name in COLUMNS]
    cells = ["NP6450", "door", "192.168.127.12", "00:90:E8:00:00:01", "2.3", "admin", "pw", "", "", "", ""]
    padded = [
        " ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in (COLUMNS, cells)
    ]
    path.write_text("\n".join(padded))
    assert read_list(path) == [row]


@pytest.mark.parametrize(
    ("text", "code"), [("", -13), ("a;b\n", -14), (";".join(COLUMNS), -13), (";".join(COLUMNS) + "\nx;y\n", -14)]
)
def test_lists_that_are_none(tmp_path: Path, text: str, code: int) -> None:
    path = tmp_path / "list"
    path.write_text(text)
    assert code_of(tool("-fw", "-r", "-d", path).returncode) == code


def test_a_list_without_what_the_command_needs(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_text(list_text([Row(address="127.0.0.1")]))
    assert code_of(tool("-fw", "-up", "-d", path).returncode) == -13


def test_the_port_stays_silent_to_others(start: Callable[..., RunningRack]) -> None:
    rack = start(np=("NP6450", "2.3"))
    with socket.create_connection((rack.unit("np").address, 4900), 5) as link:
        link.sendall(b"GET / HTTP/1.0\r\n\r\n")
        link.settimeout(10)
        assert link.recv(100) == b"", "closed after the idle time, without a word"
