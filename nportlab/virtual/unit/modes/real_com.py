"""Real COM mode: the host's driver opens a data and a command connection, and the port acts like one of its own.

Source: nport-facts 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nportlab.guide.modes import command_port, data_port
from nportlab.virtual.unit.modes.port_settings import PortSettings
from nportlab.virtual.unit.modes.real_com_commands import CommandPort
from nportlab.virtual.unit.modes.socket_mode import SocketMode, most_connections

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device
    from nportlab.virtual.unit.serial_port import SerialPort


async def serve(device: Device, number: int, serial: SerialPort) -> SocketMode:
    """Listen for data (with TLS if set) and commands. Raises OSError when a port is taken."""
    settings = PortSettings(device.running, number)
    paired = not device.has_defect("real-com-connections-live-apart")
    mode = SocketMode(device, number, serial, most=most_connections(device, settings), paired=paired)
    mode.commands = CommandPort(mode)
    await mode.listen(data_port(number), "data", secure=settings.on("secure"))
    await mode.listen(command_port(number), "command")
    return mode
