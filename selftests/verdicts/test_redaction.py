import base64
import json
from html import escape
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nportlab.verdicts.redaction import MARK, Redactor

SECRETS = st.text(min_size=4, max_size=24).filter(lambda text: text.strip() == text and len(set(text)) > 2)


def redactor(*secrets: str) -> Redactor:
    made = Redactor()
    for secret in secrets:
        made.add(secret)
    return made


@given(SECRETS, st.text(), st.text())
def test_a_secret_is_never_left_in_text(secret: str, before: str, after: str) -> None:
    assert secret not in redactor(secret).clean(before + secret + after).replace(MARK, "")


@given(SECRETS, st.binary(), st.binary())
def test_bytes_keep_their_length(secret: str, before: bytes, after: bytes) -> None:
    raw = secret.encode("utf-8", "surrogatepass")
    clean = redactor(secret).clean(before + raw + after)
    assert len(clean) == len(before) + len(raw) + len(after)
    assert clean[len(before) : len(before) + len(raw)] == b"*" * len(raw) or raw not in clean


@pytest.mark.parametrize(
    "encode",
    [
        lambda s: quote(s, safe=""),
        quote_plus,
        escape,
        lambda s: json.dumps({"k": s}),
        lambda s: s.encode().hex(),
        lambda s: s.encode().hex(" "),
        lambda s: base64.b64encode(s.encode()).decode(),
    ],
)
def test_a_secret_is_found_in_the_encodings_it_travels_in(encode) -> None:
    secret = 'pa&ss "w/ord+1'
    shown = redactor(secret).clean(encode(secret))
    assert MARK in shown
    assert len(shown.replace(MARK, "")) <= 12


@pytest.mark.parametrize("user", ["a", "ab", "abc", "admin"])
def test_a_password_in_a_basic_authorization_header_is_found(user: str) -> None:
    header = base64.b64encode(f"{user}:s3cretPassword".encode()).decode()
    shown = redactor("s3cretPassword").clean(header)
    assert MARK in shown
    assert len(shown.replace(MARK, "")) <= len(base64.b64encode(f"{user}:".encode())) + 4


@pytest.mark.parametrize(
    ("text", "kept", "gone"),
    [
        ("Username=admin&EncPasswd=0A1B2C&Submit=1", "Submit=1", "0A1B2C"),
        ("MD5Password=d41d8cd98f00", "MD5Password=", "d41d8cd98f00"),
        ("Set-Cookie: session=deadbeef; Secure; HttpOnly", "; Secure; HttpOnly", "deadbeef"),
        ("-----BEGIN PRIVATE KEY-----\nMIIabc\n-----END PRIVATE KEY-----", "-----END", "MIIabc"),
        ("-----BEGIN EC PRIVATE KEY-----\nMIIcut", "BEGIN EC", "MIIcut"),
    ],
)
def test_fields_that_carry_secrets_are_emptied_unasked(text: str, kept: str, gone: str) -> None:
    for shown in (Redactor().clean(text), Redactor().clean(text.encode()).decode()):
        assert kept in shown
        assert gone not in shown


def test_an_empty_secret_changes_nothing() -> None:
    assert redactor("").clean("unchanged") == "unchanged"


def test_the_longer_of_two_secrets_is_taken_out_whole() -> None:
    assert redactor("moxa", "moxamoxa1").clean("moxamoxa1") == MARK


def test_structures_keep_their_shape() -> None:
    cleaned = redactor("hunter22").clean_all({"a": ["hunter22", 3], "hunter22": {"b": b"hunter22"}})
    assert cleaned == {"a": [MARK, 3], "hunter22": {"b": b"********"}}


@given(SECRETS, st.text())
def test_a_record_line_stays_json(secret: str, text: str) -> None:
    line = json.dumps(redactor(secret).clean_all({"text": text + secret, "cookie": f"cookie: a={secret}"}))
    assert json.loads(line).keys() == {"text", "cookie"}
