"""Reverse Telnet mode: a Telnet client gets a terminal at the serial device, after a login if the settings want one.

What the device says is sent as it is; what Enter means to it is a setting. A client that performs the BINARY option
(RFC 856) has no keys, its bytes pass unchanged.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from nportlab.protocol.telnet_options import Command, Option, Options, Order
from nportlab.virtual.unit.modes.port_settings import PortSettings, listening_port
from nportlab.virtual.unit.modes.reverse_telnet_keys import ENTER, KeyMapping
from nportlab.virtual.unit.modes.reverse_telnet_login import Login
from nportlab.virtual.unit.modes.socket_mode import SocketMode
from nportlab.virtual.unit.modes.telnet_connection import TelnetConnection

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device
    from nportlab.virtual.unit.port_sockets import PortConnection, Role
    from nportlab.virtual.unit.serial_port import SerialPort

MOST_SESSIONS = 1
"""Sessions of one port (invented)."""

BREAK_MILLISECONDS = 300
"""Length of the break the line gets for the client's BREAK command (invented)."""

ARE_YOU_THERE = b"\r\n[Yes]\r\n"
"""Answer to the command of that name; RFC 854 wants some that a person sees."""

CHARACTERS = (Option.ECHO, Option.SUPPRESS_GO_AHEAD)
"""Character at a time, and no echo by the client."""


async def serve(device: Device, number: int, serial: SerialPort) -> SocketMode:
    """Listen. Raises OSError when the port is taken."""
    mode = ReverseTelnetMode(device, number, serial)
    await mode.listen(listening_port(device, number, "reverse_terminal_port"), "data")
    return mode


class ReverseTelnetMode(SocketMode):
    """One serial port in reverse Telnet mode."""

    def __init__(self, device: Device, number: int, serial: SerialPort) -> None:
        settings = PortSettings(device.running, number)
        idle = settings.number("reverse_inactivity_time")
        super().__init__(device, number, serial, most=MOST_SESSIONS, idle_minutes=idle)
        self._types = settings.text("reverse_authentication", "none")
        if device.has_defect("reverse-telnet-login-skipped"):
            self._types = "none"
        self._logins: dict[PortConnection, tuple[Login, asyncio.Task[None]]] = {}

    def connection(self, role: Role, local_port: int) -> PortConnection:
        """A client of this mode."""
        return ReverseTelnetConnection(self, local_port)

    def opened(self, connection: PortConnection) -> None:
        """A client is here; it gets the line now, or after its login."""
        assert isinstance(connection, ReverseTelnetConnection)
        if not self.device.has_defect("reverse-telnet-negotiates-nothing"):
            connection.greet(CHARACTERS, (Option.SUPPRESS_GO_AHEAD,))
        if self._types == "none":
            connection.map_keys(after_return=False)
            super().opened(connection)
        else:
            login = Login(self.device, connection, self.number, self._types)
            self._logins[connection] = login, asyncio.create_task(self._log_in(connection, login))

    def data(self, connection: PortConnection, data: bytes) -> None:
        """What the client types, to the login or to the line."""
        if connection in self._logins:
            self._logins[connection][0].typed(data)
        else:
            super().data(connection, data)

    def closed(self, connection: PortConnection) -> None:
        """A client is gone."""
        login = self._logins.pop(connection, None)
        if login is None:
            super().closed(connection)
        else:
            login[1].cancel()

    def close(self) -> None:
        """The mode ends."""
        for _, task in self._logins.values():
            task.cancel()
        super().close()

    async def _log_in(self, connection: ReverseTelnetConnection, login: Login) -> None:
        admitted = await login.run()
        if not admitted:
            connection.close()
            return
        del self._logins[connection]
        rest, after_return = login.rest()
        connection.map_keys(after_return=after_return)
        super().opened(connection)
        connection.resume()
        if rest:
            super().data(connection, connection.decoded(rest))


class ReverseTelnetConnection(TelnetConnection):
    """One client."""

    def __init__(self, mode: ReverseTelnetMode, local_port: int) -> None:
        options = Options(performed=(*CHARACTERS, Option.BINARY), accepted=(Option.SUPPRESS_GO_AHEAD, Option.BINARY))
        super().__init__(mode.sockets, local_port, options)
        self._mode = mode
        self._keys: KeyMapping | None = None

    def map_keys(self, *, after_return: bool) -> None:
        """From here on the client types for the serial device."""
        if not self._mode.device.has_defect("reverse-telnet-cr-lf-unmapped"):
            enter = ENTER[self._mode.settings.text("key_mapping", "cr-lf")]
            self._keys = KeyMapping(enter, after_return=after_return)

    def decoded(self, octets: bytes) -> bytes:
        """Keys as the serial device wants them."""
        if self._keys is None or self.options.is_performed(Option.BINARY):
            return octets
        return self._keys(octets)

    def write(self, data: bytes) -> None:
        """Bytes of the line, or of the login."""
        if self._mode.device.has_defect("reverse-telnet-ff-not-doubled"):
            self.write_raw(data)
        else:
            super().write(data)

    def ordered(self, heard: Order) -> None:
        """The Break key, and the question whether somebody is there."""
        if heard.code == Command.BREAK and self in self._mode.path.connections:
            self._mode.path.serial.send_break(BREAK_MILLISECONDS)
        elif heard.code == Command.ARE_YOU_THERE:
            self.write(ARE_YOU_THERE)
