"""The receiving half of a UART: room, overruns, errors, breaks, and what its driver has not heard of yet."""

from __future__ import annotations

from nportlab.protocol.serial_wire import FLOW_ROOM, LineFormat
from nportlab.virtual.cables.transmitter import SECOND

MOST_WAITING_BREAKS = 256
"""Beyond that a break nobody takes is an overrun; a driver that is gone must not fill the memory."""

Errors = tuple[int, int, int]
"""Parity errors, framing errors, overruns."""
News = bytearray | Errors | int
"""Bytes; errors that belong to the bytes after them; a break: its microseconds, 0 for one that begins."""


class Receiver:
    """Characters from the wire, up to `room` of them until the driver takes some."""

    def __init__(self) -> None:
        self.heard: list[News] = []
        self.fill = 0
        """Bytes the driver has not taken."""
        self.received = self.parity = self.framing = self.overrun = self.breaks = 0
        """Totals since power-on."""
        self.low_since: int | None = None
        """Since when the line is low: a break, or going to be one."""
        self._told = False
        self._breaks_waiting = 0
        self.set_format(LineFormat())

    def set_format(self, new: LineFormat) -> None:
        """Take over the room, and the shortest break that can be told from a character: one character time."""
        self.room = new.rx_room
        flow_room = min(new.rx_room, FLOW_ROOM)
        self.stop_at = max(1, flow_room * 3 // 4)
        self.go_at = flow_room // 4
        self._shortest_break = round(new.bits_per_character * SECOND / new.baud)

    def take(self, data: bytearray, parity: int = 0, framing: int = 0) -> None:
        """Characters, with how many of them had errors."""
        count = len(data)
        over = self.fill + count - self.room
        if over > 0:
            over = min(over, count)
            count -= over
            data = data[:count]
            self._errors(parity, framing, over)
        elif parity or framing:
            self._errors(parity, framing, 0)
        if count:
            self.fill += count
            self.received += count
            self.heard.append(data)

    def taken(self, count: int) -> None:
        """The driver took that many bytes."""
        self.fill = max(0, self.fill - count)

    def low(self, at: int) -> None:
        """The line went low for a break, or for less than one."""
        if self.low_since is None:
            self.low_since, self._told = at, False

    def high(self, at: int) -> int | None:
        """The line is high again. Returns the nanoseconds it was low if that was too short for a break, else None."""
        if self.low_since is None:
            return None
        self.settle(at)
        low, self.low_since = at - self.low_since, None
        if not self._told:
            return low
        self._ended(low)
        return None

    def settle(self, now: int) -> None:
        """Notice that a low line is a break by now."""
        if self.low_since is not None and not self._told and now - self.low_since >= self._shortest_break:
            self._told = True
            self._break(0)

    @property
    def break_at(self) -> int | None:
        """When the low line will be a break."""
        return None if self.low_since is None or self._told else self.low_since + self._shortest_break

    def broke(self, low: int) -> None:
        """There was a break of that many nanoseconds."""
        self._break(0)
        self._ended(low)

    def reported(self) -> None:
        """The driver has been told everything in `heard`."""
        self.heard = []
        self._breaks_waiting = 0

    def _ended(self, low: int) -> None:
        self.breaks += 1
        self._break(min(0xFFFFFFFF, max(1, low // 1000)))

    def _break(self, microseconds: int) -> None:
        if self._breaks_waiting < MOST_WAITING_BREAKS:
            self._breaks_waiting += 1
            self.heard.append(microseconds)
        else:
            self._errors(0, 0, 1)

    def _errors(self, parity: int, framing: int, overrun: int) -> None:
        self.parity += parity
        self.framing += framing
        self.overrun += overrun
        if self.heard and isinstance(last := self.heard[-1], tuple):
            self.heard[-1] = (last[0] + parity, last[1] + framing, last[2] + overrun)
        else:
            self.heard.append((parity, framing, overrun))
