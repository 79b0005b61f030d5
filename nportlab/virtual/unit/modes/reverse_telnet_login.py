"""The login in front of a reverse Telnet session."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from nportlab.guide.text_console import text_console
from nportlab.virtual.unit.services.terminal import Disconnected, LineTerminal

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device
    from nportlab.virtual.unit.port_sockets import PortConnection

ATTEMPTS = 3
"""Wrong passwords before the connection is closed (invented)."""

LOGIN_SECONDS = 60
"""Real seconds a login may take (invented)."""

MOST_AHEAD = 1024
"""Bytes typed ahead before no more are read."""


class Login:
    """One login. `typed` takes what the client sends; `run` talks to it."""

    def __init__(self, device: Device, connection: PortConnection, number: int, types: str) -> None:
        self._device = device
        self._connection = connection
        self._number = number
        self._types = types
        self._typed = bytearray()
        self._more = asyncio.Event()
        self._terminal = LineTerminal(self._read, connection.write, self._drain, echo=True)

    def typed(self, data: bytes) -> None:
        """Bytes of the client."""
        self._typed += data
        self._more.set()
        if len(self._typed) > MOST_AHEAD:
            self._connection.pause()

    async def run(self) -> bool:
        """Ask for name and password; whether the client may have the line."""
        try:
            async with asyncio.timeout(LOGIN_SECONDS):
                return await self._ask()
        except (Disconnected, TimeoutError):
            return False

    def rest(self) -> tuple[bytes, bool]:
        """What was typed behind the login, and whether the LF of its last CR may still come."""
        return self._terminal.rest() + bytes(self._typed), self._terminal.after_return

    async def _ask(self) -> bool:
        texts = text_console()
        source = self._connection.peer[0]
        for _ in range(ATTEMPTS):
            self._terminal.write(texts.login)
            user = (await self._terminal.read_line()).strip()
            self._terminal.write(texts.password)
            password = await self._terminal.read_line(secret=True)
            result = await self._device.authenticate(user, password, "reverse telnet", source, self._types)
            if result.ok:
                return True
            self._device.log.add("OpMode", "Authentication Fail", f"port {self._number} {source}")
            self._terminal.write((texts.locked if result.locked else texts.login_failed) + "\n")
        return False

    async def _read(self) -> bytes:
        while not self._typed:
            self._more.clear()
            await self._more.wait()
        typed, self._typed = bytes(self._typed), bytearray()
        self._connection.resume()
        return typed

    async def _drain(self) -> None:
        """A few prompts fit any buffer."""
