"""The frames between a UART and its driver: obeying those that come, writing those that go."""

from __future__ import annotations

import struct

from nportlab.protocol.serial_wire import (
    MOST_PAYLOAD,
    Frame,
    Kind,
    LineFormat,
    Output,
    WireFrameError,
    encode,
    encode_errors,
)
from nportlab.virtual.cables.transmitter import Phase
from nportlab.virtual.cables.uart import Uart

_HEADER = struct.Struct("<BBH")
_COUNT = struct.Struct("<BBHI")
_RECEIVED, _SENT, _BROKE, _DROPPED, _STATUS = (
    int(kind) for kind in (Kind.RECEIVED, Kind.SENT, Kind.BROKE, Kind.DROPPED, Kind.STATUS)
)

SENT_BYTES = 512
SENT_NANOSECONDS = 10_000_000
"""SENT is reported when that much has left or so long ago, or all has left: a frame for each tick would cost more than
the data."""

_LENGTHS = {Kind.LINES: 1, Kind.FORCE: 1, Kind.URGENT: 1, Kind.BREAK: 2, Kind.TAKEN: 4, Kind.DROP: 0}


def obey(uart: Uart, frame: Frame, now: int) -> None:
    """Do what a frame orders; the line is at the present. Raises WireFrameError."""
    kind, payload = frame.kind, frame.payload
    if kind is Kind.DATA:
        uart.tx.write(payload, now)
        return
    if kind is Kind.TAKEN and len(payload) == 4:
        uart.taken(int.from_bytes(payload, "little"), now)
        return
    if kind is Kind.FORMAT:
        uart.set_format(LineFormat.decode(payload), now)
        return
    if _LENGTHS.get(kind) != len(payload):
        raise WireFrameError(f"{kind.name} with {len(payload)} bytes")
    match kind:
        case Kind.LINES:
            uart.set_lines(Output(payload[0] & 3), now)
        case Kind.BREAK if frame.number == 0:
            uart.tx.end_break(now)
        case Kind.BREAK if frame.number == 0xFFFF:
            uart.tx.start_break(now)
        case Kind.BREAK:
            uart.tx.queue_break(frame.number * 1_000_000, now)
        case Kind.DROP:
            uart.drop(now)
        case Kind.FORCE:
            uart.force(bool(payload[0]), now)
        case Kind.URGENT:
            uart.tx.urgent(payload[0], now)
        case _:
            pass


def report(uart: Uart, port: int, out: bytearray, now: int) -> None:
    """Append what the driver has not been told."""
    rx = uart.rx
    if rx.heard:
        for news in rx.heard:
            if type(news) is bytearray:
                while len(news) > MOST_PAYLOAD:
                    out += encode(Kind.RECEIVED, port, bytes(news[:MOST_PAYLOAD]))
                    del news[:MOST_PAYLOAD]
                out += _HEADER.pack(_RECEIVED, port, len(news))
                out += news
            elif type(news) is tuple:
                out += encode_errors(port, *news)
            else:
                out += _COUNT.pack(_BROKE, port, 4, news)
        rx.reported()
    sent = uart.tx.sent - uart.reported_sent
    if sent and (
        sent >= SENT_BYTES
        or not uart.tx.queue
        or now - uart.reported_at >= SENT_NANOSECONDS
        or uart.tx.phase is not Phase.DATA
    ):
        out += _COUNT.pack(_SENT, port, 4, sent)
        uart.reported_sent += sent
        uart.reported_at = now
    if uart.dropped:
        for count in uart.dropped:
            out += _COUNT.pack(_DROPPED, port, 4, count)
        uart.dropped = []
    if uart.status_is_news:
        out += _HEADER.pack(_STATUS, port, 2)
        out += bytes((uart.inputs, uart.hold))
        uart.status_is_news = False
