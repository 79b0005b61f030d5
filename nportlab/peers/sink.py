"""Listeners that only take note: of datagrams (SNMP traps), and of who connects (TACACS+)."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from dataclasses import dataclass

from nportlab.peers.peer import Address, Peer, UdpPeer
from nportlab.verdicts.recorder import Recorder

TRAP_PORT, TACACS_PORT = 162, 49
_FIRST_BYTES = 4096
_PATIENCE = 0.5  # seconds to wait for the first bytes of a connection


@dataclass(frozen=True)
class Datagram:
    """One datagram. when: time.time()."""

    when: float
    source: Address
    data: bytes


class DatagramSink(UdpPeer[Datagram]):
    """Keeps every datagram, never answers."""

    kind = "datagram sink"

    def __init__(self, address: str, port: int = TRAP_PORT, recorder: Recorder | None = None) -> None:
        """address, port: where the unit sends to."""
        super().__init__(address, port, recorder)

    def _handle(self, data: bytes, sender: Address) -> None:
        self._keep(Datagram(time.time(), sender, data))


@dataclass(frozen=True)
class Connection:
    """One TCP connection. when: time.time(); first: what the client sent at once."""

    when: float
    source: Address
    first: bytes


class ConnectionSink(Peer[Connection]):
    """Accepts connections, keeps the first bytes, closes."""

    kind = "connection sink"
    transport = socket.SOCK_STREAM

    def __init__(self, address: str, port: int = TACACS_PORT, recorder: Recorder | None = None) -> None:
        """address, port: where the unit connects to."""
        super().__init__(address, port, recorder)

    def _prepare(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

    def _serve_once(self, sock: socket.socket) -> None:
        try:
            client, source = sock.accept()
        except (TimeoutError, ConnectionError):
            return
        first = b""
        with client:
            client.settimeout(_PATIENCE)
            with suppress(OSError):
                first = client.recv(_FIRST_BYTES)
        self._recorder.exchange(f"peer {self.kind}", f"connection from {source[0]}:{source[1]}", None, first)
        self._keep(Connection(time.time(), source, first))
