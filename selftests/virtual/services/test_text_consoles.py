from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import paramiko
import pytest

from nportlab.unit.endpoint import Account, Address
from nportlab.unit.errors import ValueRefused
from nportlab.unit.shell import Shell
from nportlab.verdicts.recorder import NullRecorder
from nportlab.virtual.unit.device import Device
from nportlab.virtual.unit.services import ssh, telnet
from selftests.virtual.services.bench import PASSWORD, USER, Bench, endpoint, make_device, program

ON = {"console.telnet": "enable", "console.ssh": "enable"}
SELECTION = "Key in your selection: "


class Screen:
    """What a person sees and types at a terminal."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._position = 0
        self.seen = ""

    def wait(self, text: str, seconds: float = 10) -> str:
        """What came since the last wait, up to and including `text`, which must come."""
        end = time.monotonic() + seconds
        while text not in self.seen[self._position :]:
            octets = self._read(end)
            assert octets is not None, f"{text!r} never came; seen: {self._new()!r}"
            assert octets, f"closed before {text!r}; seen: {self._new()!r}"
        start, self._position = self._position, self.seen.index(text, self._position) + len(text)
        return self.seen[start : self._position]

    def wait_closed(self, seconds: float = 10) -> str:
        """What came since the last wait until the end."""
        end = time.monotonic() + seconds
        while octets := self._read(end):
            pass
        assert octets is not None, f"still open; seen: {self._new()!r}"
        return self._new()

    def _new(self) -> str:
        return self.seen[self._position :]

    def _read(self, end: float) -> bytes | None:
        """The next octets, empty at the end of the stream, None when time is up."""
        if not select.select([self._descriptor], [], [], max(0.0, end - time.monotonic()))[0]:
            return None
        try:
            octets = os.read(self._descriptor, 4096)
        except OSError:  # the other end of a pty is gone
            octets = b""
        self.seen += octets.decode(errors="replace")
        return octets

    def type(self, line: str, end: str = "\r") -> None:
        os.write(self._descriptor, (line + end).encode())

    def choose(self, line: str) -> str:
        """Type a line at a menu; what the unit shows up to the next prompt for a selection."""
        self.type(line)
        return self.wait(SELECTION)


@contextlib.contextmanager
def terminal(command: list[str], environment: dict[str, str] | None = None) -> Iterator[Screen]:
    """A program on a pseudo terminal of its own."""
    controller, line = pty.openpty()
    process = subprocess.Popen(
        command, stdin=line, stdout=line, stderr=line, start_new_session=True, env={**os.environ, **(environment or {})}
    )
    os.close(line)
    try:
        yield Screen(controller)
    finally:
        process.kill()
        process.wait()
        os.close(controller)


@contextlib.contextmanager
def telnet_program(device: Device) -> Iterator[Screen]:
    host, port = endpoint(device, 23)
    with terminal([program("telnet"), host, str(port)]) as screen:
        yield screen


@contextlib.contextmanager
def openssh(device: Device, directory: Path, password: str = PASSWORD, *options: str) -> Iterator[Screen]:
    """OpenSSH's client, which takes the password from a helper program instead of the terminal."""
    helper = directory / "askpass"
    helper.write_text(f"#!/bin/sh\necho '{password}'\n")
    helper.chmod(0o700)
    host, port = endpoint(device, 22)
    command = [program("ssh"), "-tt", "-F", "none", "-p", str(port), "-o", f"UserKnownHostsFile={directory / 'known'}"]
    command += ["-o", "StrictHostKeyChecking=accept-new", "-o", "NumberOfPasswordPrompts=1"]
    command += ["-o", "PubkeyAuthentication=no", *options, f"{USER}@{host}"]
    with terminal(command, {"SSH_ASKPASS": str(helper), "SSH_ASKPASS_REQUIRE": "force"}) as screen:
        yield screen


def key_of(screen: str, label: str) -> str:
    found = re.search(rf"^\s+(\w+)\. {re.escape(label)}\b", screen, re.MULTILINE)
    assert found, f"{label} is not in {screen}"
    return found[1]


def walk(screen: Screen, shown: str, *steps: str) -> str:
    for step in steps:
        shown = screen.choose(key_of(shown, step))
    return shown


def test_telnet_program_logs_in_and_changes_a_setting(tmp_path: Path, bench: Bench) -> None:
    device = make_device(tmp_path, ON)
    with bench.serving(device, telnet), telnet_program(device) as screen:
        screen.wait("login: ")
        screen.type(USER)
        screen.wait("password: ")
        screen.type(PASSWORD)
        shown = walk(screen, screen.wait(SELECTION), "Administration", "Console Settings")
        assert "<<Administration > Console Settings>>" in shown
        assert "Telnet console : Enable" in shown
        choices = screen.choose(key_of(shown, "SSH console"))
        shown = screen.choose(key_of(choices, "Disable"))
        assert "Saved. Restart to activate." in shown
        assert "SSH console : Disable" in shown
        screen.type("q")
        assert "Good bye." in screen.wait_closed()
    assert (device.saved["console.ssh"], device.running["console.ssh"]) == ("disable", "enable")
    assert PASSWORD not in screen.seen


def test_openssh_logs_in_and_is_refused_bad_values(tmp_path: Path, bench: Bench) -> None:
    device = make_device(tmp_path, ON)
    with bench.serving(device, ssh), openssh(device, tmp_path) as screen:
        shown = walk(screen, screen.wait(SELECTION), "Administration", "Console Settings")
        screen.type(key_of(shown, "Auto Logout Setting (min)"[:11]))
        screen.wait("New value: ")
        screen.type("1441")
        assert "Refused: " in screen.wait(SELECTION)
        screen.choose("m")
        screen.type("s")
        screen.wait("Restart now? (y/n): ")
        screen.type("y")
        assert "Restarting..." in screen.wait_closed()
        assert device.restart_wanted is not None
        assert device.restart_wanted.result() == "warm"
    assert device.saved["console.auto_logout"] == "5"


def test_openssh_with_a_wrong_password(tmp_path: Path, bench: Bench) -> None:
    device = make_device(tmp_path, {**ON, "log.local_config": "enable"})
    with bench.serving(device, ssh), openssh(device, tmp_path, "wrong") as screen:
        assert "Permission denied" in screen.wait_closed()
    assert device.log.lines()[-1].endswith("[Config] Login Fail")


def test_host_key_stays_the_same_over_restarts(tmp_path: Path, bench: Bench) -> None:
    device = make_device(tmp_path, ON)
    for _ in range(2):
        with bench.serving(device, ssh), openssh(device, tmp_path) as screen:
            screen.wait(SELECTION)
        device = Device(device.identity, device.flash, device.surroundings)


def test_an_rsa_host_key_for_older_clients(tmp_path: Path, bench: Bench) -> None:
    device = make_device(tmp_path, ON)
    with (
        bench.serving(device, ssh),
        openssh(device, tmp_path, PASSWORD, "-o", "HostKeyAlgorithms=rsa-sha2-256") as screen,
    ):
        screen.wait(SELECTION)


def test_paramiko_logs_in_and_may_not_run_commands(tmp_path: Path, bench: Bench) -> None:
    device = make_device(tmp_path, ON)
    with bench.serving(device, ssh), paramiko.SSHClient() as client:
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        host, port = endpoint(device, 22)
        client.connect(host, port, USER, PASSWORD, look_for_keys=False, allow_agent=False, timeout=10)
        transport = client.get_transport()
        assert transport is not None
        assert transport.remote_version == "SSH-2.0-NPort"
        _, output, _ = client.exec_command("reboot", timeout=10)
        assert output.channel.recv_exit_status() == 1
        assert output.read() == b""


def raw_telnet(device: Device) -> socket.socket:
    client = socket.create_connection(endpoint(device, 23), 10)
    client.settimeout(10)
    return client


def test_telnet_hangs_up_after_three_wrong_passwords(tmp_path: Path, bench: Bench) -> None:
    device = make_device(tmp_path, {**ON, "log.local_config": "enable"})
    with bench.serving(device, telnet), raw_telnet(device) as client:
        screen = Screen(client.fileno())
        for _ in range(3):
            screen.wait("login: ")
            screen.type(USER, "\r\n")
            screen.wait("password: ")
            screen.type("wrong", "\r\n")
            screen.wait("Login incorrect.")
        screen.wait_closed()
    assert len(device.log.lines()) == 3


def test_no_shell_before_there_is_an_account(tmp_path: Path, bench: Bench) -> None:
    device = make_device(tmp_path, ON, account=False)
    with bench.serving(device, telnet, ssh):
        with raw_telnet(device) as client:
            assert "Create the first account" in Screen(client.fileno()).wait_closed()
        with openssh(device, tmp_path, "moxa") as screen:
            assert "Permission denied" in screen.wait_closed()


def test_idle_sessions_are_logged_out(tmp_path: Path, bench: Bench) -> None:
    device = make_device(tmp_path, {**ON, "console.auto_logout": "1"}, minute=0.4)
    with bench.serving(device, telnet, ssh):
        with openssh(device, tmp_path) as screen:
            screen.wait(SELECTION)
            begun = time.monotonic()
            assert "Auto logout." in screen.wait_closed()
            assert time.monotonic() - begun > 0.35
        with raw_telnet(device) as client:
            Screen(client.fileno()).wait_closed()


def test_defect_idle_sessions_stay(tmp_path: Path, bench: Bench) -> None:
    device = make_device(tmp_path, {**ON, "console.auto_logout": "1"}, minute=0.05, defects=("ssh-never-logs-out",))
    with bench.serving(device, ssh), openssh(device, tmp_path) as screen:
        screen.wait(SELECTION)
        with pytest.raises(AssertionError, match="still open"):
            screen.wait_closed(seconds=0.5)
        screen.choose("m")


def test_secrets_are_masked_and_texts_can_be_emptied(tmp_path: Path, bench: Bench) -> None:
    values = {**ON, "snmp.read_community": "not-for-eyes", "basic.server_location": "cellar"}
    device = make_device(tmp_path, values)
    with bench.serving(device, ssh), openssh(device, tmp_path) as screen:
        shown = walk(screen, screen.wait(SELECTION), "Administration", "SNMP Agent")
        assert "Read community string : ********" in shown
        screen.type(key_of(shown, "Read community string"))
        screen.wait("New value: ")
        screen.type("typed-blind")
        screen.wait(SELECTION)
        shown = walk(screen, screen.choose("m"), "System Configuration", "Basic Settings")
        screen.type(key_of(shown, "Server location"))
        screen.wait("New value: ")
        screen.type("")
        screen.wait(SELECTION)
    assert (device.saved["snmp.read_community"], device.saved["basic.server_location"]) == ("typed-blind", "")
    assert "typed-blind" not in screen.seen


def test_port_pages_show_the_fields_of_the_saved_mode(tmp_path: Path, bench: Bench) -> None:
    device = make_device(tmp_path, {**ON, "port.2.operation_mode": "tcp_server"})
    with bench.serving(device, ssh), openssh(device, tmp_path) as screen:
        ports = walk(screen, screen.wait(SELECTION), "Serial Port Settings")
        first = walk(screen, ports, "Port 1", "Operation Modes")
        screen.choose("m")
        second = walk(screen, walk(screen, screen.choose("m"), "Serial Port Settings"), "Port 2", "Operation Modes")
    assert "<<Serial Port Settings > Port 2 > Operation Modes>>" in second
    assert first != second


@pytest.mark.parametrize(
    ("defect", "module"), [("telnet-listens-though-disabled", telnet), ("ssh-listens-though-disabled", ssh)]
)
def test_defects_a_console_listens_though_off(tmp_path: Path, defect: str, module: ModuleType) -> None:
    off = {"console.telnet": "disable", "console.ssh": "disable"}
    assert not module.enabled(make_device(tmp_path / "healthy", off))
    assert module.enabled(make_device(tmp_path / "defect", off, defects=(defect,)))


@pytest.mark.parametrize(("defect", "module"), [("telnet-never-listens", telnet), ("ssh-never-listens", ssh)])
def test_defects_a_console_never_listens(tmp_path: Path, defect: str, module: ModuleType) -> None:
    assert not module.enabled(make_device(tmp_path, ON, defects=(defect,)))


def test_defect_choices_are_lacking(tmp_path: Path, bench: Bench) -> None:
    device = make_device(tmp_path, ON, defects=("encryption-lacks-aes128",))
    with bench.serving(device, ssh), openssh(device, tmp_path) as screen:
        shown = walk(screen, screen.wait(SELECTION), "Administration", "Console Settings")
        choices = screen.choose(key_of(shown, "Sensitive Data Encryption"))
        assert "MD5" in choices
        assert "AES128" not in choices


@pytest.mark.parametrize("way", ["ssh", "telnet"])
def test_the_harness_reads_and_sets(tmp_path: Path, bench: Bench, way: str) -> None:
    device = make_device(tmp_path, ON)
    (host, ssh_port), (_, telnet_port) = endpoint(device, 22), endpoint(device, 23)
    address = Address(host, {22: ssh_port, 23: telnet_port})
    shell = Shell(address, Account(USER, PASSWORD), NullRecorder())
    with bench.serving(device, ssh, telnet), shell.ssh() if way == "ssh" else shell.telnet() as console:
        assert console.read("console.auto_logout") == "5"
        console.set("console.auto_logout", "7")
        console.set("console.http", "redirect")
        console.set("basic.server_location", "")
        assert console.get_settings(["console.http", "port.3.alias"]) == {
            "console.http": "redirect",
            "port.3.alias": "",
        }
        with pytest.raises(ValueRefused):
            console.set("console.max_login_users", "11")
        assert console.identity()["mac"] == device.mac
    assert device.saved["console.auto_logout"] == "7"
