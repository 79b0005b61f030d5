"""TLS of the secure operation modes: begin it from either side, and say what it turned out to be.

A secure port is judged by what it does, so this client takes every version and cipher and checks no certificate: that
is what the vendor's Linux driver does (any version, "ALL:@STRENGTH", no verification; nport-facts 1.10).
"""

from __future__ import annotations

import datetime
import hashlib
import socket
import ssl
import time
import warnings
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from nportlab.modes.connecting import connect
from nportlab.unit.endpoint import Endpoint
from nportlab.unit.errors import TlsFailed

CIPHERS = "ALL:@STRENGTH:@SECLEVEL=0"
"""The driver's list; OpenSSL 3 needs the level to take TLS 1.0 and short keys."""


@dataclass(frozen=True)
class TlsFacts:
    """What a handshake agreed on. version, cipher: OpenSSL's names ("TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384").

    bits: of the cipher. certificate: DER of the other end's leaf, empty when it showed none.
    """

    version: str
    cipher: str
    bits: int
    certificate: bytes = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, lower-case hex; "" without one. HTTPS has the same one."""
        return hashlib.sha256(self.certificate).hexdigest() if self.certificate else ""

    def __str__(self) -> str:
        """For evidence: version, cipher, begin of the fingerprint."""
        return f"{self.version} {self.cipher} ({self.bits} bits), certificate {self.fingerprint[:16] or 'none'}"


def client_context(version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """A context that takes anything, or only one version."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return _everything(context, version)


def server_context(version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """A context for units that dial us, with a certificate made for this process and thrown away with it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "throw-away.pem"
        file.touch(0o600)
        file.write_bytes(throw_away_certificate())
        context.load_cert_chain(file)
    return _everything(context, version)


def _everything(context: ssl.SSLContext, version: ssl.TLSVersion | None) -> ssl.SSLContext:
    context.set_ciphers(CIPHERS)
    context.options |= getattr(ssl, "OP_LEGACY_SERVER_CONNECT", 0x4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # old versions are among what units are asked for
        context.minimum_version = version or ssl.TLSVersion.TLSv1
        context.maximum_version = version or ssl.TLSVersion.MAXIMUM_SUPPORTED
    return context


def shake_hands(
    sock: socket.socket, name: str, timeout: float, context: ssl.SSLContext | None = None, *, server: bool = False
) -> ssl.SSLSocket:
    """TLS over a connected socket; takes the socket over and closes it on failure. Raises TlsFailed."""
    sock.settimeout(timeout)
    context = context or (server_context() if server else client_context())
    try:
        return context.wrap_socket(sock, server_side=server, suppress_ragged_eofs=True)
    except OSError as error:
        sock.close()
        if isinstance(error, TimeoutError):
            reason = f"no answer within {timeout:g} s"
        elif isinstance(error, ssl.SSLEOFError | ConnectionResetError):
            reason = "the other end closed the connection"
        else:
            reason = getattr(error, "reason", None) or error.strerror or str(error)
        raise TlsFailed(
            f"no TLS handshake: {reason}", remedy="Check whether the port's Secure setting is on.", resource=name
        ) from None


def facts(sock: ssl.SSLSocket) -> TlsFacts:
    """What this connection agreed on."""
    cipher, _, bits = sock.cipher() or ("", "", 0)
    return TlsFacts(sock.version() or "", cipher, bits, sock.getpeercert(binary_form=True) or b"")


def tls_facts(endpoint: Endpoint, label: str, timeout: float = 5.0, version: ssl.TLSVersion | None = None) -> TlsFacts:
    """Connect, shake hands (with one version only, if named), hang up.

    label: names the port in errors. The port's serial side sees a session come and go.
    Raises PortRefused, PortSilent, NotReachable, TlsFailed.
    """
    name = f"{label} TLS"
    sock = shake_hands(connect(endpoint, name, timeout), name, timeout, client_context(version))
    with sock:
        return facts(sock)


@dataclass(frozen=True)
class PlainAnswer:
    """What a port did to a client that spoke no TLS.

    received: all that came back. ended: how the connection ended, "open" when it did not within the time.
    """

    received: bytes
    ended: Literal["closed", "reset", "open"]
    seconds: float

    @property
    def alert(self) -> int | None:
        """The number of the TLS alert that came back, None when it was something else."""
        data = self.received
        return data[6] if len(data) == 7 and data[0] == 21 and data[1] == 3 and data[3:5] == b"\x00\x02" else None


def speak_plain(endpoint: Endpoint, label: str, data: bytes, timeout: float = 3.0) -> PlainAnswer:
    """Send bytes that are no TLS to a port and see what comes back until it ends the connection or time is up.

    Raises PortRefused, PortSilent, NotReachable.
    """
    begun = time.monotonic()
    received = b""
    ended: Literal["closed", "reset", "open"] = "open"
    with connect(endpoint, f"{label} plain", timeout) as sock:
        try:
            sock.sendall(data)
            while (left := begun + timeout - time.monotonic()) > 0:
                sock.settimeout(left)
                piece = sock.recv(65536)
                if not piece:
                    ended = "closed"
                    break
                received += piece
        except TimeoutError:
            pass
        except OSError:
            ended = "reset"
    return PlainAnswer(received, ended, time.monotonic() - begun)


@cache
def throw_away_certificate() -> bytes:
    """PEM of a self-signed certificate and its key. RSA: the oldest suites of a unit know nothing else."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nportlab harness")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # A unit whose clock has not been set must take it too.
        .not_valid_before(datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(now + datetime.timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
