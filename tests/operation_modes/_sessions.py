"""Real COM sessions as the suites need them: not opened yet, or with settings of their own."""

from __future__ import annotations

from typing import Any

from fixtures.mode_clients import driver_settings, network_port
from fixtures.serial_lines import PortUnderTest
from nportlab.modes.real_com import RealCom


def driver(port: PortUnderTest, **options: Any) -> RealCom:
    """A driver of the port that has connected nothing yet; it is closed when the test ends."""
    options.setdefault("settings", driver_settings(port))
    options.setdefault("secure", port.values.get(f"port.{port.number}.secure") == "enable")
    data, command = port.endpoint(network_port(port)), port.endpoint(network_port(port, "command"))
    return port.stack.enter_context(RealCom(data, command, label=port.label, **options))
