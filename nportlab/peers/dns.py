"""A name server (RFC 1035) that knows a handful of names."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass

from nportlab.peers.peer import Address, UdpPeer
from nportlab.verdicts.recorder import Recorder

PORT = 53
_A, _IN = 1, 1
_NO_ERROR, _FORMAT_ERROR, _NO_SUCH_NAME = 0, 1, 3
_TTL = 5  # seconds; a test changes names and wants to see it


@dataclass(frozen=True)
class DnsQuery:
    """One question. when: time.time(); name: lower case without closing dot; kind: 1 for A."""

    when: float
    source: Address
    name: str
    kind: int


class DnsServer(UdpPeer[DnsQuery]):
    """Answers A questions from `records`, everything else with "no such name" (or no data for a known name)."""

    kind = "dns"

    def __init__(
        self,
        address: str,
        port: int = PORT,
        recorder: Recorder | None = None,
        *,
        records: Mapping[str, str] | None = None,
    ) -> None:
        """records: host name -> IPv4 address; may be changed while it runs."""
        super().__init__(address, port, recorder)
        self.records = {name.rstrip(".").casefold(): value for name, value in (records or {}).items()}

    def _handle(self, data: bytes, sender: Address) -> bytes | None:
        if len(data) < 12 or data[2] & 0x80:
            return None
        ident, flags, count = struct.unpack_from(">HHH", data)
        question = _question(data) if count == 1 else None
        if question is None:
            return struct.pack(">6H", ident, 0x8000 | flags & 0x7900 | _FORMAT_ERROR, 0, 0, 0, 0)
        name, kind, end = question
        self._keep(DnsQuery(time.time(), sender, name, kind))
        known = self.records.get(name)
        answers = b""
        if known is not None and kind == _A:
            answers = struct.pack(">HHHIH", 0xC00C, _A, _IN, _TTL, 4) + socket.inet_aton(known)
        code = _NO_ERROR if known is not None else _NO_SUCH_NAME
        header = struct.pack(">6H", ident, 0x8400 | flags & 0x7900 | code, 1, 1 if answers else 0, 0, 0)
        return header + data[12:end] + answers


def _question(data: bytes) -> tuple[str, int, int] | None:
    """Name, type and end of the only question; None when it can not be read."""
    labels: list[str] = []
    place = 12
    while place < len(data) and data[place]:
        length = data[place]
        if length > 63 or place + 1 + length >= len(data):
            return None
        labels.append(data[place + 1 : place + 1 + length].decode("ascii", "replace"))
        place += 1 + length
    if place + 5 > len(data):
        return None
    return ".".join(labels).casefold(), struct.unpack_from(">H", data, place + 1)[0], place + 5
