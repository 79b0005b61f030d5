"""Commands of a host's driver that set the serial line."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nportlab.protocol import real_com as rc
from nportlab.protocol.real_com_format import Format
from nportlab.protocol.real_com_replies import Accepted, Refused
from nportlab.protocol.serial_wire import Flow

if TYPE_CHECKING:
    from nportlab.virtual.unit.serial_port import SerialPort

STAYS = Flow.DTR | Flow.DSR | Flow.TOGGLE
"""Flow control no command can tell of; it stays as the settings have it (invented)."""

UNKNOWN_BAUD = 38400
"""Rate in force from an unknown baud index until SETBAUD."""


class DriverControl:
    """Sets one serial port. A command there is nothing to set for (DSR sensitivity, FIFO) is accepted."""

    def __init__(self, serial: SerialPort) -> None:
        self._serial = serial

    def initialise(self, command: rc.PortInit) -> None:
        """All of PORT_INIT in one go."""
        self._configure(command.format, self._flow(command.flow))
        self._serial.set_lines(dtr=command.dtr, rts=command.rts)

    def send_break(self, milliseconds: int) -> None:
        """Raises RealComError outside what BREAKSEND takes."""
        if not rc.SHORTEST_BREAK <= milliseconds <= rc.LONGEST_BREAK:
            raise rc.RealComError(f"a break of {milliseconds} ms")
        self._serial.send_break(milliseconds)

    def set(self, command: rc.Command) -> Accepted | Refused:
        """Any other command."""
        serial = self._serial
        match command:
            case rc.Ioctl():
                self._configure(command.format, serial.format.flow)
            case rc.FlowControl():
                serial.configure(replace(serial.format, flow=self._flow(command)))
            case rc.LineControl():
                serial.set_lines(dtr=command.dtr, rts=command.rts)
            case rc.SetBaud():
                if not rc.LOWEST_BAUD <= command.baud <= rc.HIGHEST_BAUD:
                    return Refused(command.code)
                serial.configure(replace(serial.format, baud=command.baud))
            case rc.XonXoff():
                serial.configure(replace(serial.format, xon=command.xon, xoff=command.xoff))
            case rc.BreakOn():
                serial.start_break()
            case rc.BreakOff():
                serial.end_break()
            case rc.SetXon():
                serial.force_flow(True)
            case rc.SetXoff():
                serial.force_flow(False)
            case _:
                pass
        return Accepted(command.code)

    def _configure(self, wanted: Format, flow: Flow) -> None:
        self._serial.configure(
            replace(
                self._serial.format,
                baud=wanted.baud or UNKNOWN_BAUD,
                data_bits=wanted.data_bits,
                parity=wanted.parity,
                stop_bits=wanted.stop_bits,
                flow=flow,
            )
        )

    def _flow(self, wanted: rc.FlowControl) -> Flow:
        flow = self._serial.format.flow & STAYS
        for on, one in (
            (wanted.cts, Flow.CTS),
            (wanted.rts, Flow.RTS),
            (wanted.xon_out, Flow.XON_OUT),
            (wanted.xon_in, Flow.XON_IN),
        ):
            if on:
                flow |= one
        return flow
