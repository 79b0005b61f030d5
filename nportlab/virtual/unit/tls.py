"""TLS of a virtual unit: HTTPS and the secure operation modes share certificate, versions and suites (guide 3.2).

`listen_tls` is the way to serve: the event loop's own TLS closes a failed handshake without its alert, and an alert is
what a prober must see.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

from nportlab.virtual.unit.netstat import Socket
from nportlab.virtual.unit.tls_gate import Gate
from nportlab.virtual.unit.tls_transport import TlsConnection

if TYPE_CHECKING:
    from nportlab.virtual.unit.certificate import Installed
    from nportlab.virtual.unit.device import Device
    from nportlab.virtual.unit.services import Closeable

STRONG = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""High secure mode: forward secrecy and authenticated encryption only (the guide does not define "strong")."""

WIDE = "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:kRSA+AESGCM:kRSA+AES:ECDHE+CAMELLIA:kRSA+CAMELLIA"
"""Otherwise: "most of the encryption algorithms that TLS v1.2 supports"; nothing anonymous, unencrypted or broken."""

ALLOW_CLIENT_RENEGOTIATION = 1 << 8
"""SSL_OP_ALLOW_CLIENT_RENEGOTIATION of OpenSSL 3, which the ssl module does not name."""

V = ssl.TLSVersion
ProtocolFactory = Callable[[], asyncio.Protocol]


def tls_context(device: Device, certificate: Installed | None = None) -> ssl.SSLContext:
    """The server side context by the running settings and the certificate in use since boot.

    certificate: served instead of that one.
    """
    lowest, highest = _versions(device)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # old versions are what the setting is for
        context.minimum_version, context.maximum_version = lowest, highest
        if _only_tls10_of_old(device):
            context.options |= ssl.OP_NO_TLSv1_1
    # Level 1 still takes RSA keys of 1024 bit; below TLS 1.2 the library wants level 0.
    suites, level = _suites(device)
    context.set_ciphers(f"{suites}:@SECLEVEL={level if lowest >= V.TLSv1_2 else 0}")
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
    if device.has_defect("client-renegotiation-allowed"):
        context.options |= ALLOW_CLIENT_RENEGOTIATION
    else:
        context.options |= ssl.OP_NO_RENEGOTIATION
    served = certificate or device.certificate.serving()
    _load(context, served.certificate, served.key)
    return context


def _old_versions(device: Device) -> bool:
    return device.running.on("console.tls_1_0_1_1") and not device.has_defect("old-tls-never-offered")


def _only_tls10_of_old(device: Device) -> bool:
    """High secure mode has no suite for it, and the library then takes no connection at all."""
    return device.has_defect("tls10-stays-on") and not _old_versions(device) and not device.high_secure


def _versions(device: Device) -> tuple[ssl.TLSVersion, ssl.TLSVersion]:
    """Lowest and highest version; no unit of firmware 1.x or 2.x is known to speak TLS 1.3."""
    fresh = device.untouched and device.has_defect("tls12-missing-from-factory")
    if fresh or device.has_defect("tls12-missing"):
        return V.TLSv1_3, V.TLSv1_3
    if _old_versions(device) or _only_tls10_of_old(device):
        return V.TLSv1, V.TLSv1_2
    return (V.TLSv1_1 if device.has_defect("tls11-stays-on") else V.TLSv1_2), V.TLSv1_2


def _suites(device: Device) -> tuple[str, int]:
    """Cipher list and the library's security level."""
    if device.high_secure:
        return (f"{STRONG}:ECDHE+AES" if device.has_defect("high-secure-keeps-cbc") else STRONG), 1
    if device.has_defect("null-suites-offered"):
        return f"{WIDE}:eNULL:!aNULL:!PSK", 0
    if device.has_defect("anonymous-suites-offered"):
        return f"{WIDE}:AECDH+AES:!eNULL", 0
    return f"{WIDE}:!aNULL:!eNULL", 1


def _load(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """Load a chain from memory: the ssl module reads files only, and a key does not belong in a temporary one."""
    descriptor = os.memfd_create("certificate")
    try:
        os.write(descriptor, (certificate + key).encode())
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)


class Contexts:
    """The context of one listener, made anew when what it depends on has changed under a running unit."""

    def __init__(self, device: Device, certificate: Installed | None) -> None:
        self._device = device
        self._certificate = certificate
        self._key: object = None
        self._context: ssl.SSLContext | None = None

    def serving(self) -> Installed:
        """The certificate of this listener."""
        return self._certificate or self._device.certificate.serving()

    def get(self) -> ssl.SSLContext:
        """The context for a new connection."""
        device = self._device
        key = (device.surroundings.defects, self.serving(), device.running["console.tls_1_0_1_1"], device.high_secure)
        if self._context is None or key != self._key:
            self._context, self._key = tls_context(device, self._certificate), key
        return self._context


class TlsListener:
    """A listening TCP port whose connections speak TLS, and those connections."""

    def __init__(self, server: asyncio.Server, connections: set[TlsConnection], forget: Callable[[], None]) -> None:
        self._server = server
        self._connections = connections
        self._forget = forget

    def close(self) -> None:
        """Stop listening and drop all connections."""
        self._server.close()
        self._forget()
        for connection in list(self._connections):
            connection.abort()


async def listen_tls(
    device: Device,
    port: int,
    factory: ProtocolFactory,
    serial_port: int = 0,
    certificate: Installed | None = None,
    contexts: Contexts | None = None,
) -> Closeable:
    """Serve TLS on device port `port`.

    factory: makes the protocol of one connection, which sees plain bytes once the handshake is done (aiohttp's
    `web.Server`, a StreamReaderProtocol, ...). serial_port: the serial port it belongs to, for netstat; 0 for none.
    certificate: served instead of the unit's. contexts: where the contexts of new connections come from instead. Raises
    OSError when the port is taken.
    """
    contexts = contexts or Contexts(device, certificate)
    contexts.get()
    gate = Gate(device, contexts.serving)
    connections: set[TlsConnection] = set()

    def accept() -> TlsConnection:
        connection = TlsConnection(contexts.get(), factory, connections.discard, gate)
        connections.add(connection)
        return connection

    server = await asyncio.get_running_loop().create_server(accept, *device.tcp(port))
    row = device.netstat.add(Socket("tcp", "listen", port, serial_port=serial_port))
    return TlsListener(server, connections, lambda: device.netstat.remove(row))
