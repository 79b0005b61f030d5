"""Seeded defects of the serial line itself: how a port sets, drives and reads it. Ports that are a pty have none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from nportlab.protocol.serial_wire import (
    Flow,
    Frame,
    Input,
    Kind,
    LineFormat,
    decode_errors,
    encode_errors,
)
from nportlab.virtual.unit.serial_port import Send, SerialPort

_LOST_FLOW = {
    "rts-ignored": Flow.RTS,
    "cts-ignored": Flow.CTS,
    "xoff-ignored": Flow.XON_OUT,
    "dsr-ignored": Flow.DSR,
    "rts-toggle-stays-on": Flow.TOGGLE,
    "xoff-never-sent": Flow.XON_IN,
    "dtr-never-taken-off": Flow.DTR,
}


class LinePort(SerialPort):
    """A serial port that may have them. What its mode sets stays readable in `format` and `outputs`."""

    def __init__(self, number: int, send: Send, has_defect: Callable[[str], bool]) -> None:
        super().__init__(number, send)
        self._has_defect = has_defect
        self._break_since: float | None = None

    def configure(self, line_format: LineFormat) -> None:
        """Set the line, or what comes of it."""
        super().configure(self._spoilt(line_format))
        self.format = line_format

    def set_lines(self, *, dtr: bool | None = None, rts: bool | None = None) -> None:
        """Drive DTR and RTS, or not."""
        super().set_lines(dtr=False if self._has_defect("dtr-never-driven") else dtr, rts=rts)

    def start_break(self) -> None:
        """Hold the line in break; with half its length, it is sent when that is known."""
        if self._has_defect("break-length-halved"):
            self._break_since = asyncio.get_running_loop().time()
        elif not self._has_defect("break-not-sent"):
            super().start_break()

    def end_break(self) -> None:
        """Let go of it."""
        since, self._break_since = self._break_since, None
        if since is not None:
            self.send_break(max(1, round((asyncio.get_running_loop().time() - since) * 1000)))
        elif not self._has_defect("break-not-sent"):
            super().end_break()

    def send_break(self, milliseconds: int) -> None:
        """A break of that length, or of half of it, or none."""
        if self._has_defect("break-length-halved"):
            milliseconds = max(1, milliseconds // 2)
        if not self._has_defect("break-not-sent"):
            super().send_break(milliseconds)

    def hear(self, frame: Frame) -> None:
        """Take one frame of the cables, or what is left of it."""
        if frame.kind is Kind.STATUS and self._has_defect("dcd-not-reported"):
            payload = bytes([frame.payload[0] & ~Input.DCD, frame.payload[1]])
            frame = Frame(frame.kind, frame.port, payload)
        elif frame.kind is Kind.ERRORS:
            frame = self._uncounted(frame)
        elif frame.kind is Kind.BROKE and self._has_defect("break-not-reported"):
            return
        super().hear(frame)

    def _uncounted(self, frame: Frame) -> Frame:
        parity, framing, overrun = decode_errors(frame.payload)
        if self._has_defect("parity-errors-not-counted"):
            parity = 0
        if self._has_defect("framing-errors-not-counted"):
            framing = 0
        return Frame(frame.kind, frame.port, encode_errors(frame.port, parity, framing, overrun)[4:])

    def _spoilt(self, wanted: LineFormat) -> LineFormat:
        for defect, flow in _LOST_FLOW.items():
            if wanted.flow & flow and self._has_defect(defect):
                wanted = replace(wanted, flow=wanted.flow & ~flow)
        if wanted.parity != "none" and self._has_defect("parity-not-applied"):
            wanted = replace(wanted, parity="none")
        if self._has_defect("baud-off-by-ten-percent"):
            wanted = replace(wanted, baud=max(1, round(wanted.baud * 0.9)))
        if self._has_defect("rts-toggle-without-delays"):
            wanted = replace(wanted, rts_on_delay=0, rts_off_delay=0)
        if wanted.stop_bits == 2 and self._has_defect("stop-bit-missing"):
            wanted = replace(wanted, stop_bits=1)
        if wanted.data_bits == 7 and self._has_defect("seven-bits-sent-as-eight"):
            wanted = replace(wanted, data_bits=8)
        return wanted
