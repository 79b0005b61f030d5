"""The serial side of a port as its connections come and go: opened for the first, closed after the last.

Source: nport-facts 1.8. Format and flow control are those of the settings again at each opening.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from nportlab.protocol.line_format import line_format
from nportlab.protocol.serial_wire import NO_FLOW, Hold
from nportlab.virtual.unit.modes.port_settings import PortSettings

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device
    from nportlab.virtual.unit.serial_port import SerialPort

DRAIN_SECONDS = 2.0
"""After an orderly end the port stays open while bytes leave it, up to this long without one, or until somebody else
connects (invented: the vendor's daemon flushes at once, and would lose the tail of what a client sent)."""

_HELD = Hold.CTS | Hold.DSR | Hold.XOFF


class PortLine:
    """Serial port `number` of a unit, open or closed.

    The lines are as after the last connection from boot on (invented).
    """

    def __init__(self, device: Device, number: int, serial: SerialPort) -> None:
        self._device = device
        self._number = number
        self._serial = serial
        self._settings = PortSettings(device.running, number)
        self._closing: asyncio.Task[None] | None = None
        self.is_open = False
        self.openings = 0
        """How often the port was opened."""
        self._rest()

    def open(self) -> None:
        """The first connection is there: format as set, DTR and RTS on, nothing old in the receiver."""
        if self._closing is not None:
            self.stop()
            self._shut()
        if self.is_open:
            return
        self.is_open = True
        self.openings += 1
        if not self._keeps_old_bytes:
            self._serial.drop_waiting()
        self._serial.configure(line_format(self._number, self._device.running))
        self._serial.set_lines(dtr=True, rts=True)

    def close(self, *, drain: bool) -> None:
        """The last connection is gone. drain: it ended in order, so what it sent still goes out."""
        if not self.is_open or self._closing is not None:
            return
        if drain and self._serial.unsent and not self._serial.hold & _HELD:
            self._closing = asyncio.get_running_loop().create_task(self._drain())
        else:
            self._shut()

    def stop(self) -> None:
        """The mode ends."""
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None

    async def _drain(self) -> None:
        left = self._serial.unsent
        while left:
            before, left = left, await self._serial.drained(DRAIN_SECONDS)
            if left == before:
                break
        self._closing = None
        self._shut()

    def _shut(self) -> None:
        self.is_open = False
        if not self._keeps_old_bytes:
            if self._serial.unsent:
                self._serial.drop_unsent()
            self._serial.drop_waiting()
            self._serial.configure(replace(self._serial.format, flow=NO_FLOW))
        if not self._device.has_defect("lines-stay-up-after-last-connection"):
            self._rest()

    @property
    def _keeps_old_bytes(self) -> bool:
        return self._device.has_defect("stale-bytes-after-reconnect")

    def _rest(self) -> None:
        self._serial.set_lines(
            dtr=self._settings.text("connection_down_dtr") != "low",
            rts=self._settings.text("connection_down_rts") != "low",
        )
