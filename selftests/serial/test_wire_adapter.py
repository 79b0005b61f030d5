"""The adapter of a virtual rack as suites use it: traffic at line rate, lines, breaks, errors, a cable that fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from nportlab.protocol.serial_wire import Flow as Control
from nportlab.protocol.serial_wire import Input, LineFormat
from nportlab.serial.adapter import Adapter, open_adapter
from nportlab.serial.adapter_faults import AdapterGone
from nportlab.serial.latency import round_trips
from nportlab.serial.line_events import BreakSeen
from nportlab.serial.traffic.engine import run
from nportlab.serial.traffic.findings import Kind
from nportlab.serial.traffic.flow import Flow
from nportlab.serial.traffic.pattern import XON_XOFF, pattern
from nportlab.verdicts.faults import LabFault
from nportlab.virtual.cables.control import ask_cables
from selftests.virtual.serial.bench import Cables, Listener, Unit, until

LINE = LineFormat(baud=921_600)
SECONDS = 5.0


class Echo(Listener):
    """Sends back what it hears."""

    def __init__(self, unit: Unit) -> None:
        super().__init__()
        self._port = unit[1]
        self._port.ear = self

    def received(self, data: bytes) -> None:
        self.data += data
        self.room_again()

    def room_again(self) -> None:
        taken = self._port.write(bytes(self.data))
        del self.data[:taken]


@pytest.fixture
def adapter(cables: Cables, unit: Unit) -> Iterator[Adapter]:
    with open_adapter(cables.url(), LINE, name="adapter of unit/1") as opened:
        yield opened


def configure(unit: Unit, line: LineFormat) -> None:
    unit.do(lambda: unit[1].configure(line))


def fault(cables: Cables, what: str | None, **details: Any) -> None:
    assert ask_cables(cables.path, {"do": "fault", "unit": "unit", "port": 1, "fault": what, **details})["ok"]


@pytest.mark.parametrize(
    "line",
    [
        LINE,
        LineFormat(115_200, 5, "none", 1.5),
        LineFormat(250_000, 7, "mark", 2, Control.RTS | Control.CTS),
        LineFormat(460_800, 8, "even", 1, Control.XON_IN | Control.XON_OUT),
        LineFormat(230_400, 6, "odd", 1, Control.DTR | Control.DSR),
    ],
)
def test_verified_traffic_both_ways_in_any_format(cables, unit, line):
    Echo(unit)
    configure(unit, line)
    unit.do(lambda: unit[1].set_lines(dtr=True, rts=True))
    rate = line.characters_per_second
    with open_adapter(cables.url(), line) as adapter:
        flow = Flow(
            adapter, adapter, pattern("loop", line.data_bits, XON_XOFF), seconds=0.5, line_rate=rate, window=2000
        )
        result = run([flow], deadline=SECONDS)
    assert result.ok, result.describe()
    assert 0.1 < (result["loop"].of_line_rate or 0) < 1.03  # how near to 1 is for a bench to say


def test_round_trips_take_the_wire_and_little_more(unit, adapter):
    Echo(unit)
    configure(unit, LINE)
    trips = round_trips(adapter, None, LINE, count=30)
    assert trips.ok, trips.describe()


def test_lines_cross(unit, adapter):
    unit.do(lambda: unit[1].set_lines(dtr=True, rts=False))
    assert adapter.wait_lines(Input.DSR | Input.DCD, Input.CTS, timeout=SECONDS) == Input.DSR | Input.DCD
    unit.do(lambda: unit[1].set_lines(dtr=False, rts=True))
    assert adapter.wait_lines(Input.CTS, Input.DSR, timeout=SECONDS) == Input.CTS
    adapter.set_lines(dtr=False, rts=True)
    until(lambda: unit[1].inputs == Input.CTS)
    adapter.set_lines(dtr=True, rts=False)
    until(lambda: unit[1].inputs == Input.DSR | Input.DCD)


def test_breaks_cross_with_their_length(unit, adapter):
    configure(unit, LINE)
    adapter.send_break(0.05)
    until(lambda: unit.ears[1].breaks and unit.ears[1].breaks[-1] > 0)
    assert unit.ears[1].breaks[-1] == pytest.approx(0.05, abs=0.01)
    unit.do(lambda: unit[1].send_break(100))
    until(lambda: adapter.counts().breaks)
    broken = [event for event in adapter.take_events() if isinstance(event, BreakSeen) and event.seconds]
    assert broken[0].seconds == pytest.approx(0.1, abs=0.01)
    assert adapter.counts().breaks == 1


def test_ends_that_disagree_count_errors(unit, adapter):
    configure(unit, replace(LINE, parity="even"))
    adapter.set_format(replace(LINE, parity="odd"))
    unit.do(lambda: unit[1].write(bytes(range(100))))
    until(lambda: adapter.counts().parity == 100)
    assert adapter.counts().breaks == 0


@pytest.mark.parametrize(
    ("what", "kind"),
    [("drop-byte", Kind.LOSS), ("duplicate-byte", Kind.DUPLICATION), ("bit-errors", Kind.CORRUPTION)],
)
def test_a_bad_cable_is_told_by_what_it_does(cables, unit, adapter, what, kind):
    Echo(unit)
    configure(unit, LINE)
    fault(cables, what, every=5000, direction="to-unit")
    result = run([Flow(adapter, adapter, pattern("loop"), size=22_000, window=2000)], quiet=0.2, deadline=SECONDS)
    findings = result["loop"].findings
    assert set(findings.events) == {kind}, findings.describe()
    assert 1 <= findings.events[kind] <= 6


def test_unplugged_in_the_middle_of_traffic(cables, unit, adapter):
    Echo(unit)
    configure(unit, LINE)
    pulled = []

    def pull(progress) -> None:
        if not pulled:
            pulled.append(fault(cables, "unplugged"))

    flow = Flow(adapter, adapter, pattern("loop"), seconds=SECONDS, window=2000)
    result = run([flow], quiet=0.1, progress=pull, progress_every=0.1)
    assert result["loop"].closed is not None
    assert not result["loop"].findings
    with pytest.raises(LabFault, match="unplugged") as caught:
        result.check_bench()
    assert caught.value.resource == "adapter of unit/1"
    with pytest.raises(AdapterGone):
        adapter.set_lines(rts=True)
    with pytest.raises(LabFault, match="unplugged"):
        open_adapter(cables.url(), LINE)
    fault(cables, None)
    open_adapter(cables.url(), LINE).close()


def test_open_elsewhere(cables, adapter):
    with pytest.raises(LabFault, match="open") as caught:
        open_adapter(cables.url(), LINE, name="the second")
    assert caught.value.resource == "the second"
