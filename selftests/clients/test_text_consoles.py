"""OpenSSH's ssh and the telnet program at the text consoles."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selftests.clients.desk import USER, Desk
from selftests.virtual.services.test_text_consoles import SELECTION, Screen, terminal, walk


@contextmanager
def ssh(desk: Desk, unit: str, directory: Path, password: str) -> Iterator[Screen]:
    """An ssh session; the password comes from a helper program, as without a terminal."""
    helper = directory / "askpass"
    helper.write_text(f"#!/bin/sh\necho '{password}'\n")
    helper.chmod(0o700)
    options = {
        "UserKnownHostsFile": directory / "known_hosts",
        "StrictHostKeyChecking": "accept-new",
        "NumberOfPasswordPrompts": 1,
        "PubkeyAuthentication": "no",
        "ConnectTimeout": 10,
    }
    command = desk.command(
        "ssh",
        "-tt",
        "-F",
        "none",
        "-p",
        str(desk.port(unit, 22)),
        *(f"-o{name}={value}" for name, value in options.items()),
    )
    environment = {"SSH_ASKPASS": str(helper), "SSH_ASKPASS_REQUIRE": "force"}
    with terminal([*command, f"{USER}@{desk.host(unit)}"], environment) as screen:
        yield screen


@contextmanager
def telnet(desk: Desk, unit: str) -> Iterator[Screen]:
    with terminal(desk.command("telnet", desk.host(unit), str(desk.port(unit, 23)))) as screen:
        yield screen


def test_ssh_shows_who_the_unit_is(desk: Desk, plain: str, tmp_path: Path) -> None:
    unit = desk.rack.unit(plain)
    with ssh(desk, plain, tmp_path, desk.password(plain)) as screen:
        menu = screen.wait(SELECTION)
        assert f"Model name : {unit.model}" in menu
        assert f"MAC address : {unit.mac}" in menu
        screen.type("q")
        assert "Good bye." in screen.wait_closed()


def test_ssh_refuses_a_wrong_password(desk: Desk, plain: str, tmp_path: Path) -> None:
    with ssh(desk, plain, tmp_path, "not this one") as screen:
        assert "Permission denied" in screen.wait_closed()


def test_ssh_is_closed_when_off(desk: Desk, strict: str, tmp_path: Path) -> None:
    with ssh(desk, strict, tmp_path, desk.password(strict)) as screen:
        assert "Connection refused" in screen.wait_closed()


def test_telnet_logs_in_and_reads_a_setting(desk: Desk, open_unit: str) -> None:
    with telnet(desk, open_unit) as screen:
        screen.wait("login: ")
        screen.type(USER)
        screen.wait("password: ")
        screen.type(desk.password(open_unit))
        page = walk(screen, screen.wait(SELECTION), "Administration", "Console Settings")
        assert "Telnet console : Enable" in page
        screen.type("q")
        assert "Good bye." in screen.wait_closed()
    assert desk.password(open_unit) not in screen.seen


def test_telnet_is_closed_when_off(desk: Desk, plain: str) -> None:
    with telnet(desk, plain) as screen:
        assert "Connection refused" in screen.wait_closed()
