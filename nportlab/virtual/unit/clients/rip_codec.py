"""RIP messages (RFC 1058, RFC 2453) and RIPng messages (RFC 2080)."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass

REQUEST, RESPONSE = 1, 2
PORT, NEXT_GENERATION_PORT = 520, 521
GROUP = "224.0.0.9"
INET, INFINITY = 2, 16
_ENTRY = struct.Struct(">HH4s4s4sI")
_NEXT_GENERATION_ENTRY = struct.Struct(">16sHBB")


@dataclass(frozen=True)
class Route:
    """A network the unit can reach. metric: hops, 16 is unreachable."""

    network: ipaddress.IPv4Network
    metric: int = 1


def asks_for_table(data: bytes, version: int) -> bool:
    """Whether `data` is a request for the whole table that a router of `version` answers (1 or 2).

    The request form is one entry of family 0 and metric 16. A version 1 router answers version 1 only, a version 2
    router both.
    """
    if len(data) != 4 + _ENTRY.size or data[0] != REQUEST or not 1 <= data[1] <= version:
        return False
    family, _, _, _, _, metric = _ENTRY.unpack_from(data, 4)
    return family == 0 and metric == INFINITY


def encode(version: int, routes: list[Route]) -> bytes:
    """A response with up to 25 routes. Version 1 has no netmasks: those fields are zero."""
    entries = b""
    for route in routes[:25]:
        mask = route.network.netmask.packed if version == 2 else bytes(4)
        entries += _ENTRY.pack(INET, 0, route.network.network_address.packed, mask, bytes(4), route.metric)
    return struct.pack(">BBH", RESPONSE, version, 0) + entries


def asks_for_next_generation_table(data: bytes) -> bool:
    """Whether `data` is a RIPng request for the whole table: one entry, prefix length 0, metric 16."""
    if len(data) != 4 + _NEXT_GENERATION_ENTRY.size or data[:2] != bytes([REQUEST, 1]):
        return False
    prefix, _, length, metric = _NEXT_GENERATION_ENTRY.unpack_from(data, 4)
    return not any(prefix) and length == 0 and metric == INFINITY


def encode_next_generation(prefixes: list[ipaddress.IPv6Network]) -> bytes:
    """A RIPng response."""
    entries = b"".join(_NEXT_GENERATION_ENTRY.pack(p.network_address.packed, 0, p.prefixlen, 1) for p in prefixes)
    return struct.pack(">BBH", RESPONSE, 1, 0) + entries
