"""Breaks: sent as long as asked for, and told when one is received."""

import pytest

from fixtures.marks import control, on_port
from nportlab.protocol.real_com_replies import Event
from nportlab.protocol.rfc2217 import LineState
from tests.operation_modes._ends import SOON, hear, hear_all, linked, say, seconds_until
from tests.operation_modes._line import breaks, breaks_until
from tests.operation_modes._monitor import Column, Monitor, with_agent

pytestmark = pytest.mark.opmode

SHORTEST, LONGEST = 0.01, 3.0
"""Seconds of a break whose length is the unit's own choice."""


@control("SER-07")
@pytest.mark.parametrize("milliseconds", [20, 100, 500])
@on_port("real_com")
def test_a_driver_s_break_is_as_long_as_asked_for(milliseconds, port):
    client, adapter = port.connect(), port.adapter
    client.send_break(milliseconds)
    seen = breaks_until(adapter, SOON)
    assert len(seen) == 1, f"one break was asked for, {len(seen)} were seen"
    assert seen[0] == pytest.approx(milliseconds / 1000, rel=0.1, abs=0.005)


@control("SER-07")
@on_port("rfc2217")
def test_a_break_of_rfc_2217_lasts_from_on_to_off(port):
    client, adapter = port.connect(), port.adapter
    client.send_break(0.3)
    seen = breaks_until(adapter, SOON)
    assert len(seen) == 1, f"one break was asked for, {len(seen)} were seen"
    assert 0.27 <= seen[0] < 0.3 + SOON, f"a break of 0.3 s was seen as one of {seen[0]:.3f} s"


@control("SER-07")
@on_port("reverse_telnet")
def test_the_break_of_a_terminal_reaches_the_line(port):
    client, adapter = linked(port), port.adapter
    assert breaks(adapter) == []
    client.send_break()
    seen = breaks_until(adapter, SOON)
    assert len(seen) == 1, f"one BRK was sent, {len(seen)} breaks were seen"
    assert SHORTEST <= seen[0] <= LONGEST
    say(client, b"after")
    assert hear(adapter, 5) == b"after"


@control("SER-07")
@with_agent
@on_port("real_com")
def test_breaks_received_are_told_to_a_driver_and_counted(port):
    client, adapter, monitor = port.connect(), port.adapter, Monitor(port)
    client.break_count()
    before, counted = len(client.notifications), monitor[Column.BREAK]
    for _ in range(3):
        adapter.send_break(0.05)
    found = seconds_until(lambda: monitor[Column.BREAK] >= counted + 3)
    assert found is not None, f"three breaks were sent, the monitor counts {monitor[Column.BREAK] - counted}"
    told = seconds_until(lambda: any(Event.BREAK in one.told.events for one in client.notifications[before:]))
    assert told is not None, "breaks were received, and the driver was told of none"
    assert client.break_count() == 3
    assert monitor[Column.BREAK] == counted + 3


@control("SER-07")
@on_port("rfc2217")
def test_a_break_received_is_told_to_an_rfc_2217_client(port):
    client, adapter = port.connect(), port.adapter
    assert client.line_mask(LineState.BREAK) == LineState.BREAK
    adapter.send_break(0.1)

    def told():
        hear_all(client, 0.01)
        return any(isinstance(one.state, LineState) and one.state & LineState.BREAK for one in client.reports)

    assert seconds_until(told) is not None, "a break was received and not told"
