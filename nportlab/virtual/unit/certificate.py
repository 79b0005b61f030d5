"""The certificate of a virtual unit: one for HTTPS and the secure operation modes (guide 3.2).

What is installed takes effect at the next boot. A unit without one makes a self-signed certificate while booting.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.x509.oid import NameOID

from nportlab.virtual.unit.certificate_making import OwnCertificate, make_own
from nportlab.virtual.unit.certificate_reading import CertificateRefused, Installed, Leniency, read_pem
from nportlab.virtual.unit.flash import Flash

__all__ = ["CertificateRefused", "CertificateSlot", "Installed", "Panel"]


_MADE_ONE = "made-a-certificate"
"""In flash once the unit has made its first certificate, also after a reset: a seeded defect spares the first."""


@dataclass(frozen=True)
class Panel:
    """What the certificate page shows: common names, and validity in the unit's way of writing dates."""

    issued_to: str
    issued_by: str
    valid: str


class CertificateSlot:
    """The installed certificate and the one in use since boot.

    has_defect: whether a seeded defect is planted; the defects of CRT rows live here.
    """

    def __init__(self, flash: Flash, has_defect: Callable[[str], bool] = lambda _: False) -> None:
        self._flash = flash
        self._has_defect = has_defect
        self._installed = self._load("certificate")
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
        shown = self.serving()
        if self._has_defect("imported-certificate-not-served") and self._installed:
            shown = self._installed
        leaf = shown.leaf()
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
        lenient = Leniency(
            der=self._has_defect("import-accepts-der"),
            no_key=self._has_defect("import-accepts-pem-without-key"),
            other_key=self._has_defect("mismatched-key-accepted"),
            longest_key=8192 if self._has_defect("accepts-8192-bit-key") else 4096,
        )
        if self._has_defect("refuses-4096-bit-key"):
            lenient = Leniency(longest_key=4095)
        found = read_pem(data, lenient)
        if found is None:  # taken with "saved", and nobody could serve it
            return
        self._install(found)
        if self._has_defect("import-active-at-once"):
            self._in_use = found

    def delete(self) -> None:
        """Remove the installed certificate and its key; a new one is made at the next boot."""
        former = self._installed
        if former and former.origin == "self-signed" and self._has_defect("deleted-certificate-comes-back"):
            return
        if former and former.origin == "imported" and self._has_defect("deleted-key-lives-on"):
            self._flash.commit("signing-key", former.key)
        self._flash.remove("certificate")
        self._installed = None

    def ensure(self, utc: datetime) -> bool:
        """Make a self-signed certificate when there is none and use what is installed. Returns whether one was made."""
        made = self._installed is None
        if made:
            own = self._make(utc)
            self._install(own)
            self._flash.commit("own-certificate", vars(own))
            self._flash.commit(_MADE_ONE, {"made": True})
        self._in_use = self._installed
        if self._has_defect("imported-certificate-not-served"):
            self._in_use = self._load("own-certificate") or self._make(utc)
        return made

    def _make(self, utc: datetime) -> Installed:
        kind = OwnCertificate(
            start=datetime(2014, 2, 7) if self._has_defect("own-certificate-ignores-the-clock") else utc,
            years=10 if self._has_defect("own-certificate-valid-ten-years") else 2,
            rsa=self._has_defect("own-key-is-rsa"),
            foreign_issuer=self._has_defect("own-certificate-not-self-signed")
            and self._flash.read(_MADE_ONE) is not None,
            key=self._flash.read("signing-key") if self._has_defect("deleted-key-lives-on") else None,
        )
        return make_own(kind)

    def _install(self, installed: Installed) -> None:
        self._flash.commit("certificate", vars(installed))
        self._installed = installed

    def _load(self, name: str) -> Installed | None:
        row = self._flash.read(name)
        return Installed(**row) if row else None


def _common_name(name: x509.Name) -> str:
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else name.rfc4514_string()
