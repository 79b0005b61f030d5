from __future__ import annotations

import contextlib
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nportlab.probes.tls import TLS_1_2, Version
from nportlab.probes.tls_hello import Malformed, NotTls, ServerFlight
from nportlab.probes.tls_suites import suite, suite_rule, suites


def by_name(name: str) -> int:
    return next(code for code, known in suites().items() if known.name == name)


def test_openssl_gives_the_same_names_to_the_same_numbers() -> None:
    command = ["openssl", "ciphers", "-V", "-stdname", "ALL:COMPLEMENTOFALL@SECLEVEL=0"]
    lines = subprocess.run(command, capture_output=True, check=True, text=True).stdout.splitlines()
    assert len(lines) > 100
    for line in lines:
        number, _, name = line.split()[:3]
        code = int(number.replace("0x", "").replace(",", ""), 16)
        assert suite(code).name == name


def test_the_table_is_whole() -> None:
    registered = [known for known in suites().values() if known.registry == "iana"]
    assert len(registered) >= 350
    assert len({known.name for known in suites().values()}) == len(suites())
    assert not {0x00FF, 0x5600} & set(suites())


@pytest.mark.parametrize(
    ("name", "exchange", "authentication", "cipher", "bits", "mac"),
    [
        ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ecdhe", "ecdsa", "AES_128_GCM", 128, "AEAD"),
        ("TLS_RSA_WITH_AES_256_CBC_SHA", "rsa", "rsa", "AES_256_CBC", 256, "SHA1"),
        ("TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "dhe", "rsa", "CHACHA20_POLY1305", 256, "AEAD"),
        ("TLS_DH_anon_WITH_RC4_128_MD5", "dh", "anon", "RC4_128", 128, "MD5"),
        ("TLS_RSA_EXPORT_WITH_RC4_40_MD5", "rsa", "rsa", "RC4_40", 40, "MD5"),
        ("TLS_RSA_WITH_DES_CBC_SHA", "rsa", "rsa", "DES_CBC", 56, "SHA1"),
        ("TLS_RSA_WITH_3DES_EDE_CBC_SHA", "rsa", "rsa", "3DES_EDE_CBC", 112, "SHA1"),
        ("TLS_AES_256_GCM_SHA384", "tls13", "any", "AES_256_GCM", 256, "AEAD"),
        ("TLS_DHE_PSK_WITH_AES_128_CCM", "dhe_psk", "psk", "AES_128_CCM", 128, "AEAD"),
        ("TLS_NULL_WITH_NULL_NULL", "null", "anon", "NULL", 0, "NULL"),
        ("TLS_AEGIS_256_SHA512", "tls13", "any", "AEGIS_256", 256, "AEAD"),
        ("TLS_DHE_DSS_EXPORT1024_WITH_RC4_56_SHA", "dhe", "dss", "RC4_56", 56, "SHA1"),
    ],
)
def test_what_a_name_says(name: str, exchange: str, authentication: str, cipher: str, bits: int, mac: str) -> None:
    found = suite(by_name(name))
    assert (found.key_exchange, found.authentication, found.cipher, found.bits, found.mac) == (
        exchange, authentication, cipher, bits, mac,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("TLS_RSA_WITH_NULL_SHA256", "null"),
        ("TLS_DH_anon_WITH_AES_128_GCM_SHA256", "anonymous"),
        ("TLS_ECDH_anon_WITH_AES_128_CBC_SHA", "anonymous"),
        ("TLS_RSA_EXPORT_WITH_DES40_CBC_SHA", "export"),
        ("TLS_RSA_WITH_RC4_128_SHA", "rc4"),
        ("TLS_DHE_RSA_WITH_DES_CBC_SHA", "des"),
    ],
)
def test_broken_suites_break_even_the_wide_rule(name: str, word: str) -> None:
    assert word in suite_rule("default").violations(suite(by_name(name)))


@pytest.mark.parametrize(
    "name",
    [
        "TLS_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
        "TLS_ECDH_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
        "TLS_PSK_WITH_AES_128_GCM_SHA256",
    ],
)
def test_weak_but_not_broken(name: str) -> None:
    found = suite(by_name(name))
    assert suite_rule("default").violations(found) == []
    assert suite_rule("strong").violations(found)


def test_strong_suites_need_a_strong_group() -> None:
    found = suite(by_name("TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"))
    strong = suite_rule("strong")
    assert strong.violations(found, dh_bits=2048) == []
    assert strong.violations(found, dh_bits=1024) == ["1024-bit Diffie-Hellman group"]
    assert strong.violations(suite(0xC030), curve_bits=192) == ["192-bit curve"]


def test_a_number_nobody_registered() -> None:
    assert suite(0xDEAD).name == "0xDEAD"
    assert suite_rule("strong").violations(suite(0xDEAD))


@given(st.binary(max_size=300), st.sampled_from(Version))
def test_no_bytes_crash_the_reader(data: bytes, version: Version) -> None:
    flight = ServerFlight(version)
    try:
        flight.feed(data)
    except (NotTls, Malformed):
        return
    assert flight.hello is None or len(data) >= 7


@given(st.binary(max_size=120))
def test_no_handshake_message_crashes_the_reader(body: bytes) -> None:
    flight = ServerFlight(TLS_1_2)
    wire = b"\x16\x03\x03" + len(body).to_bytes(2, "big") + body
    with contextlib.suppress(NotTls, Malformed):
        flight.feed(wire)
