"""DHCP and BOOTP client: takes address, netmask, gateway and name server from a server on the network.

Needs broadcasts, so it does nothing on a loopback rack. PPPoE is not spoken.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from ipaddress import IPv4Interface
from typing import TYPE_CHECKING

from nportlab.virtual.networking import UNIT_INTERFACE, NetworkUnavailable, run_ip
from nportlab.virtual.unit.clients import dhcp_codec
from nportlab.virtual.unit.clients.dhcp_codec import Lease, Message
from nportlab.virtual.unit.clients.neighbours import can_broadcast
from nportlab.virtual.unit.clients.udp_exchange import LINK_PAUSE
from nportlab.virtual.unit.netstat import Socket
from nportlab.virtual.unit.services.listening import Background

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device

DISCOVERS_THOUGH_STATIC = "dhcp-discover-though-static"
CONFIGURATIONS = ("dhcp", "dhcp-bootp", "bootp")
ANSWER_SECONDS, TRIES = 2.0, 4
RETRY_MINUTES = 1
"""Unit minutes before an unanswered client tries again (invented)."""

SHORTEST_RENEWAL = 1.0
LONGEST_LEASE = 7 * 24 * 3600
GOT, FAILED = "DHCP/BOOTP/PPPoE Get IP/Renew", "DHCP/BOOTP/PPPoE Get IP Fail"


def enabled(device: Device) -> bool:
    """Whether the address is to come from a server, and the rack can carry broadcasts."""
    wanted = device.running["network.ipv4_configuration"] in CONFIGURATIONS
    return (wanted or device.has_defect(DISCOVERS_THOUGH_STATIC)) and can_broadcast(device)


async def serve(device: Device) -> Background:
    """Get a lease and renew it."""
    if device.running["network.ipv4_configuration"] not in CONFIGURATIONS:
        return Background(_discover_once(device))
    return Background(_keep_lease(device))


async def _discover_once(device: Device) -> None:
    """The seeded defect: a question whose answer is not used."""
    name = device.running["basic.server_name"]
    with open_socket() as link:
        await _broadcast(link, dhcp_codec.encode(Message.DISCOVER, secrets.randbits(32), device.mac, name))


async def _keep_lease(device: Device) -> None:
    bootp = device.running["network.ipv4_configuration"] == "bootp"
    with open_socket() as link, device.netstat.showing(Socket("udp", "listen", dhcp_codec.CLIENT_PORT)):
        while True:
            lease = await ask_for_lease(device, link, bootp=bootp)
            if lease is None:
                device.log.add("Network", FAILED)
                await asyncio.sleep(device.clock.minutes(RETRY_MINUTES))
                continue
            await take(device, lease)
            device.log.add("Network", GOT, lease.address)
            # BOOTP gives an address for good.
            seconds = min(lease.seconds or LONGEST_LEASE, LONGEST_LEASE)
            await asyncio.sleep(max(SHORTEST_RENEWAL, seconds / 2))


def open_socket() -> socket.socket:
    """A socket on UDP 68 of the unit's interface that may broadcast. Raises OSError."""
    link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, UNIT_INTERFACE.encode())
    link.bind(("0.0.0.0", dhcp_codec.CLIENT_PORT))
    link.setblocking(False)
    return link


async def ask_for_lease(device: Device, link: socket.socket, *, bootp: bool = False) -> Lease | None:
    """A lease a server granted; None if no server answered."""
    transaction = secrets.randbits(32)
    name = device.running["basic.server_name"]
    if bootp:
        return await _exchange(link, dhcp_codec.encode(None, transaction, device.mac, name), transaction, device.mac)
    discover = dhcp_codec.encode(Message.DISCOVER, transaction, device.mac, name)
    offer = await _exchange(link, discover, transaction, device.mac, Message.OFFER)
    if offer is None:
        return None
    request = dhcp_codec.encode(Message.REQUEST, transaction, device.mac, name, offer)
    granted = await _exchange(link, request, transaction, device.mac, Message.ACK, Message.NAK)
    return granted if granted and granted.message is not Message.NAK else None


async def _exchange(link: socket.socket, question: bytes, transaction: int, mac: str, *wanted: Message) -> Lease | None:
    """Send until an answer of a wanted kind comes (any kind if none is named); None if none came."""
    loop = asyncio.get_running_loop()
    for _ in range(TRIES):
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await _broadcast(link, question)
                while True:
                    lease = dhcp_codec.decode(await loop.sock_recv(link, 2048), transaction, mac)
                    if lease is not None and (not wanted or lease.message in wanted):
                        return lease
        except TimeoutError:
            continue
    return None


async def _broadcast(link: socket.socket, question: bytes) -> None:
    """Send as soon as the link is up."""
    while True:
        try:
            everybody = ("255.255.255.255", dhcp_codec.SERVER_PORT)
            await asyncio.get_running_loop().sock_sendto(link, question, everybody)
            return
        except OSError:
            await asyncio.sleep(LINK_PAUSE)


async def take(device: Device, lease: Lease) -> None:
    """Put the lease in force: on the interface and in the running settings (the saved ones stay)."""
    interface = IPv4Interface(f"{lease.address}/{lease.netmask or '255.255.255.0'}")
    given = {
        "network.ipv4_address": lease.address,
        "network.netmask": str(interface.netmask),
        "network.gateway": lease.gateway,
        "network.dns1": lease.name_server or device.running["network.dns1"],
    }
    if all(device.running[setting] == value for setting, value in given.items() if setting != "network.dns1"):
        return
    commands = [
        f"addr flush dev {UNIT_INTERFACE}",
        f"addr add {interface} broadcast + dev {UNIT_INTERFACE}",
    ]
    if lease.gateway:
        commands.append(f"route replace default via {lease.gateway}")
    try:
        await asyncio.to_thread(run_ip, *commands)
    except NetworkUnavailable:
        device.log.add("Network", FAILED, lease.address)
        return
    device.running.update(given)
