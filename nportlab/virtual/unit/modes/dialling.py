"""A unit that connects out for a serial port: one destination, tried until it answers."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING

from nportlab.virtual.unit.port_sockets import PortConnection
from nportlab.virtual.unit.tls import STRONG, WIDE
from nportlab.virtual.waiting import within

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device
    from nportlab.virtual.unit.modes.socket_mode import SocketMode

AGAIN_SECONDS = 1.0
"""Between two attempts to connect, and between a loss and the next attempt (invented)."""

CONNECT_SECONDS = 10.0
"""Longest wait for the other end (invented)."""

log = logging.getLogger("unit")


class Dialler:
    """Keeps one connection of a mode up while it is wanted.

    host, port: of the destination. local_port: where it dials from, 0 for any. wanted: whether there shall be a
    connection; asked before each attempt. `want` starts one now; `drop` hangs up.
    """

    def __init__(
        self, mode: SocketMode, host: str, port: int, local_port: int, wanted: Callable[[], bool], *, once: bool = False
    ) -> None:
        self._mode = mode
        self._host = host
        self._port = port
        self._local_port = local_port
        self._wanted = wanted
        self._once = once
        self._secure = mode.settings.on("secure")
        self._connection: PortConnection | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def is_connected(self) -> bool:
        """Whether the destination is connected now."""
        return self._connection is not None and self._connection.is_open

    def want(self) -> None:
        """See to it that there is a connection, if one is wanted."""
        if self._task is None and self._wanted():
            self._task = asyncio.get_running_loop().create_task(self._keep_up())

    def drop(self) -> None:
        """Hang up; stop trying."""
        self._cancel()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def close(self) -> None:
        """The mode ends."""
        self._cancel()

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _keep_up(self) -> None:
        try:
            while self._wanted():
                try:
                    await within(CONNECT_SECONDS, self._dial())
                except (OSError, UnicodeError) as error:
                    log.info("serial port %s: %s:%s: %s", self._mode.number, self._host, self._port, error)
                else:
                    await self._gone.wait()
                if self._once or not self._wanted():
                    return
                await asyncio.sleep(AGAIN_SECONDS)
        finally:
            if self._task is asyncio.current_task():
                self._task = None

    async def _dial(self) -> None:
        """Raises OSError (TimeoutError is one), or UnicodeError for what is no name of a host."""
        device = self._mode.device
        self._gone = asyncio.Event()
        link = _bound_socket(device, self._local_port)
        try:
            loop = asyncio.get_running_loop()
            await loop.sock_connect(link, device.peer(self._host, self._port))
            context = client_context(device) if self._secure else None
            _, self._connection = await loop.create_connection(
                self._protocol, sock=link, ssl=context, server_hostname="" if context else None
            )
        except BaseException:
            link.close()
            raise

    def _protocol(self) -> _Dialled:
        return _Dialled(self._mode, self._local_port, self._gone)


class _Dialled(PortConnection):
    """A connection the unit made."""

    def __init__(self, mode: SocketMode, local_port: int, gone: asyncio.Event) -> None:
        super().__init__(mode.sockets, "data", local_port)
        self._gone = gone

    def connection_lost(self, exc: Exception | None) -> None:
        """The other end is gone."""
        super().connection_lost(exc)
        self._gone.set()


def _bound_socket(device: Device, local_port: int) -> socket.socket:
    """A TCP socket with the unit's address, on `local_port`, or on any if that one cannot be had yet."""
    source = device.surroundings.addressing.source or ""
    link = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named, or asyncio leaves Nagle on
    try:
        link.setblocking(False)
        link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            link.bind((source, local_port))
        except OSError:
            link.bind((source, 0))
    except BaseException:
        link.close()
        raise
    return link


def client_context(device: Device) -> ssl.SSLContext:
    """TLS of a unit that dials: its own versions and suites, no check of the other end's certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(f"{STRONG if device.high_secure else WIDE}:!aNULL:!eNULL:@SECLEVEL=1")
    return context
