"""The prober against servers that answer badly, late, in pieces, or not at all."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from nportlab.probes.tls import (
    SSL_2,
    SSL_3,
    TLS_1_1,
    TLS_1_2,
    TLS_1_3,
    Accepted,
    Cause,
    Downgraded,
    Inconclusive,
    Refused,
    TlsProber,
)
from nportlab.probes.tls_suites import suite

Answer = Callable[[socket.socket], None]


@contextmanager
def server(*answers: Answer) -> Iterator[tuple[str, int]]:
    """Answers the first connection with the first answer and so on, the last one again and again."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(5)

    def serve() -> None:
        count = 0
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(2)
                with suppress(OSError):
                    answers[min(count, len(answers) - 1)](connection)
            count += 1

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def record(kind: int, body: bytes) -> bytes:
    return struct.pack(">BHH", kind, 0x0303, len(body)) + body


def server_hello(version: int, code: int = 0xC030, extra: bytes = b"") -> bytes:
    body = struct.pack(">H", version) + bytes(32) + b"\x00" + struct.pack(">HB", code, 0) + extra
    return b"\x02" + len(body).to_bytes(3, "big") + body


HELLO_DONE = b"\x0e\x00\x00\x00"


def flight(version: int, code: int = 0xC030) -> bytes:
    return record(22, server_hello(version, code) + HELLO_DONE)


def say(data: bytes) -> Answer:
    def answer(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(data)
        while connection.recv(4096):
            pass

    return answer


def close(connection: socket.socket) -> None:
    connection.recv(4096)


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.recv(1)


def silent(connection: socket.socket) -> None:
    while connection.recv(4096):
        pass


def prober(attempts: int = 2, timeout: float = 0.2) -> TlsProber:
    return TlsProber(timeout=timeout, attempts=attempts)


@pytest.mark.parametrize(("answer", "cause"), [(close, Cause.CLOSED), (reset, Cause.RESET), (silent, Cause.TIMEOUT)])
def test_no_answer_is_never_a_refusal(answer: Answer, cause: Cause) -> None:
    with server(answer) as endpoint:
        scan = prober()
        result = scan.offer(endpoint, TLS_1_1)
        assert isinstance(result, Inconclusive)
        assert result.cause == cause
        assert scan.connections == 2


def test_a_throttled_server_is_asked_again() -> None:
    with server(reset, close, say(record(21, b"\x02\x46"))) as endpoint:
        assert prober(attempts=4).offer(endpoint, TLS_1_1) == Refused("protocol_version")


def test_trouble_of_the_server_is_asked_again() -> None:
    with server(say(record(21, b"\x02\x50")), say(flight(0x0303))) as endpoint:
        assert isinstance(prober().offer(endpoint, TLS_1_2), Accepted)


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        endpoint = listener.getsockname()
    result = prober().offer(endpoint, TLS_1_2)
    assert isinstance(result, Inconclusive)
    assert result.cause == Cause.NO_CONNECTION


@pytest.mark.parametrize("text", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-dropbear\r\n"])
def test_another_protocol(text: bytes) -> None:
    with server(say(text)) as endpoint:
        scan = prober()
        result = scan.offer(endpoint, TLS_1_2)
    assert isinstance(result, Inconclusive)
    assert result.cause == Cause.NOT_TLS
    assert scan.connections == 1


def test_a_server_hello_in_small_records_and_segments() -> None:
    message = server_hello(0x0303) + HELLO_DONE

    def drip(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.recv(4096)
        wire = b"".join(record(22, message[at : at + 7]) for at in range(0, len(message), 7))
        for at in range(0, len(wire), 3):
            connection.sendall(wire[at : at + 3])
        silent(connection)

    with server(drip) as endpoint:
        assert prober(timeout=2).offer(endpoint, TLS_1_2) == Accepted(TLS_1_2, suite(0xC030))


def test_a_reset_behind_the_server_hello_does_not_hide_it() -> None:
    def hello_then_reset(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.recv(4096)
        connection.sendall(record(22, server_hello(0x0302)))
        # Give the client the time to read before the reset drops what is queued.
        time.sleep(0.05)

    with server(hello_then_reset) as endpoint:
        assert isinstance(prober().offer(endpoint, TLS_1_1), Accepted)


def test_a_lower_version_is_a_downgrade() -> None:
    with server(say(flight(0x0301, 0x002F))) as endpoint:
        result = prober().offer(endpoint, TLS_1_2)
        report = prober().versions(endpoint, (TLS_1_2,))
    assert isinstance(result, Downgraded)
    assert "downgraded to TLS 1.0" in str(result)
    assert {str(version) for version in report.accepted} == {"TLS 1.0"}


def test_ssl_3_is_seen() -> None:
    with server(say(flight(0x0300, 0x0005))) as endpoint:
        assert prober().offer(endpoint, SSL_3) == Accepted(SSL_3, suite(0x0005))


def test_ssl_2_is_seen() -> None:
    hello = bytes([4, 0, 1]) + struct.pack(">HHHH", 2, 0, 0, 16) + bytes(16)
    with server(say(struct.pack(">H", 0x8000 | len(hello)) + hello)) as endpoint:
        result = prober().offer(endpoint, SSL_2)
    assert isinstance(result, Accepted)
    assert result.version == SSL_2


def test_ssl_2_refused_in_its_own_way() -> None:
    with server(say(b"\x80\x03\x00\x00\x01")) as endpoint:
        assert prober().offer(endpoint, SSL_2) == Refused("handshake_failure")


def test_a_warning_before_the_hello_is_no_refusal() -> None:
    with server(say(record(21, b"\x01\x70") + flight(0x0303))) as endpoint:
        assert isinstance(prober().offer(endpoint, TLS_1_2), Accepted)


def test_a_warning_and_the_end_is_a_refusal() -> None:
    def warn(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(record(21, b"\x01\x46"))

    with server(warn) as endpoint:
        assert prober().offer(endpoint, TLS_1_1) == Refused("protocol_version")


def test_close_notify_alone_is_no_refusal() -> None:
    with server(say(record(21, b"\x01\x00"))) as endpoint:
        assert isinstance(prober().offer(endpoint, TLS_1_1), Inconclusive)


def test_a_suite_nobody_offered_ends_the_search() -> None:
    with server(say(flight(0x0303))) as endpoint:
        report = prober().suites(endpoint, TLS_1_2)
    assert not report.complete
    assert "not offered" in str(report.end)


def test_a_server_that_cannot_read_long_lists_is_asked_in_short_ones() -> None:
    def picky(connection: socket.socket) -> None:
        hello = connection.recv(4096)
        codes = hello[44 : 44 + int.from_bytes(hello[44:46], "big") + 2][2:]
        offered = {int.from_bytes(codes[at : at + 2], "big") for at in range(0, len(codes), 2)}
        if len(offered) > 100:
            return
        chosen = offered & {0xC030, 0x002F}
        answer = flight(0x0303, max(chosen)) if chosen else record(21, b"\x02\x28")
        connection.sendall(answer)
        silent(connection)

    with server(picky) as endpoint:
        report = prober().suites(endpoint, TLS_1_2)
    assert report.complete
    assert set(report.names) == {"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "TLS_RSA_WITH_AES_128_CBC_SHA"}


def test_an_endless_answer_is_cut() -> None:
    def flood(connection: socket.socket) -> None:
        connection.recv(4096)
        while True:
            connection.sendall(record(22, b"\x0b\xff\xff\xff" + bytes(8000)))

    with server(flood) as endpoint:
        result = prober(timeout=2).offer(endpoint, TLS_1_2)
    assert isinstance(result, Inconclusive)
    assert result.cause == Cause.MALFORMED


def test_the_pause_is_kept_between_connections() -> None:
    with server(say(record(21, b"\x02\x46"))) as endpoint:
        scan = TlsProber(pause=0.05, timeout=1)
        started = time.monotonic()
        for _ in range(3):
            scan.offer(endpoint, TLS_1_1)
        assert time.monotonic() - started >= 0.1


def test_only_the_offered_version_is_in_the_hello() -> None:
    hellos: list[bytes] = []

    def keep(connection: socket.socket) -> None:
        hellos.append(connection.recv(4096))
        connection.sendall(record(21, b"\x02\x46"))
        silent(connection)

    with server(keep) as endpoint:
        prober().versions(endpoint)
    ssl3 = next(hello for hello in hellos if hello[9:11] == b"\x03\x00")
    assert ssl3[1:3] == b"\x03\x00"
    tls13 = [hello for hello in hellos if b"\x00\x2b\x00\x03\x02\x03\x04" in hello]
    assert len(tls13) == 1
    assert tls13[0][9:11] == b"\x03\x03"
    assert hellos[-1][2:5] == b"\x01\x00\x02"
    assert TLS_1_3 == 0x0304
