"""Vectors: bytes made by the independent client tacacs_plus 2.6 for the same values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nportlab.protocol import tacacs

SECRET = "sixteen-chars-ok"
SESSION = 0x12345678
LOGIN = "0101010107030900757365723132337373683139322e302e322e37"
LOGIN_PACKET = "c0010100123456780000001bc163ed1527d555f75666d983d6d9f602492f9ac15c1ba7117974ac"
ACCOUNTING_PACKET = (
    "c00301001234567800000035c264ed1521d15ffe211fb184948eb7400874d88b0604ae0d656ab538166c6349"
    "e3bb7969a81745fac63dd3f2b3baf76d7b54b81252"
)


def test_login_start_as_another_client_sends_it() -> None:
    body = tacacs.login_start("user123", "ssh", "192.0.2.7")
    assert body.hex() == LOGIN
    assert tacacs.packet(tacacs.Kind.AUTHENTICATION, 1, SESSION, body, SECRET).hex() == LOGIN_PACKET


def test_accounting_request_as_another_client_sends_it() -> None:
    arguments = ["task_id=1f", "service=shell"]
    body = tacacs.accounting_request(tacacs.AccountingFlag.START, "user123", "ssh", "192.0.2.7", arguments)
    assert tacacs.packet(tacacs.Kind.ACCOUNTING, 1, SESSION, body, SECRET).hex() == ACCOUNTING_PACKET


def test_replies_of_another_servers_test_suite() -> None:
    assert tacacs.read_login_reply(b"\x01\0\0\0\0\0").status == tacacs.Status.PASS
    assert tacacs.read_login_reply(b"\x05\x01\0\n\0\0Password: ") == tacacs.Reply(5, "Password: ")


def test_a_reply_hidden_with_another_secret_is_refused() -> None:
    header = tacacs.Header(tacacs.Kind.AUTHENTICATION, 2, 0, SESSION, 6)
    hidden = tacacs.hide(header, b"\x01\0\0\0\0\0", "another")
    with pytest.raises(tacacs.TacacsError, match="secrets differ"):
        tacacs.read_login_reply(tacacs.hide(header, hidden, SECRET))


@given(st.binary(max_size=40))
def test_no_bytes_but_tacacs_errors(data: bytes) -> None:
    for read in (tacacs.Header.decode, tacacs.read_login_reply, tacacs.read_accounting_reply):
        try:
            read(data)
        except tacacs.TacacsError:
            continue
