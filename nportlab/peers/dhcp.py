"""A DHCP and BOOTP server (RFC 2131) with one address to give."""

from __future__ import annotations

import socket
import struct
import time
from dataclasses import dataclass, field

from nportlab.peers.peer import Address, UdpPeer
from nportlab.verdicts.recorder import Recorder

PORT, CLIENT_PORT = 67, 68
_COOKIE = bytes((99, 130, 83, 99))
_FIXED = struct.Struct(">4BIHH4s4s4s4s16s64s128s")
DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM = range(1, 9)


@dataclass(frozen=True)
class DhcpMessage:
    """One message of a client. kind: DISCOVER, REQUEST ..., None for BOOTP; mac: upper case with colons."""

    when: float
    source: Address
    kind: int | None
    mac: str
    options: dict[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Lease:
    """What a client is given; seconds: length of the lease."""

    address: str
    netmask: str = "255.255.255.0"
    router: str | None = None
    dns: str | None = None
    seconds: int = 600


class DhcpServer(UdpPeer[DhcpMessage]):
    """Offers one lease to whoever asks, by broadcast, on one interface."""

    kind = "dhcp"

    def __init__(
        self,
        server: str,
        interface: str | None = None,
        port: int = PORT,
        recorder: Recorder | None = None,
        *,
        lease: Lease,
        client_port: int = CLIENT_PORT,
        silent: bool = False,
    ) -> None:
        """server: our own address, put into the replies; interface: where to serve (needed on hosts with several);
        client_port: where replies go; silent: receive, never answer.
        """
        super().__init__("", port, recorder)
        self._server = server
        self._interface = interface
        self._client_port = client_port
        self.lease = lease
        self.silent = silent

    def _prepare(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        if self._interface is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self._interface.encode())

    def _send(self, sock: socket.socket, reply: bytes, sender: Address) -> None:
        # A client without an address yet can only be reached by broadcast; one that already has one is answered there.
        target = sender[0] if sender[0] != "0.0.0.0" else "255.255.255.255"
        super()._send(sock, reply, (target, self._client_port))

    def _handle(self, data: bytes, sender: Address) -> bytes | None:
        if len(data) < _FIXED.size or data[0] != 1:
            return None
        fields = _FIXED.unpack_from(data)
        options = _options(data[_FIXED.size :])
        kind = options[53][0] if options.get(53) else None
        mac = fields[11][:6].hex(":").upper()
        self._keep(DhcpMessage(time.time(), sender, kind, mac, options))
        answer = {None: None, DISCOVER: OFFER, REQUEST: ACK, INFORM: ACK}.get(kind, 0)
        if self.silent or answer == 0:
            return None
        if kind == REQUEST and options.get(54, self._packed) != self._packed:
            return None  # the client chose another server
        if kind == REQUEST and options.get(50, socket.inet_aton(self.lease.address)) != socket.inet_aton(
            self.lease.address
        ):
            answer = NAK
        return self._reply(fields, answer)

    @property
    def _packed(self) -> bytes:
        return socket.inet_aton(self._server)

    def _reply(self, fields: tuple, answer: int | None) -> bytes:
        yours = b"\0" * 4 if answer == NAK else socket.inet_aton(self.lease.address)
        head = _FIXED.pack(
            2,
            fields[1],
            fields[2],
            0,
            fields[4],
            0,
            fields[6],
            fields[7],
            yours,
            self._packed,
            b"\0" * 4,
            fields[11],
            b"",
            b"",
        )
        options: list[tuple[int, bytes]] = []
        if answer is not None:
            options += [(53, bytes((answer,))), (54, self._packed)]
        if answer != NAK:
            options.append((1, socket.inet_aton(self.lease.netmask)))
            options += [(3, socket.inet_aton(self.lease.router))] if self.lease.router else []
            options += [(6, socket.inet_aton(self.lease.dns))] if self.lease.dns else []
            options += [(51, struct.pack(">I", self.lease.seconds))] if answer is not None else []
        body = b"".join(bytes((code, len(value))) + value for code, value in options)
        return (head + _COOKIE + body + b"\xff").ljust(300, b"\0")


def _options(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    if data[:4] != _COOKIE:
        return found
    place = 4
    while place < len(data) and data[place] != 255:
        if data[place] == 0:
            place += 1
            continue
        if place + 1 >= len(data):
            break
        length = data[place + 1]
        found[data[place]] = data[place + 2 : place + 2 + length]
        place += 2 + length
    return found
