"""Ports of a virtual unit on an address of this host, for clients outside the rack's network.

What is closed on the unit is closed here: listeners follow the unit's, restarts included.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import cast

from nportlab.virtual.socket_maker import SocketMaker

CONNECT_SECONDS = 5.0
UDP_IDLE_SECONDS = 30.0
CHUNK = 65536


class Forwarder:
    """Forwards to one address of the rack's network.

    host: address of this host to listen on. place: device port -> port of `host`. target: address inside the rack.
    """

    def __init__(self, maker: SocketMaker, host: str, place: Callable[[int], int], target: str) -> None:
        self.target = target
        self.problems: dict[int, str] = {}
        self._maker = maker
        self._host = host
        self._place = place
        self._tcp: dict[int, asyncio.Server] = {}
        self._udp: dict[int, _UdpPort] = {}

    async def follow(self, tcp: Iterable[int], udp: Iterable[int]) -> None:
        """Listen for exactly these device ports. A port that cannot be had is noted in `problems`."""
        wanted_tcp, wanted_udp = set(tcp), set(udp)
        for port in self._tcp.keys() - wanted_tcp:
            self._tcp.pop(port).close()
        for port in self._udp.keys() - wanted_udp:
            self._udp.pop(port).close()
        for port in wanted_tcp - self._tcp.keys():
            with self._noting(port):
                self._tcp[port] = await self._listen(port)
        for port in wanted_udp - self._udp.keys():
            with self._noting(port):
                self._udp[port] = await _UdpPort.open(self, port)

    @contextlib.contextmanager
    def _noting(self, port: int) -> Iterator[None]:
        try:
            yield
            self.problems.pop(port, None)
        except OSError as error:
            self.problems[port] = f"{self._host}:{self._place(port)}: {error.strerror or error}"

    def close(self) -> None:
        """Stop listening."""
        for listener in (*self._tcp.values(), *self._udp.values()):
            listener.close()
        self._tcp, self._udp = {}, {}

    def local(self, port: int) -> tuple[str, int]:
        """Where a device port is found on this host."""
        return self._host, self._place(port)

    def inside(self) -> socket.socket:
        """A UDP socket of the rack's network."""
        return self._maker.make("udp")

    async def _listen(self, port: int) -> asyncio.Server:
        async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._forward(port, reader, writer)

        return await asyncio.start_server(accepted, *self.local(port))

    async def _forward(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inside = self._maker.make("tcp")
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await asyncio.get_running_loop().sock_connect(inside, (self.target, port))
            unit_reader, unit_writer = await asyncio.open_connection(sock=inside)
        except OSError:
            inside.close()
            _reset(writer)
            return
        with contextlib.suppress(OSError):
            await asyncio.gather(_copy(reader, unit_writer), _copy(unit_reader, writer))
        unit_writer.close()
        writer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with a RST, which is what the unit said or would have said."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.transport.abort()
        raise


class _UdpPort(asyncio.DatagramProtocol):
    """One forwarded UDP port; each client gets a socket inside the rack until it has been quiet for a while."""

    def __init__(self, forwarder: Forwarder, port: int) -> None:
        self._forwarder = forwarder
        self._port = port
        self._transport: asyncio.DatagramTransport | None = None
        self._clients: dict[tuple[str, int], _UdpClient] = {}

    @classmethod
    async def open(cls, forwarder: Forwarder, port: int) -> _UdpPort:
        """Bind on this host."""
        loop = asyncio.get_running_loop()
        _, opened = await loop.create_datagram_endpoint(lambda: cls(forwarder, port), local_addr=forwarder.local(port))
        return opened

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Bound."""
        # The loop's datagram transport is none by inheritance.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """From a client of this host."""
        client = self._clients.get(addr)
        if client is None:
            client = _UdpClient(self._forwarder, self._port, lambda answer: self._answer(answer, addr))
            self._clients[addr] = client
        client.send(data, lambda: self._forget(addr))

    def _answer(self, data: bytes, client: tuple[str, int]) -> None:
        if self._transport is not None:
            self._transport.sendto(data, client)

    def _forget(self, client: tuple[str, int]) -> None:
        known = self._clients.pop(client, None)
        if known is not None:
            known.close()

    def close(self) -> None:
        """Release everything."""
        for client in list(self._clients):
            self._forget(client)
        if self._transport is not None:
            self._transport.close()


class _UdpClient:
    """The socket inside the rack that speaks for one client."""

    def __init__(self, forwarder: Forwarder, port: int, answer: Callable[[bytes], None]) -> None:
        self._answer = answer
        self._loop = asyncio.get_running_loop()
        self._socket = forwarder.inside()
        self._socket.connect((forwarder.target, port))
        self._loop.add_reader(self._socket, self._readable)
        self._idle: asyncio.TimerHandle | None = None

    def send(self, data: bytes, expired: Callable[[], None]) -> None:
        """Send to the unit; `expired` is called when nothing was sent for a while."""
        if self._idle is not None:
            self._idle.cancel()
        self._idle = self._loop.call_later(UDP_IDLE_SECONDS, expired)
        with contextlib.suppress(OSError):
            self._socket.send(data)

    def _readable(self) -> None:
        try:
            data = self._socket.recv(CHUNK)
        except OSError:
            return
        self._answer(data)

    def close(self) -> None:
        """Release the socket."""
        if self._idle is not None:
            self._idle.cancel()
        self._loop.remove_reader(self._socket)
        self._socket.close()
