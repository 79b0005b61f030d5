"""What all modes over TCP connections have in common: sockets, the way of the bytes, watches, and their end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from nportlab.virtual.unit.modes.data_path import DataPath
from nportlab.virtual.unit.modes.port_listener import listen
from nportlab.virtual.unit.modes.port_settings import PortSettings
from nportlab.virtual.unit.modes.vigil import Vigil
from nportlab.virtual.unit.port_sockets import PortConnection, PortSockets, Role
from nportlab.virtual.unit.services.listening import Together

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device
    from nportlab.virtual.unit.serial_port import SerialPort
    from nportlab.virtual.unit.services import Closeable


class Commands(Protocol):
    """What serves a mode's command connections."""

    def received(self, connection: PortConnection, data: bytes) -> None:
        """Bytes on a command connection."""

    def opened(self, connection: PortConnection) -> None:
        """A connection, of either role, was made; after one for data the port is open."""

    def ended(self, connection: PortConnection) -> None:
        """A connection, of either role, is gone."""

    def stop(self) -> None:
        """The mode ends."""


class SocketMode:
    """One serial port in a mode over TCP. A mode makes one, lets it listen or dials for it, and returns it.

    most: connections of each role. paired: data and command connections live and die together. inactivity: the mode has
    an inactivity time in milliseconds; idle_minutes: it has one in unit minutes, 0 for never. `commands`: who serves
    command connections; without one they are not answered.
    """

    def __init__(
        self,
        device: Device,
        number: int,
        serial: SerialPort,
        *,
        most: int,
        paired: bool = False,
        inactivity: bool = False,
        idle_minutes: int = 0,
    ) -> None:
        self.device = device
        self.number = number
        self.settings = PortSettings(device.running, number)
        self.path = DataPath(device, number, serial)
        self.sockets = PortSockets(device, number, most, paired, self)
        self.commands: Commands | None = None
        self.parts: list[Closeable] = []
        """What else ends with the mode: listeners, diallers."""
        self._vigil = Vigil(device, number, inactivity=inactivity, idle_minutes=idle_minutes)

    async def listen(self, port: int, role: Role, *, secure: bool = False) -> None:
        """Take connections. Raises OSError when the port is taken; what listens already is closed then."""
        try:
            self.parts.append(
                await listen(self.device, self.number, port, lambda: self.connection(role, port), secure=secure)
            )
        except OSError:
            self.close()
            raise

    def connection(self, role: Role, local_port: int) -> PortConnection:
        """The protocol of a new connection."""
        return PortConnection(self.sockets, role, local_port)

    def close(self) -> None:
        """End: listeners, connections, timers."""
        Together(self.parts).close()
        self.path.stop()
        if self.commands is not None:
            self.commands.stop()
        for role in ("data", "command"):
            for connection in self.sockets.connections(role):
                self._vigil.end(connection)
        self.sockets.close()

    # From the connections -----------------------------------------------------------------------------------------

    def opened(self, connection: PortConnection) -> None:
        """A connection was made."""
        self._vigil.begin(connection, may_idle=connection.role == "command")
        if connection.role == "data":
            self.path.attach(connection)
        if self.commands is not None:
            self.commands.opened(connection)

    def data(self, connection: PortConnection, data: bytes) -> None:
        """Bytes on a data connection."""
        self.path.from_network(connection, data)

    def command(self, connection: PortConnection, data: bytes) -> None:
        """Bytes on a command connection."""
        if self.commands is not None:
            self.commands.received(connection, data)

    def jam_changed(self, connection: PortConnection) -> None:
        """A client fell behind or caught up."""
        if connection.role == "data":
            self.path.jam_changed()

    def closed(self, connection: PortConnection) -> None:
        """A connection is gone."""
        self._vigil.end(connection)
        if connection.role == "data":
            self.path.detach(connection)
        if self.commands is not None:
            self.commands.ended(connection)


def most_connections(device: Device, settings: PortSettings) -> int:
    """Connections of a role the port takes."""
    return settings.number("max_connection", 1) + device.has_defect("ninth-connection-accepted")
