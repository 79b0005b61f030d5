"""The network as a client of the unit sees it: its own address to send from, its subnet, the machine next to it."""

from __future__ import annotations

import contextlib
import socket
from ipaddress import IPv4Network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device


def local_host(device: Device) -> str:
    """Address the unit's own questions are sent from; 0.0.0.0 leaves the choice to the network stack."""
    return device.surroundings.addressing.source or "0.0.0.0"


def own_network(device: Device) -> IPv4Network:
    """Network of the unit's address in force."""
    return IPv4Network(f"{device.address}/{device.running['network.netmask']}", strict=False)


def broadcast_address(device: Device) -> str:
    """The directed broadcast address of the unit's network."""
    return str(own_network(device).broadcast_address)


def can_broadcast(device: Device) -> bool:
    """Whether the rack's network has broadcasts."""
    return device.surroundings.addressing.mode != "loopback"


def neighbour(device: Device) -> str:
    """The gateway; without one the first other host of the subnet."""
    gateway = device.running.get("network.gateway")
    if gateway:
        return gateway
    network = own_network(device)
    first = network.network_address + 1
    return str(first if str(first) != device.address else first + 1)


def send_once(device: Device, datagram: bytes, host: str, port: int, *, from_port: int = 0) -> None:
    """Send one datagram without expecting an answer; nothing happens if there is no way to the host.

    from_port: device port to send from, 0 for a random one; it is free again at once.
    """
    source = device.udp(from_port) if from_port else (local_host(device), 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outgoing, contextlib.suppress(OSError):
        outgoing.setblocking(False)
        outgoing.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        outgoing.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(device.address))
        outgoing.bind(source)
        outgoing.sendto(datagram, device.peer(host, port))
