"""Certificates for the selftests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

PEM = serialization.Encoding.PEM
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@cache
def key(kind: str) -> Key:
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind.startswith("p"):
        return ec.generate_private_key({"p256": ec.SECP256R1(), "p384": ec.SECP384R1()}[kind])
    return (
        _of_mersenne_primes() if kind == "rsa4484" else rsa.generate_private_key(65537, int(kind.removeprefix("rsa")))
    )


def _of_mersenne_primes() -> rsa.RSAPrivateKey:
    """A key of 4484 bits without the seconds it takes to find primes."""
    p, q, e = 2**2281 - 1, 2**2203 - 1, 65537
    d = pow(e, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(e, p * q)
    return rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public).private_key()


@cache
def certificate(kind: str, name: str = "unit.example") -> x509.Certificate:
    own = key(kind)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(own.public_key())
        .serial_number(7)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
    )
    return builder.sign(own, None if kind == "ed25519" else hashes.SHA256())


def certificate_pem(kind: str) -> bytes:
    return certificate(kind).public_bytes(PEM)


def key_pem(kind: str, password: bytes | None = None) -> bytes:
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key(kind).private_bytes(PEM, serialization.PrivateFormat.PKCS8, encryption)


def bundle(kind: str) -> bytes:
    return certificate_pem(kind) + key_pem(kind)
