"""DHCP messages of a client (RFC 2131, RFC 2132)."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass
from enum import IntEnum

SERVER_PORT, CLIENT_PORT = 67, 68
COOKIE = bytes([99, 130, 83, 99])
REQUEST, REPLY, ETHERNET, BROADCAST = 1, 2, 1, 0x8000
_HEADER = struct.Struct(">BBBBIHH4s4s4s4s16s64s128s")

PAD, SUBNET_MASK, ROUTER, NAME_SERVERS, HOST_NAME = 0, 1, 3, 6, 12
REQUESTED_ADDRESS, LEASE_TIME, MESSAGE_TYPE, SERVER_ID, PARAMETERS, END = 50, 51, 53, 54, 55, 255


class Message(IntEnum):
    """Option 53."""

    DISCOVER = 1
    OFFER = 2
    REQUEST = 3
    ACK = 5
    NAK = 6


@dataclass(frozen=True)
class Lease:
    """What a server offers or grants. seconds: how long it holds; an empty text means that nothing was given."""

    message: Message
    address: str
    server: str
    netmask: str = ""
    gateway: str = ""
    name_server: str = ""
    seconds: int = 0


def encode(message: Message | None, transaction: int, mac: str, host_name: str, lease: Lease | None = None) -> bytes:
    """A DISCOVER, with the lease offered a REQUEST for it, or without message a plain BOOTP request.

    mac: `00:90:E8:01:02:03`. The answer is asked by broadcast.
    """
    nowhere = bytes(4)
    hardware = bytes.fromhex(mac.replace(":", ""))
    header = _HEADER.pack(
        REQUEST, ETHERNET, 6, 0, transaction, 0, BROADCAST, nowhere, nowhere, nowhere, nowhere, hardware, b"", b""
    )
    options = [(MESSAGE_TYPE, bytes([message]) if message else b""), (HOST_NAME, host_name.encode()[:63])]
    if lease:
        options.append((REQUESTED_ADDRESS, ipaddress.IPv4Address(lease.address).packed))
        options.append((SERVER_ID, ipaddress.IPv4Address(lease.server).packed))
    options.append((PARAMETERS, bytes([SUBNET_MASK, ROUTER, NAME_SERVERS, LEASE_TIME])))
    body = b"".join(bytes([code, len(content)]) + content for code, content in options if content)
    # A BOOTP relay may drop messages shorter than 300 octets.
    return (header + COOKIE + body + bytes([END])).ljust(300, b"\0")


def decode(data: bytes, transaction: int, mac: str) -> Lease | None:
    """A server's OFFER, ACK or NAK for this client and transaction; None for anything else.

    A BOOTP reply, which has no message type, grants at once: it counts as an ACK.
    """
    if len(data) < _HEADER.size + 4 or data[_HEADER.size : _HEADER.size + 4] != COOKIE:
        return None
    fields = _HEADER.unpack_from(data)
    hardware = bytes.fromhex(mac.replace(":", ""))
    if fields[0] != REPLY or fields[4] != transaction or fields[11][:6] != hardware:
        return None
    options = _options(data[_HEADER.size + 4 :])
    kind = options.get(MESSAGE_TYPE, bytes([Message.ACK]))
    if len(kind) != 1 or kind[0] not in (Message.OFFER, Message.ACK, Message.NAK):
        return None
    return Lease(
        Message(kind[0]),
        str(ipaddress.IPv4Address(fields[8])),
        _address(options.get(SERVER_ID)),
        _address(options.get(SUBNET_MASK)),
        _address(options.get(ROUTER)),
        _address(options.get(NAME_SERVERS)),
        int.from_bytes(options.get(LEASE_TIME, b""), "big"),
    )


def _options(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    position = 0
    while position < len(data) and data[position] != END:
        if data[position] == PAD:
            position += 1
            continue
        if position + 2 > len(data) or position + 2 + data[position + 1] > len(data):
            break
        found[data[position]] = data[position + 2 : position + 2 + data[position + 1]]
        position += 2 + data[position + 1]
    return found


def _address(content: bytes | None) -> str:
    """The first address of an option, "" if there is none."""
    return str(ipaddress.IPv4Address(content[:4])) if content and len(content) >= 4 else ""
