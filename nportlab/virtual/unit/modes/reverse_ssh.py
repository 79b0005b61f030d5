"""Reverse SSH mode: behind the login a session (shell or command, with or without a terminal) is the serial line.

The bytes of the channel are those of the line, both ways; a break of the client is one of the line (RFC 4335).
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import asyncssh

from nportlab.guide.text_console import text_console
from nportlab.protocol.serial_wire import Input
from nportlab.virtual.unit.modes.port_settings import PortSettings, listening_port
from nportlab.virtual.unit.modes.socket_mode import SocketMode
from nportlab.virtual.unit.netstat import Socket
from nportlab.virtual.unit.port_sockets import PortConnection
from nportlab.virtual.unit.serial_port import Ear, LineErrors
from nportlab.virtual.unit.services.ssh import host_keys

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device
    from nportlab.virtual.unit.serial_port import SerialPort

LOGIN_SECONDS = 60
MOST_SESSIONS = 1
"""Sessions of one port (invented)."""

MOST_LOGINS = 8
"""Connections that may be busy logging in at a time; further ones are dropped (invented)."""

WINDOW = 65536
"""Bytes a client may send ahead of the line."""

SHORTEST_BREAK, LONGEST_BREAK = 1, 65534
DEFAULT_BREAK = 300
"""Milliseconds of a break whose length the client leaves open (invented)."""


async def serve(device: Device, number: int, serial: SerialPort) -> SocketMode:
    """Listen. Raises OSError when the port is taken."""
    mode = ReverseSshMode(device, number, serial)
    await mode.open()
    return mode


class ReverseSshMode(SocketMode):
    """One serial port in reverse SSH mode."""

    def __init__(self, device: Device, number: int, serial: SerialPort) -> None:
        settings = PortSettings(device.running, number)
        idle = settings.number("reverse_inactivity_time")
        super().__init__(device, number, serial, most=MOST_SESSIONS, idle_minutes=idle)
        self.types = settings.text("reverse_authentication", "none")
        self.port = listening_port(device, number, "reverse_terminal_port")
        self.logins: set[asyncssh.SSHServerConnection] = set()
        """Connections without a session yet."""
        if device.has_defect("reverse-ssh-data-before-login"):
            serial.ear = Leak(self)

    async def open(self) -> None:
        """Make host keys if there are none, and listen. Raises OSError."""
        try:
            keys = await asyncio.to_thread(host_keys, self.device)
            acceptor = await asyncssh.create_server(
                lambda: Server(self),
                *self.device.tcp(self.port),
                server_host_keys=keys,
                server_version=text_console().ssh_version.removeprefix("SSH-2.0-"),
                encoding=None,
                line_editor=False,
                agent_forwarding=False,
                allow_scp=False,
                login_timeout=LOGIN_SECONDS,
                window=WINDOW,
            )
        except OSError:
            self.close()
            raise
        row = self.device.netstat.add(Socket("tcp", "listen", self.port, serial_port=self.number))
        self.parts += [acceptor, Row(self.device, row)]

    def close(self) -> None:
        """The mode ends."""
        super().close()
        for connection in list(self.logins):
            connection.abort()


class Row:
    """A row of netstat that ends with the mode."""

    def __init__(self, device: Device, handle: int) -> None:
        self._device = device
        self._handle = handle

    def close(self) -> None:
        """Take it out."""
        self._device.netstat.remove(self._handle)


class Server(asyncssh.SSHServer):
    """One connection: its login, and the session it asks for."""

    def __init__(self, mode: ReverseSshMode) -> None:
        self._mode = mode
        self._connection: asyncssh.SSHServerConnection | None = None
        self._source = ""

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """A client connected."""
        if len(self._mode.logins) >= MOST_LOGINS:
            conn.abort()
            return
        self._connection = conn
        self._source = conn.get_extra_info("peername")[0]
        self._mode.logins.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._mode.logins.discard(self._connection)  # type: ignore[arg-type]

    def begin_auth(self, username: str) -> bool:
        """Whether a login is wanted."""
        return self._mode.types != "none"

    def password_auth_supported(self) -> bool:
        """By password only."""
        return True

    async def validate_password(self, username: str, password: str) -> bool:
        """Judge a login."""
        device, number = self._mode.device, self._mode.number
        result = await device.authenticate(username, password, "reverse ssh", self._source, self._mode.types)
        if not result.ok:
            device.log.add("OpMode", "Authentication Fail", f"port {number} {self._source}")
        return result.ok or device.has_defect("reverse-ssh-any-password")

    def session_requested(self) -> Session:
        """A session: one more than the port takes is opened, and closed at once."""
        self._mode.logins.discard(self._connection)  # type: ignore[arg-type]
        return Session(self._mode)


class Session(asyncssh.SSHServerSession[bytes]):
    """A session of a client that is logged in: hands the bytes of its channel to a data connection of the port."""

    def __init__(self, mode: ReverseSshMode) -> None:
        self._mode = mode
        self._data = PortConnection(mode.sockets, "data", mode.port)
        self._channel: asyncssh.SSHServerChannel[bytes] | None = None

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        """The channel is open."""
        self._channel = chan

    def pty_requested(self, term_type: str, term_size: Any, term_modes: Any) -> bool:
        """A terminal is welcome and changes nothing."""
        return True

    def shell_requested(self) -> bool:
        """The line."""
        return True

    def exec_requested(self, command: str) -> bool:
        """The line, whatever the command."""
        return True

    def session_started(self) -> None:
        """The client gets the line."""
        assert self._channel is not None
        self._data.connection_made(ChannelTransport(self._channel))

    def data_received(self, data: bytes, datatype: int | None) -> None:
        """Bytes of the client."""
        self._data.data_received(data)

    def break_received(self, msec: int) -> bool:
        """A break."""
        if self._data in self._mode.path.connections:
            self._mode.path.serial.send_break(min(max(msec or DEFAULT_BREAK, SHORTEST_BREAK), LONGEST_BREAK))
        return True

    def eof_received(self) -> bool:
        """The client sends no more: the session ends, as a connection in the other modes does."""
        return False

    def pause_writing(self) -> None:
        """The client is slow."""
        self._data.pause_writing()

    def resume_writing(self) -> None:
        """It caught up."""
        self._data.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """The session is over, and with it the connection."""
        self._data.connection_lost(exc)
        if self._channel is not None:
            self._channel.get_connection().close()


class ChannelTransport(asyncio.Transport):
    """An SSH channel as what carries a data connection."""

    def __init__(self, channel: asyncssh.SSHServerChannel[bytes]) -> None:
        super().__init__()
        self._channel = channel

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Of the connection the channel is in."""
        return self._channel.get_extra_info(name, default)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send."""
        self._channel.write(bytes(data))

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """When the client counts as slow."""
        self._channel.set_write_buffer_limits(high, low)

    def pause_reading(self) -> None:
        """Take no more: the window closes."""
        self._channel.pause_reading()

    def resume_reading(self) -> None:
        """Take it again."""
        self._channel.resume_reading()

    def is_closing(self) -> bool:
        """Whether it is closed."""
        return self._channel.is_closing()

    def close(self) -> None:
        """End the session once the client has everything."""
        self._channel.exit(0)

    def abort(self) -> None:
        """Drop the connection."""
        self._channel.get_connection().abort()


class Leak:
    """Seeded defect: while nobody is logged in, what the line says goes to those who are about to, in clear."""

    def __init__(self, mode: ReverseSshMode) -> None:
        self._mode = mode
        self._path: Ear = mode.path

    def received(self, data: bytes) -> None:
        """Bytes of the line."""
        if not self._mode.path.connections:
            for connection in self._mode.logins:
                os.write(connection.get_extra_info("socket").fileno(), data)
        self._path.received(data)

    def room_again(self) -> None:
        """As it should be."""
        self._path.room_again()

    def lines_changed(self, changed: Input) -> None:
        """As it should be."""
        self._path.lines_changed(changed)

    def line_errors(self, errors: LineErrors) -> None:
        """As it should be."""
        self._path.line_errors(errors)

    def break_received(self, seconds: float) -> None:
        """As it should be."""
        self._path.break_received(seconds)
