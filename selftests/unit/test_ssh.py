"""The SSH client against OpenSSH, with accounts of its own in a private mount namespace."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nportlab.guide.text_console import text_console
from nportlab.unit.endpoint import Account, Address
from nportlab.unit.errors import LoginRefused, NotReachable, SessionLost, UnexpectedAnswer
from nportlab.unit.shell import Shell
from nportlab.verdicts.recorder import NullRecorder

SSHD = shutil.which("sshd", path="/usr/sbin:/sbin")
PASSWORD = "lab-Passw0rd"

pytestmark = [
    pytest.mark.skipif(SSHD is None, reason="sshd is not installed"),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs a mount namespace"),
]

MENU = f"""#!/usr/bin/env python3
main = '''<<Main menu>>\\r\\nModel name : NP6450\\r\\nSerial No. : 59\\r\\nFirmware version : 2.3\\r\\n
MAC address : 00:90:E8:00:00:01\\r\\n  1. Administration\\r\\n{text_console().selection}'''
print(main, end="", flush=True)
while input() != "q":
    print(main, end="", flush=True)
"""


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@contextmanager
def sshd(folder: Path, *options: str) -> Iterator[int]:
    """OpenSSH on a free port of 127.0.0.1. Its account files are bound over the host's for this process only."""
    folder.chmod(0o755)
    port = free_port()
    key, menu = folder / "host_key", folder / "menu.py"
    subprocess.run(("ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", str(key)), check=True, timeout=20)
    menu.write_text(MENU)
    menu.chmod(0o755)
    (folder / "passwd").write_text("root:x:0:0:::/bin/sh\nadmin:x:0:0::/:/bin/sh\nsshd:x:999:65534::/:/bin/false\n")
    hashed = subprocess.run(
        ("openssl", "passwd", "-6", PASSWORD), capture_output=True, text=True, check=True
    ).stdout.strip()
    (folder / "shadow").write_text(f"root:*:19000::::::\nadmin:{hashed}:19000::::::\nsshd:*:19000::::::\n")
    (folder / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {key}\nUsePAM no\nPermitRootLogin yes\nPidFile none\n"
        f"PasswordAuthentication yes\nStrictModes no\nPrintMotd no\nForceCommand {menu}\n" + "\n".join(options)
    )
    binds = " && ".join(f"mount --bind {folder}/{name} /etc/{name}" for name in ("passwd", "shadow"))
    command = f"{binds} && mkdir -p /run/sshd && exec {SSHD} -D -e -f {folder}/config"
    process = subprocess.Popen(("unshare", "-m", "sh", "-c", command), stderr=subprocess.PIPE)
    try:
        end = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None, process.stderr.read().decode() if process.stderr else ""
                assert time.monotonic() < end
                time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.communicate(timeout=10)


def shell(port: int, account: Account) -> Shell:
    return Shell(Address("127.0.0.1", {22: port}), account, NullRecorder(), timeout=5)


def test_a_menu_over_openssh(tmp_path: Path) -> None:
    with sshd(tmp_path) as port, shell(port, Account("admin", PASSWORD)).ssh() as console:
        assert console.identity()["model"] == "NP6450"
        assert [entry.label for entry in console.entries()] == ["Administration"]


def test_a_wrong_password_is_tried_once(tmp_path: Path) -> None:
    account = Account("admin", "not the password")
    with sshd(tmp_path) as port:
        with pytest.raises(LoginRefused, match="refused user 'admin'") as caught:
            shell(port, account).ssh()
        with pytest.raises(LoginRefused, match="not tried again"):
            shell(port, account).ssh()
        shell(port, Account("admin", PASSWORD)).ssh().close()
    assert "not the password" not in str(caught.value)


def test_a_server_without_passwords_is_not_a_refusal_of_ours(tmp_path: Path) -> None:
    account = Account("admin", PASSWORD)
    with sshd(tmp_path, "KbdInteractiveAuthentication no") as port:
        (tmp_path / "menu.py").write_text("#!/bin/sh\necho bye\n")
        with pytest.raises(SessionLost):
            shell(port, account).ssh()
    assert account.refused is None


def test_old_algorithms_of_old_firmware(tmp_path: Path) -> None:
    options = (
        "KexAlgorithms diffie-hellman-group14-sha1", "Ciphers aes128-cbc", "MACs hmac-sha1",
    )  # fmt: skip
    with sshd(tmp_path, *options) as port, shell(port, Account("admin", PASSWORD)).ssh() as console:
        assert console.identity()["serial"] == "59"


def test_a_port_that_does_not_speak_ssh() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(UnexpectedAnswer, match="does not speak SSH"):
            Shell(Address("127.0.0.1", {22: port}), Account("admin", PASSWORD), NullRecorder(), timeout=0.3).ssh()
    with pytest.raises(NotReachable, match="refused"):
        shell(port, Account("admin", PASSWORD)).ssh()
