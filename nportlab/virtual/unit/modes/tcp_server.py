"""TCP Server mode: hosts connect to the port's TCP port, and to its command port for what the line shall do.

The command port speaks the commands of Real COM, as the vendor's port daemon does; data and command connections need
not come in pairs here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nportlab.guide.modes import command_port, default_port
from nportlab.virtual.unit.modes.port_settings import PortSettings
from nportlab.virtual.unit.modes.real_com_commands import CommandPort
from nportlab.virtual.unit.modes.socket_mode import SocketMode, most_connections

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device
    from nportlab.virtual.unit.serial_port import SerialPort


async def serve(device: Device, number: int, serial: SerialPort) -> SocketMode:
    """Listen for data and commands. Raises OSError when a port is taken."""
    settings = PortSettings(device.running, number)
    mode = SocketMode(device, number, serial, most=most_connections(device, settings), inactivity=True)
    mode.commands = CommandPort(mode)
    port = settings.number("tcp_port", default_port(number))
    if device.has_defect("tcp-server-port-not-changed"):
        port = default_port(number)
    await mode.listen(port, "data", secure=settings.on("secure"))
    await mode.listen(settings.number("command_port", command_port(number)), "command")
    return mode
