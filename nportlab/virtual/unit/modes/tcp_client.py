"""TCP Client mode: the unit dials up to four hosts when its connection control says so, and hangs up when it says so.

What comes from the line goes to all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from nportlab.guide.modes import default_port
from nportlab.protocol.serial_wire import Input
from nportlab.virtual.unit.modes.dialling import Dialler
from nportlab.virtual.unit.modes.port_settings import PortSettings
from nportlab.virtual.unit.modes.socket_mode import SocketMode
from nportlab.virtual.unit.port_sockets import PortConnection
from nportlab.virtual.unit.serial_port import LineErrors

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device
    from nportlab.virtual.unit.serial_port import SerialPort

DESTINATIONS = 4

KEPT_UNTIL_CONNECTED = 4096
"""Characters kept from the first one until the connection it caused is up; later ones are lost (invented)."""

Trigger = Literal["startup", "any-character", "dsr", "dcd"]
LINES = {"dsr": Input.DSR, "dcd": Input.DCD}


async def serve(device: Device, number: int, serial: SerialPort) -> SocketMode:
    """Dial, or wait for what makes it dial."""
    return TcpClient(device, number, serial)


class TcpClient(SocketMode):
    """One serial port in TCP Client mode.

    Connections are wanted from startup on; or from a character of the line until all have ended; or while DSR or DCD is
    on. Without "off" in the setting, a line that drops leaves the connection as it is.
    """

    def __init__(self, device: Device, number: int, serial: SerialPort) -> None:
        settings = PortSettings(device.running, number)
        control = settings.text("connection_control", "startup-none")
        inactivity = control.endswith("-inactivity")
        super().__init__(device, number, serial, most=DESTINATIONS, inactivity=inactivity)
        self._trigger: Trigger = _trigger(control)
        if self._trigger != "startup" and device.has_defect("tcp-client-dials-at-startup-anyway"):
            self._trigger = "startup"
        self._hangs_up = LINES.get(control.split("-")[0], Input(0)) if control.endswith("-off") else Input(0)
        if device.has_defect("tcp-client-never-hangs-up-on-dsr"):
            self._hangs_up &= ~Input.DSR
        self._kept = bytearray()
        self.path.watchers.append(self)
        self.path.unclaimed_by = self.unclaimed
        destinations = _destinations(settings, number)
        if device.has_defect("tcp-client-local-port-ignored"):
            destinations = [(host, port, 0) for host, port, _ in destinations]
        self._diallers = [Dialler(self, *one, self._wanted) for one in destinations]
        self.parts += self._diallers
        self._dial()

    def unclaimed(self, data: bytes) -> bool:
        """Characters while nobody is connected; True when they are kept for a connection they cause."""
        if self._trigger != "any-character" or not self._diallers:
            return False
        self._kept += data[: max(0, KEPT_UNTIL_CONNECTED - len(self._kept))]
        self._dial()
        return True

    def opened(self, connection: PortConnection) -> None:
        """A host answered."""
        super().opened(connection)
        if self._kept:
            kept, self._kept = bytes(self._kept), bytearray()
            self.path.received(kept)

    def lines_changed(self, changed: Input) -> None:
        """DSR or DCD may be what makes it dial or hang up."""
        self._dial()
        if self._hangs_up and not self.path.serial.inputs & self._hangs_up:
            for dialler in self._diallers:
                dialler.drop()

    def line_errors(self, errors: LineErrors) -> None:
        """No matter."""

    def break_received(self, seconds: float) -> None:
        """No matter."""

    def _wanted(self) -> bool:
        if self._trigger == "startup":
            return True
        if self._trigger == "any-character":
            return bool(self._kept or self.path.connections)
        return bool(self.path.serial.inputs & LINES[self._trigger])

    def _dial(self) -> None:
        for dialler in self._diallers:
            dialler.want()


def _trigger(control: str) -> Trigger:
    for trigger in ("any-character", "dsr", "dcd"):
        if control.startswith(trigger):
            return trigger
    return "startup"


def _destinations(settings: PortSettings, number: int) -> list[tuple[str, int, int]]:
    """Address, port and local port of each destination that has an address."""
    found: list[tuple[str, int, int]] = []
    for k in range(1, DESTINATIONS + 1):
        suffix = "" if k == 1 else f"_{k}"
        if host := settings.text(f"destination_address{suffix}"):
            port = settings.number(f"destination_port{suffix}", default_port(number))
            found.append((host, port, settings.number(f"local_port_{k}")))
    return found
