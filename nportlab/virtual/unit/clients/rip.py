"""RIP: answers requests on UDP 520 (and RIPng on 521) and announces the unit's own network every 30 s.

What the real unit announces is not public; this one tells the network it is on.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from typing import TYPE_CHECKING

from nportlab.virtual.unit.clients import rip_codec
from nportlab.virtual.unit.services import Closeable
from nportlab.virtual.unit.services.listening import Address, Background, Together, UdpListener

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device

PERIOD_SECONDS = 30
VERSIONS = {"rip-1": 1, "rip-2": 2}


def enabled(device: Device) -> bool:
    """Whether a routing protocol is chosen."""
    return device.running["network.routing_protocol"] in VERSIONS


async def serve(device: Device) -> Closeable:
    """Listen on both ports and announce."""
    return await start(device, VERSIONS[device.running["network.routing_protocol"]])


async def start(device: Device, version: int) -> Closeable:
    """Route with RIP `version` (1 or 2)."""

    def answer(data: bytes, _: Address) -> bytes | None:
        return rip_codec.encode(version, routes(device)) if rip_codec.asks_for_table(data, version) else None

    def answer_next_generation(data: bytes, _: Address) -> bytes | None:
        return rip_codec.encode_next_generation([]) if rip_codec.asks_for_next_generation_table(data) else None

    classic = await UdpListener.open(device, rip_codec.PORT, answer, broadcast=True)
    parts: list[Closeable] = [classic]
    try:
        parts.append(await UdpListener.open(device, rip_codec.NEXT_GENERATION_PORT, answer_next_generation))
        if version == 2:
            _join_group(device, classic)
        parts.append(Background(_announce(device, version, classic)))
    except BaseException:
        Together(parts).close()
        raise
    return Together(parts)


def routes(device: Device) -> list[rip_codec.Route]:
    """The network the unit is on."""
    return [rip_codec.Route(own_network(device))]


def own_network(device: Device) -> ipaddress.IPv4Network:
    """Network of the unit's address in force."""
    return ipaddress.IPv4Network(f"{device.address}/{device.running['network.netmask']}", strict=False)


async def _announce(device: Device, version: int, listener: UdpListener) -> None:
    group = rip_codec.GROUP if version == 2 else str(own_network(device).broadcast_address)
    while True:
        if listener.transport is not None:
            listener.transport.sendto(rip_codec.encode(version, routes(device)), device.peer(group, rip_codec.PORT))
        await asyncio.sleep(device.clock.seconds(PERIOD_SECONDS))


def _join_group(device: Device, listener: UdpListener) -> None:
    """Hear requests sent to the routers' group; without multicast (loopback racks) only unicast ones are heard."""
    if listener.transport is None:
        return
    membership = socket.inet_aton(rip_codec.GROUP) + socket.inet_aton(device.address)
    with contextlib.suppress(OSError):
        listener.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
