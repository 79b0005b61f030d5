"""The lab's certificate authority: good certificates for units, and the kinds a unit must refuse.

Keys are made when first asked for and kept (mode 0600) below the state folder, because large ones take seconds; the
certificates themselves are issued anew in every run. The unit makes no signing request itself (guide 3.2, CRT-22), so
key, request and certificate are all made here.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import secrets
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final, get_args

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from filelock import FileLock

from nportlab.unit.certificate_provider import KeyKind

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

KEY_KINDS: Final[tuple[KeyKind, ...]] = get_args(KeyKind)
_CURVES = {"p256": ec.SECP256R1(), "p384": ec.SECP384R1()}
_DAY = datetime.timedelta(days=1)
_VALID_DAYS = 90


@dataclass(frozen=True)
class Leaf:
    """A certificate with its key. pem: certificate and key in one file, as units want it."""

    certificate: x509.Certificate
    key: PrivateKey = field(repr=False)

    @property
    def certificate_pem(self) -> bytes:
        """The certificate alone."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The private key alone, not encrypted."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )

    @property
    def pem(self) -> bytes:
        """Certificate, then key."""
        return self.certificate_pem + self.key_pem

    @property
    def der(self) -> bytes:
        """The certificate in DER: a format units must refuse."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pkcs12(self) -> bytes:
        """Certificate and key as PKCS#12 without password: a format units must refuse."""
        return pkcs12.serialize_key_and_certificates(
            b"unit", self.key, self.certificate, None, serialization.NoEncryption()
        )

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, hex."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()


class LabAuthority:
    """A root certificate authority that lives as long as the run."""

    def __init__(self, state_dir: Path, now: datetime.datetime | None = None) -> None:
        """state_dir: `.nportlab`; keys are cached in its `keys` folder. now: the time certificates count from (UTC)."""
        self._keys = state_dir / "keys"
        self._now = now or datetime.datetime.now(datetime.UTC)
        self._root_key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Lab root {secrets.token_hex(4)}")])
        self.root = self._make_root()

    @property
    def root_pem(self) -> bytes:
        """The root certificate, for whoever has to trust it."""
        return self.root.public_bytes(serialization.Encoding.PEM)

    def issue(self, kind: KeyKind, address: str, name: str) -> Leaf:
        """A server certificate for a unit. address: its IP address; name: its host name (subject and SAN).

        kind `expired` is a P-256 certificate whose validity ended yesterday.
        """
        key = self.key("p256" if kind == "expired" else kind)
        request = self.request(key, address, name)
        start, end = self._now - _DAY, self._now + _VALID_DAYS * _DAY
        if kind == "expired":
            start, end = self._now - 30 * _DAY, self._now - _DAY
        return Leaf(self.sign(request, start, end), key)

    def mismatched(self, address: str, name: str) -> bytes:
        """A certificate together with a key that is not its own (PEM); units must refuse it."""
        return self.issue("p256", address, name).certificate_pem + Leaf(self.root, _generate("p256")).key_pem

    def request(self, key: PrivateKey, address: str, name: str) -> x509.CertificateSigningRequest:
        """A signing request, as one would send it to a public authority."""
        names: list[x509.GeneralName] = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address(address))]
        return (
            x509.CertificateSigningRequestBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(key, hashes.SHA256())
        )

    def sign(
        self, request: x509.CertificateSigningRequest, start: datetime.datetime, end: datetime.datetime
    ) -> x509.Certificate:
        """The certificate for a request. Raises ValueError when the request is not signed by its own key."""
        if not request.is_signature_valid:
            raise ValueError("the signing request carries a wrong signature")
        alternative = request.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        return (
            x509.CertificateBuilder()
            .subject_name(request.subject)
            .issuer_name(self._name)
            .public_key(request.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(alternative.value, critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._root_key.public_key()), critical=False
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(request.public_key()), critical=False)
            .sign(self._root_key, hashes.SHA256())
        )

    def issued(self, certificate: x509.Certificate) -> bool:
        """Whether this authority signed the certificate."""
        try:
            certificate.verify_directly_issued_by(self.root)
        except (ValueError, TypeError, InvalidSignature):
            return False
        return True

    def key(self, kind: KeyKind) -> PrivateKey:
        """The lab's private key of that kind, made once and cached."""
        if kind == "rsa8192":
            return _oversized()
        path = self._keys / f"{kind}.pem"
        self._keys.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(self._keys / f"{kind}.lock"):  # the workers of a run want the same keys at the same time
            if path.exists():
                # Made here: no need to prove it sound again, which takes a quarter of a second for a long one.
                key = serialization.load_pem_private_key(path.read_bytes(), None, unsafe_skip_rsa_key_validation=True)
                if isinstance(key, PrivateKey):
                    return key
            key = _generate(kind)
            _write_secret(path, Leaf(self.root, key).key_pem)
            return key

    def _make_root(self) -> x509.Certificate:
        public = self._root_key.public_key()
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        return (
            x509.CertificateBuilder()
            .subject_name(self._name)
            .issuer_name(self._name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - 60 * _DAY)
            .not_valid_after(self._now + 365 * _DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .sign(self._root_key, hashes.SHA256())
        )


def _generate(kind: KeyKind) -> PrivateKey:
    if kind in _CURVES:
        return ec.generate_private_key(_CURVES[kind])
    return rsa.generate_private_key(65537, int(kind.removeprefix("rsa")))


@cache
def _oversized() -> rsa.RSAPrivateKey:
    """An RSA key of 8192 bits, at once: its two primes are public ones, so it protects nothing.

    They are the 4096-bit groups of RFC 3526 (from pi) and RFC 7919 (from e); making such a key takes up to a minute.
    """
    base = (1 << 4096) - (1 << 4032) - 1
    p = base + ((_pi(3966) + 240904) << 64)
    q = base + ((_e(3966) + 5736041) << 64)
    public = rsa.RSAPublicNumbers(65537, p * q)
    d = pow(public.e, -1, (p - 1) * (q - 1))
    numbers = rsa.RSAPrivateNumbers(
        p, q, d, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q), public
    )
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


def _e(bits: int) -> int:
    """2**bits times e, rounded down."""
    total = term = 1 << (bits + 64)
    n = 1
    while term := term // n:
        total += term
        n += 1
    return total >> 64


def _pi(bits: int) -> int:
    """2**bits times pi, rounded down (Machin: pi/4 = 4 arctan 1/5 - arctan 1/239)."""
    one = 1 << (bits + 64)

    def arctan_of_inverse(x: int) -> int:
        total, power, n = 0, one // x, 1
        while power:
            total += power // n if n % 4 == 1 else -(power // n)
            power //= x * x
            n += 2
        return total

    return (4 * (4 * arctan_of_inverse(5) - arctan_of_inverse(239))) >> 64


def _write_secret(path: Path, content: bytes) -> None:
    """Write for the owner's eyes only, whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    fresh.replace(path)
