"""Every client against a virtual unit, whose serial ports have adapters of the rack at their other ends."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator

import pytest
import serial
import yaml

from nportlab.inventory import Lab, load_lab
from nportlab.modes.channel_base import ChannelBase
from nportlab.modes.dialled import DialListener
from nportlab.modes.errors import CommandRefused
from nportlab.modes.handlers import register
from nportlab.modes.modem import AtDialogue
from nportlab.modes.printer import LpdClient, raw_job
from nportlab.modes.real_com import RealCom
from nportlab.modes.real_com_port import PortSettings
from nportlab.modes.real_com_url import make_url
from nportlab.modes.reverse_ssh import ReverseSsh, before_login
from nportlab.modes.reverse_telnet import ReverseTelnet
from nportlab.modes.rfc2217 import Rfc2217
from nportlab.modes.secure import speak_plain, tls_facts
from nportlab.modes.tcp import TcpClient
from nportlab.modes.udp import UdpEnd
from nportlab.protocol.real_com import FlowControl
from nportlab.protocol.real_com_format import Format
from nportlab.protocol.real_com_replies import Event, ModemLines
from nportlab.protocol.rfc2217 import ModemState
from nportlab.protocol.serial_wire import Input, LineFormat
from nportlab.serial.adapter import Adapter, open_adapter
from nportlab.serial.line_events import BreakSeen
from nportlab.serial.traffic.engine import run
from nportlab.serial.traffic.flow import Flow
from nportlab.serial.traffic.pattern import pattern
from nportlab.unit.errors import LoginRefused
from nportlab.unit.unit import Unit
from nportlab.virtual.client import RunningRack, start_rack
from selftests.modes.foreign import wait_until

MODES = {
    1: {"operation_mode": "real_com"},
    2: {"operation_mode": "rfc2217", "tcp_port": "4002"},
    3: {"operation_mode": "tcp_server", "tcp_port": "4003", "secure": "enable"},
    4: {"operation_mode": "udp", "udp_local_port": "4004", "udp_dynamic_destination": "enable"},
    5: {"operation_mode": "reverse_telnet", "reverse_terminal_port": "4005"},
    6: {"operation_mode": "reverse_ssh", "reverse_terminal_port": "4006", "reverse_authentication": "local"},
    7: {"operation_mode": "ethernet_modem", "tcp_port": "4007"},
    8: {"operation_mode": "printer_lpd", "queue_name_raw": "raw8"},
    9: {"operation_mode": "printer_raw", "raw_group": "3"},
    10: {"operation_mode": "tcp_client", "destination_address": "HARNESS", "connection_control": "any-character-none"},
    11: {"operation_mode": "real_com", "secure": "enable"},
    12: {"operation_mode": "pair_slave", "tcp_port": "4012"},
}
DATA = bytes(range(256)) * 4
_ROOM = 2000  # bytes under way; twice as many fit into any receiver, however late a busy host reads


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    path = tmp_path_factory.mktemp("lab") / "lab.yaml"
    unit = {
        "model": "NP6650-16",
        "firmware": "2.3",
        "address": "192.168.127.11",
        "credentials": {"username": "admin", "password": {"generated": True}},
        "allow": ["restart"],
        "ports": {"1-12": {"line": "adapter"}},
    }
    rack = {"virtual": {"network": "loopback", "boot_seconds": 0.02}, "units": {"np": unit}}
    path.write_text(yaml.safe_dump({"lab": "selftest", "racks": {"desk": rack}}))
    return load_lab(path)


@pytest.fixture(scope="module")
def rack(lab: Lab) -> Iterator[RunningRack]:
    running = start_rack(lab, "desk")
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def dialled() -> Iterator[DialListener]:
    with DialListener("127.0.0.1", label="np port 10") as listener:
        yield listener


@pytest.fixture(scope="module")
def unit(lab: Lab, rack: RunningRack, dialled: DialListener) -> Iterator[Unit]:
    info = rack.unit("np")
    entry = dataclasses.replace(lab.units["np"], address=info.address, port_map=info.port_map)
    one = Unit(entry, lab.racks["desk"], state_dir=lab.state_dir)
    wanted = {f"port.{number}.{name}": value for number, row in MODES.items() for name, value in row.items()}
    wanted |= {"port.10.destination_address": dialled.endpoint.host}
    wanted |= {"port.10.destination_port": str(dialled.endpoint.port)}
    wanted |= {f"port.{number}.baud_rate": "921600" for number in MODES}
    one.apply(wanted)
    yield one
    one.console.logout()


@pytest.fixture
def adapter(unit: Unit, rack: RunningRack) -> Iterator[Callable[[int], Adapter]]:
    opened: list[Adapter] = []

    def open_one(number: int) -> Adapter:
        opened.append(open_adapter(rack.adapter_url("np", number), LineFormat(baud=921_600)))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


def both_ways(client: ChannelBase, wire: Adapter, data: bytes = DATA) -> None:
    client.send_all(data, 5)
    assert wire.receive_exactly(len(data), 5) == data
    wire.send_all(data, 5)
    assert client.receive_exactly(len(data), 5) == data


def real_com(unit: Unit, data: int, command: int, **options: object) -> RealCom:
    settings = PortSettings(Format(921_600))
    return RealCom.connect(unit.tcp(data), unit.tcp(command), label="np", settings=settings, **options)  # type: ignore[arg-type]


def test_real_com(unit: Unit, adapter: Callable[[int], Adapter]) -> None:
    wire = adapter(1)
    with real_com(unit, 950, 966) as client:
        both_ways(client, wire)
        assert client.wait_output_drained(5) == 0
        client.set_lines(dtr=False, rts=False)
        wire.wait_lines(Input(0), Input.CTS | Input.DSR, timeout=5)
        client.set_lines(dtr=True, rts=True)
        wire.wait_lines(Input.CTS | Input.DSR, timeout=5)
        before = len(client.notifications)
        wire.set_lines(rts=False)
        told = client.wait_notification(lambda one: ModemLines.CTS in one.changed, 5, after=before).told
        assert Event.MODEM_STATUS in told.events
        assert not client.line_status().cts
        wire.set_lines(rts=True)
        client.send_break(100)
        end = time.monotonic() + 5
        breaks: list[BreakSeen] = []
        while not breaks and time.monotonic() < end:
            breaks = [one for one in wire.take_events() if isinstance(one, BreakSeen)]
        assert breaks
        wire.send_break(0.1)
        client.wait_notification(lambda one: Event.BREAK in one.events, 5)
        wait_until(lambda: client.break_count() == 1)
        assert client.break_count() == 0
        client.set_flow(FlowControl(cts=True))
        with pytest.raises(CommandRefused):
            client.set_baud(1_000_000)


def test_real_com_comes_back_after_a_restart(unit: Unit, adapter: Callable[[int], Adapter]) -> None:
    with real_com(unit, 950, 966) as client:
        unit.restart()
        client.wait_both_closed(10)
        client.reconnect(20)
        both_ways(client, adapter(1))


def test_real_com_over_tls(unit: Unit, adapter: Callable[[int], Adapter]) -> None:
    with real_com(unit, 960, 976, secure=True) as client:
        both_ways(client, adapter(11))
        assert client.tls is not None
        assert client.tls.fingerprint == tls_facts(unit.https, "np").fingerprint


def test_real_com_as_a_pyserial_port(unit: Unit, adapter: Callable[[int], Adapter]) -> None:
    register()
    wire = adapter(1)
    url = make_url(unit.tcp(950), unit.tcp(966))
    with serial.serial_for_url(url, baudrate=921_600, timeout=5, write_timeout=5) as port:
        port.write(DATA)
        port.flush()
        assert wire.receive_exactly(len(DATA), 5) == DATA
        wire.send_all(DATA, 5)
        assert port.read(len(DATA)) == DATA
        assert port.cts
        wire.set_lines(rts=False)
        wait_until(lambda: not port.cts)


def test_rfc2217(unit: Unit, adapter: Callable[[int], Adapter]) -> None:
    wire = adapter(2)
    with Rfc2217.connect(unit.tcp(4002), label="np port 2") as client:
        assert client.baud(921_600) == 921_600
        assert (client.data_bits(8), client.parity("none"), client.stop_bits(1)) == (8, "none", 1)
        assert client.set_dtr(True)
        assert client.set_rts(True)
        both_ways(client, wire)
        wire.set_lines(rts=False)
        client.wait_report(lambda one: one.state & ModemState.CTS_CHANGED == ModemState.CTS_CHANGED, 5)
        client.send_break(0.05)


def test_tcp_server_over_tls_refuses_a_plain_client(unit: Unit, adapter: Callable[[int], Adapter]) -> None:
    with TcpClient.connect(unit.tcp(4003), secure=True) as client:
        both_ways(client, adapter(3))
        assert client.tls is not None
    answer = speak_plain(unit.tcp(4003), "np port 3", b"READABLE MARKER\r\n", 2)
    assert answer.ended != "open"
    assert b"MARKER" not in answer.received


def test_pair_slave(unit: Unit, adapter: Callable[[int], Adapter]) -> None:
    with TcpClient.connect(unit.tcp(4012), mode="pair slave") as client:
        both_ways(client, adapter(12))


def test_tcp_client(unit: Unit, adapter: Callable[[int], Adapter], dialled: DialListener) -> None:
    wire = adapter(10)
    wire.send_all(b"x", 5)
    with dialled.accept(10) as client:
        assert client.receive_exactly(1, 5) == b"x"
        both_ways(client, wire)


def test_udp(unit: Unit, adapter: Callable[[int], Adapter]) -> None:
    wire = adapter(4)
    with UdpEnd("", peer=unit.udp(4004), label="np port 4") as client:
        both_ways(client, wire)


def test_reverse_telnet(unit: Unit, adapter: Callable[[int], Adapter]) -> None:
    wire = adapter(5)
    with ReverseTelnet.connect(unit.tcp(4005)) as client:
        client.press_enter()
        assert wire.receive_exactly(2, 5) == b"\r\n"
        assert client.ask_for_binary(5)
        both_ways(client, wire)


def test_reverse_ssh(unit: Unit, adapter: Callable[[int], Adapter]) -> None:
    wire = adapter(6)
    account = unit.account
    with ReverseSsh.connect(unit.tcp(4006), account.username, account.password) as client:
        client.send_all(b"hello", 5)
        assert wire.receive_exactly(5, 5) == b"hello"
        wire.send_all(b"world", 5)
        assert client.receive_until(b"world", 5)
    seen = before_login(unit.tcp(4006), "nobody", listen=0.2)
    assert not seen.opened
    assert "password" in seen.offered
    with pytest.raises(LoginRefused):
        ReverseSsh.connect(unit.tcp(4006), account.username, "not the password")


def test_the_traffic_engine_moves_bytes_through_all_of_them_at_once(
    unit: Unit, adapter: Callable[[int], Adapter]
) -> None:
    account = unit.account
    with contextlib.ExitStack() as stack:
        telnet = stack.enter_context(ReverseTelnet.connect(unit.tcp(4005), label="np port 5"))
        assert telnet.ask_for_binary(5)
        rfc2217 = stack.enter_context(Rfc2217.connect(unit.tcp(4002), label="np port 2"))
        rfc2217.baud(921_600)
        clients: dict[int, ChannelBase] = {
            1: stack.enter_context(real_com(unit, 950, 966)),
            2: rfc2217,
            3: stack.enter_context(TcpClient.connect(unit.tcp(4003), label="np port 3", secure=True)),
            5: telnet,
            6: stack.enter_context(ReverseSsh.connect(unit.tcp(4006), account.username, account.password)),
            11: stack.enter_context(real_com(unit, 960, 976, secure=True)),
        }
        flows: list[Flow] = []
        for number, client in clients.items():
            wire = adapter(number)
            wire.drop_received()
            client.read()
            flows += [
                Flow(client, wire, pattern(f"{number} to the wire"), size=20_000, window=_ROOM),
                Flow(wire, client, pattern(f"{number} from the wire"), size=20_000, window=_ROOM),
            ]
        result = run(flows, deadline=20, quiet=3)
    assert result.ok, result.describe()


def test_ethernet_modem_is_dialled_and_answers(unit: Unit, rack: RunningRack) -> None:
    with serial.serial_for_url(rack.adapter_url("np", 7), baudrate=921_600) as port:
        at = AtDialogue(port, "np port 7")
        at.register(0, 0)
        with TcpClient.connect(unit.tcp(4007), mode="Ethernet modem") as caller:
            at.result("RING", timeout=5)
            at.answer("CONNECT 921600")
            caller.send_all(b"over the line", 5)
            at.expect(b"over the line", timeout=5)
        at.result("NO CARRIER", timeout=5)


def test_printers(unit: Unit, adapter: Callable[[int], Adapter]) -> None:
    lpd, raw = adapter(8), adapter(9)
    client = LpdClient(unit.tcp(515), label="np port 8")
    assert all(step.accepted for step in client.print_job("raw8", b"a page"))
    assert lpd.receive_exactly(6, 5) == b"a page"
    assert client.queue_state("raw8")
    raw_job(unit.tcp(2050), b"another", label="np port 9")
    assert raw.receive_exactly(7, 5) == b"another"
