"""Guide 3.1: a serial port's service is switched off on its operation mode page, for one port, for some, or for all."""

import pytest

from fixtures.marks import alone, control, needs, on_port
from nportlab.guide.modes import command_port, data_port, default_port
from nportlab.guide.settings import settings_table
from nportlab.modes.tcp import TcpClient
from nportlab.modes.udp import UdpEnd
from tests.operation_modes._ends import hear, hear_all, say

pytestmark = pytest.mark.opmode

PORT_1 = "Serial Port Settings > Port 1 > Operation Modes"
MODE = settings_table()["port.1.operation_mode"]


@control("OPM-01")
@needs({"port.1.operation_mode": "disable"})
def test_disabling_a_port_closes_its_service(tcp):
    assert tcp.open_among({data_port(1), command_port(1), 4001}) == set()


@control("OPM-01")
@needs({"port.1.operation_mode": "disable", "port.2.operation_mode": "real_com"})
def test_disabling_a_port_leaves_its_neighbour_open(tcp):
    assert tcp.open_among({data_port(2), command_port(2)}) == {data_port(2), command_port(2)}


@control("OPM-01")
@on_port("real_com", name="other")
@on_port("disable", name="port")
def test_a_disabled_port_puts_nothing_on_its_line(ports, unit, tcp):
    port, other = ports["port"], ports["other"]
    adapter, number = port.adapter, port.number
    sender = port.stack.enter_context(UdpEnd(port.bench_address, label=port.label, peer=unit.udp(default_port(number))))
    sender.send(b"to the line")
    for open_port in tcp.open_among({data_port(number), command_port(number), default_port(number)}):
        say(port.stack.enter_context(TcpClient.connect(unit.tcp(open_port), label=port.label)), b"to the line")
    heard = hear_all(adapter)
    assert heard == b"", f"the port is disabled, and puts {heard!r} on its line"
    say(other.connect(), b"to the line")
    assert hear(other.adapter, 11) == b"to the line", "a port that is enabled puts nothing on its line either"


@control("OPM-02")
@alone(restarts=1)
@needs({"port.*.operation_mode": "real_com", "port.2.operation_mode": "real_com"})
def test_apply_to_all_ports_copies_the_mode(unit, console, serial_ports, tcp):
    console.set(PORT_1, {MODE.label: MODE.choices["disable"], "All ports": "Enable"})
    unit.restart()
    modes = {n: console.get_setting(f"port.{n}.operation_mode") for n in serial_ports}
    assert set(modes.values()) == {"disable"}, f"modes by port: {modes}"
    assert tcp.open_among(data_port(n) for n in serial_ports) == set()


@control("OPM-03")
@alone(restarts=1)
@needs({"port.*.operation_mode": "real_com", "port.3.operation_mode": "real_com"})
def test_apply_to_chosen_ports_changes_only_those(unit, console, serial_ports, tcp):
    console.set(PORT_1, {MODE.label: MODE.choices["disable"], "P2": "Enable"})
    unit.restart()
    open_ports = tcp.open_among(data_port(n) for n in serial_ports)
    assert open_ports == {data_port(n) for n in serial_ports if n > 2}


@control("OPM-14")
@needs({"port.1.operation_mode": "tcp_server"})
def test_a_port_listens_for_one_mode_at_a_time(tcp):
    assert tcp.is_open(4001)
    assert tcp.is_closed(data_port(1)), "the Real COM data port is open beside the TCP server"
