"""Peers answered to clients nobody here wrote: logger, chronyd, dig, radclient, snmptrap."""

from __future__ import annotations

import shutil
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

import pytest

from nportlab.peers.dns import DnsServer
from nportlab.peers.ntp import NtpServer
from nportlab.peers.peer import UdpPeer
from nportlab.peers.radius import RadiusServer
from nportlab.peers.sink import ConnectionSink, DatagramSink
from nportlab.peers.syslog import SyslogSink
from nportlab.verdicts.faults import HarnessBug, LabFault

LOCAL = "127.0.0.1"


def run(*command: str, stdin: str = "", timeout: float = 10) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)


def needs(program: str) -> pytest.MarkDecorator:
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    return pytest.mark.skipif(found is None, reason=f"{program} is not installed")


# ---- syslog


@needs("logger")
def test_syslog_from_logger() -> None:
    with SyslogSink(LOCAL, 0) as sink:
        run(
            "logger",
            "-n",
            LOCAL,
            "-P",
            str(sink.port),
            "-d",
            "--rfc3164",
            "-p",
            "local3.warning",
            "-t",
            "np6150",
            "Cold Start",
        )
        message = sink.wait_for(lambda m: "Cold Start" in m.text, 5)
    assert message is not None
    assert (message.facility, message.severity) == (19, 4)
    assert message.raw.startswith(b"<156>")


@pytest.mark.parametrize("raw", [b"", b"no priority", b"<999>too large", b"<x>", b"\xff\xfe"])
def test_syslog_keeps_what_it_can_not_read(raw: bytes) -> None:
    with SyslogSink(LOCAL, 0) as sink, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(raw, (LOCAL, sink.port))
        message = sink.wait_for(lambda m: True, 5)
    assert message is not None
    assert (message.raw, message.facility) == (raw, None)


# ---- ntp


@needs("chronyd")
@pytest.mark.parametrize("offset", [0.0, 86400.0])
def test_time_for_chrony(offset: float, tmp_path: Path) -> None:
    with NtpServer(LOCAL, 0, offset=offset) as server:
        said = run(
            shutil.which("chronyd") or "/usr/sbin/chronyd", "-Q", "-t", "8", "-f", "/dev/null", "-n",
            f"server {LOCAL} port {server.port} iburst maxsamples 1", "cmdport 0",
            f"pidfile {tmp_path / 'pid'}", "user root",
        )  # fmt: skip
        assert server.received[0].mode == 3
    wrong = [line for line in (said.stdout + said.stderr).splitlines() if "System clock wrong by" in line]
    assert wrong, said.stderr
    assert float(wrong[0].split("wrong by ")[1].split()[0]) == pytest.approx(offset, abs=1)


def test_a_silent_time_server_still_sees_who_asks() -> None:
    with NtpServer(LOCAL, 0, silent=True) as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(b"\x1b" + bytes(47), (LOCAL, server.port))
        assert server.wait_for(lambda r: r.version == 3, 5) is not None
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(100)


# ---- dns


@needs("dig")
def test_names_for_dig() -> None:
    with DnsServer(LOCAL, 0, records={"time.lab.example": "192.168.127.1"}) as server:
        ask = ("dig", "+tries=1", "+time=3", f"@{LOCAL}", "-p", str(server.port))
        known = run(*ask, "+short", "TIME.lab.example")
        unknown = run(*ask, "other.lab.example")
        other_kind = run(*ask, "time.lab.example", "AAAA")
        names = [query.name for query in server.received]
    assert known.stdout.strip() == "192.168.127.1"
    assert "status: NXDOMAIN" in unknown.stdout
    assert "status: NOERROR" in other_kind.stdout
    assert "ANSWER: 0" in other_kind.stdout
    assert names == ["time.lab.example", "other.lab.example", "time.lab.example"]


@pytest.mark.parametrize(
    "data", [b"", b"\0" * 11, bytes(4) + b"\0\1" + bytes(6) + b"\x3fx", bytes(4) + b"\0\1" + bytes(6)]
)
def test_dns_survives_nonsense(data: bytes) -> None:
    with DnsServer(LOCAL, 0) as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(data, (LOCAL, server.port))
        client.sendto(b"\0\1\1\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1", (LOCAL, server.port))
        assert server.wait_for(lambda q: q.name == "a", 5) is not None


# ---- radius


def radclient(server: RadiusServer, attributes: str, what: str = "auth", secret: str = "shared") -> str:
    result = run("radclient", "-t", "1", "-r", "1", "-x", f"{LOCAL}:{server.port}", what, secret, stdin=attributes)
    return result.stdout + result.stderr


@needs("radclient")
@pytest.mark.parametrize("way", ["User-Password", "CHAP-Password"])
def test_radius_accepts_the_right_password_and_rejects_another(way: str) -> None:
    with RadiusServer(LOCAL, 0, secret="shared", users={"admin": "a rather long password"}) as server:
        good = radclient(server, f'User-Name = "admin", {way} = "a rather long password"')
        bad = radclient(server, f'User-Name = "admin", {way} = "other"')
        unknown = radclient(server, f'User-Name = "nobody", {way} = "other"')
    assert "Received Access-Accept" in good
    assert "Received Access-Reject" in bad
    assert "Received Access-Reject" in unknown
    assert [(r.user, r.correct) for r in server.received] == [("admin", True), ("admin", False), ("nobody", False)]
    assert server.received[0].authentication == ("pap" if way == "User-Password" else "chap")
    assert "a rather long password" not in repr(server.received)


@needs("radclient")
@pytest.mark.parametrize(
    ("mode", "sign"),
    [
        ("accept", "Access-Accept"),
        ("reject", "Access-Reject"),
        ("silent", "No reply"),
        ("wrong-authenticator", "No reply"),
    ],
)
def test_radius_modes(mode: str, sign: str) -> None:
    with RadiusServer(LOCAL, 0, secret="shared", mode=mode) as server:  # type: ignore[arg-type]
        said = radclient(server, 'User-Name = "x", User-Password = "y", Message-Authenticator = 0x00')
        assert server.received[0].message_authenticator
    assert sign in said


@needs("radclient")
def test_radius_accounting() -> None:
    with RadiusServer(LOCAL, 0, secret="shared") as server:
        said = radclient(server, 'User-Name = "admin", Acct-Status-Type = Start', "acct")
        assert "Accounting-Response" in said
        wrong = radclient(server, 'User-Name = "admin", Acct-Status-Type = Stop', "acct", "not the secret")
        assert "No reply" in wrong
    assert [(r.status_type, r.correct) for r in server.received][:2] == [(1, True), (2, False)]


@pytest.mark.parametrize("data", [b"", b"\1" * 19, b"\1\0\0\x15" + bytes(17), b"\1\0\0\x16" + bytes(16) + b"\1\1"])
def test_radius_survives_nonsense(data: bytes) -> None:
    with RadiusServer(LOCAL, 0, secret="s") as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(data, (LOCAL, server.port))
        client.sendto(struct.pack(">BBH", 1, 1, 23) + bytes(16) + b"\1\3u", (LOCAL, server.port))
        assert server.wait_for(lambda r: r.user == "u", 5) is not None


# ---- sinks


@needs("snmptrap")
def test_trap_sink() -> None:
    with DatagramSink(LOCAL, 0) as sink:
        run("snmptrap", "-v2c", "-c", "public", f"{LOCAL}:{sink.port}", "", "1.3.6.1.6.3.1.1.5.1")
        datagram = sink.wait_for(lambda d: True, 5)
    assert datagram is not None
    assert b"public" in datagram.data


def test_connection_sink_sees_who_connects() -> None:
    with ConnectionSink(LOCAL, 0) as sink:
        with socket.create_connection((LOCAL, sink.port)) as client:
            client.sendall(b"\xc0\x01\x01")
            source = client.getsockname()
        assert sink.wait_for(lambda c: c.source == source and c.first == b"\xc0\x01\x01", 5) is not None


# ---- start and stop


def test_a_port_in_use_names_the_port_and_the_program() -> None:
    with (
        SyslogSink(LOCAL, 0) as first,
        pytest.raises(LabFault, match=rf"udp 127.0.0.1:{first.port} is in use by .*pid") as caught,
    ):
        SyslogSink(LOCAL, first.port).start()
    assert caught.value.resource == "peer syslog"


def test_an_address_this_host_does_not_have() -> None:
    with pytest.raises(LabFault, match=r"no address 192\.0\.2\.7"):
        SyslogSink("192.0.2.7", 0).start()


def test_stop_frees_the_port_and_ends_the_thread() -> None:
    sink = ConnectionSink(LOCAL, 0)
    sink.start()
    port = sink.port
    before = threading.active_count()
    sink.stop()
    sink.stop()
    assert threading.active_count() == before - 1
    again = ConnectionSink(LOCAL, port)
    again.start()
    again.stop()


def test_a_peer_that_fails_says_so_when_stopped() -> None:
    class Broken(UdpPeer[bytes]):
        kind = "broken"

        def _handle(self, data: bytes, sender: tuple[str, int]) -> bytes | None:
            self._keep(data)
            raise ValueError("no idea")

    peer = Broken(LOCAL, 0)
    peer.start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(b"x", (LOCAL, peer.port))
    assert peer.wait_for(lambda d: True, 5) == b"x"
    with pytest.raises(HarnessBug, match="peer broken failed: ValueError: no idea"):
        peer.stop()


def test_waiting_ends_in_time() -> None:
    with SyslogSink(LOCAL, 0) as sink:
        begin = time.monotonic()
        assert sink.wait_for(lambda m: True, 0.05) is None
        assert time.monotonic() - begin < 2
