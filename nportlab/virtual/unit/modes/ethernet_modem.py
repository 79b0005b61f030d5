"""Ethernet modem mode: the serial device believes to talk to a modem; a phone number is an address and a port.

The other end's DTR, which arrives as DSR, hangs up when it drops (AT&D2). The unit's own DTR, which the other end sees
as DSR and DCD, is the carrier: on during a call (AT&C1).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from nportlab.protocol.line_format import line_format
from nportlab.protocol.serial_wire import Input
from nportlab.virtual.unit.modes.at_commands import AtCommand, AtError, CommandLine, Profile, Result, parse
from nportlab.virtual.unit.modes.ethernet_modem_calls import Dialling, Ringing
from nportlab.virtual.unit.modes.ethernet_modem_escape import EscapeWatch
from nportlab.virtual.unit.modes.path_defects import PathDefects
from nportlab.virtual.unit.modes.port_listener import listen
from nportlab.virtual.unit.modes.port_settings import listening_port
from nportlab.virtual.unit.modes.vigil import Vigil
from nportlab.virtual.unit.port_sockets import PortConnection, PortSockets
from nportlab.virtual.unit.serial_port import Deaf

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device
    from nportlab.virtual.unit.serial_port import SerialPort
    from nportlab.virtual.unit.services import Closeable

HELD_BYTES = 4096
"""Bytes of the call kept in the command state; then the other end is not read (invented)."""


async def serve(device: Device, number: int, serial: SerialPort) -> Closeable:
    """Listen for calls. Raises OSError when the port is taken."""
    modem = Modem(device, number, serial)
    await modem.open()
    return modem


class Modem(Deaf):
    """The modem of one serial port: the ear of its line, and the serial side of its one network connection.

    `call` is the connection once it is answered or dialled. In the data state `online` is true; a call in the command
    state waits for ATO or ATH.
    """

    def __init__(self, device: Device, number: int, serial: SerialPort) -> None:
        self.profile = Profile()
        self.call: PortConnection | None = None
        self.online = False
        self._device = device
        self._number = number
        self._serial = serial
        self._port = listening_port(device, number, "tcp_port")
        self._sockets = PortSockets(device, number, most=1, paired=False, serial=self)
        self._vigil = Vigil(device, number, inactivity=False)
        self._defects = PathDefects(device, number)
        self._typed = CommandLine(self.profile)
        self._escape = EscapeWatch(self.profile, guarded=not device.has_defect("modem-escape-without-guard-time"))
        self._after_line = False
        self._to_line = b""
        self._held = bytearray()
        self._dialling: Dialling | None = None
        self._ringing: Ringing | None = None
        self._guard: asyncio.TimerHandle | None = None
        self._listener: Closeable | None = None
        self._loop = asyncio.get_running_loop()

    async def open(self) -> None:
        """Open the line and listen."""
        self._listener = await listen(
            self._device, self._number, self._port, lambda: PortConnection(self._sockets, "data", self._port)
        )
        self._serial.ear = self
        self._serial.configure(line_format(self._number, self._device.running))
        self._show_carrier()

    def close(self) -> None:
        """The mode ends."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        self._stop_guard()
        self._stop_ringing()
        if self._dialling is not None:
            self._dialling.cancel()
        self.call = None
        self._sockets.close()

    # The line -----------------------------------------------------------------------------------------------------

    def received(self, data: bytes) -> None:
        """Bytes of the serial device: typed commands, or data of the call."""
        self._stop_guard()
        while data:
            if self._after_line:
                # The line feed a terminal sends after its carriage return is no data of the call it made.
                self._after_line = False
                if data[0] == self.profile.registers[4]:
                    data = data[1:]
                    continue
            if self.online:
                self._to_network(data)
                return
            if self._dialling is not None:
                self._dialling.cancel()
                return
            line, echo, data = self._typed.feed(data)
            self._write(echo)
            if line is not None:
                self._after_line = True
                self._obey(line)

    def room_again(self) -> None:
        """The line takes bytes again."""
        self._to_line = self._to_line[self._serial.write(self._to_line) :]
        if not self._to_line and self.online and self.call is not None:
            self.call.resume()

    def lines_changed(self, changed: Input) -> None:
        """The other end's DTR dropped."""
        if not changed & Input.DSR or self._serial.inputs & Input.DSR:
            return
        if self._device.has_defect("modem-dtr-drop-ignored"):
            return
        if self.profile.on_dtr_drop >= 2:
            if self._dialling is not None:
                self._dialling.cancel()
            elif self.call is not None:
                self._hang_up()
                self.say(Result.NO_CARRIER)
        elif self.profile.on_dtr_drop == 1 and self.online:
            self._leave_data_state()

    def say(self, result: Result, detail: str = "") -> None:
        """Send a result code to the serial device."""
        if self._listener is None:
            return  # the mode has ended
        if result is Result.NO_CARRIER and self._device.has_defect("no-carrier-not-said"):
            return
        self._write(self.profile.render(result, detail))

    def _write(self, data: bytes) -> None:
        self._to_line += data
        self.room_again()

    def _show_carrier(self) -> None:
        self._serial.set_lines(dtr=not self.profile.carrier_follows or self.call is not None, rts=True)

    # Commands -----------------------------------------------------------------------------------------------------

    def _obey(self, line: str) -> None:
        """Do the commands of a line up to the first that fails or says its own result."""
        try:
            for command in parse(line):
                result = self._do(command)
                if result is not Result.OK:
                    if result is not None:
                        self.say(result)
                    return
        except AtError:
            self.say(Result.OK if self._device.has_defect("modem-says-ok-to-anything") else Result.ERROR)
        else:
            self.say(Result.OK)

    def _do(self, command: AtCommand) -> Result | None:
        """One command; None: it said its result itself, or will."""
        match command:
            case AtCommand("D", address=(host, port)):
                return self._dial(host, port)
            case AtCommand("A"):
                return self._answer()
            case AtCommand("O"):
                return self._go_online(self.call)
            case AtCommand("H"):
                self._hang_up()
            case AtCommand("Z"):
                self._hang_up()
                self.profile.reset()
            case AtCommand("&F"):
                self.profile.reset()
            case AtCommand("S", number, None):
                self._write(self.profile.line(f"{self.profile.registers[number]:03}"))
            case AtCommand("S", number, value):
                self.profile.registers[number] = value or 0
            case AtCommand("I"):
                self._write(self.profile.line(f"{self._device.model.name} Ver. {self._device.build}"))
            case AtCommand("&V"):
                self._write(self.profile.line(self.profile.described()))
            case _:
                self.profile.set(command)
        self._show_carrier()
        return Result.OK

    # Calls --------------------------------------------------------------------------------------------------------

    def opened(self, connection: PortConnection) -> None:
        """A call came in, or got through."""
        self._vigil.begin(connection)
        dialling = self._dialling
        if dialling is None:
            connection.pause()
            self._ringing = Ringing(connection, self._rings_to_answer, self._ring, self._answer, self._not_answered)
            self._ringing.begin()
        elif connection is dialling.connection:
            self._dialling = None
            dialling.through = True
            self._go_online(connection)
        else:
            connection.close()

    def data(self, connection: PortConnection, data: bytes) -> None:
        """Bytes from the other end of the call."""
        connection.traffic = self._loop.time()
        if connection is not self.call:
            return
        if not self.online:
            self._held += data
            if len(self._held) >= HELD_BYTES:
                connection.pause()
            return
        if self._defects.planted:
            data = self._defects.to_line(data, self._loop.time(), 1)
        self._write(data)
        if self._to_line:
            connection.pause()

    def command(self, connection: PortConnection, data: bytes) -> None:
        """There is no command port."""

    def jam_changed(self, connection: PortConnection) -> None:
        """The other end fell behind, or caught up."""
        if connection is self.call and self.online:
            (self._serial.pause if connection.jammed else self._serial.resume)()

    def closed(self, connection: PortConnection) -> None:
        """The other end hung up."""
        self._vigil.end(connection)
        if self._ringing is not None and connection is self._ringing.call:
            self._stop_ringing()
        elif connection is self.call:
            self._end_call()
            self.say(Result.NO_CARRIER)

    def _dial(self, host: str, port: int) -> Result | None:
        if self.call is not None or self._ringing is not None:
            return Result.ERROR
        if self._device.has_defect("modem-dials-wrong-port"):
            port = port % 65535 + 1
        connection = PortConnection(self._sockets, "data", 0)
        seconds = self.profile.registers[7]
        self._dialling = Dialling(self._device, connection, (host, port), seconds, self._not_through)
        return None

    def _not_through(self, result: Result) -> None:
        self._dialling = None
        if self._device.has_defect("modem-connects-to-nobody"):
            self.say(Result.CONNECT, str(self._serial.format.baud))
        else:
            self.say(result)

    def _not_answered(self) -> None:
        if not self._device.has_defect("modem-rings-for-ever"):
            self._hang_up()

    @property
    def _rings_to_answer(self) -> int:
        """S0; 0: calls only ring."""
        return 0 if self._device.has_defect("modem-s0-ignored") else self.profile.registers[0]

    def _ring(self, count: int) -> None:
        self.profile.registers[1] = min(count, 255)
        self.say(Result.RING)

    def _stop_ringing(self) -> PortConnection | None:
        """Returns the call that rang."""
        ringing, self._ringing = self._ringing, None
        if ringing is None:
            return None
        ringing.stop()
        return ringing.call

    def _answer(self) -> Result | None:
        return self._go_online(self._stop_ringing())

    def _go_online(self, call: PortConnection | None) -> Result | None:
        """The data state, of a new call or of the one there is."""
        if call is None:
            return Result.NO_CARRIER
        self.call = call
        self.online = True
        self._escape.begin(self._loop.time())
        self._show_carrier()
        self.say(Result.CONNECT, str(self._serial.format.baud))
        held, self._held = bytes(self._held), bytearray()
        call.resume()
        self.jam_changed(call)
        if held:
            self.data(call, held)
        return None

    def _leave_data_state(self) -> None:
        """The command state, with the call still there."""
        self._stop_guard()
        self.online = False
        self._typed.clear()
        self._serial.resume()
        self.say(Result.OK)

    def _hang_up(self) -> None:
        call = self.call or self._stop_ringing()
        self._end_call()
        if call is not None:
            call.close()
        if self._dialling is not None:
            self._dialling.cancel()

    def _end_call(self) -> None:
        self._stop_guard()
        self.call = None
        self.online = False
        self._held.clear()
        self._typed.clear()
        self._serial.resume()
        self._show_carrier()

    def _to_network(self, data: bytes) -> None:
        now = self._loop.time()
        call = self.call
        assert call is not None
        leads_out = self._escape.hear(data, now)
        if self._defects.planted:
            data = self._defects.to_network(data, now, 1)
        call.traffic = now
        call.write(data)
        if leads_out and self._device.has_defect("modem-escape-without-guard-time"):
            self._leave_data_state()
        elif leads_out:
            self._guard = self._loop.call_later(self.profile.guard_seconds, self._leave_data_state)

    def _stop_guard(self) -> None:
        if self._guard is not None:
            self._guard.cancel()
            self._guard = None
