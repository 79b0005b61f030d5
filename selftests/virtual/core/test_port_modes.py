"""Listeners of the operation modes."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nportlab.guide.services import expected_ports
from nportlab.virtual.unit.device import Device
from nportlab.virtual.unit.services.port_modes import PortModes
from selftests.virtual.core.bench import boot_device, until


def mode(device: Device, number: int, name: str, **settings: str) -> None:
    changes = {f"port.{number}.{key}": value for key, value in settings.items()}
    device.running.update({f"port.{number}.operation_mode": name, **changes})


def with_ports(device: Device, action: Callable[[PortModes], Any]) -> Any:
    """The result of `action`, run in a thread while the ports listen."""

    async def run() -> Any:
        modes = PortModes(device)
        await modes.open()
        try:
            return await asyncio.to_thread(action, modes)
        finally:
            modes.close()

    return asyncio.run(run())


def is_open(device: Device, port: int) -> bool:
    try:
        socket.create_connection(device.tcp(port), 2).close()
    except ConnectionRefusedError:
        return False
    return True


def opened(device: Device) -> set[tuple[str, int]]:
    """What listens, by netstat."""
    rows = with_ports(device, lambda _: device.netstat.rows())
    return {(row.transport, row.local_port) for row in rows}


def test_real_com_from_the_factory(device: Device) -> None:
    assert opened(device) == {("tcp", first + n) for first in (950, 966) for n in range(4)}


@pytest.mark.parametrize(
    ("name", "ports"),
    [
        ("disable", set()),
        ("rfc2217", {("tcp", 4002)}),
        ("tcp_server", {("tcp", 4002), ("tcp", 967)}),
        ("tcp_client", set()),
        ("udp", {("udp", 4002)}),
        ("pair_master", set()),
        ("pair_slave", {("tcp", 4002)}),
        ("ethernet_modem", {("tcp", 4002)}),
        ("reverse_telnet", {("tcp", 4002)}),
        ("reverse_ssh", {("tcp", 4002)}),
        ("printer_raw", {("tcp", 2048)}),
        ("printer_lpd", {("tcp", 515)}),
    ],
)
def test_each_mode_opens_its_ports(device: Device, name: str, ports: set[tuple[str, int]]) -> None:
    for number in device.model.ports:
        mode(device, number, "disable")
    mode(device, 2, name)
    assert opened(device) == ports
    expected = expected_ports(
        {key: value for key, value in device.running.items() if key.startswith("port.")}, "NP6450"
    )
    assert {port for transport, port in ports if transport == "tcp"} <= set(expected.tcp)


def test_tcp_ports_are_open_and_no_others(device: Device) -> None:
    mode(device, 1, "tcp_server", tcp_port="7001", command_port="7002")
    mode(device, 2, "disable")

    def probe(_: PortModes) -> list[bool]:
        return [is_open(device, port) for port in (7001, 7002, 950, 966, 4001, 951, 967, 952, 968)]

    assert with_ports(device, probe) == [True, True, False, False, False, False, False, True, True]


def test_printers_of_one_kind_share_a_port(device: Device) -> None:
    for number in device.model.ports:
        mode(device, number, "printer_lpd")
    assert opened(device) == {("tcp", 515)}


def test_a_port_taken_by_another_stays_closed_and_hurts_nobody(device: Device) -> None:
    mode(device, 1, "tcp_server", tcp_port="4050")
    taken = socket.create_server(device.tcp(4050))
    assert with_ports(device, lambda _: is_open(device, 951))
    taken.close()


def test_netstat_knows_listeners_and_connections(device: Device) -> None:
    def look(_: PortModes) -> tuple[int, list[Any], list[Any]]:
        listening = len([row for row in device.netstat.rows() if row.state == "listen"])
        with socket.create_connection(device.tcp(951)) as client:
            rows = until(lambda: [row for row in device.netstat.rows() if row.state == "connected"])
            address = client.getsockname()
        until(lambda: not [row for row in device.netstat.rows() if row.state == "connected"])
        return listening, rows, [address]

    listening, (row,), [(host, port)] = with_ports(device, look)
    assert listening == 8
    assert (row.local_port, row.serial_port, row.remote_address, row.remote_port) == (951, 2, host, port)


def test_connections_are_logged(device: Device) -> None:
    def visit(_: PortModes) -> None:
        socket.create_connection(device.tcp(950)).close()
        until(lambda: any("Disconnect" in line for line in device.log.lines()))

    with_ports(device, visit)
    assert [line.split("] ")[1] for line in device.log.lines()] == ["Connect", "Disconnect"]


def test_one_connection_too_many_is_closed_at_once(device: Device) -> None:
    mode(device, 1, "tcp_server", max_connection="2")

    def crowd(modes: PortModes) -> bytes:
        first, second = (socket.create_connection(device.tcp(4001)) for _ in range(2))
        until(lambda: len(modes.ports[1].connections("data")) == 2)
        with first, second, socket.create_connection(device.tcp(4001), 5) as third:
            return third.recv(1)

    assert with_ports(device, crowd) == b""


@pytest.mark.parametrize(("name", "closed"), [("real_com", True), ("tcp_server", False)])
def test_real_com_closes_data_and_command_together(device: Device, name: str, closed: bool) -> None:
    mode(device, 1, name)
    data_port = 950 if name == "real_com" else 4001

    def lose_the_command_connection(modes: PortModes) -> bool:
        with socket.create_connection(device.tcp(data_port)) as data:
            command = socket.create_connection(device.tcp(966))
            sockets = modes.ports[1]
            until(lambda: sockets.connections("data") and sockets.connections("command"))
            command.close()
            data.settimeout(5 if closed else 0.1)
            try:
                return data.recv(1) == b""
            except TimeoutError:
                return False

    assert with_ports(device, lose_the_command_connection) is closed


def certificate_at(device: Device, port: int) -> str:
    return ssl.get_server_certificate(device.tcp(port), timeout=5)


def test_secure_mode_is_tls_on_the_data_port_only(device: Device) -> None:
    mode(device, 1, "real_com", secure="enable")

    def look(_: PortModes) -> tuple[str, bytes]:
        with socket.create_connection(device.tcp(966), 5) as command:
            command.sendall(b"\x16\x03\x01\x00\x01x")
            command.settimeout(0.1)
            try:
                plain = command.recv(10)
            except TimeoutError:
                plain = b"silence"
        return certificate_at(device, 950), plain

    certificate, plain = with_ports(device, look)
    assert certificate.split() == device.certificate.in_use()[0].split()
    assert plain == b"silence"


def test_a_secure_port_with_its_own_certificate(flash_directory: Path) -> None:
    device = boot_device(flash_directory, defects=("secure-port-has-its-own-certificate",))
    mode(device, 1, "real_com", secure="enable")
    certificate = with_ports(device, lambda _: certificate_at(device, 950))
    assert certificate.split() != device.certificate.in_use()[0].split()


def test_reverse_ssh_greets(device: Device) -> None:
    mode(device, 1, "reverse_ssh")

    def greeting(_: PortModes) -> bytes:
        with socket.create_connection(device.tcp(4001), 5) as client:
            return client.recv(100)

    assert with_ports(device, greeting).startswith(b"SSH-2.0-")


def test_udp_mode_takes_datagrams(device: Device) -> None:
    mode(device, 1, "udp")

    def send(_: PortModes) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect(device.udp(4001))
            client.send(b"hello")
            client.send(b"again")  # a refusal of the first would be raised here

    with_ports(device, send)


@pytest.mark.parametrize(
    ("defect", "name", "present", "absent"),
    [
        ("disabled-port-keeps-listening", "disable", 951, 967),
        ("old-mode-keeps-listening", "rfc2217", 951, 967),
        ("disabling-a-port-closes-its-neighbour", "disable", 953, 952),
        ("real-com-port-beyond-the-model", "disable", 970, 971),
    ],
)
def test_defects(flash_directory: Path, defect: str, name: str, present: int, absent: int) -> None:
    device = boot_device(flash_directory, defects=(defect,))
    mode(device, 2, name)
    ports = {port for _, port in opened(device)}
    assert present in ports
    assert absent not in ports
