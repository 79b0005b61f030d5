"""What RAW and LPD printing have in common on the network: a connection that is read only as fast as it is printed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from nportlab.virtual.unit.modes.printer_jobs import Printer, Printers
from nportlab.virtual.unit.netstat import Socket

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device


MOST_CLIENTS = 32
"""Connections to one port at a time, printing and waiting; further ones are accepted and closed (invented)."""


class PrintListener:
    """A listening port of printers, and its clients."""

    def __init__(self, device: Device, port: int) -> None:
        self.device = device
        self.port = port
        self.clients: set[PrintConnection] = set()
        self._server: asyncio.Server | None = None
        self._row = 0

    async def open(self, client: Callable[[PrintListener], PrintConnection]) -> None:
        """Listen, one `client` per connection. Raises OSError when the port is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: client(self), *self.device.tcp(self.port))
        self._row = self.device.netstat.add(Socket("tcp", "listen", self.port))

    def close(self) -> None:
        """Stop listening and drop the clients."""
        if self._server is not None:
            self._server.close()
        self.device.netstat.remove(self._row)
        for client in list(self.clients):
            client.abort()


class PrintConnection(asyncio.Protocol):
    """One client. A base: `take` gets what it sends, `ended` hears that it sends no more.

    A client that holds a printer and vanishes without a word is dropped by the TCP alive check of that printer's port;
    one that has sent its whole job is no longer needed.
    """

    def __init__(self, listener: PrintListener, printers: Printers) -> None:
        self.device = listener.device
        self.printers = printers
        self.printer: Printer | None = None
        self.peer: tuple[str, int] = ("0.0.0.0", 0)
        self._listener = listener
        self.transport: asyncio.Transport | None = None
        self.traffic = 0.0
        self._row = 0

    def begin(self) -> None:
        """The client is here."""

    def take(self, data: bytes) -> None:
        """Bytes of the client; none come while it is held."""
        raise NotImplementedError

    def ended(self) -> None:
        """The client closed its sending side; it may still read."""
        raise NotImplementedError

    def vanished(self) -> None:
        """The connection is gone."""
        raise NotImplementedError

    # For those who stand on it ------------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether it is neither closed nor closing."""
        return self.transport is not None and not self.transport.is_closing()

    def hold(self) -> None:
        """Read no more, until `go_on`."""
        if self.transport is not None and self.is_open:
            self.transport.pause_reading()

    def go_on(self) -> None:
        """Read again."""
        if self.transport is not None and self.is_open:
            self.transport.resume_reading()

    def send(self, data: bytes) -> None:
        """To the client."""
        if self.transport is not None and self.is_open:
            self.transport.write(data)

    def close(self) -> None:
        """Close after what was sent."""
        if self.transport is not None:
            self.transport.close()

    def abort(self) -> None:
        """Drop the connection."""
        if self.transport is not None:
            self.transport.abort()

    def took(self, printer: Printer) -> None:
        """This client's job has the printer now."""
        self.printer = printer
        self.device.log.add("OpMode", "Connect", f"port {printer.number} {self.peer[0]}")
        self._show(printer.number)
        printer.vigil.begin(self)

    def let_go(self) -> None:
        """The job is over, or given up."""
        printer, self.printer = self.printer, None
        if printer is not None:
            printer.vigil.end(self)
            self._show(0)
            self.device.log.add("OpMode", "Disconnect", f"port {printer.number} {self.peer[0]}")
        self.printers.release(self)

    def granted(self, printer: Printer, choice: int) -> None:
        """A printer is free for this client's job."""
        raise NotImplementedError

    def printer_has_room(self) -> None:
        """What was given to the printer is in its queue."""
        raise NotImplementedError

    # Of asyncio ---------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client connected."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        if len(self._listener.clients) >= MOST_CLIENTS:
            transport.abort()
            return
        self._listener.clients.add(self)
        self.peer = (transport.get_extra_info("peername") or self.peer)[:2]
        self._show(0)
        self.begin()

    def data_received(self, data: bytes) -> None:
        """Bytes from the network."""
        self.take(data)

    def eof_received(self) -> bool:
        """The connection stays: what was sent is still to be printed."""
        if self.printer is not None:
            self.printer.vigil.end(self)
        self.ended()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone, or was dropped."""
        self._listener.clients.discard(self)
        self.vanished()
        if exc is None or not self.device.has_defect("printer-blocked-by-lost-client"):
            self.let_go()
        self.device.netstat.remove(self._row)

    def _show(self, serial_port: int) -> None:
        """Let netstat show the connection, as one of that serial port."""
        self.device.netstat.remove(self._row)
        row = Socket("tcp", "connected", self._listener.port, self.device.address, *self.peer, serial_port)
        self._row = self.device.netstat.add(row)
