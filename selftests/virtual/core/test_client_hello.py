from __future__ import annotations

import contextlib
import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nportlab.virtual.unit.client_hello import (
    SSL_2,
    SSL_3,
    ClientHello,
    read_client_hello,
    ssl2_server_hello,
    ssl3_server_hello,
)


def hello(version: int, suites: list[int], session: bytes = b"") -> bytes:
    listed = b"".join(suite.to_bytes(2, "big") for suite in suites)
    body = version.to_bytes(2, "big") + bytes(32) + bytes([len(session)]) + session
    body += len(listed).to_bytes(2, "big") + listed + b"\x01\x00"
    handshake = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + len(handshake).to_bytes(2, "big") + handshake


def ssl2_hello(suites: list[int]) -> bytes:
    specs = b"".join(suite.to_bytes(3, "big") for suite in suites)
    body = b"\x01\x00\x02" + len(specs).to_bytes(2, "big") + b"\x00\x00\x00\x10" + specs + bytes(16)
    return (0x8000 | len(body)).to_bytes(2, "big") + body


SUITES = st.lists(st.integers(0, 0xFFFF), max_size=40)


@given(st.integers(0x0300, 0x0304), SUITES, st.binary(max_size=32), st.data())
def test_a_hello_is_read_once_it_is_whole(version: int, suites: list[int], session: bytes, data: st.DataObject) -> None:
    whole = hello(version, suites, session)
    cut = data.draw(st.integers(0, len(whole) - 1))
    assert read_client_hello(whole[:cut]) is None
    assert read_client_hello(whole) == ClientHello(version, tuple(suites))


@given(st.lists(st.integers(0, 0xFFFFFF), max_size=10), st.data())
def test_so_is_one_of_ssl_2(suites: list[int], data: st.DataObject) -> None:
    whole = ssl2_hello(suites)
    cut = data.draw(st.integers(0, len(whole) - 1))
    assert read_client_hello(whole[:cut]) is None
    assert read_client_hello(whole) == ClientHello(SSL_2, tuple(suites))


@given(st.binary(max_size=80))
def test_anything_else_is_a_value_error_or_incomplete(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        read_client_hello(data)


def test_a_hello_of_a_real_client_is_read() -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    connection = client.wrap_bio(incoming, outgoing, server_hostname="unit.example")
    with pytest.raises(ssl.SSLWantReadError):
        connection.do_handshake()
    found = read_client_hello(outgoing.read())
    assert found is not None
    assert found.version == 0x0303
    assert 0x1301 in found.suites


def test_answers_name_the_version_and_a_suite_of_the_client() -> None:
    answer = ssl3_server_hello(ClientHello(SSL_3, (0x0035, 0x000A)))
    assert answer[:3] == b"\x16\x03\x00"
    assert answer[5] == 2
    assert answer[9:11] == b"\x03\x00"
    assert answer[44:46] == b"\x00\x35"
    assert int.from_bytes(answer[3:5], "big") == len(answer) - 5
    old = ssl2_server_hello(ClientHello(SSL_2, (0x0700C0,)))
    assert int.from_bytes(old[:2], "big") == 0x8000 | (len(old) - 2)
    assert old[2] == 4
    assert old[5:7] == b"\x00\x02"
    assert b"\x07\x00\xc0" in old
