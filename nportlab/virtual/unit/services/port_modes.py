"""What each serial port listens on, by its operation mode (guide 3.1, second table)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from nportlab.guide.modes import command_port, data_port, listening
from nportlab.virtual.unit.certificate_making import OwnCertificate, make_own
from nportlab.virtual.unit.netstat import Socket
from nportlab.virtual.unit.port_sockets import PortConnection, PortSockets, Role
from nportlab.virtual.unit.services import Closeable
from nportlab.virtual.unit.services.listening import Together
from nportlab.virtual.unit.services.reverse_ssh import ReverseSsh
from nportlab.virtual.unit.tls import ProtocolFactory, listen_tls

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device

log = logging.getLogger("unit")


@dataclass(frozen=True)
class Opening:
    """One listener to open: serial port, its mode, the network port, what arrives there, and whether TLS is spoken."""

    serial_port: int
    mode: str
    transport: Literal["tcp", "udp"]
    port: int
    role: Role
    secure: bool = False


def enabled(device: Device) -> bool:
    """Always: a unit of disabled ports opens nothing."""
    return True


async def serve(device: Device) -> Closeable:
    """Open what the modes of all serial ports want."""
    modes = PortModes(device)
    await modes.open()
    return modes


class PortModes:
    """The listeners of all serial ports. `ports` holds the sockets of each, for what moves the bytes."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._listeners: list[Closeable] = []
        self.ports = {number: _sockets(device, number) for number in device.model.ports}

    async def open(self) -> None:
        """Open all; a port that is taken, by another service or serial port, stays closed."""
        for opening in openings(self._device):
            try:
                self._listeners.append(await self._open(opening))
            except OSError as error:
                log.warning("%s: serial port %s: %s", self._device.name, opening.serial_port, error)

    async def _open(self, opening: Opening) -> Closeable:
        device = self._device
        sockets = self.ports.get(opening.serial_port) or _sockets(device, opening.serial_port)
        if opening.transport == "udp":
            return await UdpPort.open(device, opening)
        if opening.mode == "reverse_ssh":
            return await ReverseSsh.open(device, opening.port, opening.serial_port)

        def factory() -> PortConnection:
            return PortConnection(sockets, opening.role, opening.port)

        if opening.secure:
            own = device.has_defect("secure-port-has-its-own-certificate")
            certificate = make_own(OwnCertificate(device.clock.utc())) if own else None
            return await listen_tls(device, opening.port, factory, opening.serial_port, certificate)
        return await PlainListener.open(device, opening, factory)

    def close(self) -> None:
        """Close the listeners and drop all connections."""
        Together(self._listeners).close()
        for sockets in self.ports.values():
            sockets.close()


class PlainListener:
    """A listening TCP port without TLS."""

    def __init__(self, device: Device, server: asyncio.Server, row: int) -> None:
        self._device = device
        self._server = server
        self._row = row

    @classmethod
    async def open(cls, device: Device, opening: Opening, factory: ProtocolFactory) -> PlainListener:
        """Listen. Raises OSError when the port is taken."""
        server = await asyncio.get_running_loop().create_server(factory, *device.tcp(opening.port))
        row = device.netstat.add(Socket("tcp", "listen", opening.port, serial_port=opening.serial_port))
        return cls(device, server, row)

    def close(self) -> None:
        """Stop listening."""
        self._server.close()
        self._device.netstat.remove(self._row)


class UdpPort(asyncio.DatagramProtocol):
    """UDP mode: datagrams are taken and, with nothing plugged in, lost."""

    def __init__(self, device: Device, opening: Opening) -> None:
        self._device = device
        self._transport: asyncio.BaseTransport | None = None
        self._row = device.netstat.add(Socket("udp", "listen", opening.port, serial_port=opening.serial_port))

    @classmethod
    async def open(cls, device: Device, opening: Opening) -> UdpPort:
        """Bind. Raises OSError when the port is taken."""
        loop = asyncio.get_running_loop()
        _, port = await loop.create_datagram_endpoint(lambda: cls(device, opening), local_addr=device.udp(opening.port))
        return port

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Bound."""
        self._transport = transport

    def close(self) -> None:
        """Release the port."""
        self._device.netstat.remove(self._row)
        if self._transport is not None:
            self._transport.close()


def _sockets(device: Device, number: int) -> PortSockets:
    mode = device.running.get(f"port.{number}.operation_mode", "disable")
    most = int(device.running.get(f"port.{number}.max_connection", "1"))
    return PortSockets(device, number, most, paired=mode == "real_com")


def openings(device: Device) -> list[Opening]:
    """Every listener of the running settings, each network port once: serial ports may share a printer's port."""
    first: dict[tuple[str, int], Opening] = {}
    for opening in [*_wanted(device), *_planted(device)]:
        first.setdefault((opening.transport, opening.port), opening)
    return list(first.values())


def _wanted(device: Device) -> Iterator[Opening]:
    running = device.running
    shadowed = _shadowed(device)
    for number in device.model.ports:
        if number in shadowed:
            continue
        mode = running[f"port.{number}.operation_mode"]
        secure = running[f"port.{number}.secure"] == "enable" and mode in ("real_com", "tcp_server", "pair_slave")
        heard = listening(number, running)
        for port, role in heard.tcp.items():
            if role == "command":
                yield Opening(number, mode, "tcp", port, "command")
            else:
                yield Opening(number, mode, "tcp", port, "data", secure)
        for port in heard.udp:
            yield Opening(number, mode, "udp", port, "data")


def _shadowed(device: Device) -> set[int]:
    """Ports a defect keeps closed because their neighbour is disabled."""
    if not device.has_defect("disabling-a-port-closes-its-neighbour"):
        return set()
    return {n + 1 for n in device.model.ports if device.running[f"port.{n}.operation_mode"] == "disable"}


def _planted(device: Device) -> Iterator[Opening]:
    """Listeners of seeded defects."""
    for number in device.model.ports:
        mode = device.running[f"port.{number}.operation_mode"]
        stale = "disabled-port-keeps-listening" if mode == "disable" else "old-mode-keeps-listening"
        if mode != "real_com" and device.has_defect(stale):
            yield Opening(number, "real_com", "tcp", data_port(number), "data")
    if device.has_defect("real-com-port-beyond-the-model"):
        beyond = device.model.serial_ports + 1
        yield Opening(beyond, "real_com", "tcp", data_port(beyond), "data")
        yield Opening(beyond, "real_com", "tcp", command_port(beyond), "command")
