"""Listening TCP ports of a serial port, plain or with TLS."""

from __future__ import annotations

import asyncio
import ssl
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

from nportlab.virtual.unit.certificate_making import OwnCertificate, make_own
from nportlab.virtual.unit.netstat import Socket
from nportlab.virtual.unit.tls import Contexts, listen_tls
from nportlab.virtual.unit.tls_gate import Gate
from nportlab.virtual.unit.tls_transport import TlsConnection

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device
    from nportlab.virtual.unit.services import Closeable

Factory = Callable[[], asyncio.Protocol]

HANDSHAKE = 0x16
"""First byte of a TLS connection."""

SILENCE_SECONDS = 0.5
"""A client of a seeded defect that says nothing for so long is taken for a plain one."""


async def listen(device: Device, number: int, port: int, factory: Factory, *, secure: bool = False) -> Closeable:
    """Serve serial port `number` on network port `port`; `factory` makes the protocol of one connection.

    Raises OSError when the port is taken.
    """
    if not secure:
        return await PlainListener.open(device, port, factory, number)
    own = device.has_defect("secure-port-has-its-own-certificate")
    certificate = make_own(OwnCertificate(device.clock.utc())) if own else None
    contexts = PortContexts(device, certificate)
    if device.has_defect("secure-port-also-takes-plain"):
        gate = Gate(device, contexts.serving)
        return await PlainListener.open(device, port, lambda: _Undecided(contexts, gate, factory), number)
    return await listen_tls(device, port, factory, number, certificate, contexts)


class PlainListener:
    """A listening TCP port without TLS."""

    def __init__(self, device: Device, server: asyncio.Server, row: int) -> None:
        self._device = device
        self._server = server
        self._row = row

    @classmethod
    async def open(cls, device: Device, port: int, factory: Factory, serial_port: int) -> PlainListener:
        """Listen. Raises OSError when the port is taken."""
        server = await asyncio.get_running_loop().create_server(factory, *device.tcp(port))
        row = device.netstat.add(Socket("tcp", "listen", port, serial_port=serial_port))
        return cls(device, server, row)

    def close(self) -> None:
        """Stop listening."""
        self._server.close()
        self._device.netstat.remove(self._row)


class PortContexts(Contexts):
    """The unit's TLS, with the versions a seeded defect adds on data ports only."""

    def get(self) -> ssl.SSLContext:
        """The context for a new connection."""
        context = super().get()
        if self._device.has_defect("secure-data-port-speaks-tls-1-0"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                context.minimum_version = ssl.TLSVersion.TLSv1
            context.set_ciphers("ALL:!aNULL:!eNULL:@SECLEVEL=0")
        return context


class _Undecided(asyncio.Protocol):
    """Seeded defect: whether a connection is TLS is decided by what it says first."""

    def __init__(self, contexts: Contexts, gate: Gate, factory: Factory) -> None:
        self._contexts = contexts
        self._gate = gate
        self._factory = factory
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._timer = asyncio.get_running_loop().call_later(SILENCE_SECONDS, self._decide, b"")

    def data_received(self, data: bytes) -> None:
        self._decide(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _decide(self, first: bytes) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is None or self._transport.is_closing():
            return
        if first[:1] == bytes([HANDSHAKE]):
            protocol = TlsConnection(self._contexts.get(), self._factory, lambda _: None, self._gate)
        else:
            protocol = self._factory()
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        if first:
            protocol.data_received(first)
