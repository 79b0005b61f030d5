"""Reading an uploaded certificate file: PEM, certificate with its key, key of at most 4096 bits (guide 3.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

LARGEST_FILE = 32 * 1024
"""Bytes of an uploaded file (invented)."""


class CertificateRefused(ValueError):
    """A certificate file the unit does not take; the text is what the unit says."""


@dataclass(frozen=True)
class Installed:
    """A certificate chain and its private key, both PEM."""

    certificate: str
    key: str
    origin: Literal["imported", "self-signed"]

    def leaf(self) -> x509.Certificate:
        """The unit's own certificate, the first of the file."""
        return x509.load_pem_x509_certificates(self.certificate.encode())[0]


@dataclass(frozen=True)
class Leniency:
    """What a defective unit lets pass. longest_key: bits, 4096 on a sound unit (guide 3.2)."""

    der: bool = False
    no_key: bool = False
    other_key: bool = False
    longest_key: int = 4096


def read_pem(data: bytes, lenient: Leniency = Leniency()) -> Installed | None:
    """The certificate and key of an uploaded PEM file; raises CertificateRefused with the unit's words.

    None: let pass by leniency, but nothing that could be served.
    """
    if len(data) > LARGEST_FILE:
        raise CertificateRefused("The file is too large.")
    if b"-----BEGIN " not in data:
        if lenient.der and data[:1] == b"\x30":
            return None
        raise CertificateRefused("The file is not in PEM format.")
    try:
        chain = x509.load_pem_x509_certificates(data)
        leaf_key = _public(chain[0].public_key())
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateRefused("The file holds no valid certificate.") from None
    if lenient.no_key and b"PRIVATE KEY-----" not in data:
        return None
    key = _private_key(data)
    if key.key_size > lenient.longest_key:
        raise CertificateRefused(f"The key is longer than {lenient.longest_key} bits.")
    if _public(key.public_key()) != leaf_key:
        if lenient.other_key:
            return None
        raise CertificateRefused("The private key does not belong to the certificate.")
    text = "".join(certificate.public_bytes(serialization.Encoding.PEM).decode() for certificate in chain)
    return Installed(text, key_pem(key), "imported")


def key_pem(key: Key) -> str:
    """A private key as unencrypted PKCS #8 PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _private_key(data: bytes) -> Key:
    try:
        # Whether the primes of an RSA key are prime takes seconds to see; what matters is that it fits the certificate.
        key = serialization.load_pem_private_key(data, None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise CertificateRefused("The file holds no valid private key.") from None
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise CertificateRefused("The type of the private key is not supported.")
    return key


def _public(key: object) -> bytes:
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise ValueError("neither RSA nor EC")
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
