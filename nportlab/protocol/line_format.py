"""From the settings of a serial port to the format its line is set to at boot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from nportlab.protocol.serial_wire import NO_FLOW, Flow, Interface, LineFormat, Parity

FLOWS = {
    "none": NO_FLOW,
    "rts-cts": Flow.RTS | Flow.CTS,
    "xon-xoff": Flow.XON_OUT | Flow.XON_IN,
    "dtr-dsr": Flow.DTR | Flow.DSR,
    "rts-toggle": Flow.TOGGLE,
}
"""By the value of `port.flow_control`."""

RX_ROOM = 65536
"""Bytes a port's receiver holds for a reader that does not take them (invented: the size on a real unit is not known;
this one lets a busy host look after something else for more than half a second at 921,600 baud)."""

RX_ROOM_WITHOUT_FIFO = 4096
"""The same with the FIFO of the UART off (invented, as is that the FIFO matters here)."""


def line_format(number: int, running: Mapping[str, str]) -> LineFormat:
    """How the settings in force want the line of serial port `number`.

    A setting the unit does not have counts as its factory value (115200 8N1, no flow control, FIFO on, RS-232).
    """

    def of(setting: str, factory: str) -> str:
        return running.get(f"port.{number}.{setting}", factory)

    return LineFormat(
        baud=int(of("baud_rate", "115200")),
        data_bits=int(of("data_bits", "8")),
        parity=cast(Parity, of("parity", "none")),
        stop_bits=float(of("stop_bits", "1")),
        flow=FLOWS[of("flow_control", "none")],
        rts_on_delay=int(of("rts_on_delay", "0")),
        rts_off_delay=int(of("rts_off_delay", "0")),
        rx_room=RX_ROOM if of("fifo", "enable") == "enable" else RX_ROOM_WITHOUT_FIFO,
        interface=cast(Interface, of("interface", "rs-232")),
    )
