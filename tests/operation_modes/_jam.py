"""Two hosts at one port, of which one does not read: how far the other gets."""

from __future__ import annotations

import time
from collections.abc import Sequence

from fixtures.serial_lines import PortUnderTest
from nportlab.modes.channel_base import ChannelBase
from nportlab.serial.traffic.pattern import pattern
from nportlab.verdicts.faults import Inconclusive
from tests.operation_modes._ends import linked

SIZE = 300_000
"""Bytes the device sends: more than a unit and the network hold for a host that does not read."""

SMALL = 4096
"""Bytes the kernel of a host that does not read is to hold."""

_PIECE = 16_384
_PAUSE = 0.002


class Jam:
    """The device sends a pattern to both hosts."""

    def __init__(self, port: PortUnderTest) -> None:
        self.reader: ChannelBase = linked(port)
        self.jammed: ChannelBase = linked(port, receive_buffer=SMALL)
        self._adapter = port.adapter
        self._data = pattern(f"{port.label} to all").at(0, SIZE)
        self._sent = 0
        self._got: dict[ChannelBase, bytearray] = {self.reader: bytearray(), self.jammed: bytearray()}

    def run(self, *, reading: Sequence[ChannelBase], timeout: float, until_stalled: float | None = None) -> None:
        """Send, and let some read, until they have everything; or nothing moved for `until_stalled` seconds."""
        end = time.monotonic() + timeout
        moved = time.monotonic()
        while time.monotonic() < end and not all(len(self._got[host]) >= SIZE for host in reading):
            sent = self._adapter.write(self._data[self._sent : self._sent + _PIECE]) if self._sent < SIZE else 0
            self._sent += sent
            for host in reading:
                if data := host.read():
                    self._got[host] += data
                    moved = time.monotonic()
            if until_stalled is not None and time.monotonic() - moved > until_stalled:
                return
            if not sent:
                time.sleep(_PAUSE)

    def complete(self, host: ChannelBase) -> bool:
        """Whether it got every byte, and nothing else."""
        return bytes(self._got[host]) == self._data

    def check_it_was_jammed(self) -> None:
        """Raises Inconclusive when the host that did not read got everything at last: then it was never jammed."""
        if self.complete(self.jammed):
            raise Inconclusive(f"{SIZE:,} bytes do not jam a host that does not read")

    def describe(self) -> str:
        """For messages."""
        return (
            f"the device sent {self._sent:,} of {SIZE:,} bytes, the host that reads has {len(self._got[self.reader]):,}"
            f", the jammed one {len(self._got[self.jammed]):,}"
        )
