"""The SSH console on TCP 22: password login, then the text console. The host keys stay in the unit's flash."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import asyncssh

from nportlab.guide.text_console import text_console
from nportlab.virtual.unit.clients.authentication import session
from nportlab.virtual.unit.netstat import Socket
from nportlab.virtual.unit.services import Closeable
from nportlab.virtual.unit.services.planted import runs
from nportlab.virtual.unit.services.terminal import LineTerminal
from nportlab.virtual.unit.services.text_console import TextConsole

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device

PORT = 22
HOST_KEYS = {"ecdsa": "ecdsa-sha2-nistp256", "rsa": "ssh-rsa"}
"""Kinds of host key (invented; the algorithms of the real console are not public)."""

RSA_BITS = 2048
LOGIN_SECONDS = 60
LAST_WORDS_SECONDS = 2
MOST_SESSIONS = 16


def enabled(device: Device) -> bool:
    """Whether the SSH console is switched on."""
    return runs(device, "ssh", wanted=device.running.on("console.ssh"))


async def serve(device: Device) -> Closeable:
    """Listen on TCP 22."""
    return await SshConsole.open(device)


class SshConsole:
    """The listener and its sessions."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.connections: set[asyncssh.SSHServerConnection] = set()
        self._acceptor: asyncssh.SSHAcceptor | None = None
        self._shown = 0

    @classmethod
    async def open(cls, device: Device) -> SshConsole:
        """Make host keys if there are none, and listen."""
        console = cls(device)
        keys = await asyncio.to_thread(host_keys, device)
        host, port = device.tcp(PORT)
        console._acceptor = await asyncssh.create_server(
            lambda: _Login(console),
            host,
            port,
            server_host_keys=keys,
            server_version=text_console().ssh_version.removeprefix("SSH-2.0-"),
            process_factory=console.run,
            encoding=None,
            line_editor=False,
            agent_forwarding=False,
            allow_scp=False,
            login_timeout=LOGIN_SECONDS,
        )
        console._shown = device.netstat.add(Socket("tcp", "listen", PORT))
        return console

    async def run(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        """One shell: the text console. A command or subsystem is refused."""
        user, source = process.get_extra_info("username"), process.get_extra_info("peername")[0]
        if process.command is not None or process.subsystem is not None:
            process.exit(1)
            return

        async def read() -> bytes:
            try:
                return await process.stdin.read(1024)
            except (asyncssh.BreakReceived, asyncssh.SignalReceived, asyncssh.Error):
                return b""
            except asyncssh.TerminalSizeChanged:
                return await read()

        terminal = LineTerminal(
            read, process.stdout.write, process.stdout.drain, echo=process.get_terminal_type() is not None
        )
        with contextlib.suppress(BrokenPipeError, ConnectionError, asyncssh.Error):
            async with session(self.device, user, "ssh", source):
                await TextConsole(self.device, terminal, f"{user} via ssh").run()
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                await process.stdout.drain()
        process.exit(0)
        # A client shows what it got and leaves by itself; told to go at once, it may drop the last words.
        connection: asyncssh.SSHServerConnection = process.get_extra_info("connection")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                await connection.wait_closed()
        connection.close()

    def close(self) -> None:
        """Stop listening and drop all sessions."""
        if self._acceptor:
            self._acceptor.close()
        self.device.netstat.remove(self._shown)
        for connection in list(self.connections):
            connection.abort()


class _Login(asyncssh.SSHServer):
    """One connection before and during its login."""

    def __init__(self, console: SshConsole) -> None:
        self._console = console
        self._connection: asyncssh.SSHServerConnection | None = None
        self._source = ""
        self._shown = 0

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        if len(self._console.connections) >= MOST_SESSIONS:
            conn.abort()
            return
        self._connection = conn
        self._console.connections.add(conn)
        self._source, port = conn.get_extra_info("peername")[:2]
        device = self._console.device
        row = Socket("tcp", "connected", PORT, device.address, self._source, port)
        self._shown = device.netstat.add(row)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._connection:
            self._console.connections.discard(self._connection)
        self._console.device.netstat.remove(self._shown)

    def begin_auth(self, username: str) -> bool:
        message = self._console.device.running.get("message.login")
        if message and self._connection:
            self._connection.send_auth_banner(message + "\r\n")
        return True

    def password_auth_supported(self) -> bool:
        return True

    async def validate_password(self, username: str, password: str) -> bool:
        device = self._console.device
        # Without an account there is nobody who may have a shell.
        if device.flavour == "2.x" and not device.accounts.exists():
            return False
        return (await device.authenticate(username, password, "ssh", self._source)).ok


def host_keys(device: Device) -> list[asyncssh.SSHKey]:
    """The unit's host keys, made at the first boot."""
    kept = device.flash.read("ssh-host-keys", {})
    if set(kept) != set(HOST_KEYS):
        kept = {kind: _new_key(kind) for kind in HOST_KEYS}
        device.flash.commit("ssh-host-keys", kept)
    # They come from its own flash; to validate them once more takes an RSA key longer than everything else of a boot.
    return [asyncssh.import_private_key(kept[kind], unsafe_skip_rsa_key_validation=True) for kind in HOST_KEYS]


def _new_key(kind: str) -> str:
    if kind == "rsa":
        key = asyncssh.generate_private_key(HOST_KEYS[kind], key_size=RSA_BITS)
    else:
        key = asyncssh.generate_private_key(HOST_KEYS[kind])
    return key.export_private_key().decode()
