"""The Moxa service (DSCI): UDP 4800 with search, identity, addresses and netstat; listeners on TCP 4900 and 14900.

What is spoken on the two TCP ports is not public: 4900 speaks the project's own `virtual_dsci`, to anything else both
stay silent, and close when the client has been idle.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from nportlab.guide.family import AP_ID
from nportlab.guide.firmware import kernel_number
from nportlab.protocol import moxa_service as codec
from nportlab.protocol import virtual_dsci
from nportlab.virtual.unit import firmware_tool
from nportlab.virtual.unit.services import Closeable
from nportlab.virtual.unit.services.listening import TcpListener, UdpListener, open_all
from nportlab.virtual.unit.services.planted import runs
from nportlab.virtual.waiting import within

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device
    from nportlab.virtual.unit.netstat import Socket

TCP_PORTS = (4900, 14900)
IDLE_MINUTES = 1
"""Unit minutes after which a silent client of the TCP ports is dropped (invented)."""

PAGE = 64
"""Sockets in one netstat reply, so that it fits an Ethernet frame."""

TRANSPORTS = {"udp": codec.Transport.UDP, "tcp": codec.Transport.TCP}
STATES = {"listen": codec.SocketState.LISTEN, "connected": codec.SocketState.CONNECTED}
ADDRESSES = {
    codec.Opcode.IP_ADDRESS: "network.ipv4_address",
    codec.Opcode.NETMASK: "network.netmask",
    codec.Opcode.GATEWAY: "network.gateway",
}


def enabled(device: Device) -> bool:
    """Whether the Moxa service is switched on."""
    return _tcp_on(device) or _udp_on(device)


def _tcp_on(device: Device) -> bool:
    return runs(device, "moxa_service_tcp", wanted=device.running.on("console.moxa_service"))


def _udp_on(device: Device) -> bool:
    wanted = device.running.on("console.moxa_service") or device.has_defect("moxa-search-answered-though-off")
    return runs(device, "moxa_service_udp", wanted=wanted)


async def serve(device: Device) -> Closeable:
    """Answer on UDP 4800, listen on TCP 4900 and 14900."""
    listeners: list[Awaitable[Closeable]] = []
    if _udp_on(device):
        deaf = device.has_defect("search-ignores-broadcast")
        opening = UdpListener.open(device, codec.PORT, lambda data, _: answer(device, data), unicast_only=deaf)
        listeners.append(opening)
    if _tcp_on(device):
        alive = [port for port in TCP_PORTS if not device.has_defect(f"dsci-tcp-{port}-dead")]
        listeners += [TcpListener.open(device, port, partial(_converse, device, port)) for port in alive]
    return await open_all(*listeners)


def answer(device: Device, data: bytes) -> bytes | None:
    """The reply to one datagram; None for what is no request or is meant for another unit."""
    own = codec.DeviceId(AP_ID, device.model.hw_id, device.mac)
    try:
        request = codec.decode_request(data)
    except codec.UnknownOpcode as unknown:
        if unknown.opcode & 0x80:  # a reply, perhaps of another unit
            return None
        return codec.ErrorReply(unknown.opcode, codec.Result.UNSUPPORTED, unknown.transaction, own.encode()).encode()
    except codec.MoxaServiceError:
        return None
    if not isinstance(request, codec.SearchRequest) and request.device != own:
        return None
    return replace(_reply(device, own, request), transaction=request.transaction).encode()


def _reply(device: Device, own: codec.DeviceId, request: codec.AnyRequest) -> codec.AnyReply:
    match request:
        case codec.SearchRequest():
            return codec.SearchReply(own, device.address)
        case codec.NetstatRequest(maximum=maximum):
            return codec.NetstatReply(own, _entries(device)[: min(maximum, PAGE)])
        case codec.NetstatExRequest(start=start, maximum=maximum):
            entries = _entries(device)
            end = start + max(1, min(maximum, PAGE))
            return codec.NetstatExReply(own, entries[start:end], end if end < len(entries) else 0)
        case codec.Request(opcode=codec.Opcode.SERVER_NAME):
            return codec.ServerNameReply(own, device.running["basic.server_name"])
        case codec.Request(opcode=codec.Opcode.KERNEL):
            major, minor, patch, build = kernel_number(device.reported).to_bytes(4, "big")
            password = device.accounts.exists()
            return codec.KernelReply(own, (major, minor, patch, build), device.serial_number, password)
        case codec.Request(opcode=codec.Opcode.IP_ADDRESS):
            return codec.AddressReply(codec.Opcode.IP_ADDRESS, own, device.address)
        case codec.Request(opcode=opcode):
            return codec.AddressReply(opcode, own, device.running.get(ADDRESSES[opcode]) or "0.0.0.0")


def _entries(device: Device) -> tuple[codec.Entry, ...]:
    rows = device.netstat.rows()
    if device.has_defect("netstat-hides-a-listener"):
        rows = [row for row in rows if (row.state, row.local_port) != ("listen", 4900)]
    return tuple(map(_entry, rows))


def _entry(row: Socket) -> codec.Entry:
    return codec.Entry(
        TRANSPORTS[row.transport],
        STATES[row.state],
        row.local_address,
        row.local_port,
        row.remote_address,
        row.remote_port,
        row.serial_port,
    )


async def _converse(device: Device, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if port == virtual_dsci.PORT:
        await firmware_tool.converse(device, reader, writer)
    await _swallow(device, reader)


async def _swallow(device: Device, reader: asyncio.StreamReader) -> None:
    idle = device.clock.minutes(IDLE_MINUTES)
    while await within(idle, reader.read(4096)):
        pass
