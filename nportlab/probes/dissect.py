"""Ethernet, ARP, IPv4, IPv6, UDP and TCP headers of a captured frame: as much as a check needs to name a packet."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass

ARP, IPV4, IPV6 = 0x0806, 0x0800, 0x86DD
TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58
_TCP_FLAGS = ("FIN", "SYN", "RST", "PSH", "ACK", "URG")
_IPV6_EXTENSIONS = frozenset((0, 43, 44, 60))


@dataclass(frozen=True)
class Frame:
    """What a frame is. Fields stay None (or empty) where the protocol has none, or the frame is cut.

    MACs are written "00:90:E8:15:1C:22"; addresses are those of IP or ARP (sender and target); protocol: IP protocol
    number; flags: of TCP, {"SYN", "ACK"}; arp: "request" or "reply"; payload: of UDP or TCP; fragment: a later
    fragment, whose ports are unknown.
    """

    source_mac: str = ""
    destination_mac: str = ""
    ether_type: int = 0
    source: str | None = None
    destination: str | None = None
    protocol: int | None = None
    source_port: int | None = None
    destination_port: int | None = None
    flags: frozenset[str] = frozenset()
    arp: str | None = None
    payload: bytes = b""
    fragment: bool = False

    @property
    def udp(self) -> bool:
        """Whether it is a UDP datagram."""
        return self.protocol == UDP

    @property
    def tcp(self) -> bool:
        """Whether it is a TCP segment."""
        return self.protocol == TCP

    @property
    def opens(self) -> bool:
        """Whether it is a TCP segment that begins a connection (SYN without ACK)."""
        return "SYN" in self.flags and "ACK" not in self.flags

    def __str__(self) -> str:
        if self.arp:
            return f"ARP {self.arp} {self.source} -> {self.destination}"
        if self.source is None:
            return f"{self.source_mac} -> {self.destination_mac} type 0x{self.ether_type:04X}"
        name = {TCP: "TCP", UDP: "UDP", ICMP: "ICMP", ICMPV6: "ICMPv6"}.get(self.protocol or 0, f"IP {self.protocol}")
        ends = [
            f"{address}:{port}" if port is not None else str(address)
            for address, port in ((self.source, self.source_port), (self.destination, self.destination_port))
        ]
        flags = f" {'+'.join(flag for flag in _TCP_FLAGS if flag in self.flags)}" if self.flags else ""
        return f"{name} {' -> '.join(ends)}{flags}, {len(self.payload)} bytes"


def dissect(data: bytes) -> Frame:
    """Read an Ethernet frame. Never raises: what cannot be read stays unset."""
    if len(data) < 14:
        return Frame()
    destination_mac, source_mac = (data[at : at + 6].hex(":").upper() for at in (0, 6))
    ether_type, body = int.from_bytes(data[12:14], "big"), data[14:]
    while ether_type in (0x8100, 0x88A8) and len(body) >= 4:  # VLAN tags
        ether_type, body = int.from_bytes(body[2:4], "big"), body[4:]
    fields: dict[str, object] = {}
    if ether_type == IPV4:
        fields = _ipv4(body)
    elif ether_type == IPV6:
        fields = _ipv6(body)
    elif ether_type == ARP and len(body) >= 28:
        fields = {
            "arp": {1: "request", 2: "reply"}.get(int.from_bytes(body[6:8], "big")),
            "source": str(ipaddress.IPv4Address(body[14:18])),
            "destination": str(ipaddress.IPv4Address(body[24:28])),
        }
    return Frame(source_mac, destination_mac, ether_type, **fields)  # type: ignore[arg-type]


def _ipv4(body: bytes) -> dict[str, object]:
    size = (body[0] & 0xF) * 4 if body else 0
    if size < 20 or len(body) < size:
        return {}
    total = int.from_bytes(body[2:4], "big")
    offset = int.from_bytes(body[6:8], "big") & 0x1FFF
    fields: dict[str, object] = {
        "source": str(ipaddress.IPv4Address(body[12:16])),
        "destination": str(ipaddress.IPv4Address(body[16:20])),
        "protocol": body[9],
        "fragment": offset > 0,
    }
    # Frames shorter than 60 bytes are padded; the total length tells where the packet ends.
    content = body[size:total] if total >= size else body[size:]
    return fields if offset else fields | _transport(body[9], content)


def _ipv6(body: bytes) -> dict[str, object]:
    if len(body) < 40:
        return {}
    following, content = body[6], body[40 : 40 + int.from_bytes(body[4:6], "big")]
    later_fragment = False
    while following in _IPV6_EXTENSIONS and len(content) >= 8:
        if following == 44:
            later_fragment = later_fragment or int.from_bytes(content[2:4], "big") >> 3 > 0
            size = 8
        else:
            size = 8 + 8 * content[1]
        following, content = content[0], content[size:]
    fields: dict[str, object] = {
        "source": str(ipaddress.IPv6Address(body[8:24])),
        "destination": str(ipaddress.IPv6Address(body[24:40])),
        "protocol": following,
        "fragment": later_fragment,
    }
    return fields if later_fragment else fields | _transport(following, content)


def _transport(protocol: int, content: bytes) -> dict[str, object]:
    if protocol == UDP and len(content) >= 8:
        source, destination, length = struct.unpack_from(">HHH", content)
        return {"source_port": source, "destination_port": destination, "payload": content[8 : max(8, length)]}
    if protocol == TCP and len(content) >= 20:
        source, destination = struct.unpack_from(">HH", content)
        start, bits = (content[12] >> 4) * 4, content[13]
        flags = frozenset(name for bit, name in enumerate(_TCP_FLAGS) if bits >> bit & 1)
        return {
            "source_port": source,
            "destination_port": destination,
            "flags": flags,
            "payload": content[max(20, start) :],
        }
    return {"payload": content}
