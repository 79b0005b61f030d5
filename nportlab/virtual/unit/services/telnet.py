"""The Telnet console on TCP 23: login, then the text console."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from nportlab.guide.text_console import text_console
from nportlab.virtual.unit.clients.authentication import session
from nportlab.virtual.unit.services import Closeable
from nportlab.virtual.unit.services.listening import TcpListener, peer_of
from nportlab.virtual.unit.services.planted import runs
from nportlab.virtual.unit.services.telnet_codec import GREETING, TelnetDecoder
from nportlab.virtual.unit.services.terminal import Disconnected, LineTerminal
from nportlab.virtual.unit.services.text_console import TextConsole, idle_seconds
from nportlab.virtual.waiting import within

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device

PORT = 23
ATTEMPTS = 3
"""Wrong passwords before the connection is closed (invented)."""


def enabled(device: Device) -> bool:
    """Whether the Telnet console is switched on."""
    return runs(device, "telnet", wanted=device.running.on("console.telnet"))


async def serve(device: Device) -> Closeable:
    """Listen on TCP 23."""
    return await TcpListener.open(device, PORT, lambda reader, writer: _session(device, reader, writer))


async def _session(device: Device, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    decoder = TelnetDecoder()
    writer.write(GREETING)

    async def read() -> bytes:
        while octets := await reader.read(1024):
            data, answers = decoder.feed(octets)
            writer.write(answers)
            if data:
                return data
        return b""

    terminal = LineTerminal(read, writer.write, writer.drain, echo=True)
    try:
        user = await _log_in(device, terminal, peer_of(writer)[0])
    except (Disconnected, TimeoutError):
        user = None
    if user is not None:
        async with session(device, user, "telnet", peer_of(writer)[0]):
            await TextConsole(device, terminal, f"{user} via telnet").run()
    # The last words must be out before the connection is closed.
    await within(5, writer.drain())


async def _log_in(device: Device, terminal: LineTerminal, source: str) -> str | None:
    """The user who logged in; None after too many failures, or when there is no account yet."""
    texts = text_console()
    if device.flavour == "2.x" and not device.accounts.exists():
        terminal.write(texts.first_boot + "\n")
        return None
    if device.running.get("message.login"):
        terminal.write(device.running["message.login"] + "\n")
    idle = idle_seconds(device)
    for _ in range(ATTEMPTS):
        terminal.write(texts.login)
        user = await within(idle, terminal.read_line())
        terminal.write(texts.password)
        password = await within(idle, terminal.read_line(secret=True))
        result = await device.authenticate(user.strip(), password, "telnet", source)
        if result.ok:
            return result.user
        terminal.write((texts.locked if result.locked else texts.login_failed) + "\n")
        if result.message:
            terminal.write(result.message + "\n")
    return None
