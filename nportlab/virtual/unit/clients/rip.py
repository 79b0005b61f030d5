"""RIP: answers requests on UDP 520 (and RIPng on 521) and announces the unit's own network every 30 s.

What the real unit announces is not public; this one tells the network it is on.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING

from nportlab.virtual.unit.clients import rip_codec
from nportlab.virtual.unit.clients.neighbours import broadcast_address, own_network, send_once
from nportlab.virtual.unit.services import Closeable
from nportlab.virtual.unit.services.listening import Address, Background, Together, UdpListener
from nportlab.virtual.unit.services.planted import runs

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device

ANNOUNCES_THOUGH_OFF = "rip-announces-though-off"
PERIOD_SECONDS = 30
VERSIONS = {"rip-1": 1, "rip-2": 2}


def enabled(device: Device) -> bool:
    """Whether a routing protocol is chosen."""
    return _on(device) or device.has_defect(ANNOUNCES_THOUGH_OFF)


def _on(device: Device) -> bool:
    return runs(device, "rip", wanted=device.running["network.routing_protocol"] in VERSIONS)


async def serve(device: Device) -> Closeable:
    """Listen on both ports and announce."""
    if not _on(device):
        return Background(_announce_only(device))
    return await start(device, VERSIONS.get(device.running["network.routing_protocol"], 2))


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
        parts.append(Background(_announce(device, version, classic)))
    except BaseException:
        Together(parts).close()
        raise
    return Together(parts)


def routes(device: Device) -> list[rip_codec.Route]:
    """The network the unit is on."""
    return [rip_codec.Route(own_network(device))]


async def _announce(device: Device, version: int, listener: UdpListener) -> None:
    if listener.transport is None:
        return
    if version == 2:
        _join_group(device, listener.transport.get_extra_info("socket"))
    while True:
        destination = device.peer(_routers(device, version), rip_codec.PORT)
        listener.transport.sendto(rip_codec.encode(version, routes(device)), destination)
        await asyncio.sleep(device.clock.seconds(PERIOD_SECONDS))


async def _announce_only(device: Device) -> None:
    """The seeded defect: announcements without a listener."""
    while True:
        message = rip_codec.encode(2, routes(device))
        send_once(device, message, rip_codec.GROUP, rip_codec.PORT, from_port=rip_codec.PORT)
        await asyncio.sleep(device.clock.seconds(PERIOD_SECONDS))


def _routers(device: Device, version: int) -> str:
    return rip_codec.GROUP if version == 2 else broadcast_address(device)


def _join_group(device: Device, listener: socket.socket) -> None:
    """Hear what is sent to the routers' group; a loopback rack has no multicast, there only unicast is heard."""
    own = socket.inet_aton(device.address)
    with contextlib.suppress(OSError):
        listener.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, own)
        listener.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(rip_codec.GROUP) + own)
