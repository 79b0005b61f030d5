"""A disabled port: nothing any operation mode listens on is there, and the line hears nothing from the network.

That the same ports are open, and the same datagram is heard, in the modes they belong to is what the suites of those
modes show.
"""

import pytest

from fixtures.marks import control, needs, on_port
from nportlab.guide.modes import LPD_PORT, PRINTER_GROUPS, command_port, data_port, default_port, raw_printer_port
from nportlab.modes.udp import UdpEnd
from tests.operation_modes._ends import hear_all

pytestmark = pytest.mark.opmode

NO_PORT = {"port.*.operation_mode": "disable"}
"""Every port, as printers share theirs."""


@control("OPM-04")
@needs(NO_PORT)
def test_no_real_com_port_is_open(tcp, serial_ports):
    assert tcp.open_among(port(n) for n in serial_ports for port in (data_port, command_port)) == set()


@control("OPM-05", "OPM-06", "OPM-08", "OPM-09", "OPM-10", "OPM-11")
@needs(NO_PORT)
def test_no_port_of_a_mode_with_a_number_of_its_own_is_open(tcp, serial_ports):
    assert tcp.open_among(default_port(n) for n in serial_ports) == set()


@control("OPM-12", "OPM-13")
@needs(NO_PORT)
def test_no_printer_port_is_open(tcp):
    printing = {LPD_PORT, *(raw_printer_port(group) for group in range(1, PRINTER_GROUPS + 1))}
    assert tcp.open_among(printing) == set()


@control("OPM-01", "OPM-07")
@needs(NO_PORT)
@on_port()
def test_a_datagram_does_not_reach_the_line(port):
    _ = port.adapter
    host = port.stack.enter_context(UdpEnd(port.bench_address, label=port.label))
    host.send(b"anybody there?", port.unit.udp(default_port(port.number)))
    assert hear_all(port.adapter) == b"", "a disabled port prints what a datagram says"
