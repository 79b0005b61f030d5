"""RFC2217 mode: a serial port whose settings and lines are told inside the Telnet connection that carries its bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nportlab.guide.modes import default_port
from nportlab.protocol import rfc2217
from nportlab.protocol.rfc2217 import Code, ComPortError, LineState, Message, ModemState, message
from nportlab.protocol.serial_wire import Input
from nportlab.protocol.telnet_options import Negotiation, Option, Options, Subnegotiation
from nportlab.virtual.unit.modes.port_settings import PortSettings
from nportlab.virtual.unit.modes.rfc2217_port import ComPort
from nportlab.virtual.unit.modes.socket_mode import SocketMode, most_connections
from nportlab.virtual.unit.modes.telnet_connection import TelnetConnection
from nportlab.virtual.unit.serial_port import Deaf, LineErrors

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device
    from nportlab.virtual.unit.port_sockets import PortConnection, Role
    from nportlab.virtual.unit.serial_port import SerialPort

TEXT_OPTIONS = (Option.BINARY, Option.SUPPRESS_GO_AHEAD)
"""Bytes as they are, and no turns taken."""

READ_AHEAD = 65536
"""Bytes read from a client although the line takes none, so that a purge that stands behind them is seen (invented)."""

READ_AHEAD_PIECES = 256
"""The same in pieces of data between messages."""


async def serve(device: Device, number: int, serial: SerialPort) -> SocketMode:
    """Listen. Raises OSError when the port is taken."""
    mode = Rfc2217Mode(device, number, serial)
    await mode.listen(mode.settings.number("tcp_port", default_port(number)), "data")
    return mode


class Rfc2217Mode(SocketMode, Deaf):
    """One serial port in RFC2217 mode."""

    def __init__(self, device: Device, number: int, serial: SerialPort) -> None:
        settings = PortSettings(device.running, number)
        super().__init__(device, number, serial, most=most_connections(device, settings))
        acts = (
            settings.number("max_connection", 1) == 1
            or settings.on("allow_driver_control")
            or device.has_defect("driver-control-without-permission")
        )
        self.port = ComPort(device, self.path, acts=acts)
        self.path.watchers.append(self)
        self._in_break = False

    def connection(self, role: Role, local_port: int) -> PortConnection:
        """A client of this mode."""
        return Rfc2217Connection(self, local_port)

    def opened(self, connection: PortConnection) -> None:
        """A client is here: it is greeted before the line says anything."""
        assert isinstance(connection, Rfc2217Connection)
        offered = (*TEXT_OPTIONS, Option.ECHO)  # so that a person's client echoes nothing: the serial device does
        connection.greet(offered, (*TEXT_OPTIONS, Option.COM_PORT))
        super().opened(connection)

    def closed(self, connection: PortConnection) -> None:
        """A client is gone."""
        if self.path.connections == (connection,):
            self.port.let_go()
        super().closed(connection)

    # The line -----------------------------------------------------------------------------------------------------

    def lines_changed(self, changed: Input) -> None:
        """Modem lines."""
        for client in self._clients():
            client.tell_modem_state()

    def line_errors(self, errors: LineErrors) -> None:
        """Line errors."""
        state = LineState(0)
        for count, bit in (
            (errors.parity, LineState.PARITY),
            (errors.framing, LineState.FRAMING),
            (errors.overrun, LineState.OVERRUN),
        ):
            if count:
                state |= bit
        for client in self._clients():
            client.tell_line_state(state)

    def break_received(self, seconds: float) -> None:
        """A break is told once, at its beginning if that is told."""
        told, self._in_break = self._in_break, seconds == 0
        if not told:
            for client in self._clients():
                client.tell_line_state(LineState.BREAK)

    def _clients(self) -> list[Rfc2217Connection]:
        return [one for one in self.path.connections if isinstance(one, Rfc2217Connection)]


class Rfc2217Connection(TelnetConnection):
    """One client, with its masks."""

    def __init__(self, mode: Rfc2217Mode, local_port: int) -> None:
        options = (*TEXT_OPTIONS, Option.COM_PORT)
        super().__init__(mode.sockets, local_port, Options(performed=(*options, Option.ECHO), accepted=options))
        self._mode = mode
        self._line_mask = rfc2217.FIRST_LINE_MASK
        self._modem_mask = rfc2217.FIRST_MODEM_MASK
        self._told = ModemState(0)
        self._agreed = False
        self._suspended = False
        self._held = bytearray()
        self._network_jammed = False
        self._ahead = 0

    def negotiated(self, heard: Negotiation) -> None:
        """Once both agree on the option, the client learns the modem lines: some wait for that."""
        spoken = self.options.performs(Option.COM_PORT) or self.options.is_performed(Option.COM_PORT)
        if spoken and not self._agreed:
            self._told = self._mode.port.modem_levels
            self._send_modem_state(self._told)
        self._agreed = spoken

    def subnegotiated(self, heard: Subnegotiation) -> None:
        """A COM-PORT message; what is none is not answered."""
        if heard.option != Option.COM_PORT:
            return
        try:
            asked = rfc2217.decode(heard.payload)
        except ComPortError:
            return
        if not asked.from_server:
            self._obey(asked)

    def _obey(self, asked: Message) -> None:
        match asked.code:
            case Code.SIGNATURE:
                if not asked.payload:
                    self.write_raw(Message(Code.SIGNATURE, self._signature(), from_server=True).encode())
            case Code.NOTIFY_LINESTATE:
                self.tell_line_state(LineState(0), even_masked=True)
            case Code.NOTIFY_MODEMSTATE:
                self._told = self._mode.port.modem_levels
                self._send_modem_state(self._told)
            case Code.FLOWCONTROL_SUSPEND | Code.FLOWCONTROL_RESUME:
                self._suspend(asked.code is Code.FLOWCONTROL_SUSPEND)
            case Code.SET_LINESTATE_MASK:
                self._line_mask = LineState(asked.number)
                self.write_raw(asked.answer(asked.number).encode())
            case Code.SET_MODEMSTATE_MASK:
                self._modem_mask = ModemState(asked.number)
                self.write_raw(asked.answer(asked.number).encode())
            case _:
                answer = self._mode.port.answer(asked)
                if asked.code is Code.PURGE_DATA and answer is not None and asked.number != rfc2217.Purge.TO_SEND:
                    self._held.clear()
                if answer is not None:
                    self.write_raw(answer.encode())

    def _signature(self) -> bytes:
        """Who the unit is (text invented)."""
        device = self._mode.device
        return f"{device.model.name} {device.build} port {self._mode.number}".encode()

    # Notices ------------------------------------------------------------------------------------------------------

    def tell_modem_state(self) -> None:
        """Tell the client what changed since it was told last, as far as its mask lets through."""
        levels = self._mode.port.modem_levels
        changed = levels ^ self._told
        self._told = levels
        changes = ModemState((changed & ~ModemState.RI) >> 4)
        if changed & ModemState.RI and not levels & ModemState.RI:
            changes |= ModemState.RI_ENDED
        if self._agreed and (changes | changed) & self._modem_mask:
            self._send_modem_state(levels | changes)

    def tell_line_state(self, events: LineState, *, even_masked: bool = False) -> None:
        """Tell the client of errors or a break, as far as its mask lets through."""
        if even_masked or (self._agreed and events & self._line_mask):
            state = (events & self._line_mask) | self._mode.port.line_levels
            self.write_raw(message(Code.NOTIFY_LINESTATE, state, from_server=True).encode())

    def _send_modem_state(self, state: ModemState) -> None:
        if not self._mode.device.has_defect("rfc2217-modem-state-silent"):
            self.write_raw(message(Code.NOTIFY_MODEMSTATE, state & self._modem_mask, from_server=True).encode())

    # Bytes of the line --------------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """To the client, or kept while it has the flow suspended: few, as the receiver is stopped."""
        if self._suspended:
            self._held += data
        elif self._mode.device.has_defect("rfc2217-data-corrupted-by-ff"):
            self.write_raw(data)
        else:
            super().write(data)

    def pause(self) -> None:
        """Take no more from the client, once enough is read ahead."""
        self._ahead += 1
        if self._ahead >= READ_AHEAD_PIECES or self._mode.path.unwritten >= READ_AHEAD:
            super().pause()

    def resume(self) -> None:
        """Take it again."""
        self._ahead = 0
        super().resume()

    def pause_writing(self) -> None:
        """The client does not read."""
        self._network_jammed = True
        self._judge()

    def resume_writing(self) -> None:
        """It does again."""
        self._network_jammed = False
        self._judge()

    def _suspend(self, suspended: bool) -> None:
        self._suspended = suspended
        if not suspended and self._held:
            held, self._held = bytes(self._held), bytearray()
            self.write(held)
        self._judge()

    def _judge(self) -> None:
        jammed = self._network_jammed or self._suspended
        if jammed != self.jammed:
            self.jammed = jammed
            self._mode.jam_changed(self)
