"""The DHCP server answered to busybox udhcpc, over a veth pair in a namespace of its own."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from nportlab.peers.dhcp import ACK, DISCOVER, OFFER, REQUEST, DhcpServer, Lease

SCRIPT = """
import subprocess, sys
from nportlab.peers.dhcp import DhcpServer, Lease

def ip(*words):
    subprocess.run(("ip", *words), check=True)

ip("link", "set", "lo", "up")
ip("link", "add", "server", "type", "veth", "peer", "name", "client")
ip("addr", "add", "192.168.127.1/24", "dev", "server")
ip("link", "set", "server", "up")
ip("link", "set", "client", "up")
lease = Lease("192.168.127.77", router="192.168.127.1", dns="192.168.127.1")
with DhcpServer("192.168.127.1", "server", lease=lease) as server:
    script = sys.argv[1]
    said = subprocess.run(
        ("busybox", "udhcpc", "-i", "client", "-n", "-q", "-f", "-t", "3", "-T", "1", "-s", script),
        capture_output=True, text=True, timeout=20,
    )
    print(said.stdout, said.stderr)
    print("kinds", [message.kind for message in server.received])
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a network namespace")
@pytest.mark.skipif(shutil.which("busybox") is None, reason="busybox is not installed")
def test_a_lease_for_udhcpc(tmp_path: Path) -> None:
    script = tmp_path / "lease.sh"
    script.write_text('#!/bin/sh\n[ "$1" = bound ] && echo "bound $ip $subnet $router $dns $lease"\nexit 0\n')
    script.chmod(0o755)
    command = ("unshare", "-n", sys.executable, "-c", SCRIPT, str(script))
    result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert "bound 192.168.127.77 255.255.255.0 192.168.127.1 192.168.127.1 600" in result.stdout, result.stderr
    assert f"kinds [{DISCOVER}, {REQUEST}]" in result.stdout


def request(kind: int | None, options: bytes = b"") -> bytes:
    mac = bytes.fromhex("0090E8010203").ljust(16, b"\0")
    head = struct.pack(">4BIHH16s16s", 1, 1, 6, 0, 0x1234, 0, 0x8000, bytes(16), mac) + bytes(192)
    if kind is None:
        return head
    return head + bytes((99, 130, 83, 99, 53, 1, kind)) + options + b"\xff"


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        (request(DISCOVER), OFFER),
        (request(REQUEST, b"\x32\x04" + socket.inet_aton("127.0.0.9")), ACK),
        (request(REQUEST, b"\x32\x04" + socket.inet_aton("127.0.0.8")), 6),
        (request(REQUEST, b"\x36\x04" + socket.inet_aton("127.9.9.9")), None),
        (request(7), None),
        (request(None), 0),
        (b"\x01" * 50, None),
        (b"", None),
    ],
)
def test_answers(message: bytes, answer: int | None) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.bind(("127.0.0.1", 0))
        client.settimeout(0.3 if answer is None else 5)
        lease = Lease("127.0.0.9", "255.0.0.0")
        with DhcpServer("127.0.0.1", port=0, lease=lease, client_port=client.getsockname()[1]) as server:
            client.sendto(message, ("127.0.0.1", server.port))
            try:
                reply = client.recv(2048)
            except TimeoutError:
                reply = None
    if answer is None:
        assert reply is None
        return
    assert reply is not None
    assert (reply[0], reply[4:8]) == (2, b"\0\0\x12\x34")
    assert reply[16:20] == (bytes(4) if answer == 6 else socket.inet_aton("127.0.0.9"))
    assert (b"\x35\x01" + bytes((answer,)) in reply) == (answer != 0)
