"""The lab's certificates, judged by openssl."""

from __future__ import annotations

import datetime
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from nportlab.unit.certificate_provider import KeyKind
from nportlab.unit.pki import KEY_KINDS, LabAuthority

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
NOW = datetime.datetime(2026, 5, 1, tzinfo=datetime.UTC)


@pytest.fixture
def authority(tmp_path: Path) -> LabAuthority:
    return LabAuthority(tmp_path)


def openssl(*arguments: str, data: bytes = b"") -> str:
    result = subprocess.run(("openssl", *arguments), input=data, capture_output=True, timeout=20, check=False)
    return (result.stdout + result.stderr).decode()


@needs_openssl
@pytest.mark.parametrize(
    ("kind", "words"),
    [("p256", "NIST CURVE: P-256"), ("p384", "NIST CURVE: P-384"), ("rsa2048", "Public-Key: (2048 bit)")],
)
def test_a_leaf_verifies_against_the_root(authority: LabAuthority, tmp_path: Path, kind: KeyKind, words: str) -> None:
    leaf = authority.issue(kind, "192.168.127.11", "np6150")
    (tmp_path / "root.pem").write_bytes(authority.root_pem)
    (tmp_path / "leaf.pem").write_bytes(leaf.pem)
    place = str(tmp_path / "leaf.pem")
    name = ("-verify_ip", "192.168.127.11", "-verify_hostname", "np6150", "-purpose", "sslserver")
    assert openssl("verify", "-x509_strict", *name, "-CAfile", str(tmp_path / "root.pem"), place).endswith(": OK\n")
    assert words in openssl("x509", "-noout", "-text", "-in", place)
    assert openssl("x509", "-noout", "-pubkey", "-in", place) == openssl("pkey", "-pubout", "-in", place)


@needs_openssl
def test_the_expired_one_fails_only_for_its_date(authority: LabAuthority, tmp_path: Path) -> None:
    (tmp_path / "root.pem").write_bytes(authority.root_pem)
    (tmp_path / "leaf.pem").write_bytes(authority.issue("expired", "192.168.127.11", "np6150").pem)
    said = openssl("verify", "-CAfile", str(tmp_path / "root.pem"), str(tmp_path / "leaf.pem"))
    assert "certificate has expired" in said
    assert said.count("error ") == 1 or said.count("error ") == 2  # openssl repeats it with the file's name


@needs_openssl
def test_formats_a_unit_must_refuse_are_what_they_say(authority: LabAuthority) -> None:
    leaf = authority.issue("p256", "192.168.127.11", "np6150")
    assert "subject=CN = np6150" in openssl("x509", "-inform", "DER", "-noout", "-subject", data=leaf.der)
    assert "BEGIN PRIVATE KEY" in openssl("pkcs12", "-passin", "pass:", "-nodes", data=leaf.pkcs12)


@needs_openssl
def test_a_signing_request_made_elsewhere_can_be_signed(authority: LabAuthority, tmp_path: Path) -> None:
    """Root, request, certificate: the procedure of guide 3.2, the request made by a tool that is not ours."""
    from cryptography import x509

    made = openssl(
        "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=unit",
        "-addext", "subjectAltName=IP:10.0.0.1", "-keyout", str(tmp_path / "key.pem"),
        "-out", str(tmp_path / "unit.csr"),
    )  # fmt: skip
    request = x509.load_pem_x509_csr((tmp_path / "unit.csr").read_bytes())
    certificate = authority.sign(request, NOW, NOW + datetime.timedelta(days=9000))
    assert authority.issued(certificate), made
    own = authority.request(authority.key("p256"), "10.0.0.1", "unit").public_bytes(serialization.Encoding.PEM)
    assert "verify OK" in openssl("req", "-verify", "-noout", data=own)


def test_a_mismatched_pair_is_a_valid_certificate_with_a_foreign_key(authority: LabAuthority) -> None:
    from cryptography import x509

    pem = authority.mismatched("192.168.127.11", "np6150")
    certificate = x509.load_pem_x509_certificate(pem)
    key = serialization.load_pem_private_key(pem, None)
    assert authority.issued(certificate)
    assert key.public_key() != certificate.public_key()


def test_authorities_know_their_own_only(tmp_path: Path) -> None:
    one, other = LabAuthority(tmp_path), LabAuthority(tmp_path)
    leaf = one.issue("p256", "10.0.0.1", "unit").certificate
    assert one.issued(leaf)
    assert not other.issued(leaf)
    assert not one.issued(other.root)


def test_keys_are_kept_for_the_owner_only_and_used_again(tmp_path: Path) -> None:
    first = LabAuthority(tmp_path).issue("p256", "10.0.0.1", "unit")
    again = LabAuthority(tmp_path).issue("p256", "10.0.0.1", "unit")
    assert first.key_pem == again.key_pem
    assert first.fingerprint != again.fingerprint
    (kept,) = (tmp_path / "keys").glob("*.pem")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert "PRIVATE" not in repr(first)


def test_every_kind_is_known() -> None:
    assert set(KEY_KINDS) == {"p256", "p384", "rsa2048", "rsa3072", "rsa4096", "rsa8192", "expired"}
