"""Seeded defects of the serial line: what the port really does, and what it believes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from nportlab.protocol.serial_wire import NO_FLOW, Flow, Input, LineFormat, Output
from nportlab.virtual.unit.line_defects import LinePort
from nportlab.virtual.unit.serial_port import Deaf, LineErrors
from selftests.virtual.modes.bench import Wire, play

FULL = LineFormat(baud=9600, data_bits=7, parity="even", stop_bits=2)


class Ear(Deaf):
    def __init__(self) -> None:
        self.errors: list[LineErrors] = []

    def line_errors(self, errors: LineErrors) -> None:
        self.errors.append(errors)


def wire(*defects: str) -> Wire:
    return Wire(1, port=lambda number, send: LinePort(number, send, lambda one: one in defects))


def run(action: Callable[[], None]) -> None:
    """Run a plain function in a loop."""

    async def scenario() -> None:
        action()
        await asyncio.sleep(0)

    play(scenario())


@pytest.mark.parametrize(
    ("defect", "asked", "done"),
    [
        ("rts-ignored", replace(FULL, flow=Flow.RTS | Flow.CTS), replace(FULL, flow=Flow.CTS)),
        ("cts-ignored", replace(FULL, flow=Flow.RTS | Flow.CTS), replace(FULL, flow=Flow.RTS)),
        ("xoff-ignored", replace(FULL, flow=Flow.XON_IN | Flow.XON_OUT), replace(FULL, flow=Flow.XON_IN)),
        ("dsr-ignored", replace(FULL, flow=Flow.DTR | Flow.DSR), replace(FULL, flow=Flow.DTR)),
        ("rts-toggle-stays-on", replace(FULL, flow=Flow.TOGGLE), replace(FULL, flow=NO_FLOW)),
        ("xoff-never-sent", replace(FULL, flow=Flow.XON_IN | Flow.XON_OUT), replace(FULL, flow=Flow.XON_OUT)),
        ("dtr-never-taken-off", replace(FULL, flow=Flow.DTR | Flow.DSR), replace(FULL, flow=Flow.DSR)),
        ("rts-toggle-without-delays", replace(FULL, rts_on_delay=9, rts_off_delay=8), replace(FULL, rts_on_delay=0)),
        ("parity-not-applied", FULL, replace(FULL, parity="none")),
        ("baud-off-by-ten-percent", FULL, replace(FULL, baud=8640)),
        ("stop-bit-missing", FULL, replace(FULL, stop_bits=1)),
        ("stop-bit-missing", replace(FULL, stop_bits=1.5), replace(FULL, stop_bits=1.5)),
        ("seven-bits-sent-as-eight", FULL, replace(FULL, data_bits=8)),
        ("seven-bits-sent-as-eight", replace(FULL, data_bits=6), replace(FULL, data_bits=6)),
        ("", FULL, FULL),
    ],
)
def test_the_line_is_set_otherwise(defect: str, asked: LineFormat, done: LineFormat) -> None:
    def action() -> None:
        one = wire(defect)
        one.serial.configure(asked)
        assert one.format == done
        assert one.serial.format == asked

    run(action)


def test_dtr_is_never_driven() -> None:
    def action() -> None:
        one = wire("dtr-never-driven")
        one.serial.set_lines(dtr=True, rts=True)
        assert one.outputs == Output.RTS

    run(action)


def test_dcd_is_not_reported() -> None:
    def action() -> None:
        one = wire("dcd-not-reported")
        one.set_inputs(Input.DCD | Input.CTS)
        assert one.serial.inputs == Input.CTS

    run(action)


def test_parity_errors_are_not_counted() -> None:
    def action() -> None:
        one = wire("parity-errors-not-counted")
        one.serial.ear = ear = Ear()
        one.spoil(parity=5, framing=2, overrun=1)
        assert (one.serial.counters.parity, one.serial.counters.frame, one.serial.counters.overrun) == (0, 2, 1)
        assert ear.errors == [LineErrors(0, 2, 1)]

    run(action)


def test_framing_errors_are_not_counted() -> None:
    def action() -> None:
        one = wire("framing-errors-not-counted")
        one.spoil(parity=5, framing=2, overrun=1)
        assert (one.serial.counters.parity, one.serial.counters.frame, one.serial.counters.overrun) == (5, 0, 1)

    run(action)


def test_breaks_are_not_sent() -> None:
    def action() -> None:
        one = wire("break-not-sent")
        one.serial.start_break()
        one.serial.end_break()
        one.serial.send_break(100)
        assert one.breaks == []

    run(action)


def test_breaks_are_not_reported() -> None:
    def action() -> None:
        one = wire("break-not-reported")
        one.send_break(0.1)
        assert one.serial.counters.breaks == 0

    run(action)


def test_breaks_are_halved() -> None:
    async def scenario() -> None:
        one = wire("break-length-halved")
        one.serial.send_break(100)
        one.serial.start_break()
        await asyncio.sleep(0.1)
        one.serial.end_break()
        exact, measured = one.breaks
        assert exact == 50
        assert 40 <= measured < 90

    play(scenario())


def test_a_sound_line_does_as_it_is_told() -> None:
    def action() -> None:
        one = wire()
        one.serial.set_lines(dtr=True, rts=True)
        one.serial.start_break()
        one.serial.end_break()
        one.serial.send_break(7)
        one.set_inputs(Input.DCD)
        one.spoil(parity=1)
        assert one.outputs == Output.DTR | Output.RTS
        assert one.breaks == [0xFFFF, 0, 7]
        assert one.serial.inputs == Input.DCD
        assert one.serial.counters.parity == 1

    run(action)
