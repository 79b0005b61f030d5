"""The Moxa service (UDP 4800): search, identity and live connections, without any login.

Header, 8 bytes, big-endian: opcode, result, total length (16 bit), transaction id (32 bit, echoed). A reply has 0x80
added to its opcode. All requests except search carry the 12-byte device id that the search reply gave. Numbers behind
the header are little-endian, IPv4 addresses in network order.

Not public, so chosen here: bytes between known fields are zero, the DSCI version is little-endian, and an error reply
is the header with the device id of the request.
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar, Final

PORT: Final = 4800
HEADER_SIZE: Final = 8
AP_ID_6000: Final = 0x80006000
NAME_SIZE: Final = 40
_REPLY: Final = 0x80
_ENTRY = struct.Struct("<4s4sHHBBBx")


class MoxaServiceError(ValueError):
    """The datagram cannot be read as a message of this service."""


class UnknownOpcode(MoxaServiceError):
    """A well-formed header with an opcode this module does not know; a unit answers it with result 4."""

    def __init__(self, opcode: int, transaction: int) -> None:
        super().__init__(f"unknown opcode 0x{opcode:02X}")
        self.opcode = opcode
        self.transaction = transaction


class Opcode(IntEnum):
    """Operations, as requested. The reply has 0x80 added."""

    SEARCH = 0x01
    SERVER_NAME = 0x10
    NETSTAT = 0x14
    KERNEL = 0x16
    NETSTAT_EX = 0x1D
    IP_ADDRESS = 0x21
    NETMASK = 0x22
    GATEWAY = 0x23


class Result(IntEnum):
    """The result codes that are publicly known."""

    OK = 0
    UNSUPPORTED = 4


class Transport(IntEnum):
    """Type of a netstat entry."""

    UDP = 0
    TCP = 1


class SocketState(IntEnum):
    """State of a netstat entry."""

    LISTEN = 1
    CONNECTED = 4


@dataclass(frozen=True)
class DeviceId:
    """Who is meant.

    ap_id: family, 0x80006000 for NPort 6000; hw_id: model, 0x6250 for an NP6250; mac: as "00:90:E8:15:1C:22".
    """

    ap_id: int
    hw_id: int
    mac: str

    def encode(self) -> bytes:
        """The 12 bytes that follow the header."""
        return struct.pack("<IH6s", self.ap_id, self.hw_id, bytes.fromhex(self.mac.replace(":", "")))

    @classmethod
    def decode(cls, data: bytes) -> DeviceId:
        """Read the 12 bytes that follow the header."""
        ap_id, hw_id, mac = struct.unpack_from("<IH6s", data)
        return cls(ap_id, hw_id, mac.hex(":").upper())


@dataclass(frozen=True)
class Entry:
    """One socket of the unit as netstat tells it. serial_port: counted from 1, 0 for none."""

    transport: Transport | int
    state: SocketState | int
    local_address: str
    local_port: int
    remote_address: str = "0.0.0.0"
    remote_port: int = 0
    serial_port: int = 0

    def encode(self) -> bytes:
        """The 16 bytes of the entry."""
        return _ENTRY.pack(
            _ip(self.remote_address),
            _ip(self.local_address),
            self.remote_port,
            self.local_port,
            self.transport,
            self.state,
            self.serial_port,
        )

    @classmethod
    def decode(cls, data: bytes) -> Entry:
        """Read 16 bytes. Types and states nobody knows stay numbers."""
        remote, local, remote_port, local_port, transport, state, serial_port = _ENTRY.unpack(data)
        known_transport = Transport(transport) if transport in set(Transport) else transport
        known_state = SocketState(state) if state in set(SocketState) else state
        return cls(known_transport, known_state, _text(local), local_port, _text(remote), remote_port, serial_port)


# Requests -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SearchRequest:
    """Who is there? Unicast or broadcast."""

    transaction: int = 0
    opcode: ClassVar[Opcode] = Opcode.SEARCH

    def encode(self) -> bytes:
        """The datagram."""
        return _message(self.opcode, self.transaction, b"")


@dataclass(frozen=True)
class Request:
    """A request with no data of its own: server name, kernel information, address, netmask, gateway."""

    opcode: Opcode
    device: DeviceId
    transaction: int = 0

    def encode(self) -> bytes:
        """The datagram."""
        return _message(self.opcode, self.transaction, self.device.encode())


@dataclass(frozen=True)
class NetstatRequest:
    """All sockets in one reply. maximum: entries the asker takes."""

    device: DeviceId
    maximum: int = 128
    transaction: int = 0
    opcode: ClassVar[Opcode] = Opcode.NETSTAT

    def encode(self) -> bytes:
        """The datagram."""
        return _message(self.opcode, self.transaction, self.device.encode() + struct.pack("<H", self.maximum))


@dataclass(frozen=True)
class NetstatExRequest:
    """Sockets page by page. start: first entry wanted, then the `next` of each reply until it is 0."""

    device: DeviceId
    start: int = 0
    maximum: int = 255
    transaction: int = 0
    opcode: ClassVar[Opcode] = Opcode.NETSTAT_EX

    def encode(self) -> bytes:
        """The datagram. The maximum is a byte behind a zero byte, as the vendor's driver sends it (00 FF)."""
        body = struct.pack("<xBH", self.maximum, self.start)
        return _message(self.opcode, self.transaction, self.device.encode() + body)


AnyRequest = SearchRequest | Request | NetstatRequest | NetstatExRequest


# Replies --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SearchReply:
    """A unit shows itself. address: its IPv4 address."""

    device: DeviceId
    address: str
    transaction: int = 0
    opcode: ClassVar[Opcode] = Opcode.SEARCH

    def encode(self) -> bytes:
        """The datagram, 24 bytes."""
        return _message(self.opcode | _REPLY, self.transaction, self.device.encode() + _ip(self.address))


@dataclass(frozen=True)
class ServerNameReply:
    """The server name, at most 40 bytes."""

    device: DeviceId
    name: str
    transaction: int = 0
    opcode: ClassVar[Opcode] = Opcode.SERVER_NAME

    def encode(self) -> bytes:
        """The datagram, 60 bytes. A longer name is cut, as the field has no more room."""
        name = self.name.encode("utf-8", "surrogateescape")[:NAME_SIZE].ljust(NAME_SIZE, b"\0")
        return _message(self.opcode | _REPLY, self.transaction, self.device.encode() + name)


@dataclass(frozen=True)
class KernelReply:
    """Firmware and serial number. firmware: (major, minor, patch, build); password_set: a login is required."""

    device: DeviceId
    firmware: tuple[int, int, int, int]
    serial_number: int
    password_set: bool
    dsci_version: int = 0
    transaction: int = 0
    opcode: ClassVar[Opcode] = Opcode.KERNEL

    @property
    def version(self) -> str:
        """The firmware version as people write it: "2.3", with the further parts only where they are not zero."""
        parts = list(self.firmware)
        while len(parts) > 2 and parts[-1] == 0:
            parts.pop()
        return ".".join(map(str, parts))

    def encode(self) -> bytes:
        """The datagram, 36 bytes. The serial number field has 16 bits."""
        body = struct.pack(
            "<4s4xHxxBxH",
            bytes(reversed(self.firmware)),
            self.serial_number & 0xFFFF,
            self.password_set,
            self.dsci_version,
        )
        return _message(self.opcode | _REPLY, self.transaction, self.device.encode() + body)


@dataclass(frozen=True)
class NetstatReply:
    """All sockets."""

    device: DeviceId
    entries: tuple[Entry, ...]
    transaction: int = 0
    opcode: ClassVar[Opcode] = Opcode.NETSTAT

    def encode(self) -> bytes:
        """The datagram: count, two zero bytes, 16 bytes for each socket."""
        body = struct.pack("<Hxx", len(self.entries)) + b"".join(entry.encode() for entry in self.entries)
        return _message(self.opcode | _REPLY, self.transaction, self.device.encode() + body)


@dataclass(frozen=True)
class NetstatExReply:
    """One page of sockets. next: where the following page starts, 0 at the end."""

    device: DeviceId
    entries: tuple[Entry, ...]
    next: int = 0
    transaction: int = 0
    opcode: ClassVar[Opcode] = Opcode.NETSTAT_EX

    def encode(self) -> bytes:
        """The datagram: count, next, 16 bytes for each socket."""
        body = struct.pack("<HH", len(self.entries), self.next) + b"".join(entry.encode() for entry in self.entries)
        return _message(self.opcode | _REPLY, self.transaction, self.device.encode() + body)


@dataclass(frozen=True)
class AddressReply:
    """IPv4 address, netmask or gateway, by opcode."""

    opcode: Opcode
    device: DeviceId
    address: str
    transaction: int = 0

    def encode(self) -> bytes:
        """The datagram, 24 bytes."""
        return _message(self.opcode | _REPLY, self.transaction, self.device.encode() + _ip(self.address))


@dataclass(frozen=True)
class ErrorReply:
    """The unit refuses. result: 4 for an operation it does not know, others are not public."""

    opcode: int
    result: int = Result.UNSUPPORTED
    transaction: int = 0
    body: bytes = field(default=b"", repr=False)

    def encode(self) -> bytes:
        """The datagram: header with the result, and the body as it is."""
        return _message(self.opcode | _REPLY, self.transaction, self.body, self.result)


AnyReply = SearchReply | ServerNameReply | KernelReply | NetstatReply | NetstatExReply | AddressReply | ErrorReply


def decode_request(data: bytes) -> AnyRequest:
    """Read a request. Raises UnknownOpcode for a header that is right otherwise, MoxaServiceError for the rest."""
    opcode, _, transaction, body = _split(data)
    if opcode not in set(Opcode):
        raise UnknownOpcode(opcode, transaction)
    if opcode == Opcode.SEARCH:
        return SearchRequest(transaction)
    _need(body, 12, opcode)
    device = DeviceId.decode(body)
    if opcode == Opcode.NETSTAT:
        _need(body, 14, opcode)
        return NetstatRequest(device, struct.unpack_from("<H", body, 12)[0], transaction)
    if opcode == Opcode.NETSTAT_EX:
        _need(body, 16, opcode)
        maximum, start = struct.unpack_from("<xBH", body, 12)
        return NetstatExRequest(device, start, maximum, transaction)
    return Request(Opcode(opcode), device, transaction)


def decode_reply(data: bytes) -> AnyReply:
    """Read a reply. Raises MoxaServiceError (UnknownOpcode for an operation this module does not know)."""
    opcode, result, transaction, body = _split(data)
    if not opcode & _REPLY:
        raise MoxaServiceError(f"opcode 0x{opcode:02X} is a request, not a reply")
    operation = opcode & ~_REPLY
    if result != Result.OK:
        return ErrorReply(operation, result, transaction, body)
    if operation not in set(Opcode):
        raise UnknownOpcode(opcode, transaction)
    least = {Opcode.SERVER_NAME: 12 + NAME_SIZE, Opcode.KERNEL: 28}.get(Opcode(operation), 16)
    _need(body, least, opcode)
    device = DeviceId.decode(body)
    if operation == Opcode.SEARCH:
        return SearchReply(device, _text(body[12:16]), transaction)
    if operation == Opcode.SERVER_NAME:
        name = body[12 : 12 + NAME_SIZE].split(b"\0", 1)[0]
        return ServerNameReply(device, name.decode("utf-8", "surrogateescape"), transaction)
    if operation == Opcode.KERNEL:
        firmware, serial, password, dsci = struct.unpack_from("<4s4xHxxBxH", body, 12)
        major, minor, patch, build = reversed(firmware)
        return KernelReply(device, (major, minor, patch, build), serial, password == 1, dsci, transaction)
    if operation in (Opcode.NETSTAT, Opcode.NETSTAT_EX):
        count, following = struct.unpack_from("<HH", body, 12)
        _need(body, 16 + count * _ENTRY.size, opcode)
        entries = tuple(Entry.decode(body[at : at + _ENTRY.size]) for at in range(16, 16 + count * _ENTRY.size, 16))
        if operation == Opcode.NETSTAT:
            return NetstatReply(device, entries, transaction)
        return NetstatExReply(device, entries, following, transaction)
    return AddressReply(Opcode(operation), device, _text(body[12:16]), transaction)


def _message(opcode: int, transaction: int, body: bytes, result: int = Result.OK) -> bytes:
    return struct.pack(">BBHI", opcode, result, HEADER_SIZE + len(body), transaction) + body


def _split(data: bytes) -> tuple[int, int, int, bytes]:
    if len(data) < HEADER_SIZE:
        raise MoxaServiceError(f"{len(data)} bytes are less than a header")
    opcode, result, length, transaction = struct.unpack_from(">BBHI", data)
    if length != len(data):
        raise MoxaServiceError(f"the header announces {length} bytes, the datagram has {len(data)}")
    return opcode, result, transaction, data[HEADER_SIZE:]


def _need(body: bytes, size: int, opcode: int) -> None:
    if len(body) < size:
        raise MoxaServiceError(f"opcode 0x{opcode:02X} needs {HEADER_SIZE + size} bytes, got {HEADER_SIZE + len(body)}")


def _ip(address: str) -> bytes:
    return ipaddress.IPv4Address(address).packed


def _text(packed: bytes) -> str:
    return str(ipaddress.IPv4Address(packed))
