"""Data packing: how bytes from the serial line become packets for the network (nport-facts 1.12)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nportlab.virtual.unit.modes.port_settings import PortSettings

BUFFER = 1024
"""Bytes a port collects at most; a full buffer goes out as it is."""

EXTRA = {"delimiter-plus-1": 1, "delimiter-plus-2": 2}
"""Bytes after the delimiter that belong to its packet, by the value of `port.delimiter_process`."""


@dataclass(frozen=True)
class Packing:
    """What makes a packet.

    length: bytes of a packet, 0 for any; with a length, delimiters do not count. delimiter: one or two bytes that end a
    packet, or none. extra: bytes behind them that still belong to it. strip: the delimiter is not sent. force: seconds
    without a byte after which what was collected goes out, 0 for never.
    """

    length: int = 0
    delimiter: bytes = b""
    extra: int = 0
    strip: bool = False
    force: float = 0.0

    @property
    def collects(self) -> bool:
        """Whether bytes are collected at all; otherwise they go out as they come."""
        return bool(self.length or self.delimiter or self.force)

    @property
    def has_ends(self) -> bool:
        """Whether a packet has an end that is seen in the bytes themselves."""
        return bool(self.length or self.delimiter)


def packing(settings: PortSettings, has_defect: Callable[[str], bool]) -> Packing:
    """What the settings in force ask for, and what a seeded defect makes of it.

    A second delimiter without a first has no effect; a value that is no hexadecimal byte counts as 00.
    """
    length = settings.number("packet_length")
    delimiter = b""
    if not length and settings.on("delimiter_1_enable"):
        delimiter = _byte(settings.text("delimiter_1"))
        if settings.on("delimiter_2_enable") and not has_defect("delimiter-2-ignored"):
            delimiter += _byte(settings.text("delimiter_2"))
    process = settings.text("delimiter_process")
    force = settings.number("force_transmit") / 1000
    return Packing(
        length=length + 1 if length and has_defect("packet-length-off-by-one") else length,
        delimiter=delimiter,
        extra=EXTRA.get(process, 0),
        strip=process == "strip-delimiter" and not has_defect("delimiter-kept-instead-of-stripped"),
        force=force * 10 if has_defect("packing-timer-off-by-ten") else force,
    )


def _byte(text: str) -> bytes:
    try:
        return bytes([int(text, 16)])
    except ValueError:
        return b"\0"


class Packer:
    """Collects bytes and hands them out as packets. Knows no clock: `flush` is for whoever keeps the force timer."""

    def __init__(self, rules: Packing) -> None:
        self.rules = rules
        self._kept = b""

    @property
    def waiting(self) -> int:
        """Bytes collected that are no packet yet."""
        return len(self._kept)

    def feed(self, data: bytes) -> Sequence[bytes]:
        """The packets completed by `data`; with nothing to collect for, `data` itself."""
        rules = self.rules
        if not rules.collects:
            return (data,)
        if self._kept:
            data = self._kept + data
        packets, start = self._by_length(data) if rules.length else self._by_delimiter(data)
        self._kept = data[start:]
        return packets

    def flush(self) -> bytes:
        """Everything collected, as one packet."""
        kept, self._kept = self._kept, b""
        return kept

    def _by_length(self, data: bytes) -> tuple[list[bytes], int]:
        size = min(self.rules.length, BUFFER)
        end = len(data) - len(data) % size
        return [data[start : start + size] for start in range(0, end, size)], end

    def _by_delimiter(self, data: bytes) -> tuple[list[bytes], int]:
        delimiter, extra, strip = self.rules.delimiter, self.rules.extra, self.rules.strip
        packets: list[bytes] = []
        start, end = 0, len(data)
        found = data.find(delimiter) if delimiter else -1
        while True:
            stop = found + len(delimiter) + extra
            if found >= 0 and stop - start <= BUFFER and stop <= end:
                packets.append(data[start : found if strip else stop])
                start = stop
            elif end - start >= BUFFER:
                packets.append(data[start : start + BUFFER])
                start += BUFFER
            else:
                return [packet for packet in packets if packet], start
            if 0 <= found < start:
                found = data.find(delimiter, start)
