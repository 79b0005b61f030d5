"""Network sockets of one serial port: who is connected, how many may be, and what belongs together.

Bytes go to the port's wire through `SerialSide`; the default one is an unplugged connector.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal, Protocol

from nportlab.virtual.unit.netstat import Socket

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device

Role = Literal["data", "command"]


class SerialSide(Protocol):
    """Where bytes from the network go."""

    def data(self, connection: PortConnection, data: bytes) -> None:
        """Bytes came in on a data connection."""

    def command(self, connection: PortConnection, data: bytes) -> None:
        """Bytes came in on a command connection."""


class Unplugged:
    """Nothing is connected to the serial port: bytes leave it and are lost, commands get no answer."""

    def data(self, connection: PortConnection, data: bytes) -> None:
        """Lost."""

    def command(self, connection: PortConnection, data: bytes) -> None:
        """Ignored."""


class PortSockets:
    """Connections of serial port `number`, by role, in slots: the k-th command connection belongs to the k-th data one.

    paired: the loss of one connection of a slot closes the other (Real COM, as the vendor's port daemon does).
    most: connections of a role; further ones are accepted and closed at once.
    """

    def __init__(self, device: Device, number: int, most: int, paired: bool, serial: SerialSide | None = None) -> None:
        self.device = device
        self.number = number
        self.serial: SerialSide = serial or Unplugged()
        self._paired = paired
        self._slots: dict[Role, list[PortConnection | None]] = {"data": [None] * most, "command": [None] * most}

    def admit(self, connection: PortConnection) -> bool:
        """Put a new connection into the first free slot of its role; False when there is none."""
        slots = self._slots[connection.role]
        if None not in slots:
            return False
        slots[slots.index(None)] = connection
        if connection.role == "data":
            self.device.log.add("OpMode", "Connect", f"port {self.number} {connection.peer[0]}")
        return True

    def release(self, connection: PortConnection) -> None:
        """Free the slot of a connection that ended, and end the one paired with it."""
        slots = self._slots[connection.role]
        if connection not in slots:
            return
        slot = slots.index(connection)
        slots[slot] = None
        if connection.role == "data":
            self.device.log.add("OpMode", "Disconnect", f"port {self.number} {connection.peer[0]}")
        partner = self._slots["command" if connection.role == "data" else "data"][slot]
        if self._paired and partner is not None:
            partner.close()

    def connections(self, role: Role) -> list[PortConnection]:
        """The live connections of a role, by slot."""
        return [connection for connection in self._slots[role] if connection is not None]

    def close(self) -> None:
        """Drop all connections."""
        self._paired = False
        for role in self._slots:
            for connection in self.connections(role):
                connection.abort()


class PortConnection(asyncio.Protocol):
    """One TCP connection to a serial port, plain or inside TLS."""

    def __init__(self, sockets: PortSockets, role: Role, local_port: int) -> None:
        self.role: Role = role
        self.peer: tuple[str, int] = ("0.0.0.0", 0)
        self._sockets = sockets
        self._local_port = local_port
        self._transport: asyncio.Transport | None = None
        self._row = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client connected."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        name = transport.get_extra_info("peername")
        if name:
            self.peer = (name[0], name[1])
        if not self._sockets.admit(self):
            transport.close()
            return
        device = self._sockets.device
        self._row = device.netstat.add(
            Socket("tcp", "connected", self._local_port, device.address, *self.peer, self._sockets.number)
        )

    def data_received(self, data: bytes) -> None:
        """Bytes from the network."""
        if self.role == "data":
            self._sockets.serial.data(self, data)
        else:
            self._sockets.serial.command(self, data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        if self._row:
            self._sockets.device.netstat.remove(self._row)
        self._sockets.release(self)

    def write(self, data: bytes) -> None:
        """Send to the client."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """Close after sending what is buffered."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Drop."""
        if self._transport is not None:
            self._transport.abort()
