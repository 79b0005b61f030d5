"""What a client of RFC 2217 does with the serial port by COM-PORT messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from nportlab.protocol import rfc2217
from nportlab.protocol.rfc2217 import (
    BOTH_WAYS,
    INBOUND_FLOW,
    OUTBOUND_FLOW,
    PARITY,
    STOP_BITS,
    Code,
    Control,
    LineState,
    Message,
    ModemState,
    Purge,
)
from nportlab.protocol.serial_wire import NO_FLOW, Flow, Input, LineFormat, Output

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device
    from nportlab.virtual.unit.modes.data_path import DataPath

K = TypeVar("K")
V = TypeVar("V")

BAUD = range(50, 921600 + 1)
"""Rates the ports of this family take (nport-facts 6)."""

_MODEM_BITS = {
    Input.CTS: ModemState.CTS,
    Input.DSR: ModemState.DSR,
    Input.RI: ModemState.RI,
    Input.DCD: ModemState.DCD,
}
_OUTBOUND = Flow.CTS | Flow.XON_OUT | Flow.DSR
_INBOUND = Flow.RTS | Flow.XON_IN | Flow.DTR


class ComPort:
    """The serial port behind `path`, shared by all clients of the mode.

    acts: whether clients may set it; if not they are answered with what is in force (RFC 2217 has no other refusal).
    """

    def __init__(self, device: Device, path: DataPath, *, acts: bool) -> None:
        self._device = device
        self._path = path
        self._serial = path.serial
        self._acts = acts
        self._breaking = False

    def answer(self, message: Message) -> Message | None:
        """Do what a message about the port asks for. None: nothing is to be answered (a value RFC 2217 reserves)."""
        value = message.number
        match message.code:
            case Code.SET_BAUDRATE:
                if self._acts and value in BAUD:
                    self._configure(replace(self._serial.format, baud=value))
                return message.answer(self._serial.format.baud)
            case Code.SET_DATASIZE:
                if self._acts and value in rfc2217.DATA_BITS:
                    self._configure(replace(self._serial.format, data_bits=value))
                return message.answer(self._serial.format.data_bits)
            case Code.SET_PARITY:
                return message.answer(self._parity(value))
            case Code.SET_STOPSIZE:
                if self._acts and value in STOP_BITS:
                    self._configure(replace(self._serial.format, stop_bits=STOP_BITS[value]))
                return message.answer(_key(STOP_BITS, self._serial.format.stop_bits))
            case Code.SET_CONTROL:
                answer = self._control(value)
                return None if answer is None else message.answer(answer)
            case Code.PURGE_DATA:
                return message.answer(value) if self._purge(value) else None
            case _:
                return None

    @property
    def modem_levels(self) -> ModemState:
        """CTS, DSR, RI and DCD as they are."""
        inputs = self._serial.inputs
        state = ModemState(0)
        for line, bit in _MODEM_BITS.items():
            if inputs & line:
                state |= bit
        return state

    @property
    def line_levels(self) -> LineState:
        """Whether bytes wait, either way."""
        state = LineState.DATA_READY if self._serial.waiting else LineState(0)
        if not self._serial.unsent:
            state |= LineState.HOLDING_REGISTER_EMPTY | LineState.SHIFT_REGISTER_EMPTY
        return state

    def let_go(self) -> None:
        """The last client is gone: no break outlives it."""
        if self._breaking:
            self._serial.end_break()
            self._breaking = False

    # Settings -----------------------------------------------------------------------------------------------------

    def _configure(self, wanted: LineFormat) -> None:
        if wanted != self._serial.format:
            self._serial.configure(wanted)

    def _parity(self, value: int) -> int:
        if self._acts and value in PARITY:
            if self._device.has_defect("rfc2217-parity-ignored"):
                return value
            self._configure(replace(self._serial.format, parity=PARITY[value]))
        return _key(PARITY, self._serial.format.parity)

    def _purge(self, value: int) -> bool:
        if value not in list(Purge):
            return False
        if self._acts and value in (Purge.RECEIVED, Purge.BOTH):
            self._serial.drop_waiting()
        if self._acts and value in (Purge.TO_SEND, Purge.BOTH):
            self._path.drop_unwritten()
            self._serial.drop_unsent()
        return True

    # Control ------------------------------------------------------------------------------------------------------

    def _control(self, value: int) -> int | None:
        try:
            control = Control(value)
        except ValueError:
            return None
        if control in (Control.ASK_BREAK, Control.BREAK_ON, Control.BREAK_OFF):
            if control is not Control.ASK_BREAK:
                self._break(control is Control.BREAK_ON)
            return Control.BREAK_ON if self._breaking else Control.BREAK_OFF
        if control in (Control.ASK_DTR, Control.DTR_ON, Control.DTR_OFF):
            if control is not Control.ASK_DTR and self._acts:
                self._serial.set_lines(dtr=control is Control.DTR_ON)
            return Control.DTR_ON if self._serial.outputs & Output.DTR else Control.DTR_OFF
        if control in (Control.ASK_RTS, Control.RTS_ON, Control.RTS_OFF):
            if control is not Control.ASK_RTS and self._acts:
                self._serial.set_lines(rts=control is Control.RTS_ON)
            return Control.RTS_ON if self._serial.outputs & Output.RTS else Control.RTS_OFF
        return self._flow(control)

    def _break(self, on: bool) -> None:
        if self._acts and on != self._breaking:
            (self._serial.start_break if on else self._serial.end_break)()
            self._breaking = on

    def _flow(self, control: Control) -> int:
        """Flow control. RTS Toggle of the settings stays; DCD, which no port of this family has, is not taken."""
        format = self._serial.format
        flow = format.flow
        if control in OUTBOUND_FLOW:
            flow = (flow & Flow.TOGGLE) | OUTBOUND_FLOW[control] | INBOUND_FLOW[BOTH_WAYS[control]]
        elif control in INBOUND_FLOW:
            flow = (flow & ~_INBOUND) | INBOUND_FLOW[control]
        if self._acts:
            self._configure(replace(format, flow=flow))
        inbound = control in INBOUND_FLOW or control is Control.ASK_INBOUND_FLOW
        return self._flow_in_force(INBOUND_FLOW, _INBOUND) if inbound else self._flow_in_force(OUTBOUND_FLOW, _OUTBOUND)

    def _flow_in_force(self, coding: dict[Control, Flow], mask: Flow) -> int:
        flow = self._serial.format.flow & mask
        return next((control for control, one in coding.items() if one and one & flow), _key(coding, NO_FLOW))


def _key(coding: Mapping[K, V], value: V) -> K:
    return next(key for key, one in coding.items() if one == value)
