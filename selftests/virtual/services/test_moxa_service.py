from __future__ import annotations

import socket
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nportlab.protocol import moxa_service as codec
from nportlab.virtual.unit.device import Device
from nportlab.virtual.unit.services import moxa_service
from selftests.virtual.services.bench import MAC, Bench, endpoint, make_device, wait_until

SEARCH = bytes.fromhex("0100000800000000")


def own_id(device: Device) -> codec.DeviceId:
    return codec.DeviceId(codec.AP_ID_6000, device.model.hw_id, MAC)


def ask(device: Device, request: bytes) -> codec.AnyReply:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.sendto(request, endpoint(device, codec.PORT))
        data, source = client.recvfrom(2048)
        assert source == endpoint(device, codec.PORT)
        return codec.decode_reply(data)


def test_search_reply_is_that_of_a_real_6250(tmp_path: Path) -> None:
    device = make_device(tmp_path, model_name="NP6250", mode="namespaces")
    assert moxa_service.answer(device, SEARCH) == bytes.fromhex("810000180000000000600080506200 90E8151C22 C0A87FFE")


def test_identity_over_the_wire(tmp_path: Path, bench: Bench) -> None:
    device = make_device(tmp_path, {"basic.server_name": "Rack 7"})
    with bench.serving(device, moxa_service):
        own = own_id(device)
        assert ask(device, codec.SearchRequest(9).encode()) == codec.SearchReply(own, device.address, 9)
        name = ask(device, codec.Request(codec.Opcode.SERVER_NAME, own).encode())
        assert isinstance(name, codec.ServerNameReply)
        assert name.name == "Rack 7"
        kernel = ask(device, codec.Request(codec.Opcode.KERNEL, own).encode())
        assert isinstance(kernel, codec.KernelReply)
        assert (kernel.version, kernel.serial_number, kernel.password_set) == ("2.3", 3938, True)
        netmask = ask(device, codec.Request(codec.Opcode.NETMASK, own).encode())
        assert isinstance(netmask, codec.AddressReply)
        assert netmask.address == "255.255.255.0"


def test_a_unit_without_account_says_that_no_password_is_set(tmp_path: Path) -> None:
    device = make_device(tmp_path, account=False)
    reply = moxa_service.answer(device, codec.Request(codec.Opcode.KERNEL, own_id(device)).encode())
    assert reply is not None
    decoded = codec.decode_reply(reply)
    assert isinstance(decoded, codec.KernelReply)
    assert not decoded.password_set


@pytest.mark.parametrize("opcode", [0x1A, 0x28, 0x2C, 0x79])
def test_other_operations_get_result_4(tmp_path: Path, opcode: int) -> None:
    device = make_device(tmp_path)
    own = own_id(device).encode()
    reply = moxa_service.answer(device, bytes([opcode, 0, 0, 20, 0, 0, 0, 5]) + own)
    assert reply is not None
    assert reply[:8] == bytes([opcode | 0x80, 4, 0, 20, 0, 0, 0, 5])


def test_silent_when_another_unit_is_meant(tmp_path: Path) -> None:
    device = make_device(tmp_path)
    other = codec.DeviceId(codec.AP_ID_6000, device.model.hw_id, "00:90:E8:00:00:01")
    assert moxa_service.answer(device, codec.Request(codec.Opcode.KERNEL, other).encode()) is None


def test_netstat_follows_the_live_sockets(tmp_path: Path, bench: Bench) -> None:
    device = make_device(tmp_path)
    with bench.serving(device, moxa_service):
        assert listening(device) == {("TCP", 4900), ("TCP", 14900), ("UDP", 4800)}
        with socket.create_connection(endpoint(device, 4900), 5) as client:
            own_port = client.getsockname()[1]
            wait_until(lambda: [entry.remote_port for entry in entries(device) if entry.state == 4] == [own_port])
        wait_until(lambda: not any(entry.state == 4 for entry in entries(device)))


def entries(device: Device) -> tuple[codec.Entry, ...]:
    reply = ask(device, codec.NetstatRequest(own_id(device)).encode())
    assert isinstance(reply, codec.NetstatReply)
    return reply.entries


def listening(device: Device) -> set[tuple[str, int]]:
    return {(codec.Transport(row.transport).name, row.local_port) for row in entries(device) if row.state == 1}


def test_netstat_ex_comes_in_pages(tmp_path: Path, bench: Bench) -> None:
    device = make_device(tmp_path)
    with bench.serving(device, moxa_service):
        first = ask(device, codec.NetstatExRequest(own_id(device), 0, 2).encode())
        assert isinstance(first, codec.NetstatExReply)
        second = ask(device, codec.NetstatExRequest(own_id(device), first.next, 2).encode())
        assert isinstance(second, codec.NetstatExReply)
        assert (len(first.entries), first.next, len(second.entries), second.next) == (2, 2, 1, 0)


def test_tcp_ports_stay_silent_and_hang_up_on_idle_clients(tmp_path: Path, bench: Bench) -> None:
    device = make_device(tmp_path, minute=0.1)
    with bench.serving(device, moxa_service), socket.create_connection(endpoint(device, 14900), 5) as client:
        client.sendall(b"anything")
        assert client.recv(100) == b""


def test_off_means_not_enabled(tmp_path: Path) -> None:
    assert not moxa_service.enabled(make_device(tmp_path, {"console.moxa_service": "disable"}))


def test_defect_search_answered_though_off(tmp_path: Path, bench: Bench) -> None:
    off = {"console.moxa_service": "disable"}
    device = make_device(tmp_path, off, defects=("moxa-search-answered-though-off",))
    with bench.serving(device, moxa_service):
        assert isinstance(ask(device, SEARCH), codec.SearchReply)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(endpoint(device, 4900), 5)


def test_defect_tcp_open_though_off(tmp_path: Path, bench: Bench) -> None:
    device = make_device(tmp_path, {"console.moxa_service": "disable"}, defects=("dsci-tcp-open-though-off",))
    with bench.serving(device, moxa_service), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        socket.create_connection(endpoint(device, 14900), 5).close()
        client.settimeout(5)
        client.connect(endpoint(device, codec.PORT))
        client.send(SEARCH)
        with pytest.raises(ConnectionRefusedError):
            client.recv(100)


@pytest.mark.parametrize(("defect", "dead"), [("dsci-tcp-4900-dead", 4900), ("dsci-tcp-14900-dead", 14900)])
def test_defect_one_tcp_port_dead(tmp_path: Path, bench: Bench, defect: str, dead: int) -> None:
    device = make_device(tmp_path, defects=(defect,))
    with bench.serving(device, moxa_service):
        socket.create_connection(endpoint(device, {4900: 14900, 14900: 4900}[dead]), 5).close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(endpoint(device, dead), 5)


def test_defect_netstat_hides_a_listener(tmp_path: Path, bench: Bench) -> None:
    device = make_device(tmp_path, defects=("netstat-hides-a-listener",))
    with bench.serving(device, moxa_service):
        assert ("TCP", 4900) not in listening(device)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=64))
def test_no_datagram_upsets_it(plain_device: Device, data: bytes) -> None:
    reply = moxa_service.answer(plain_device, data)
    assert reply is None or reply[0] == data[0] | 0x80


@pytest.fixture
def plain_device(tmp_path: Path) -> Device:
    return make_device(tmp_path)
