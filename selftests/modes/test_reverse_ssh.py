"""The reverse SSH client against OpenSSH, whose shell is a raw line that echoes."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nportlab.modes.errors import ConnectionLost, NotInTime, PortRefused
from nportlab.modes.reverse_ssh import ReverseSsh, before_login
from nportlab.unit.endpoint import Endpoint
from nportlab.unit.errors import LoginRefused, UnexpectedAnswer
from selftests.modes.foreign import LOCAL, free_port
from selftests.modes.test_tcp import PATTERN, through
from selftests.unit.test_ssh import PASSWORD, pytestmark, sshd

__all__ = ["pytestmark"]


@contextmanager
def line(folder: Path, script: str = "stty raw -echo; exec cat", *options: str) -> Iterator[Endpoint]:
    with sshd(folder, *options) as port:
        (folder / "menu.py").write_text(f"#!/bin/sh\n{script}\n")
        yield Endpoint(LOCAL, port)


def connected(endpoint: Endpoint, password: str = PASSWORD) -> ReverseSsh:
    return ReverseSsh.connect(endpoint, "admin", password, label="np6450 port 2", timeout=5)


def test_every_byte_through_openssh_and_back(tmp_path: Path) -> None:
    with line(tmp_path, "stty raw -echo; echo ready; exec cat") as endpoint, connected(endpoint) as client:
        assert client.name == "np6450 port 2 reverse SSH"
        assert client.server_version.startswith("SSH-2.0-OpenSSH")
        client.receive_until(b"ready\n", 5)
        assert through(client, PATTERN[: 256 << 10]) == PATTERN[: 256 << 10]


def test_a_line_that_takes_nothing_makes_the_sender_late(tmp_path: Path) -> None:
    with line(tmp_path, "stty raw -echo; echo ready; exec sleep 60") as endpoint, connected(endpoint) as client:
        client.receive_until(b"ready\n", 5)
        with pytest.raises(NotInTime, match=r"took only \d+ of 8388608"):
            client.send_all(bytes(8 << 20), 0.5)
        with pytest.raises(NotInTime, match="nothing came"):
            client.receive_some(0.1)


def test_the_unit_hangs_up(tmp_path: Path) -> None:
    with line(tmp_path, "stty raw -echo; printf bye; exit 0") as endpoint, connected(endpoint) as client:
        ending = client.wait_closed(5)
        assert (ending.how, ending.received) == ("closed", b"bye")
        with pytest.raises(ConnectionLost):
            client.write(b"x")
        assert client.fileno() == -1
        client.close()


def test_a_wrong_password_is_refused_every_time_it_is_tried(tmp_path: Path) -> None:
    with line(tmp_path) as endpoint:
        for _ in range(2):
            with pytest.raises(LoginRefused, match="user 'admin' was refused") as caught:
                connected(endpoint, "not the password")
            assert caught.value.resource == "np6450 port 2 reverse SSH"
            assert "not the password" not in str(caught.value)
        connected(endpoint).close()


def test_before_the_login_nothing_of_the_line_is_shown(tmp_path: Path) -> None:
    with line(tmp_path, "yes MARKER") as endpoint:
        seen = before_login(endpoint, "admin", listen=0.3)
    assert seen.identification.startswith(b"SSH-2.0-OpenSSH")
    # A server may begin its key exchange unasked; what it says is no line.
    assert b"MARKER" not in seen.spoken
    assert not seen.opened
    assert "password" in seen.offered


def test_a_unit_that_lets_anybody_in_is_noticed(tmp_path: Path) -> None:
    """OpenSSH takes the method "none" for an account without a password."""
    with line(tmp_path, "exec cat", "PermitEmptyPasswords yes") as endpoint:
        shadow = tmp_path / "shadow"
        hashed = next(one for one in shadow.read_text().split(":") if one.startswith("$"))
        shadow.write_text(shadow.read_text().replace(hashed, ""))
        assert before_login(endpoint, "admin", listen=0.1).opened


def test_what_speaks_no_ssh() -> None:
    with socket.create_server((LOCAL, 0)) as server:
        endpoint = Endpoint(*server.getsockname())
        with pytest.raises(UnexpectedAnswer, match="does not speak SSH"):
            ReverseSsh.connect(endpoint, "admin", PASSWORD, timeout=0.3)
    with pytest.raises(PortRefused):
        ReverseSsh.connect(Endpoint(LOCAL, free_port()), "admin", PASSWORD)
