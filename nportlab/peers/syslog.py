"""A syslog sink that keeps the exact bytes (RFC 3164 priority; the unit's layout behind it is not public)."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from nportlab.peers.peer import Address, UdpPeer
from nportlab.verdicts.recorder import Recorder

PORT = 514
_PRIORITY = re.compile(rb"<(\d{1,3})>")


@dataclass(frozen=True)
class SyslogMessage:
    """One datagram. when: time.time(); facility, severity: None when it has no priority; text: what follows it."""

    when: float
    source: Address
    raw: bytes
    facility: int | None
    severity: int | None
    text: str


class SyslogSink(UdpPeer[SyslogMessage]):
    """Listens, never answers."""

    kind = "syslog"

    def __init__(self, address: str, port: int = PORT, recorder: Recorder | None = None) -> None:
        """address, port: where the unit sends to."""
        super().__init__(address, port, recorder)

    def _handle(self, data: bytes, sender: Address) -> None:
        found = _PRIORITY.match(data)
        priority = int(found[1]) if found and int(found[1]) < 192 else None
        text = data[found.end() :] if found and priority is not None else data
        facility, severity = (None, None) if priority is None else divmod(priority, 8)
        decoded = text.decode("utf-8", "replace").rstrip("\r\n\0")
        self._keep(SyslogMessage(time.time(), sender, data, facility, severity, decoded))
