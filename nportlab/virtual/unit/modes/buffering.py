"""Port buffering: what a serial port receives while nobody is connected is kept for the next who connects."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device
    from nportlab.virtual.unit.serial_port import SerialPort

SIZE = 65536
"""Bytes kept; the oldest go first (both invented: the size on this family is not public)."""


class PortBuffer:
    """What port `number` received while nobody was connected.

    A mode calls `keep` with every byte it has nobody for, and `take` when somebody connects. Without
    `port.buffering` nothing is kept: such bytes are lost, and none of them shows up later. `serial.buffered` tells the
    SNMP agent how many bytes wait.
    """

    def __init__(self, device: Device, number: int, serial: SerialPort) -> None:
        self._on = device.running.get(f"port.{number}.buffering", "disable") == "enable"
        self._loses = device.has_defect("buffered-bytes-lost")
        self._serial = serial
        self._kept = bytearray()

    def keep(self, data: bytes) -> None:
        """Bytes nobody is there for."""
        if not self._on or self._loses:
            return
        self._kept += data
        del self._kept[: max(0, len(self._kept) - SIZE)]
        self._serial.buffered = len(self._kept)

    def take(self) -> bytes:
        """Everything kept, oldest first; the buffer is empty then."""
        kept, self._kept = bytes(self._kept), bytearray()
        self._serial.buffered = 0
        return kept
