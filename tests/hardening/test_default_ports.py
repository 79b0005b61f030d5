"""Guide 3.1, first table: which services a factory unit offers, and on which ports.

Every test shares one factory reset; the unit keeps its address so that it can be reached afterwards.
"""

import pytest

from fixtures.marks import control, needs, on_port
from nportlab.guide.modes import command_port, data_port, default_port
from nportlab.modes.udp import UdpEnd
from nportlab.probes.tls import TLS_1_2, Accepted
from nportlab.probes.udp import Outcome
from tests.operation_modes._ends import hear, hear_all, say

pytestmark = [pytest.mark.ports, pytest.mark.destructive, needs(event="factory-reset")]

RAW_PRINTER_PORTS = range(2048, 2080)
MODES_ON_4000 = ("rfc2217", "tcp_server", "pair_slave", "ethernet_modem", "reverse_telnet", "reverse_ssh")
LARGEST_MODEL = 32


@control("PRT-01")
def test_moxa_command_listens_on_14900(tcp):
    assert tcp.is_open(14900)


@control("PRT-02")
def test_moxa_command_listens_on_4900(tcp):
    assert tcp.is_open(4900)


@control("PRT-03")
def test_moxa_command_answers_a_unicast_search(unit):
    reply = unit.moxa_service.raw(bytes.fromhex("01 00 00 08 00 00 00 00"))
    assert reply is not None and reply[0] == 0x81, f"no reply to a search on UDP 4800, but {reply}"
    assert unit.moxa_service.search().address == unit.address


@control("PRT-03")
def test_moxa_command_answers_a_broadcast_search(unit, broadcast_search):
    assert unit.address in {reply.address for reply in broadcast_search()}, "no reply to a broadcast on UDP 4800"


@control("PRT-05")
@pytest.mark.parametrize("version", ["snmp-v1", "snmp-v2c", "snmp-v3"])
def test_snmp_agent_is_silent(version, silent):
    silent.expect(version)


@control("PRT-06")
@pytest.mark.parametrize("request_", ["rip-1", "rip-2", "ripng"])
def test_rip_answers_no_request(request_, silent):
    silent.expect(request_)


@control("PRT-06")
def test_rip_announces_nothing(watch):
    watch.minutes(1).expect_none("RIP", udp=(520, 521))


@control("PRT-07")
def test_http_is_closed(tcp):
    assert tcp.is_closed(80)


@control("PRT-08")
def test_https_serves_the_login_page(unit, tls, web):
    assert isinstance(tls.offer(unit.https, TLS_1_2), Accepted)
    assert web.asks_for_login()


@control("PRT-09")
def test_ssh_greets_within_three_seconds(tcp):
    assert tcp.banner(22, timeout=3).startswith(b"SSH-2.0-")


@control("PRT-10")
def test_telnet_is_closed(tcp):
    assert tcp.is_closed(23)


@control("PRT-11")
def test_radius_client_is_off(console, watch):
    assert console.get_setting("radius.port") == "1645"
    watch.minutes(1).expect_none("RADIUS", udp=(1645, 1646, 1812, 1813))


@control("PRT-12")
def test_tacacs_client_is_off(watch):
    watch.minutes(1).expect_none("TACACS+", tcp_syn=(49,))


@control("PRT-13")
def test_dhcp_client_is_off(boot):
    boot.expect_none("DHCP", udp=(67, 68))


@control("PRT-14")
def test_time_client_is_off(watch):
    watch.minutes(10).expect_none("NTP", udp=(123,))


@control("PRT-15")
def test_remote_log_is_off(watch):
    watch.minutes(1).expect_none("syslog", udp=(514,))


@control("PRT-16")
def test_every_serial_port_is_in_real_com_mode(serial_ports, tcp):
    expected = {port for n in serial_ports for port in (data_port(n), command_port(n))}
    assert tcp.open_among(expected) == expected


@control("PRT-16")
def test_no_real_com_port_beyond_the_model(serial_ports, tcp):
    own = {port for n in serial_ports for port in (data_port(n), command_port(n))}
    others = {port for n in range(len(serial_ports) + 1, LARGEST_MODEL + 1) for port in (data_port(n), command_port(n))}
    assert tcp.open_among(others - own) == set()


@pytest.mark.parametrize(
    "mode",
    [
        pytest.param("rfc2217", marks=control("PRT-17")),
        pytest.param("tcp_server", marks=control("PRT-18")),
        pytest.param("pair_slave", marks=control("PRT-20")),
        pytest.param("ethernet_modem", marks=control("PRT-21")),
        pytest.param("reverse_telnet", marks=control("PRT-22")),
        pytest.param("reverse_ssh", marks=control("PRT-23")),
    ],
)
def test_mode_listens_on_no_port(mode, console, serial_ports, tcp):
    for port in sorted(tcp.open_among(4000 + n for n in serial_ports)):
        shown = console.get_setting(f"port.{port - 4000}.operation_mode")
        # Six modes share these ports: blame the one the unit shows, or each of them when it shows none of them.
        assert shown != mode and shown in MODES_ON_4000, f"TCP {port} is open; the unit shows mode {shown}"


@control("PRT-19")
def test_udp_mode_takes_no_datagram(unit, console, serial_ports, udp_outcome, evidence):
    outcomes = {4000 + n: udp_outcome(4000 + n) for n in serial_ports}
    evidence.note(f"datagrams: {outcomes}")
    assert Outcome.REPLY not in outcomes.values()
    heard = {entry.local_port for entry in unit.moxa_service.netstat() if entry.transport == 0}
    assert 4800 in heard, "the unit's own list lacks the port it was asked on, so it proves nothing"
    assert heard & {4000 + n for n in serial_ports} == set()
    assert {console.get_setting(f"port.{n}.operation_mode") for n in serial_ports} & {"udp"} == set()


@control("PRT-19")
@on_port(None)
def test_a_datagram_puts_nothing_on_the_line(unit, port):
    adapter = port.adapter
    sender = port.stack.enter_context(
        UdpEnd(port.bench_address, label=port.label, peer=unit.udp(default_port(port.number)))
    )
    sender.send(b"to the line")
    heard = hear_all(adapter)
    assert heard == b"", f"a datagram to {default_port(port.number)} put {heard!r} on the line"
    say(port.connect(), b"to the line")
    assert hear(adapter, 11) == b"to the line", "nothing of a Real COM host reaches the line either"


@control("PRT-21")
@on_port(None)
def test_the_serial_side_answers_no_at_command(port):
    adapter = port.adapter
    say(adapter, b"AT\r")
    heard = hear_all(adapter)
    assert heard == b"", f"AT is answered with {heard!r}"
    host = port.connect()
    say(host, b"?")
    assert hear(adapter, 1) == b"?"
    say(adapter, b"AT\r")
    assert hear(host, 3) == b"AT\r", "what the adapter sends does not reach the unit"
    assert hear_all(adapter) == b"", "AT is answered"


@control("PRT-24")
def test_raw_printer_ports_are_closed(tcp):
    assert tcp.open_among(RAW_PRINTER_PORTS) == set()


@control("PRT-25")
def test_lpd_port_is_closed(tcp):
    assert tcp.is_closed(515)
