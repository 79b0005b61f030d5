"""UDP mode: datagrams become bytes of the line; packets of the line go to every destination."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from typing import TYPE_CHECKING

from nportlab.virtual.unit.modes.packing import Packer, packing
from nportlab.virtual.unit.modes.path_defects import PathDefects
from nportlab.virtual.unit.modes.port_settings import PortSettings, listening_port
from nportlab.virtual.unit.modes.udp_destinations import Address, LastSender, fixed
from nportlab.virtual.unit.netstat import Socket
from nportlab.virtual.unit.serial_port import Deaf

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device
    from nportlab.virtual.unit.serial_port import SerialPort
    from nportlab.virtual.unit.services import Closeable

LARGEST_DATAGRAM = 1472
"""Bytes sent in one datagram, what an Ethernet frame carries without fragments (invented). More than that at once is
cut."""

TO_LINE = 65536
"""Bytes from the network that wait for the line; a datagram that has no room is lost whole (invented)."""


async def serve(device: Device, number: int, serial: SerialPort) -> Closeable:
    """Bind the local port. Raises OSError when it is taken."""
    port = listening_port(device, number, "udp_local_port")
    link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        link.setblocking(False)
        link.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, True)  # a range may hold a broadcast address
        link.bind(device.udp(port))
        loop = asyncio.get_running_loop()
        _, mode = await loop.create_datagram_endpoint(lambda: UdpMode(device, number, serial, port), sock=link)
    except BaseException:
        link.close()
        raise
    return mode


class UdpMode(asyncio.DatagramProtocol, Deaf):
    """One serial port in UDP mode."""

    def __init__(self, device: Device, number: int, serial: SerialPort, port: int) -> None:
        settings = PortSettings(device.running, number)
        self._device = device
        self._serial = serial
        more = device.has_defect("udp-range-one-too-long") - device.has_defect("udp-last-address-of-range-left-out")
        ranges = fixed(number, device.running, more=more)
        if device.has_defect("udp-broadcast-not-sent"):
            ranges = [(host, at) for host, at in ranges if not host.endswith(".255")]
        self._destinations = [device.peer(host, at) for host, at in ranges]
        self._last_sender: LastSender | None = None
        if settings.on("udp_dynamic_destination"):
            never = device.has_defect("udp-dynamic-destination-never-expires")
            self._last_sender = LastSender(0 if never else settings.number("udp_dynamic_timeout") / 1000)
        self._forwards = not device.has_defect("udp-not-forwarded")
        self._defects = PathDefects(device, number)
        self._packer = Packer(packing(settings, device.has_defect))
        self._force: asyncio.TimerHandle | None = None
        self._to_line: deque[bytes] = deque()
        self._waiting = 0
        self._jammed = False
        self._transport: asyncio.DatagramTransport | None = None
        self._row = device.netstat.add(Socket("udp", "listen", port, serial_port=number))

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        """Bound: the line is open, its lines on."""
        self._transport = transport
        self._serial.ear = self
        self._serial.set_lines(dtr=True, rts=True)

    def close(self) -> None:
        """Release the port."""
        self._device.netstat.remove(self._row)
        if self._force is not None:
            self._force.cancel()
        if self._transport is not None:
            self._transport.close()

    # From the network ---------------------------------------------------------------------------------------------

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """A datagram from anybody."""
        if self._last_sender is not None and not (
            self._last_sender.current(_now()) and self._device.has_defect("udp-first-sender-stays-destination")
        ):
            self._last_sender.heard(addr[:2], _now())
        if self._defects.planted:
            data = self._defects.to_line(data, _now(), 1)
        if self._forwards and self._waiting + len(data) <= TO_LINE:
            self._to_line.append(data)
            self._waiting += len(data)
            self.room_again()

    def error_received(self, exc: Exception) -> None:
        """A destination refuses (ICMP): others may not, and it may come back."""

    def pause_writing(self) -> None:
        """The network takes nothing now: what the line says is lost."""
        self._jammed = True

    def resume_writing(self) -> None:
        """It does again."""
        self._jammed = False

    def room_again(self) -> None:
        """The line takes bytes."""
        while self._to_line:
            data = self._to_line[0]
            taken = self._serial.write(data)
            self._waiting -= taken
            if taken < len(data):
                self._to_line[0] = data[taken:]
                return
            self._to_line.popleft()

    # From the line ------------------------------------------------------------------------------------------------

    def received(self, data: bytes) -> None:
        """Bytes of the line: packets as the packing settings want."""
        if self._defects.planted:
            data = self._defects.to_network(data, _now(), 1)
        for packet in self._packer.feed(data):
            self._send(packet)
        if self._force is not None:
            self._force.cancel()
            self._force = None
        if self._packer.waiting and self._packer.rules.force:
            self._force = asyncio.get_running_loop().call_later(self._packer.rules.force, self._flush)

    def _flush(self) -> None:
        self._force = None
        self._send(self._packer.flush())

    def _send(self, packet: bytes) -> None:
        transport = self._transport
        if transport is None or transport.is_closing() or self._jammed:
            return
        dynamic = self._last_sender.current(_now()) if self._last_sender is not None else []
        for destination in dict.fromkeys([*self._destinations, *dynamic]):
            for start in range(0, len(packet), LARGEST_DATAGRAM):
                transport.sendto(packet[start : start + LARGEST_DATAGRAM], destination)


def _now() -> float:
    return asyncio.get_running_loop().time()
