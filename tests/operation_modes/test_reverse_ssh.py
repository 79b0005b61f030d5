"""Reverse SSH mode: the serial line behind an SSH login, which nobody gets at without."""

import pytest

from fixtures.marks import control, on_port
from fixtures.mode_clients import network_port
from nportlab.guide.modes import default_port
from nportlab.modes.reverse_ssh import before_login
from nportlab.modes.tcp import TcpClient
from nportlab.unit.errors import LoginRefused
from tests.operation_modes._ends import A_WHILE, hear, hear_all, say
from tests.operation_modes._programs import program

pytestmark = pytest.mark.opmode

WITH_LOGIN = {"reverse_terminal_port": "=4600+n", "reverse_authentication": "local"}
EVERY = bytes(range(256))

LOGIN_SECONDS = 15.0
"""Until a program that nobody can watch is logged in and moves bytes."""


def place(port):
    """Where the port is reached."""
    return port.endpoint(network_port(port))


@control("OPM-11")
@on_port("reverse_ssh", WITH_LOGIN)
def test_data_crosses_both_ways_after_login(port):
    client = port.connect()
    say(client, EVERY)
    assert hear(port.adapter, 256) == EVERY, "to the line"
    say(port.adapter, EVERY)
    assert hear(client, 256) == EVERY, "from the line"


@control("OPM-11")
@on_port("reverse_ssh", WITH_LOGIN)
def test_it_listens_on_the_tcp_port_that_was_set_and_no_more_on_the_one_before(port, tcp):
    new = network_port(port)
    assert tcp.banner(new, 5.0).startswith(b"SSH-2.0-"), "what listens on the port set is no SSH server"
    assert tcp.open_among({new, default_port(port.number)}) == {new}


@control("OPM-11")
@on_port("reverse_ssh", WITH_LOGIN)
def test_a_session_takes_a_login(port, evidence):
    seen = before_login(place(port), port.unit.account.username, label=port.label, listen=A_WHILE)
    evidence.note(f"login methods offered: {', '.join(seen.offered) or 'none'}")
    assert not seen.opened, "a session was opened without a login"
    say(port.connect(), b"hello")
    assert hear(port.adapter, 5) == b"hello"


@control("OPM-11")
@on_port("reverse_ssh", WITH_LOGIN)
def test_a_wrong_password_is_refused(port):
    with pytest.raises(LoginRefused):
        port.connect(password="not-" + port.unit.account.password)
    say(port.connect(), b"hello")
    assert hear(port.adapter, 5) == b"hello"


@control("OPM-11")
@on_port("reverse_ssh", WITH_LOGIN)
def test_no_data_passes_before_login_either_way(port):
    _ = port.adapter
    stranger = port.stack.enter_context(TcpClient.connect(place(port), label=port.label, mode="reverse SSH"))
    stranger.receive_until(b"\n", 5.0)
    say(port.adapter, b"nobody may hear this")
    heard = hear_all(stranger)
    assert b"nobody may" not in heard, "what the device says is sent to somebody who is not logged in"
    say(stranger, b"SSH-2.0-stranger\r\nto the line")
    assert hear_all(port.adapter) == b"", "what somebody who is not logged in sends reaches the device"
    stranger.close()
    client = port.connect()
    say(client, b"to the line")
    assert hear(port.adapter, 11) == b"to the line"
    say(port.adapter, b"somebody may hear this")
    assert hear(client, 22) == b"somebody may hear this"


@control("OPM-11")
@on_port("reverse_ssh", WITH_LOGIN)
def test_openssh_reaches_the_line(port, tmp_path):
    _ = port.adapter
    answer = tmp_path / "answer"
    answer.write_text('#!/bin/sh\necho "$NPORTLAB_PASSWORD"\n')
    answer.chmod(0o700)
    options = {
        "UserKnownHostsFile": tmp_path / "known_hosts",
        "StrictHostKeyChecking": "accept-new",
        "NumberOfPasswordPrompts": 1,
        "PubkeyAuthentication": "no",
        "EscapeChar": "none",
        "LogLevel": "ERROR",
    }
    account, (host, number) = port.unit.account, place(port)
    ssh = program(
        port,
        "ssh",
        *("-F", "none", "-T", "-p", str(number)),
        *(f"-o{name}={value}" for name, value in options.items()),
        f"{account.username}@{host}",
        SSH_ASKPASS=str(answer),
        SSH_ASKPASS_REQUIRE="force",
        NPORTLAB_PASSWORD=account.password,
    )
    say(ssh, EVERY)
    assert hear(port.adapter, 256, LOGIN_SECONDS) == EVERY, "to the line"
    say(port.adapter, EVERY)
    assert hear(ssh, 256) == EVERY, "from the line"
