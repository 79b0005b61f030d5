from __future__ import annotations

import hashlib
import os
import selectors
import socket
import ssl
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nportlab.modes.channel_base import ChannelBase
from nportlab.modes.errors import ConnectionLost, NotInTime, PortRefused, PortSilent
from nportlab.modes.secure import shake_hands, speak_plain, throw_away_certificate, tls_facts
from nportlab.modes.stream import StreamChannel
from nportlab.modes.tcp import TcpClient
from nportlab.serial.channel import ChannelClosed
from nportlab.unit.endpoint import Endpoint
from nportlab.unit.errors import NotReachable, TlsFailed
from nportlab.verdicts.faults import LabFault, UnitBehaviour
from selftests.modes.foreign import LOCAL, echo_server, free_port, program, running, ser2net

PATTERN = bytes(range(256)) * 4096  # 1 MiB, every byte value


def through(channel: ChannelBase, data: bytes, timeout: float = 20) -> bytes:
    """Send and receive at once, as the traffic engine does: by a selector, nothing blocks."""
    end = time.monotonic() + timeout
    got, sent, view = bytearray(), 0, memoryview(data)
    with selectors.DefaultSelector() as selector:
        selector.register(channel.fileno(), selectors.EVENT_READ | selectors.EVENT_WRITE)
        while len(got) < len(data) and time.monotonic() < end:
            if sent == len(data):
                selector.modify(channel.fileno(), selectors.EVENT_READ)
            selector.select(0.2)
            sent += channel.write(view[sent : sent + 50_000])
            got += channel.read()
    return bytes(got)


def test_a_megabyte_through_socat_and_back_in_place() -> None:
    with echo_server() as endpoint, TcpClient.connect(endpoint, label="np6650 port 3") as client:
        assert client.name == "np6650 port 3 TCP server"
        assert through(client, PATTERN) == PATTERN
        assert client.read() == b""


def test_ser2net_raw_both_ways_over_a_pty(tmp_path: Path) -> None:
    with ser2net(tmp_path, f"tcp,{LOCAL},PORT") as (endpoint, far), TcpClient.connect(endpoint) as client:
        client.send_all(PATTERN[:2048], 5)
        assert far.read(2048) == PATTERN[:2048]
        far.write(PATTERN[:2048])
        assert client.receive_exactly(2048, 5) == PATTERN[:2048]


def test_what_a_convenience_read_too_much_comes_next() -> None:
    with echo_server() as endpoint, TcpClient.connect(endpoint) as client:
        client.send_all(b"hello\r\nworld", 5)
        assert client.receive_until(b"\r\n", 5) == b"hello\r\n"
        assert client.receive_exactly(3, 5) == b"wor"
        assert client.receive_some(5) == b"ld"


def test_a_deadline_passes_and_what_came_is_in_the_error() -> None:
    with echo_server() as endpoint, TcpClient.connect(endpoint, label="np6150 port 1") as client:
        client.send_all(b"abc", 5)
        begun = time.monotonic()
        with pytest.raises(NotInTime, match=r"3 of 4 bytes came in 0\.2 s") as caught:
            client.receive_exactly(4, 0.2)
        assert 0.19 < time.monotonic() - begun < 2
        assert caught.value.received == b"abc"
        assert caught.value.resource == "np6150 port 1 TCP server"
        with pytest.raises(NotInTime, match="still open"):
            client.wait_closed(0.05)
        with pytest.raises(NotInTime, match="did not come"):
            client.receive_until(b"never", 0.05)


def test_a_reader_that_stops_makes_the_sender_late_not_the_harness_large() -> None:
    with socket.create_server((LOCAL, 0)) as server:
        client = TcpClient.connect(Endpoint(*server.getsockname()))
        reader, _ = server.accept()
        with client, reader, pytest.raises(NotInTime, match=r"took only \d+ of 16777216 bytes in 0.3 s"):
            client.send_all(bytes(16 << 20), 0.3)


@pytest.mark.parametrize(("how", "linger"), [("closed", False), ("reset", True)])
def test_how_a_connection_ends_is_told(how: str, linger: bool) -> None:
    with socket.create_server((LOCAL, 0)) as server:
        client = TcpClient.connect(Endpoint(*server.getsockname()))
        other = StreamChannel(server.accept()[0], "other")
        other.send_all(b"last words", 5)
        with client:
            assert client.receive_exactly(4, 5) == b"last"
            other.reset() if linger else other.close()
            ending = client.wait_closed(5)
            assert ending.how == how
            if not linger:
                assert ending.received == b" words"
            with pytest.raises(ChannelClosed):
                client.read()
            with pytest.raises(ConnectionLost):
                client.receive_exactly(1, 5)


def test_a_client_that_vanishes_sends_nothing() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs CAP_NET_ADMIN")
    with socket.create_server((LOCAL, 0)) as server:
        client = TcpClient.connect(Endpoint(*server.getsockname()))
        other = StreamChannel(server.accept()[0], "other")
        client.vanish()
        with pytest.raises(NotInTime, match="still open"):
            other.wait_closed(0.2)
        other.send_all(b"?", 5)  # the kernel knows of no such connection
        assert other.wait_closed(5).how == "reset"


def test_a_port_that_refuses_and_one_that_is_silent() -> None:
    with pytest.raises(PortRefused, match="refuses the connection") as refused:
        TcpClient.connect(Endpoint(LOCAL, free_port()), label="np6450 port 2", mode="pair slave")
    assert refused.value.resource == "np6450 port 2 pair slave"
    assert isinstance(refused.value, UnitBehaviour)
    with socket.socket() as full:
        full.bind((LOCAL, 0))
        full.listen(0)
        endpoint = Endpoint(*full.getsockname())
        with TcpClient.connect(endpoint), pytest.raises(PortSilent, match=r"within 0\.2 s"):
            TcpClient.connect(endpoint, timeout=0.2)
    with pytest.raises(NotReachable, match="can not be resolved"):
        TcpClient.connect(Endpoint("no such host.invalid", 1))


def test_a_source_port_is_used_and_a_taken_one_is_the_labs_fault() -> None:
    with socket.create_server((LOCAL, 0)) as server:
        endpoint, source = Endpoint(*server.getsockname()), (LOCAL, free_port())
        with TcpClient.connect(endpoint, source=source) as client:
            assert client.local_port == source[1] == server.accept()[1][1]
        with pytest.raises(LabFault, match="can not connect from"):
            TcpClient.connect(endpoint, source=("192.0.2.1", 0))


def test_a_closed_client_says_so() -> None:
    with echo_server() as endpoint:
        client = TcpClient.connect(endpoint)
        client.close()
        client.close()
        with pytest.raises(ConnectionLost, match="by us"):
            client.read()
        with pytest.raises(ConnectionLost, match="by us"):
            client.write(b"x")


# ---- TLS


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    file = tmp_path / "certificate.pem"
    file.write_bytes(throw_away_certificate())
    return file


def test_a_megabyte_over_tls_through_socat(certificate: Path) -> None:
    program("socat")
    port = free_port()
    listen = f"OPENSSL-LISTEN:{port},bind={LOCAL},reuseaddr,cert={certificate},verify=0"
    with running(["socat", listen, "EXEC:cat"], port), TcpClient.connect(Endpoint(LOCAL, port), secure=True) as client:
        assert client.tls is not None
        assert through(client, PATTERN) == PATTERN


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_facts_of_openssl_s_server(certificate: Path, version: ssl.TLSVersion) -> None:
    port = free_port()
    command = ["openssl", "s_server", "-accept", f"{LOCAL}:{port}", "-cert", str(certificate), "-key", str(certificate)]
    with running([*command, "-cipher", "ALL:@SECLEVEL=0", "-quiet"], port, stdin=subprocess.PIPE):
        seen = tls_facts(Endpoint(LOCAL, port), "np6650 port 1", version=version)
    assert seen.version == {769: "TLSv1", 771: "TLSv1.2", 772: "TLSv1.3"}[version]
    assert seen.bits >= 128
    der = ssl.PEM_cert_to_DER_cert(certificate.read_text().split("-----BEGIN RSA")[0])
    assert seen.fingerprint == hashlib.sha256(der).hexdigest()
    assert seen.fingerprint[:16] in str(seen)


def test_a_plain_client_at_openssl_is_told_off(certificate: Path) -> None:
    port = free_port()
    command = ["openssl", "s_server", "-accept", f"{LOCAL}:{port}", "-cert", str(certificate), "-key", str(certificate)]
    with running([*command, "-quiet"], port, stdin=subprocess.PIPE):
        answer = speak_plain(Endpoint(LOCAL, port), "np6650 port 1", b"READABLE MARKER\r\n")
    assert answer.ended in ("closed", "reset")
    assert b"MARKER" not in answer.received
    assert answer.seconds < 3


def test_a_port_that_takes_plain_is_not_mistaken_for_a_secure_one() -> None:
    with echo_server() as endpoint:
        answer = speak_plain(endpoint, "np6650 port 1", b"READABLE MARKER\r\n", 0.3)
        assert (answer.received, answer.ended, answer.alert) == (b"READABLE MARKER\r\n", "open", None)
        with pytest.raises(TlsFailed, match="no TLS handshake") as failed:
            TcpClient.connect(endpoint, secure=True, label="np6650 port 1")
        assert failed.value.resource == "np6650 port 1 TCP server"


def test_a_tls_record_that_does_not_fit_is_offered_again_whole() -> None:
    """A caller may offer fewer bytes the next time; none may be lost or doubled."""
    with socket.create_server((LOCAL, 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with ThreadPoolExecutor() as pool:
            shaking = pool.submit(lambda: shake_hands(server.accept()[0], "server", 5, server=True))
            client = TcpClient.connect(Endpoint(*server.getsockname()), secure=True)
            other = StreamChannel(shaking.result(), "server")
    with client, other:
        data = memoryview(PATTERN * 12)
        sent, got = 0, bytearray()
        while taken := client.write(data[sent : sent + 60_000]):
            sent += taken
        assert sent < len(data)
        size = 20_001
        while sent < len(data):
            size = 7 if size > 7 else 200_001
            sent += client.write(data[sent : sent + size])
            got += other.read()
        client.close()
        got += other.wait_closed(10).received
        assert bytes(got) == bytes(data)
