"""The way of the bytes between one serial port and its data connections, in order and with back pressure both ways.

What a full port does not take stops the reading of the connection it came from; a jammed client stops the serial
receiver, whose flow control then stops the other end. Nothing here looks at single bytes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from nportlab.protocol.serial_wire import Input
from nportlab.virtual.unit.modes.buffering import PortBuffer
from nportlab.virtual.unit.modes.command_by_command import Requests
from nportlab.virtual.unit.modes.packing import Packer, packing
from nportlab.virtual.unit.modes.path_defects import PathDefects
from nportlab.virtual.unit.modes.port_line import PortLine
from nportlab.virtual.unit.modes.port_settings import PortSettings
from nportlab.virtual.unit.port_sockets import PortConnection
from nportlab.virtual.unit.serial_port import LineErrors

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device
    from nportlab.virtual.unit.serial_port import SerialPort

PIECE = 65536
"""Bytes offered to a full port at a time, so that what it refuses is not copied again and again."""


class Watcher(Protocol):
    """Hears of a line what is not data."""

    def lines_changed(self, changed: Input) -> None:
        """Modem lines, or the hold state."""

    def line_errors(self, errors: LineErrors) -> None:
        """Line errors."""

    def break_received(self, seconds: float) -> None:
        """A break ended after that time; 0: one has begun."""


class DataPath:
    """The ear of serial port `number`. `attach` and `detach` tell it of data connections.

    watchers: hear of modem lines, errors and breaks too. unclaimed_by: asked first what to do with bytes from the line
    while nobody is connected; True when it takes them.
    """

    def __init__(self, device: Device, number: int, serial: SerialPort) -> None:
        settings = PortSettings(device.running, number)
        self.serial = serial
        self.line = PortLine(device, number, serial)
        self.watchers: list[Watcher] = []
        self.unclaimed_by: Callable[[bytes], bool] | None = None
        self.connections: tuple[PortConnection, ...] = ()
        self._device = device
        self._loop = asyncio.get_running_loop()
        self._ignores_jams = settings.on("ignore_jammed_ip") and not device.has_defect("jammed-client-stalls-others")
        self._packer = Packer(packing(settings, device.has_defect))
        self._force: asyncio.TimerHandle | None = None
        self._last_byte = 0.0
        self._buffer = PortBuffer(device, number, serial)
        self._buffers = settings.on("buffering")
        self._stale = bytearray()
        self._unwritten: deque[tuple[PortConnection, bytes]] = deque()
        self._paused = False
        self._defects = PathDefects(device, number)
        self._requests: Requests | None = None
        if settings.on("command_by_command"):
            self._requests = Requests(device, settings, self._to_line, self._packer.rules.has_ends)
        serial.ear = self
        if self._buffers:
            self.line.open()

    # Connections --------------------------------------------------------------------------------------------------

    def attach(self, connection: PortConnection) -> None:
        """A data connection was made; the first opens the port, and gets what was kept for it."""
        self.connections = (*self.connections, connection)
        self.line.open()
        self._judge_jams()
        kept = bytes(self._stale) + self._buffer.take()
        self._stale.clear()
        if kept:
            self.send(kept)

    def detach(self, connection: PortConnection) -> None:
        """It is gone, and what it sent that no queue had room for; the last closes the port."""
        self.connections = tuple(one for one in self.connections if one is not connection)
        if not self._device.has_defect("stale-bytes-after-reconnect"):
            self._unwritten = deque((one, data) for one, data in self._unwritten if one is not connection)
        if self._requests is not None:
            self._requests.gone(connection)
        self._judge_jams()
        if not self.connections:
            self.forget_packet()
            if not self._buffers:
                self.line.close(drain=not connection.broken)

    def jam_changed(self) -> None:
        """A client fell behind or caught up."""
        self._judge_jams()

    def stop(self) -> None:
        """The mode ends."""
        self.line.stop()
        if self._force is not None:
            self._force.cancel()
        if self._requests is not None:
            self._requests.stop()

    # Network to line ----------------------------------------------------------------------------------------------

    def from_network(self, connection: PortConnection, data: bytes) -> None:
        """Bytes from a data connection."""
        connection.traffic = self._loop.time()
        if self._requests is not None:
            self._requests.ask(connection, data)
        else:
            self._to_line(connection, data)

    @property
    def unwritten(self) -> int:
        """Bytes read from the network that the port had no room for."""
        return sum(len(data) for _, data in self._unwritten)

    def drop_unwritten(self) -> None:
        """Forget them."""
        while self._unwritten:
            self._unwritten.popleft()[0].resume()

    def _to_line(self, connection: PortConnection, data: bytes) -> None:
        if self._defects.planted:
            data = self._defects.to_line(data, self._loop.time(), self.line.openings)
        if not self._unwritten:
            taken = self.serial.write(data)
            if taken == len(data):
                return
            data = data[taken:]
        self._unwritten.append((connection, data))
        connection.pause()

    def room_again(self) -> None:
        """The port takes bytes again."""
        while self._unwritten:
            connection, data = self._unwritten[0]
            connection.traffic = self._loop.time()
            offset = 0
            while offset < len(data):
                piece = data[offset : offset + PIECE]
                taken = self.serial.write(piece)
                offset += taken
                if taken < len(piece):
                    self._unwritten[0] = (connection, data[offset:])
                    return
            self._unwritten.popleft()
            if not any(one is connection for one, _ in self._unwritten):
                connection.resume()

    # Line to network ----------------------------------------------------------------------------------------------

    def received(self, data: bytes) -> None:
        """Bytes from the line."""
        if not self.connections:
            self.unclaimed(data)
            return
        if self._defects.planted:
            data = self._defects.to_network(data, self._loop.time(), self.line.openings)
        for packet in self._packer.feed(data):
            self.send(packet)
        if self._packer.waiting and self._packer.rules.force:
            self._last_byte = self._loop.time()
            if self._force is None:
                self._force = self._loop.call_later(self._packer.rules.force, self._force_out)

    def unclaimed(self, data: bytes) -> None:
        """Bytes from the line while nobody is connected."""
        if self.unclaimed_by is not None and self.unclaimed_by(data):
            return
        if self._device.has_defect("stale-bytes-after-reconnect"):
            self._stale += data[: max(0, self.serial.format.rx_room - len(self._stale))]
        else:
            self._buffer.keep(data)

    def send(self, packet: bytes) -> None:
        """One packet to all who get it now."""
        recipients = self.connections if self._requests is None else self._requests.recipients(self.connections)
        now = self._loop.time()
        skip = self._ignores_jams or self._device.has_defect("reader-that-stops-loses-bytes")
        for connection in recipients:
            if not (skip and connection.jammed):
                connection.traffic = now
                connection.write(packet)
        if self._requests is not None:
            self._requests.heard()

    def _force_out(self) -> None:
        rest = self._last_byte + self._packer.rules.force - self._loop.time()
        if rest > 0.0005 and self._packer.waiting:
            self._force = self._loop.call_later(rest, self._force_out)
            return
        self._force = None
        packet = self._packer.flush()
        if packet:
            self.send(packet)

    def forget_packet(self) -> None:
        """Forget what was collected for a packet."""
        rest = self._packer.flush()
        if rest and self._device.has_defect("stale-bytes-after-reconnect"):
            self._stale += rest

    def _judge_jams(self) -> None:
        """Stop the receiver while a jammed client holds all up; with "ignore jammed IP", while all are jammed."""
        jammed = [connection.jammed for connection in self.connections]
        stop = bool(jammed) and (all(jammed) if self._ignores_jams else any(jammed))
        if self._device.has_defect("reader-that-stops-loses-bytes"):
            stop = False
        if stop != self._paused:
            self._paused = stop
            (self.serial.pause if stop else self.serial.resume)()

    # What else the line tells -------------------------------------------------------------------------------------

    def lines_changed(self, changed: Input) -> None:
        """Modem lines or hold state."""
        for watcher in self.watchers:
            watcher.lines_changed(changed)

    def line_errors(self, errors: LineErrors) -> None:
        """Line errors."""
        for watcher in self.watchers:
            watcher.line_errors(errors)

    def break_received(self, seconds: float) -> None:
        """A break."""
        for watcher in self.watchers:
            watcher.break_received(seconds)
