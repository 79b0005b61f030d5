"""The settings in force of one serial port, by their name without the port: `port.<number>.<name>`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nportlab.guide.modes import default_port

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device


class PortSettings:
    """A setting the unit does not have counts as the value given with it."""

    def __init__(self, running: Mapping[str, str], number: int) -> None:
        self._running = running
        self._number = number

    def text(self, name: str, otherwise: str = "") -> str:
        """The value as it is."""
        return self._running.get(f"port.{self._number}.{name}", otherwise)

    def number(self, name: str, otherwise: int = 0) -> int:
        """The value as an integer."""
        return int(self.text(name, str(otherwise)))

    def on(self, name: str) -> bool:
        """Whether a switch is "enable"."""
        return self.text(name) == "enable"


def listening_port(device: Device, number: int, name: str) -> int:
    """The network port serial port `number` listens on, which the setting `name` holds."""
    if device.has_defect("user-defined-port-ignored"):
        return default_port(number)
    return PortSettings(device.running, number).number(name, default_port(number))
