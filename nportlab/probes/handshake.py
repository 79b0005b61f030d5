"""A whole TLS handshake by OpenSSL: the certificate, and whether it verifies.

The prober (`tls`) says what a server offers; this says whether a real client can use it.
"""

from __future__ import annotations

import socket
import ssl
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from nportlab.probes.control import Endpoint
from nportlab.probes.tls_hello import Version
from nportlab.verdicts.faults import UnitBehaviour
from nportlab.verdicts.recorder import NullRecorder, Recorder

PUBLIC_ROOTS: Final = "public"
"""Trust what a browser on this host trusts."""
LEGACY_CIPHERS: Final = "ALL:@SECLEVEL=0"
_VERSIONS: Final = {
    Version.TLS_1_0: ssl.TLSVersion.TLSv1,
    Version.TLS_1_1: ssl.TLSVersion.TLSv1_1,
    Version.TLS_1_2: ssl.TLSVersion.TLSv1_2,
    Version.TLS_1_3: ssl.TLSVersion.TLSv1_3,
}


class HandshakeFailed(UnitBehaviour):
    """The handshake did not end: the message is OpenSSL's. An assertion may expect it."""


@dataclass(frozen=True)
class Handshake:
    """A finished handshake.

    certificate: DER of the leaf; cipher: OpenSSL's name; verify_error: why the chain or the name does not verify, None
    when it does, or when nothing was asked to be trusted (`judged` is False then). seconds: connection to finished.
    """

    version: Version
    cipher: str
    certificate: bytes = field(repr=False)
    judged: bool
    verify_error: str | None
    seconds: float = field(compare=False)


def handshake(
    endpoint: Endpoint,
    version: Version | None = None,
    trust: Path | str | None = None,
    server_name: str | None = None,
    timeout: float = 10.0,
    recorder: Recorder | None = None,
) -> Handshake:
    """Shake hands once without judging the certificate, and once more judging it when `trust` is given.

    version: the only version offered, None for any from TLS 1.0; trust: PEM file of the CA to trust, or PUBLIC_ROOTS;
    server_name: host name or IP address the certificate must be for (None: the name is not checked).
    Raises HandshakeFailed.
    """
    recorder = recorder or NullRecorder()
    started = time.monotonic()
    connection = _connect(endpoint, _context(version, None), server_name, timeout)
    with connection:
        seconds = time.monotonic() - started
        certificate = connection.getpeercert(binary_form=True) or b""
        cipher = connection.cipher()
        negotiated = _negotiated(connection)
    error: str | None = None
    if trust is not None:
        context = _context(version, trust)
        context.check_hostname = server_name is not None
        try:
            _connect(endpoint, context, server_name, timeout).close()
        except HandshakeFailed as failure:
            if not isinstance(failure.__cause__, ssl.SSLCertVerificationError):
                raise
            error = failure.__cause__.verify_message
    result = Handshake(negotiated, cipher[0] if cipher else "", certificate, trust is not None, error, seconds)
    address, port = endpoint
    judged = f"verification: {error or 'ok'}" if trust is not None else "not verified"
    recorder.exchange(
        f"tls {address}:{port}", f"handshake: {negotiated}, {result.cipher}, {judged}", None, ssl_pem(certificate)
    )
    return result


def ssl_pem(certificate: bytes) -> str:
    """A DER certificate as PEM, as people look at it."""
    return ssl.DER_cert_to_PEM_cert(certificate) if certificate else ""


def _connect(endpoint: Endpoint, context: ssl.SSLContext, name: str | None, timeout: float) -> ssl.SSLSocket:
    address, port = endpoint
    raw = None
    try:
        raw = socket.create_connection(endpoint, timeout)
        return context.wrap_socket(raw, server_hostname=name)
    except (OSError, ssl.SSLError) as error:
        if raw is not None:
            raw.close()
        reason = error.reason if isinstance(error, ssl.SSLError) and error.reason else str(error)
        raise HandshakeFailed(
            f"no TLS handshake with {address}:{port}: {reason}",
            "See what the unit offers: the evidence of the TLS prober lists its answers to every version.",
            f"tls {address}:{port}",
        ) from error


def _context(version: Version | None, trust: Path | str | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers(LEGACY_CIPHERS)
    context.options |= getattr(ssl, "OP_LEGACY_SERVER_CONNECT", 0x4)
    with warnings.catch_warnings():
        # Old versions are what this client is for.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = _VERSIONS[version or Version.TLS_1_0]
        context.maximum_version = _VERSIONS[version] if version else ssl.TLSVersion.MAXIMUM_SUPPORTED
    if trust is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        if trust == PUBLIC_ROOTS:
            context.load_default_certs()
        else:
            context.load_verify_locations(trust)
    return context


def _negotiated(connection: ssl.SSLSocket) -> Version:
    names = {
        "TLSv1": Version.TLS_1_0,
        "TLSv1.1": Version.TLS_1_1,
        "TLSv1.2": Version.TLS_1_2,
        "TLSv1.3": Version.TLS_1_3,
    }
    return names[connection.version() or ""]
