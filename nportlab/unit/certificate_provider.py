"""Where certificates for a unit come from; the lab's own authority (pki) is one such place."""

from __future__ import annotations

from typing import Literal, Protocol

from cryptography import x509

KeyKind = Literal["p256", "p384", "rsa2048", "rsa3072", "rsa4096", "rsa8192", "expired"]


class IssuedLeaf(Protocol):
    """A certificate with its key."""

    @property
    def pem(self) -> bytes:
        """Certificate and key in one PEM file."""
        ...

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, hex."""
        ...


class CertificateProvider(Protocol):
    """Issues certificates for units and recognises its own."""

    def issue(self, kind: KeyKind, address: str, name: str) -> IssuedLeaf:
        """A certificate with a key of that kind for the unit's address and name."""
        ...

    def issued(self, certificate: x509.Certificate) -> bool:
        """Whether it signed this certificate."""
        ...
