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
from nportlab.virtual.unit.tls_transport import TlsConnection

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device
    from nportlab.virtual.unit.services import Closeable

STRONG = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""High secure mode: forward secrecy and authenticated encryption only (the guide does not define "strong")."""

WIDE = "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:kRSA+AESGCM:kRSA+AES:ECDHE+CAMELLIA:kRSA+CAMELLIA:!aNULL:!eNULL:!PSK:!SRP"
"""Otherwise: "most of the encryption algorithms that TLS v1.2 supports"; nothing anonymous, unencrypted or broken."""

ProtocolFactory = Callable[[], asyncio.Protocol]


def tls_context(device: Device) -> ssl.SSLContext:
    """The server side context by the running settings and the certificate in use since boot."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # old versions are what the setting is for
        context.minimum_version = ssl.TLSVersion.TLSv1 if _old_versions(device) else ssl.TLSVersion.TLSv1_2
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_ciphers(device))
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE | ssl.OP_NO_RENEGOTIATION
    _load(context, *device.certificate.in_use())
    return context


def _old_versions(device: Device) -> bool:
    return device.running.on("console.tls_1_0_1_1")


def _ciphers(device: Device) -> str:
    suites = STRONG if device.running.on("tls.high_secure_mode") else WIDE
    # Level 1 still takes RSA keys of 1024 bit; below TLS 1.2 the library wants level 0.
    return f"{suites}:@SECLEVEL={0 if _old_versions(device) else 1}"


def _load(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """Load a chain from memory: the ssl module reads files only, and a key does not belong in a temporary one."""
    descriptor = os.memfd_create("certificate")
    try:
        os.write(descriptor, (certificate + key).encode())
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)


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


async def listen_tls(device: Device, port: int, factory: ProtocolFactory, serial_port: int = 0) -> Closeable:
    """Serve TLS on device port `port`.

    factory: makes the protocol of one connection, which sees plain bytes once the handshake is done (aiohttp's
    `web.Server`, a StreamReaderProtocol, ...). serial_port: the serial port it belongs to, for netstat; 0 for none.
    Raises OSError when the port is taken.
    """
    context = tls_context(device)
    connections: set[TlsConnection] = set()

    def accept() -> TlsConnection:
        connection = TlsConnection(context, factory, connections.discard)
        connections.add(connection)
        return connection

    server = await asyncio.get_running_loop().create_server(accept, *device.tcp(port))
    row = device.netstat.add(Socket("tcp", "listen", port, serial_port=serial_port))
    return TlsListener(server, connections, lambda: device.netstat.remove(row))
