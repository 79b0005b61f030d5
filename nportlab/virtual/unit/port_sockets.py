"""Network sockets of one serial port: who is connected, how many may be, and what belongs together."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Literal, Protocol

from nportlab.virtual.unit.netstat import Socket

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device

Role = Literal["data", "command"]

HIGH_WATER, LOW_WATER = 65536, 16384
"""Unsent bytes from which a client counts as jammed, and down to which it must catch up (both invented)."""

SEND_ROOM, RECEIVE_ROOM = 65536, 131072
"""What the kernel is asked to hold of a connection each way (invented): a unit has no megabytes for a host that
does not read, or for a line slower than its host."""

CLOSE_SECONDS = 1.0
"""A client that does not take the last bytes in that time is dropped (invented)."""


class SerialSide(Protocol):
    """What moves the bytes of a port hears of its connections."""

    def opened(self, connection: PortConnection) -> None:
        """A connection was made."""

    def data(self, connection: PortConnection, data: bytes) -> None:
        """Bytes came in on a data connection."""

    def command(self, connection: PortConnection, data: bytes) -> None:
        """Bytes came in on a command connection."""

    def jam_changed(self, connection: PortConnection) -> None:
        """A client fell behind, or caught up: `connection.jammed`."""

    def closed(self, connection: PortConnection) -> None:
        """A connection is gone: `connection.broken` tells how."""


class Nowhere:
    """Behind a listener nobody serves: bytes are lost, commands get no answer."""

    def opened(self, connection: PortConnection) -> None:
        """Taken note of by nobody."""

    def data(self, connection: PortConnection, data: bytes) -> None:
        """Lost."""

    def command(self, connection: PortConnection, data: bytes) -> None:
        """Ignored."""

    def jam_changed(self, connection: PortConnection) -> None:
        """Nothing is sent, nobody jams."""

    def closed(self, connection: PortConnection) -> None:
        """Missed by nobody."""


class PortSockets:
    """Connections of serial port `number`, by role, in slots: the k-th command connection belongs to the k-th data one.

    paired: the loss of one connection of a slot closes the other (Real COM, as the vendor's port daemon does).
    most: connections of a role; further ones are accepted and closed at once.
    """

    def __init__(self, device: Device, number: int, most: int, paired: bool, serial: SerialSide | None = None) -> None:
        self.device = device
        self.number = number
        self.serial: SerialSide = serial or Nowhere()
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
        partner = self.partner(connection)
        slots[slots.index(connection)] = None
        if connection.role == "data":
            self.device.log.add("OpMode", "Disconnect", f"port {self.number} {connection.peer[0]}")
        self.serial.closed(connection)
        if self._paired and partner is not None:
            partner.close()

    def partner(self, connection: PortConnection) -> PortConnection | None:
        """The connection of the other role in the same slot."""
        slots = self._slots[connection.role]
        if connection not in slots:
            return None
        return self._slots["command" if connection.role == "data" else "data"][slots.index(connection)]

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
    """One TCP connection of a serial port, plain or inside TLS, made by a client or by the unit.

    peer: address and port of the other end. jammed: more than HIGH_WATER bytes wait for the client. broken: it ended
    with an error rather than in order. traffic: loop time of the last byte either way.
    """

    def __init__(self, sockets: PortSockets, role: Role, local_port: int) -> None:
        self.role: Role = role
        self.peer: tuple[str, int] = ("0.0.0.0", 0)
        self.jammed = False
        self.broken = False
        self.traffic = 0.0
        self.transport: asyncio.Transport | None = None
        self._sockets = sockets
        self._local_port = local_port
        self._row = 0
        self._skip = 0
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected; asyncio has set TCP_NODELAY."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.traffic = asyncio.get_running_loop().time()
        name = transport.get_extra_info("peername")
        if name:
            self.peer = (name[0], name[1])
        if not self._sockets.admit(self):
            transport.close()
            return
        transport.set_write_buffer_limits(HIGH_WATER, LOW_WATER)
        link = transport.get_extra_info("socket")
        if link is not None:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_ROOM)
            link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_ROOM)
        device = self._sockets.device
        self._row = device.netstat.add(
            Socket("tcp", "connected", self._local_port, device.address, *self.peer, self._sockets.number)
        )
        self._sockets.serial.opened(self)

    def data_received(self, data: bytes) -> None:
        """Bytes from the network."""
        if self._skip:
            skipped = min(self._skip, len(data))
            self._skip -= skipped
            data = data[skipped:]
        if not self._row or not data:
            return
        if self.role == "data":
            self._sockets.serial.data(self, data)
        else:
            self._sockets.serial.command(self, data)

    def pause_writing(self) -> None:
        """The client is slow."""
        self.jammed = True
        self._sockets.serial.jam_changed(self)

    def resume_writing(self) -> None:
        """The client caught up."""
        self.jammed = False
        self._sockets.serial.jam_changed(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self.broken = self.broken or exc is not None
        if self._deadline is not None:
            self._deadline.cancel()
        if self._row:
            self._sockets.device.netstat.remove(self._row)
        self._sockets.release(self)

    @property
    def is_open(self) -> bool:
        """Whether bytes can be sent."""
        return self.transport is not None and not self.transport.is_closing()

    def write(self, data: bytes) -> None:
        """Send to the client."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    def pause(self) -> None:
        """Take no bytes from the client for now."""
        if self.is_open and self.transport is not None:
            self.transport.pause_reading()

    def resume(self) -> None:
        """Take them again."""
        if self.is_open and self.transport is not None:
            self.transport.resume_reading()

    def skip(self, count: int) -> None:
        """Lose the next `count` bytes of the client."""
        self._skip = count

    def close(self) -> None:
        """Close after sending what is buffered."""
        if self.is_open and self.transport is not None:
            self.transport.close()
            self._deadline = asyncio.get_running_loop().call_later(CLOSE_SECONDS, self.transport.abort)

    def abort(self) -> None:
        """Drop."""
        self.broken = True
        if self.transport is not None:
            self.transport.abort()
