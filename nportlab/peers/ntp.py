"""A time server (SNTP, RFC 4330) whose time can be wrong on purpose."""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass

from nportlab.peers.peer import Address, UdpPeer
from nportlab.verdicts.recorder import Recorder

PORT = 123
_ERA = 2_208_988_800  # seconds from 1900 to 1970
_PACKET = struct.Struct(">BBbb3I4Q")
_CLIENT, _SERVER = 3, 4


@dataclass(frozen=True)
class NtpRequest:
    """One request. when: time.time(); version: of the protocol; mode: 3 is a client."""

    when: float
    source: Address
    version: int
    mode: int


class NtpServer(UdpPeer[NtpRequest]):
    """Answers clients with this host's time plus an offset."""

    kind = "ntp"

    def __init__(
        self,
        address: str,
        port: int = PORT,
        recorder: Recorder | None = None,
        *,
        offset: float = 0.0,
        silent: bool = False,
        stratum: int = 3,
    ) -> None:
        """offset: seconds added to the true time; silent: receive, never answer. Both may be changed while it runs."""
        super().__init__(address, port, recorder)
        self.offset = offset
        self.silent = silent
        self.stratum = stratum

    def _handle(self, data: bytes, sender: Address) -> bytes | None:
        now = time.time()
        if len(data) < 48:
            return None
        first = data[0]
        version, mode = first >> 3 & 7, first & 7
        self._keep(NtpRequest(now, sender, version, mode))
        if self.silent or mode != _CLIENT:
            return None
        stamp = _stamp(now + self.offset)
        originate = struct.unpack_from(">Q", data, 40)[0]
        poll = struct.unpack_from(">b", data, 2)[0]
        dispersion = 1 << 10  # 1/64 s in 16.16 fixed point
        reference = int.from_bytes(b"LOCL")
        return _PACKET.pack(
            version << 3 | _SERVER, self.stratum, poll, -20, 0, dispersion, reference, stamp, originate, stamp, stamp
        )


def _stamp(seconds: float) -> int:
    """64-bit NTP time: seconds since 1900 and their fraction."""
    return int((seconds + _ERA) % 2**32 * 2**32)
