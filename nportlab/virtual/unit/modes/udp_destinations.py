"""Where UDP mode sends what the line says: the ranges of the settings, and whoever sent last."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import AddressValueError, IPv4Address

Address = tuple[str, int]

RANGES = 4
MOST_OF_A_RANGE = 64
"""Addresses of one range that are sent to; further ones are left out (the manual gives 64 as the most of a range)."""


def fixed(number: int, running: Mapping[str, str], *, more: int = 0) -> list[Address]:
    """Every (host, port) in the four ranges of serial port `number`, each once, in their order.

    A range without a beginning is none, one without an end (or with one before its beginning: invented) is its first
    address. more: by how many a seeded defect has got the length of ranges of more than one wrong.
    """
    found: list[Address] = []
    for which in range(1, RANGES + 1):
        first = _address(running.get(f"port.{number}.udp_begin_{which}", ""))
        if first is None:
            continue
        last = _address(running.get(f"port.{number}.udp_end_{which}", "")) or first
        port = int(running.get(f"port.{number}.udp_port_{which}", str(4000 + number)))
        count = min(max(int(last) - int(first) + 1, 1), MOST_OF_A_RANGE)
        if count > 1:
            count += more
        found += [(str(first + step), port) for step in range(count)]
    return list(dict.fromkeys(found))


class LastSender:
    """Dynamic destination: who sent the last datagram, until `seconds` after it; 0: for ever (invented).

    Times are those of a monotonic clock.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._address: Address | None = None
        self._heard = 0.0

    def heard(self, address: Address, now: float) -> None:
        """A datagram came from there."""
        self._address, self._heard = address, now

    def current(self, now: float) -> list[Address]:
        """It, as long as it counts."""
        if self._address is None or (self._seconds and now - self._heard > self._seconds):
            return []
        return [self._address]


def _address(text: str) -> IPv4Address | None:
    try:
        return IPv4Address(text)
    except AddressValueError:
        return None
