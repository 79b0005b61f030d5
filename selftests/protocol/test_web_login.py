from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nportlab.protocol import web_login
from nportlab.protocol.web_login import LoginEncodingError

ascii_text = st.text(st.characters(min_codepoint=1, max_codepoint=126), max_size=32)
challenges = st.text(max_size=40)


def digest(name: str, text: str) -> str:
    """The digest as openssl computes it."""
    result = subprocess.run(["openssl", "dgst", f"-{name}", "-r"], input=text.encode(), capture_output=True, check=True)
    return result.stdout.decode().split()[0]


def test_1x_against_digits_xored_by_hand() -> None:
    mask = digest("md5", "5F1C0A77")
    field = web_login.encode_1x("moxa", "5F1C0A77")
    assert field == "".join(f"{int(a, 16) ^ int(b, 16):x}" for a, b in zip("6d6f7861", mask, strict=False))


def test_2x_against_bytes_xored_by_hand() -> None:
    mask = digest("sha256", "5F1C0A77")
    field = web_login.encode_2x("admin", "5F1C0A77")
    assert len(field) == 64
    assert int(field[:10], 16) == int(mask[:10], 16) ^ int.from_bytes(b"admin", "big")
    assert field[10:] == mask[10:]


@given(st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=16), challenges)
def test_1x_round_trip(password: str, challenge: str) -> None:
    field = web_login.encode_1x(password, challenge)
    assert len(field) == 2 * len(password)
    assert web_login.decode_1x(field.upper(), challenge) == password


@given(ascii_text, challenges)
def test_2x_round_trip(secret: str, challenge: str) -> None:
    assert web_login.decode_2x(web_login.encode_2x(secret, challenge), challenge) == secret


@pytest.mark.parametrize(("encode", "longest"), [(web_login.encode_1x, 16), (web_login.encode_2x, 32)])
def test_too_long_secrets_are_refused_without_being_quoted(encode: object, longest: int) -> None:
    assert callable(encode)
    with pytest.raises(LoginEncodingError) as caught:
        encode("s" * (longest + 1), "c")
    assert "sss" not in str(caught.value)


def test_characters_outside_ascii_are_refused() -> None:
    with pytest.raises(LoginEncodingError, match="ascii"):
        web_login.encode_2x("pässword", "c")


@pytest.mark.parametrize("field", ["", "zz" * 32, "00" * 31, "00" * 32])
def test_fields_no_login_page_sends(field: str) -> None:
    with pytest.raises(LoginEncodingError):
        web_login.decode_2x(field, "challenge")


@pytest.mark.parametrize("field", ["123", "gg", "00" * 17])
def test_1x_fields_no_login_page_sends(field: str) -> None:
    with pytest.raises(LoginEncodingError):
        web_login.decode_1x(field, "challenge")
