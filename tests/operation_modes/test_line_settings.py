"""The line is as it was set: baud rate, data bits, parity, stop bits and flow control, and it runs at its full rate.

Two ends set alike understand each other; one set differently in just one thing does not, which shows that the first
means anything. Most settings are made by Real COM commands, so that one state of the unit serves for all.
"""

import time
from dataclasses import replace

import pytest

from fixtures.marks import control, on_port
from nportlab.modes.real_com_port import PortSettings
from nportlab.protocol.real_com import FlowControl
from nportlab.protocol.real_com_format import Format
from nportlab.protocol.serial_wire import Flow
from nportlab.serial.adapter import LineCounts
from nportlab.serial.traffic.pattern import XON_XOFF, pattern
from nportlab.serial.uart_facts import BAUDS, ODD_BAUDS, matrix, wire_seconds
from nportlab.verdicts.faults import NotApplicable
from tests.operation_modes._agree import misunderstood, settle
from tests.operation_modes._ends import SOON, hear, say

pytestmark = pytest.mark.opmode

BY_COMMAND = ("none", "rts-cts", "xon-xoff")
"""Flow control a Real COM driver can ask for."""

MOST_SECONDS = 0.15
"""Line time of the bytes sent each way for one setting."""

RATES = (*BAUDS, *ODD_BAUDS)


# --- settings -----------------------------------------------------------------------------------------------------


@control("SER-01")
@pytest.mark.parametrize("baud", RATES)
@on_port("real_com")
def test_two_ends_set_alike_understand_each_other(baud, port, full_matrix, evidence):
    session, adapter = port.connect(), port.adapter
    rows = [row for row in matrix(full=full_matrix, bauds=RATES, flows=BY_COMMAND) if int(row.baud_rate) == baud]
    rows = possible_for(adapter, rows, evidence)
    for row in rows:
        adapter.set_format(row.line)
        session.set_port(as_driver(row.line))
        settle(session, adapter)
        counted = adapter.counts()
        data = characters(port, row.line)
        say(session, data)
        say(adapter, data[::-1])
        seconds = SOON + 2 * wire_seconds(row.line, len(data))
        assert hear(adapter, len(data), seconds) == data, f"{row}: bytes of the unit came out wrong"
        assert hear(session, len(data), seconds) == data[::-1], f"{row}: bytes to the unit arrived wrong"
        assert adapter.counts() - counted == LineCounts(), f"{row}: the other end, set alike, counts errors"
    evidence.note(f"{len(rows)} settings at {baud} baud: {', '.join(map(str, rows))}")


@control("SER-01")
@pytest.mark.parametrize(
    ("what", "unit", "other"),
    [
        ("baud", {"baud": 115_200}, {"baud": 57_600}),
        ("baud", {"baud": 38_400}, {"baud": 115_200}),
        ("data_bits", {"data_bits": 7}, {"data_bits": 8}),
        ("data_bits", {"data_bits": 8}, {"data_bits": 7}),
        ("parity", {"parity": "even"}, {"parity": "odd"}),
        ("parity", {"parity": "mark"}, {"parity": "space"}),
        ("parity", {"parity": "none"}, {"parity": "even"}),
        ("parity", {"parity": "odd"}, {"parity": "none"}),
    ],
)
@on_port("real_com")
def test_an_end_set_differently_in_one_thing_does_not_understand(what, unit, other, port):
    session, adapter = port.connect(), port.adapter
    line = replace(port.format, **unit)
    session.set_port(as_driver(line))
    adapter.set_format(line)
    settle(session, adapter)
    adapter.set_format(replace(line, **other))
    data = bytes(range(0x20, 0x7F))
    assert misunderstood(session, adapter, data), f"the adapter has another {what}, and reads the unit without an error"


@control("SER-01")
@on_port(
    "tcp_server",
    {
        "baud_rate": "19200",
        "data_bits": "7",
        "parity": "even",
        "stop_bits": "2",
        "flow_control": "rts-cts",
    },
)
def test_the_settings_of_the_console_are_on_the_line(port):
    check_console_settings(port, {"parity": "none", "data_bits": 8}, {"baud": 38_400})


@control("SER-01")
@on_port(
    "tcp_server",
    {
        "baud_rate": "250000",
        "data_bits": "5",
        "parity": "mark",
        "stop_bits": "1.5",
        "flow_control": "xon-xoff",
    },
)
def test_a_rate_of_no_list_and_five_bits_of_the_console_are_on_the_line(port):
    check_console_settings(port, {"parity": "space"}, {"baud": 115_200})


def check_console_settings(port, *different):
    """The port is as its settings say, and not as an adapter set differently would have it."""
    client, adapter = port.connect(), port.adapter
    data = characters(port, port.format)
    say(client, data)
    assert hear(adapter, len(data)) == data, f"an adapter set as the console says reads something else: {port.format}"
    assert adapter.counts() == LineCounts(), "an adapter set as the console says counts errors"
    say(adapter, data)
    assert hear(client, len(data)) == data, "what the adapter sends arrives wrong"
    for other in different:
        adapter.set_format(replace(port.format, **other))
        assert misunderstood(client, adapter, data), f"an adapter set differently, {other}, reads without an error"


# --- rate ---------------------------------------------------------------------------------------------------------

BEST_OF = 3
"""Transfers of which one must reach the rate: a bench that has other things to do makes one slower, none faster."""


@control("SER-02")
@pytest.mark.parametrize(
    ("baud", "least"),
    [pytest.param(115_200, 0.95), pytest.param(921_600, 0.5)],
    ids=["115200", "921600"],
)
@pytest.mark.parametrize("direction", ["to the wire", "from the wire"])
@on_port("real_com")
def test_the_line_runs_at_its_full_rate(direction, baud, least, port, evidence):
    session, adapter = port.connect(), port.adapter
    line = replace(port.format, baud=baud)
    session.set_port(as_driver(line))
    adapter.set_format(line)
    settle(session, adapter)
    source, sink = (session, adapter) if direction == "to the wire" else (adapter, session)
    best = max_rate(port, line, source, sink, least, evidence)
    assert best >= least, f"{direction} {best:.1%} of what {baud} baud carry, in the best of {BEST_OF} transfers"


@control("SER-01", "SER-02")
@on_port("real_com")
def test_a_second_stop_bit_takes_its_time(port, evidence):
    session, adapter = port.connect(), port.adapter
    line = replace(port.format, baud=57_600, stop_bits=2)
    session.set_port(as_driver(line))
    adapter.set_format(line)
    settle(session, adapter)
    best = max_rate(port, line, session, adapter, 9.9, evidence)
    assert best >= 0.8, f"{best:.1%} of what the line carries"


def max_rate(port, line, source, sink, enough, evidence):
    """The best rate of several transfers, as a share of what the line carries; ends at the first that is enough.

    Counted from before the first byte is sent, so that a host that is late to read sees no rate too high.
    """
    nominal = 1.0
    data = pattern(f"{port.label} rate", line.data_bits).at(0, round(line.characters_per_second * nominal))
    best = 0.0
    for _ in range(BEST_OF):
        begun = time.monotonic()
        heard = move(source, sink, data, SOON + 3 * nominal)
        seconds = time.monotonic() - begun
        assert heard == data, "bytes are lost or wrong, so the rate means nothing"
        rate = nominal / seconds
        evidence.note(f"{len(data):,} bytes in {seconds:.3f} s: {rate:.2%} of the line")
        assert rate <= 1.02, f"{rate:.1%} of what the line carries: it is not set as it should be"
        best = max(best, rate)
        if best >= enough:
            break
    return best


def move(source, sink, data, timeout):
    """Send and receive at the same time; what came."""
    end, sent, got = time.monotonic() + timeout, 0, bytearray()
    while len(got) < len(data) and time.monotonic() < end:
        if sent < len(data):
            sent += source.write(data[sent : sent + 16_384])
        if some := b"".join(one.data for one in sink.collect(0.01, 1)):
            got += some
    return bytes(got)


# --- how the two ends are set -------------------------------------------------------------------------------------


def as_driver(line):
    """A format as a Real COM driver sets it."""
    flow = FlowControl(*(bool(line.flow & way) for way in (Flow.CTS, Flow.RTS, Flow.XON_OUT, Flow.XON_IN)))
    return PortSettings(format=Format(line.baud, line.data_bits, line.parity, line.stop_bits), flow=flow)


def possible_for(adapter, rows, evidence):
    """The settings an adapter can do; those it cannot are noted. Raises NotApplicable when it can do none."""
    found, reasons = [], []
    for row in rows:
        try:
            adapter.set_format(row.line)
        except NotApplicable as error:
            reasons.append(f"{row}: {error.reason}")
        else:
            found.append(row)
    for reason in reasons:
        evidence.note(reason)
    if not found:
        raise NotApplicable(reasons[0])
    return found


def characters(port, line):
    """Characters that line can carry and software flow control does not take, for a moment of line time."""
    count = max(16, min(200, round(line.characters_per_second * MOST_SECONDS)))
    return pattern(f"{port.label} {line.data_bits} bits", line.data_bits, XON_XOFF).at(0, count)
