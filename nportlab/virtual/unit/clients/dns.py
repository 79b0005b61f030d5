"""Name client of the unit: turns the host names in its settings into addresses, over UDP 53 (RFC 1035, A records)."""

from __future__ import annotations

import ipaddress
import secrets
import struct
from typing import TYPE_CHECKING

from nportlab.virtual.unit.clients.neighbours import local_host
from nportlab.virtual.unit.clients.udp_exchange import NoAnswer, ask

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device

PORT = 53
A, INTERNET = 1, 1
TIMEOUT, TRIES = 1.0, 2
LONGEST_CHAIN = 16


class NotResolved(Exception):
    """No name server is set, none answered, or the name has no address."""


async def resolve(device: Device, host: str) -> str:
    """The IPv4 address of `host`; an address is returned as it is, without asking anybody. Raises NotResolved."""
    try:
        return str(ipaddress.IPv4Address(host))
    except ValueError:
        pass
    if device.has_defect("dns-never-asked"):
        raise NotResolved(f"no address for {host}")
    for setting in ("network.dns1", "network.dns2"):
        server = device.running.get(setting)
        if not server:
            continue
        identifier = secrets.randbits(16)
        try:
            found = await ask(
                device.peer(server, PORT),
                encode_query(identifier, host),
                lambda data, identifier=identifier: read_answer(data, identifier, host),
                local_host=local_host(device),
                timeout=TIMEOUT,
                tries=TRIES,
            )
        except NoAnswer:
            continue
        if found:
            return found
        break
    raise NotResolved(f"no address for {host}")


def encode_query(identifier: int, host: str) -> bytes:
    """A standard recursive query for the A records of `host`."""
    return struct.pack(">HHHHHH", identifier, 0x0100, 1, 0, 0, 0) + _name(host) + struct.pack(">HH", A, INTERNET)


def read_answer(data: bytes, identifier: int, host: str) -> str | None:
    """The first address in an answer, "" if it says there is none, None if this is not an answer to the query."""
    if len(data) < 12:
        return None
    got, flags, questions, answers, _, _ = struct.unpack_from(">HHHHHH", data)
    question = _name(host) + struct.pack(">HH", A, INTERNET)
    if got != identifier or not flags & 0x8000 or questions != 1:
        return None
    if data[12 : 12 + len(question)].lower() != question.lower():
        return None
    position = 12 + len(question)
    try:
        for _ in range(min(answers, LONGEST_CHAIN)):
            position = _behind_name(data, position)
            kind, network, _, length = struct.unpack_from(">HHIH", data, position)
            position += 10
            if (kind, network, length) == (A, INTERNET, 4):
                return str(ipaddress.IPv4Address(data[position : position + 4]))
            position += length
    except (struct.error, IndexError, ValueError):
        return None
    return ""


def _name(host: str) -> bytes:
    labels = host.rstrip(".").encode("ascii", "replace").split(b".")
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def _behind_name(data: bytes, position: int) -> int:
    while data[position]:
        if data[position] & 0xC0:
            return position + 2
        position += data[position] + 1
    return position + 1
