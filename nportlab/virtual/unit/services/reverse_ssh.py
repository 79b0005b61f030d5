"""Reverse SSH mode: an SSH server on the serial port's network port, behind a login."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncssh

from nportlab.guide.text_console import text_console
from nportlab.virtual.unit.netstat import Socket
from nportlab.virtual.unit.services.ssh import host_keys

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device

LOGIN_SECONDS = 60


class ReverseSsh:
    """One listener. Nothing reaches the serial line before the login."""

    def __init__(self, device: Device, acceptor: asyncssh.SSHAcceptor, row: int) -> None:
        self._device = device
        self._acceptor = acceptor
        self._row = row

    @classmethod
    async def open(cls, device: Device, port: int, serial_port: int) -> ReverseSsh:
        """Listen on device port `port`. Raises OSError when it is taken."""
        keys = await asyncio.to_thread(host_keys, device)
        acceptor = await asyncssh.create_server(
            lambda: _Login(device),
            *device.tcp(port),
            server_host_keys=keys,
            server_version=text_console().ssh_version.removeprefix("SSH-2.0-"),
            process_factory=_swallow,
            encoding=None,
            line_editor=False,
            agent_forwarding=False,
            allow_scp=False,
            login_timeout=LOGIN_SECONDS,
        )
        return cls(device, acceptor, device.netstat.add(Socket("tcp", "listen", port, serial_port=serial_port)))

    def close(self) -> None:
        """Stop listening."""
        self._acceptor.close()
        self._device.netstat.remove(self._row)


class _Login(asyncssh.SSHServer):
    """One connection."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._source = ""

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._source = conn.get_extra_info("peername")[0]

    def password_auth_supported(self) -> bool:
        return True

    async def validate_password(self, username: str, password: str) -> bool:
        result = await self._device.authenticate(username, password, "reverse ssh", self._source)
        return result.ok


async def _swallow(process: asyncssh.SSHServerProcess[bytes]) -> None:
    """Read until the client ends; nothing is plugged in."""
    while await process.stdin.read(4096):
        pass
    process.exit(0)
