"""Sockets of a unit's services: bound where the rack puts them, shown in netstat, gone at once when closed."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Self

from nportlab.virtual.unit.netstat import Socket

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device
    from nportlab.virtual.unit.services import Closeable

Address = tuple[str, int]
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Answer = Callable[[bytes, Address], bytes | None]

IP_FREEBIND = 15
"""Linux socket option (ip(7)) that Python 3.11 has no name for."""

MOST_CONNECTIONS = 32
"""Connections one listener serves at a time; more are accepted and closed, as their handshake is over already."""


class TcpListener:
    """A listening TCP port and the connections made to it."""

    def __init__(self, device: Device, port: int) -> None:
        self._device = device
        self._port = port
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._shown = 0

    @classmethod
    async def open(cls, device: Device, port: int, serve: Serve) -> Self:
        """Listen on device port `port`, one `serve` per connection, which is closed when that ends.

        Raises OSError if the port is taken.
        """
        listener = cls(device, port)

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await listener._accept(serve, reader, writer)

        listener._server = await asyncio.start_server(accept, *device.tcp(port), limit=4096)
        listener._shown = device.netstat.add(Socket("tcp", "listen", port))
        return listener

    async def _accept(self, serve: Serve, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._connections) >= MOST_CONNECTIONS:
            writer.transport.abort()
            return
        self._connections.add(task)
        remote = peer_of(writer)
        row = Socket("tcp", "connected", self._port, self._device.address, *remote)
        try:
            with self._device.netstat.showing(row), contextlib.suppress(ConnectionError, TimeoutError):
                await serve(reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self._connections.discard(task)
            writer.close()

    def close(self) -> None:
        """Stop listening and drop all connections."""
        if self._server:
            self._server.close()
        self._device.netstat.remove(self._shown)
        for task in list(self._connections):
            task.cancel()


class UdpListener(asyncio.DatagramProtocol):
    """A bound UDP port; every datagram is given to `answer`, whose result goes back to where it came from."""

    def __init__(self, device: Device, answer: Answer) -> None:
        self._device = device
        self._answer = answer
        self._shown = 0
        self.transport: asyncio.DatagramTransport | None = None

    @classmethod
    async def open(
        cls,
        device: Device,
        port: int,
        answer: Answer,
        *,
        shown: bool = True,
        broadcast: bool = False,
        unicast_only: bool = False,
    ) -> Self:
        """Bind device port `port`. Raises OSError if it is taken.

        shown: netstat tells about it. broadcast: it may send to broadcast addresses. unicast_only: it does not hear
        what is sent to them.
        """
        link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            link.setblocking(False)
            link.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, broadcast)
            host, number = device.udp(port)
            if unicast_only:
                # The link may not be up yet, so the address is not there yet.
                link.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
                host = device.address
            link.bind((host, number))
            loop = asyncio.get_running_loop()
            transport, listener = await loop.create_datagram_endpoint(lambda: cls(device, answer), sock=link)
        except BaseException:
            link.close()
            raise
        listener.transport = transport
        if shown:
            listener._shown = device.netstat.add(Socket("udp", "listen", port))
        return listener

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """A datagram came in."""
        answer = self._answer(data, addr[:2])
        if answer is not None and self.transport is not None:
            self.transport.sendto(answer, addr)

    def close(self) -> None:
        """Release the port."""
        self._device.netstat.remove(self._shown)
        if self.transport is not None:
            self.transport.close()


class Together:
    """Several closeables as one."""

    def __init__(self, parts: Iterable[Closeable]) -> None:
        self._parts = list(parts)

    def close(self) -> None:
        """Close all of them."""
        for part in self._parts:
            part.close()


async def open_all(*opening: Awaitable[Closeable]) -> Together:
    """Open one after the other; if one cannot be opened, those before it are closed again and its error is raised."""
    opened: list[Closeable] = []
    pending = list(opening)
    try:
        while pending:
            opened.append(await pending.pop(0))
    except BaseException:
        Together(opened).close()
        for awaitable in pending:
            if asyncio.iscoroutine(awaitable):
                awaitable.close()
        raise
    return Together(opened)


class Background:
    """A task of a client, ended by `close`. An error in it goes to the loop's exception handler at once."""

    def __init__(self, work: Awaitable[None]) -> None:
        self._task = asyncio.ensure_future(work)
        self._task.add_done_callback(self._report)

    @staticmethod
    def _report(task: asyncio.Future[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            context = {"message": "a client of the unit failed", "exception": error, "future": task}
            task.get_loop().call_exception_handler(context)

    def close(self) -> None:
        """Cancel the task."""
        self._task.cancel()


def peer_of(writer: asyncio.StreamWriter) -> Address:
    """Address and port of the client at the other end."""
    name = writer.get_extra_info("peername") or ("0.0.0.0", 0)
    return name[0], name[1]
