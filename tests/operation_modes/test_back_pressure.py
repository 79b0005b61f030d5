"""Back pressure: a host that stops reading, or a line that is held, stops the other side, and no byte is lost."""

from dataclasses import replace

import pytest

from fixtures.marks import control, on_port
from nportlab.protocol.real_com import FlowControl
from nportlab.protocol.serial_wire import Flow
from nportlab.serial.traffic.pattern import pattern
from tests.operation_modes._agree import settle
from tests.operation_modes._ends import hear_all, linked, seconds_until
from tests.operation_modes._held import SMALL, check_held, hold_until_stuck, read_on
from tests.operation_modes._sessions import driver

pytestmark = pytest.mark.opmode

FAST = 921_600
MORE_THAN_A_UNIT_HOLDS = 200_000
"""Bytes; the kernel of the host may keep some, a unit that throws the rest away has lost it."""

RTS_CTS = FlowControl(cts=True, rts=True)

HELD = {"flow_control": "rts-cts", "baud_rate": str(FAST)}

real_com = pytest.param("real_com", marks=on_port("real_com"))
tcp_server = pytest.param("tcp_server", marks=on_port("tcp_server", HELD))
secure = pytest.param("secure", marks=on_port("tcp_server", {**HELD, "secure": "enable"}))
every_mode = pytest.mark.parametrize("mode", [real_com, tcp_server, secure])


def opened(mode, port):
    """A client whose kernel holds little, and the port and its adapter at the highest rate with RTS/CTS."""
    fast = replace(port.format, baud=FAST, flow=Flow.CTS | Flow.RTS)
    if mode == "real_com":
        port.format = fast
        client = port.connect()
        client.set_flow(RTS_CTS)
    else:
        client = linked(port, receive_buffer=SMALL)
    port.adapter.set_format(fast)
    settle(client, port.adapter)
    return client


def held(mode, port, client):
    """Wait until the unit has seen CTS go off."""
    line = client if mode == "real_com" else driver(port)
    if mode != "real_com":
        line.open_command()
    assert seconds_until(lambda: not line.line_status().cts) is not None, "CTS went off, and the unit sees it on"


@control("SER-11")
@every_mode
def test_a_host_that_stops_reading_loses_nothing(mode, port, evidence):
    client, adapter = opened(mode, port), port.adapter
    stream = pattern(f"{port.label} to a host that sleeps")
    sent = hold_until_stuck(adapter, stream)
    evidence.note(f"the device got rid of {sent:,} bytes while the host did not read")
    heard = read_on(client, sent)
    assert heard == stream.at(0, sent), f"of {sent:,} bytes the device sent, {len(heard):,} came, or some are wrong"
    check_held(sent)


@control("SER-11")
@every_mode
def test_a_line_that_is_held_holds_the_host_and_nothing_is_lost(mode, port, evidence):
    client, adapter = opened(mode, port), port.adapter
    adapter.set_format(replace(adapter.line, flow=Flow(0)))
    adapter.set_lines(rts=False)
    held(mode, port, client)
    stream = pattern(f"{port.label} to a line that is held")
    sent = hold_until_stuck(client, stream, MORE_THAN_A_UNIT_HOLDS)
    evidence.note(f"the host got rid of {sent:,} bytes while the line was held")
    assert hear_all(adapter) == b"", "bytes came although the line was held, so nothing is shown"
    adapter.set_lines(rts=True)
    heard = read_on(adapter, sent)
    assert heard == stream.at(0, sent), f"of {sent:,} bytes the host sent, {len(heard):,} came, or some are wrong"
