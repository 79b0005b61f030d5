"""The first bytes of a TLS connection: SSL 2.0 and SSL 3.0/TLS ClientHello, and hand-made answers of defects."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

SSL_2, SSL_3, TLS_1_0, TLS_1_1 = 0x0002, 0x0300, 0x0301, 0x0302
LONGEST = 16 * 1024
PROTOCOL_VERSION_ALERT = bytes.fromhex("15030100020246")


@dataclass(frozen=True)
class ClientHello:
    """version: the highest the client offers in the classic field. suites: code points, three bytes each in SSL 2.0."""

    version: int
    suites: tuple[int, ...]


def read_client_hello(data: bytes) -> ClientHello | None:
    """The hello at the start of `data`; None while it is incomplete. Raises ValueError when it is none."""
    if not data:
        return None
    if data[0] & 0x80:
        return _read_ssl2(data)
    if data[0] != 22:
        raise ValueError("not a handshake record")
    if len(data) < 5:
        return None
    length = int.from_bytes(data[3:5], "big")
    if length > LONGEST:
        raise ValueError("record too long")
    if len(data) < 5 + length:
        return None
    return _read_handshake(data[5 : 5 + length])


def _read_handshake(body: bytes) -> ClientHello:
    # type, length(3), version(2), random(32), session id length
    if len(body) < 39 or body[0] != 1:
        raise ValueError("not a whole ClientHello in the first record")
    version = int.from_bytes(body[4:6], "big")
    suites_at = 39 + body[38]
    length = int.from_bytes(body[suites_at : suites_at + 2], "big")
    suites = body[suites_at + 2 : suites_at + 2 + length]
    if len(suites) != length or length % 2:
        raise ValueError("cipher suites cut short")
    return ClientHello(version, tuple(int.from_bytes(suites[i : i + 2], "big") for i in range(0, length, 2)))


def _read_ssl2(data: bytes) -> ClientHello | None:
    if len(data) < 2:
        return None
    length = int.from_bytes(data[:2], "big") & 0x7FFF
    if not 9 <= length <= LONGEST:
        raise ValueError("not an SSL 2.0 CLIENT-HELLO")
    if len(data) < 2 + length:
        return None
    body = data[2 : 2 + length]
    ciphers = int.from_bytes(body[3:5], "big")
    if body[0] != 1 or ciphers % 3 or 9 + ciphers > length:
        raise ValueError("not an SSL 2.0 CLIENT-HELLO")
    specs = body[9 : 9 + ciphers]
    suites = tuple(int.from_bytes(specs[i : i + 3], "big") for i in range(0, ciphers, 3))
    return ClientHello(int.from_bytes(body[1:3], "big"), suites)


def ssl3_server_hello(hello: ClientHello) -> bytes:
    """A ServerHello of version 3.0 that takes the client's first cipher suite."""
    suite = hello.suites[0] if hello.suites else 0x000A
    body = SSL_3.to_bytes(2, "big") + secrets.token_bytes(32) + b"\x00" + suite.to_bytes(2, "big") + b"\x00"
    handshake = b"\x02" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x00" + len(handshake).to_bytes(2, "big") + handshake


def ssl2_server_hello(hello: ClientHello) -> bytes:
    """A SERVER-HELLO that offers the client's ciphers back, without a certificate."""
    specs = b"".join(suite.to_bytes(3, "big") for suite in hello.suites)
    connection = secrets.token_bytes(16)
    body = b"\x04\x00\x01\x00\x02\x00\x00" + len(specs).to_bytes(2, "big") + b"\x00\x10" + specs + connection
    return (0x8000 | len(body)).to_bytes(2, "big") + body
