"""The operation modes of all serial ports (guide 3.1, second table): each port is run by its mode's module."""

from __future__ import annotations

import logging
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from nportlab.guide.modes import command_port, data_port
from nportlab.virtual.unit.modes import MODULES
from nportlab.virtual.unit.modes.port_listener import listen
from nportlab.virtual.unit.modes.socket_mode import SocketMode
from nportlab.virtual.unit.port_sockets import PortConnection, PortSockets, Role
from nportlab.virtual.unit.services import Closeable
from nportlab.virtual.unit.services.listening import Together

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device

LOADED = {mode: import_module(path) for mode, path in MODULES.items()}
"""The modules of all modes, loaded with this one: the supervisor loads services before it forks units."""

log = logging.getLogger("unit")


def enabled(device: Device) -> bool:
    """Always: a unit of disabled ports opens nothing."""
    return True


async def serve(device: Device) -> Closeable:
    """Run the modes of all serial ports."""
    modes = PortModes(device)
    await modes.open()
    return modes


class PortModes:
    """What runs the serial ports. `ports` holds the sockets of those whose mode works over TCP connections."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._running: list[Closeable] = []
        self.ports: dict[int, PortSockets] = {}

    async def open(self) -> None:
        """Start all; a port whose network port is taken, by another service or serial port, stays closed.

        A module with `serve_all(device, serial_ports by number)` runs all ports in its modes together.
        """
        together: dict[ModuleType, list[int]] = {}
        for number, mode in modes_to_serve(self._device).items():
            module = LOADED[mode]
            if hasattr(module, "serve_all"):
                together.setdefault(module, []).append(number)
            else:
                await self._serve(module, number)
        for module, numbers in together.items():
            ports = {number: self._device.serial[number] for number in numbers}
            try:
                self._running.append(await module.serve_all(self._device, ports))
            except OSError as error:
                log.warning("%s: serial ports %s: %s", self._device.name, numbers, error)
        for number, port, role in planted_listeners(self._device):
            await self._plant(number, port, role)

    async def _serve(self, module: ModuleType, number: int) -> None:
        try:
            running = await module.serve(self._device, number, self._device.serial[number])
        except OSError as error:
            log.warning("%s: serial port %s: %s", self._device.name, number, error)
            return
        self._running.append(running)
        if isinstance(running, SocketMode):
            self.ports[number] = running.sockets

    async def _plant(self, number: int, port: int, role: Role) -> None:
        """A listener of a seeded defect: takes connections and loses what they say."""
        sockets = PortSockets(self._device, number, 1, paired=False)
        try:
            listener = await listen(self._device, number, port, lambda: PortConnection(sockets, role, port))
        except OSError as error:
            log.info("%s: planted listener: %s", self._device.name, error)
            return
        self._running += [listener, sockets]

    def close(self) -> None:
        """Close the listeners and drop all connections."""
        Together(self._running).close()


STAYS_ON = {
    "disabled-port-serves-tcp": "tcp_server",
    "disabled-port-serves-udp": "udp",
    "disabled-port-prints": "printer_raw",
}
"""What a port whose mode is Disable still runs, by seeded defect."""


def modes_to_serve(device: Device) -> dict[int, str]:
    """The mode of each serial port that has one, by number."""
    modes = {number: device.running[f"port.{number}.operation_mode"] for number in device.model.ports}
    for defect, mode in STAYS_ON.items():
        if device.has_defect(defect):
            modes = {number: mode if its_own == "disable" else its_own for number, its_own in modes.items()}
    disabled = {number for number, mode in modes.items() if mode == "disable"}
    shadowed = set[int]()
    if device.has_defect("disabling-a-port-closes-its-neighbour"):
        shadowed = {number + 1 for number in disabled}
    dead = {1} if device.installed.upgrades and device.has_defect("operation-mode-dead-after-upgrade") else set[int]()
    return {number: mode for number, mode in modes.items() if number not in disabled | shadowed | dead}


def planted_listeners(device: Device) -> list[tuple[int, int, Role]]:
    """Listeners of seeded defects: serial port, network port, what would arrive there."""
    planted: list[tuple[int, int, Role]] = []
    for number in device.model.ports:
        mode = device.running[f"port.{number}.operation_mode"]
        stale = "disabled-port-keeps-listening" if mode == "disable" else "old-mode-keeps-listening"
        if mode != "real_com" and device.has_defect(stale):
            planted.append((number, data_port(number), "data"))
    if device.has_defect("real-com-port-beyond-the-model"):
        beyond = device.model.serial_ports + 1
        planted.append((beyond, data_port(beyond), "data"))
        planted.append((beyond, command_port(beyond), "command"))
    return planted
