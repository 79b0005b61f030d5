"""Pair Connection: two units carry a serial line across the network, the master dialling the slave.

The slave takes one master. Whether modem lines are carried across is not public; they are not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nportlab.guide.modes import default_port
from nportlab.virtual.unit.modes.dialling import Dialler
from nportlab.virtual.unit.modes.port_settings import PortSettings
from nportlab.virtual.unit.modes.socket_mode import SocketMode

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device
    from nportlab.virtual.unit.serial_port import SerialPort


async def serve(device: Device, number: int, serial: SerialPort) -> SocketMode:
    """Listen as a slave, dial as a master. Raises OSError when the slave's port is taken."""
    settings = PortSettings(device.running, number)
    mode = SocketMode(device, number, serial, most=1)
    if settings.text("operation_mode") == "pair_slave":
        await mode.listen(settings.number("tcp_port", default_port(number)), "data", secure=settings.on("secure"))
    elif host := settings.text("destination_address"):
        port = settings.number("destination_port", default_port(number))
        master = Dialler(mode, host, port, 0, lambda: True, once=device.has_defect("pair-master-dials-once"))
        mode.parts.append(master)
        master.want()
    return mode
