"""Seeded defects that spoil bytes on their way between the serial port and the network, in every mode."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device

LOSS_EVERY = 1 << 20
FIRST_LOSS = 3000
"""Of each megabyte the 3000th byte is lost, so that a short transfer shows it too."""

DUPLEX_SECONDS = 0.1
"""Bytes both ways within that time count as traffic both ways at once."""

CHANGE_EVERY = 1000

ONE_WAY = {"real_com": "real-com-data-one-way", "pair_slave": "pair-slave-data-one-way"}
"""By mode: the defect with which nothing reaches the network."""


class PathDefects:
    """What happens to the bytes of one port. `to_line` and `to_network` give back what is left of them."""

    def __init__(self, device: Device, number: int) -> None:
        self._device = device
        self._mode = device.running[f"port.{number}.operation_mode"]
        self._passed = {"line": 0, "network": 0}
        self._last = {"line": float("-inf"), "network": float("-inf")}
        self._since_change = 0

    @property
    def planted(self) -> bool:
        """Whether the unit has any defect; a sound one is not asked for each."""
        return bool(self._device.surroundings.defects)

    def to_line(self, data: bytes, now: float, openings: int) -> bytes:
        """Bytes from the network. openings: how often the port has been opened."""
        if self._nothing_moves(openings):
            return b""
        return self._spoil("line", data, now)

    def to_network(self, data: bytes, now: float, openings: int) -> bytes:
        """Bytes from the serial line."""
        one_way = self._mode in ONE_WAY and self._device.has_defect(ONE_WAY[self._mode])
        if one_way or self._nothing_moves(openings):
            return b""
        return self._spoil("network", data, now)

    def _nothing_moves(self, openings: int) -> bool:
        device = self._device
        hardened = device.running.get("console.moxa_service") == "disable"
        return (hardened and device.has_defect("baseline-breaks-op-mode")) or (
            self._mode == "real_com" and openings > 1 and device.has_defect("real-com-port-dead-after-reconnect")
        )

    def _spoil(self, way: str, data: bytes, now: float) -> bytes:
        if not data:
            return data
        other = "network" if way == "line" else "line"
        self._last[way] = now
        before = self._passed[way]
        self._passed[way] += len(data)
        if self._device.has_defect("byte-changed-when-duplex") and now - self._last[other] < DUPLEX_SECONDS:
            self._since_change += len(data)
            if self._since_change >= CHANGE_EVERY:
                self._since_change = 0
                data = bytes([data[0] ^ 0x01]) + data[1:]
        if self._device.has_defect("byte-lost-per-megabyte"):
            lost = (FIRST_LOSS - 1 - before) % LOSS_EVERY
            if lost < len(data):
                data = data[:lost] + data[lost + 1 :]
        return data
