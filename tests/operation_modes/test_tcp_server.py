"""TCP server mode: a host connects to the TCP port it was told, and to a command port for what the line shall do."""

from dataclasses import replace

import pytest

from fixtures.marks import control, on_port
from fixtures.mode_clients import network_port
from nportlab.guide.modes import command_port, default_port
from nportlab.protocol.serial_wire import Input
from tests.operation_modes._ends import SOON
from tests.operation_modes._sessions import driver

pytestmark = pytest.mark.opmode

MOVED = {"tcp_port": "=4700+n", "command_port": "=4750+n", "tcp_alive_check": "0"}
"""The alive check is no matter here: so a test of it shares this state."""


@control("OPM-06")
@on_port("tcp_server", MOVED, line="any")
def test_data_crosses_on_the_tcp_port_that_was_set(port, carry):
    carry(port, port.connect(), seconds=0.2)


@control("OPM-06")
@on_port("tcp_server", MOVED)
def test_the_numbers_of_before_are_closed(port, tcp):
    new = {network_port(port), network_port(port, "command")}
    old = {default_port(port.number), command_port(port.number)}
    assert tcp.open_among(new | old) == new


@control("OPM-06")
@on_port("tcp_server", MOVED)
def test_the_command_port_drives_and_reports_the_line(port, carry):
    client = port.connect()
    line = driver(port)
    line.open_command()
    line.set_lines(dtr=False, rts=True)
    seen = port.adapter.wait_lines(Input.CTS, Input.DSR, timeout=SOON)
    assert seen & (Input.CTS | Input.DSR) == Input.CTS, f"DTR was switched off and RTS on; the other end sees {seen!r}"
    assert line.line_status().dsr, "the adapter drives DTR, the command port reports DSR off"
    carry(port, client, seconds=0.05)


@control("OPM-06")
@on_port("tcp_server", MOVED)
def test_the_command_port_sets_the_baud_rate(port, carry):
    client = port.connect()
    line = driver(port)
    line.open_command()
    line.set_baud(57_600)
    port.adapter.set_format(replace(port.format, baud=57_600))
    carry(port, client, seconds=0.1)
