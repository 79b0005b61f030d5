"""The certificate a unit makes for itself (guide 3.2: 256 bit key, "HTTPS Certificate for ECC", two years)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from nportlab.virtual.unit.certificate_reading import Installed, Key, key_pem

COMMON_NAME = "HTTPS Certificate for ECC"
"""Issuer and subject (guide 3.2, screenshot of the panel)."""

FOREIGN_ISSUER = "Factory Root"
RSA_BITS = 2048


@dataclass(frozen=True)
class OwnCertificate:
    """start: UTC, without tzinfo. The other fields are what defective units do differently; key: PEM to use again."""

    start: datetime
    years: int = 2
    rsa: bool = False
    foreign_issuer: bool = False
    key: str | None = None


def make_own(kind: OwnCertificate) -> Installed:
    """A new key (P-256) and a certificate for it, signed by itself, with a random serial number."""
    key = _key(kind)
    issuer = FOREIGN_ISSUER if kind.foreign_issuer else COMMON_NAME
    signer: Key = ec.generate_private_key(ec.SECP256R1()) if kind.foreign_issuer else key
    start = kind.start.replace(microsecond=0)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_name(COMMON_NAME))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(secrets.randbits(63) | 1)
        .not_valid_before(start)
        .not_valid_after(_years_later(start, kind.years))
        .sign(signer, hashes.SHA256())
    )
    return Installed(certificate.public_bytes(serialization.Encoding.PEM).decode(), key_pem(key), "self-signed")


def _key(kind: OwnCertificate) -> Key:
    if kind.key is not None:
        key = serialization.load_pem_private_key(kind.key.encode(), None, unsafe_skip_rsa_key_validation=True)
        assert isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
        return key
    return rsa.generate_private_key(65537, RSA_BITS) if kind.rsa else ec.generate_private_key(ec.SECP256R1())


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _years_later(start: datetime, years: int) -> datetime:
    try:
        return start.replace(year=start.year + years)
    except ValueError:  # 29 February
        return start.replace(year=start.year + years, day=28) + timedelta(days=1)
