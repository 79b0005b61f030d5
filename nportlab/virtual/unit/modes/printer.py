"""The printer modes. Serial ports share network ports: those of one RAW group, and all that print by LPD."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from nportlab.guide.modes import LPD_PORT, raw_printer_port
from nportlab.virtual.unit.modes.lpd import LpdConnection, queues
from nportlab.virtual.unit.modes.printer_connection import PrintConnection, PrintListener
from nportlab.virtual.unit.modes.printer_jobs import Printer, Printers
from nportlab.virtual.unit.modes.printer_raw import RawJob
from nportlab.virtual.unit.services.listening import Together

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device
    from nportlab.virtual.unit.serial_port import SerialPort
    from nportlab.virtual.unit.services import Closeable

log = logging.getLogger("unit")


async def serve_all(device: Device, ports: Mapping[int, SerialPort]) -> Closeable:
    """Listen for the jobs of all `ports`, each in one of the two printer modes.

    A network port that is taken stays closed, with a line in the log.
    """
    lpd = {
        number: serial
        for number, serial in ports.items()
        if device.running[f"port.{number}.operation_mode"] == "printer_lpd"
    }
    raw = {number: serial for number, serial in ports.items() if number not in lpd}
    listeners = [await _raw(device, group, members) for group, members in _groups(device, raw)]
    if lpd:
        listeners.append(await _lpd(device, lpd))
    return Together([listener for listener in listeners if listener is not None])


def _groups(device: Device, ports: Mapping[int, SerialPort]) -> list[tuple[int, dict[int, SerialPort]]]:
    groups: dict[int, dict[int, SerialPort]] = {}
    for number, serial in ports.items():
        group = int(device.running.get(f"port.{number}.raw_group", "1"))
        if device.has_defect("user-defined-port-ignored"):
            group = 1
        groups.setdefault(group, {})[number] = serial
    return sorted(groups.items())


async def _raw(device: Device, group: int, ports: Mapping[int, SerialPort]) -> PrintListener | None:
    printers = Printers(Printer(device, number, serial) for number, serial in ports.items())
    listener = PrintListener(device, raw_printer_port(group))
    return await _opened(listener, lambda own: RawJob(own, printers, printers.all))


async def _lpd(device: Device, ports: Mapping[int, SerialPort]) -> PrintListener | None:
    printers = Printers(Printer(device, number, serial) for number, serial in ports.items())
    known = queues(device, printers)
    return await _opened(PrintListener(device, LPD_PORT), lambda own: LpdConnection(own, printers, known))


async def _opened(listener: PrintListener, client: Callable[[PrintListener], PrintConnection]) -> PrintListener | None:
    try:
        await listener.open(client)
    except OSError as error:
        log.warning("%s: printer port %s: %s", listener.device.name, listener.port, error)
        return None
    return listener
