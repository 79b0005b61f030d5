"""The certificate of a virtual unit: one for HTTPS and the secure operation modes (guide 3.2).

What is installed takes effect at the next boot. A unit without one makes a self-signed certificate while booting.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from nportlab.virtual.unit.flash import Flash

SELF_SIGNED_NAME = "HTTPS Certificate for ECC"
"""Issuer and subject of the self-signed certificate (guide 3.2, screenshot of the panel)."""

LONGEST_KEY = 4096
"""Bits (guide 3.2)."""

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
class Panel:
    """What the certificate page shows: common names, and validity in the unit's way of writing dates."""

    issued_to: str
    issued_by: str
    valid: str


class CertificateSlot:
    """The installed certificate and the one in use since boot."""

    def __init__(self, flash: Flash) -> None:
        self._flash = flash
        row = flash.read("certificate")
        self._installed = Installed(**row) if row else None
        self._in_use = self._installed

    @property
    def installed(self) -> Installed | None:
        """What the next boot will use; None when it was deleted and a new one will be made."""
        return self._installed

    def in_use(self) -> tuple[str, str]:
        """(certificate PEM, key PEM) served since boot."""
        return (self.serving().certificate, self.serving().key)

    def serving(self) -> Installed:
        """The certificate served since boot."""
        if self._in_use is None:
            raise RuntimeError("the unit has not finished booting: no certificate yet")
        return self._in_use

    def panel(self) -> Panel:
        """Rows of the certificate page for the certificate in use."""
        leaf = self.serving().leaf()
        start, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
        return Panel(
            _common_name(leaf.subject),
            _common_name(leaf.issuer),
            f"from {start.year}/{start.month}/{start.day} to {end.year}/{end.month}/{end.day}",
        )

    def import_pem(self, data: bytes) -> None:
        """Install a PEM file with certificate (chain) and unencrypted private key in any order, active after restart.

        Raises CertificateRefused: not PEM, no certificate, no key, key over 4096 bit, key of another certificate.
        """
        self._install(read_pem(data))

    def delete(self) -> None:
        """Remove the installed certificate and its key; a new one is made at the next boot."""
        self._flash.remove("certificate")
        self._installed = None

    def ensure(self, utc: datetime) -> bool:
        """Make a self-signed certificate when there is none and use what is installed. Returns whether one was made."""
        made = self._installed is None
        if made:
            self._install(self_signed(utc))
        self._in_use = self._installed
        return made

    def _install(self, installed: Installed) -> None:
        self._flash.commit("certificate", vars(installed))
        self._installed = installed


def self_signed(utc: datetime) -> Installed:
    """A new P-256 key and a certificate for it, valid two years from `utc` (guide 3.2: 256 bit, panel dates)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, SELF_SIGNED_NAME)])
    start = utc.replace(microsecond=0)
    try:
        end = start.replace(year=start.year + 2)
    except ValueError:  # 29 February
        end = start + timedelta(days=730)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(secrets.randbits(63) | 1)
        .not_valid_before(start)
        .not_valid_after(end)
        .sign(key, hashes.SHA256())
    )
    return Installed(certificate.public_bytes(serialization.Encoding.PEM).decode(), _key_pem(key), "self-signed")


def read_pem(data: bytes) -> Installed:
    """The certificate and key of an uploaded PEM file; raises CertificateRefused with the unit's words."""
    if len(data) > LARGEST_FILE:
        raise CertificateRefused("The file is too large.")
    if b"-----BEGIN " not in data:
        raise CertificateRefused("The file is not in PEM format.")
    try:
        chain = x509.load_pem_x509_certificates(data)
    except ValueError:
        raise CertificateRefused("The file holds no valid certificate.") from None
    try:
        key = serialization.load_pem_private_key(data, None)
    except (ValueError, TypeError):
        raise CertificateRefused("The file holds no valid private key.") from None
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise CertificateRefused("The type of the private key is not supported.")
    if key.key_size > LONGEST_KEY:
        raise CertificateRefused(f"The key is longer than {LONGEST_KEY} bits.")
    if _public(key.public_key()) != _public(chain[0].public_key()):
        raise CertificateRefused("The private key does not belong to the certificate.")
    text = "".join(certificate.public_bytes(serialization.Encoding.PEM).decode() for certificate in chain)
    return Installed(text, _key_pem(key), "imported")


def _key_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _public(key: object) -> bytes:
    try:
        return key.public_bytes(  # type: ignore[attr-defined]
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    except AttributeError:
        return b""


def _common_name(name: x509.Name) -> str:
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else name.rfc4514_string()
