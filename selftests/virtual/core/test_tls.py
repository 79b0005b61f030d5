"""TLS of a unit, seen by the ssl module and by raw bytes."""

from __future__ import annotations

import asyncio
import socket
import ssl
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nportlab.virtual.unit.device import Device
from nportlab.virtual.unit.tls import listen_tls
from selftests.virtual.core.bench import boot_device
from selftests.virtual.core.pki import bundle
from selftests.virtual.core.test_client_hello import hello, ssl2_hello

V = ssl.TLSVersion
PORT = 443
ALERT_70 = "protocol version"


class Upper(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data.upper())


def served(device: Device, action: Callable[[], Any]) -> Any:
    """The result of `action`, run in a thread while the unit serves TLS on 443."""

    async def run() -> Any:
        listener = await listen_tls(device, PORT, Upper)
        try:
            return await asyncio.to_thread(action)
        finally:
            listener.close()

    return asyncio.run(run())


def connect(device: Device, version: ssl.TLSVersion, suites: str = "ALL") -> tuple[str, bytes]:
    """Cipher suite and the answer to "hello"; raises ssl.SSLError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version
    context.set_ciphers(f"{suites}:@SECLEVEL=0")
    with (
        socket.create_connection(device.tcp(PORT), 5) as plain,
        context.wrap_socket(plain, server_hostname="x") as tls,
    ):
        tls.sendall(b"hello")
        cipher = tls.cipher()
        assert cipher is not None
        return cipher[0], tls.recv(100)


def raw(device: Device, data: bytes) -> bytes:
    with socket.create_connection(device.tcp(PORT), 5) as plain:
        plain.settimeout(5)
        plain.sendall(data)
        received = b""
        try:
            while chunk := plain.recv(4096):
                received += chunk
                if received[:1] == b"\x16":
                    return received
        except ConnectionResetError:
            pass
        return received


def accepted(device: Device) -> set[str]:
    def versions() -> set[str]:
        found = set()
        for version in (V.TLSv1, V.TLSv1_1, V.TLSv1_2, V.TLSv1_3):
            try:
                connect(device, version)
                found.add(version.name)
            except ssl.SSLError as error:
                assert "alert" in str(error), f"no alert: {error}"
        return found

    return served(device, versions)


def test_only_tls_1_2_by_default(device: Device) -> None:
    assert accepted(device) == {"TLSv1_2"}


def test_old_versions_when_switched_on(device: Device) -> None:
    device.running.update({"console.tls_1_0_1_1": "enable"})
    assert accepted(device) == {"TLSv1", "TLSv1_1", "TLSv1_2"}


@pytest.mark.parametrize(
    ("defect", "setting", "versions"),
    [
        ("tls10-stays-on", "disable", {"TLSv1", "TLSv1_2"}),
        ("tls11-stays-on", "disable", {"TLSv1_1", "TLSv1_2"}),
        ("old-tls-never-offered", "enable", {"TLSv1_2"}),
        ("tls12-missing", "disable", {"TLSv1_3"}),
        ("tls12-missing-from-factory", "disable", {"TLSv1_3"}),
    ],
)
def test_version_defects(flash_directory: Path, defect: str, setting: str, versions: set[str]) -> None:
    device = boot_device(flash_directory, defects=(defect,))
    device.running.update({"console.tls_1_0_1_1": setting})
    assert accepted(device) == versions


def test_tls_1_2_comes_back_with_saved_console_settings(flash_directory: Path) -> None:
    defects = ("tls12-missing-from-factory",)
    boot_device(flash_directory, defects=defects).submit({"console.telnet": "disable"}, "test")
    assert accepted(boot_device(flash_directory, defects=defects)) == {"TLSv1_2"}


def takes(device: Device, suites: str) -> bool:
    try:
        return served(device, lambda: connect(device, V.TLSv1_2, suites))[1] == b"HELLO"
    except ssl.SSLError:
        return False


@pytest.mark.parametrize(
    ("defect", "suites", "on_sound", "on_defective"),
    [
        (None, "ECDHE-ECDSA-AES128-SHA", True, True),
        ("null-suites-offered", "ECDHE-ECDSA-NULL-SHA", False, True),
        ("anonymous-suites-offered", "AECDH-AES256-SHA", False, True),
    ],
)
def test_suites_by_default(
    flash_directory: Path, defect: str | None, suites: str, on_sound: bool, on_defective: bool
) -> None:
    assert takes(boot_device(flash_directory), suites) is on_sound
    assert takes(boot_device(flash_directory, defects=(defect,) if defect else ()), suites) is on_defective


def test_high_secure_mode_is_narrow_and_can_be_left(device: Device, flash_directory: Path) -> None:
    device.submit({"tls.high_secure_mode": "enable"}, "test")
    device = boot_device(flash_directory)
    assert takes(device, "ECDHE-ECDSA-AES128-GCM-SHA256")
    assert not takes(device, "ECDHE-ECDSA-AES128-SHA")
    assert takes(boot_device(flash_directory, defects=("high-secure-keeps-cbc",)), "ECDHE-ECDSA-AES128-SHA")
    device.submit({"tls.high_secure_mode": "disable"}, "test")
    assert takes(boot_device(flash_directory), "ECDHE-ECDSA-AES128-SHA")


def test_high_secure_mode_that_cannot_be_left(flash_directory: Path) -> None:
    stuck = ("high-secure-cannot-be-left",)
    boot_device(flash_directory).submit({"tls.high_secure_mode": "enable"}, "test")
    boot_device(flash_directory, defects=stuck).submit({"tls.high_secure_mode": "disable"}, "test")
    device = boot_device(flash_directory, defects=stuck)
    assert device.high_secure
    device.request_restart("factory-keep-ip")
    assert not boot_device(flash_directory, defects=stuck).high_secure


def test_ssl_3_and_2_are_refused_with_an_alert_or_a_close(device: Device) -> None:
    assert served(device, lambda: raw(device, hello(0x0300, [0x0035])))[:1] == b"\x15"
    assert served(device, lambda: raw(device, ssl2_hello([0x0700C0])))[:1] in (b"", b"\x15")


def test_ssl_3_and_2_on_defective_units(flash_directory: Path) -> None:
    device = boot_device(flash_directory, defects=("ssl3-accepted", "ssl2-accepted"))
    assert served(device, lambda: raw(device, hello(0x0300, [0x0035])))[9:11] == b"\x03\x00"
    assert served(device, lambda: raw(device, ssl2_hello([0x0700C0])))[2] == 4
    assert accepted(device) == {"TLSv1_2"}


@pytest.mark.parametrize(("failures", "restarts"), [(19, False), (20, True)])
def test_a_scan_reboots_a_defective_unit(flash_directory: Path, failures: int, restarts: bool) -> None:
    device = boot_device(flash_directory, defects=("tls-scan-reboots-unit",))

    async def run() -> bool:
        device.restart_wanted = asyncio.get_running_loop().create_future()
        listener = await listen_tls(device, PORT, Upper)
        for _ in range(failures):
            await asyncio.to_thread(raw, device, hello(0x0302, [0x0035]))
        for _ in range(50):
            await asyncio.sleep(0)
        listener.close()
        return device.restart_wanted.done()

    assert asyncio.run(run()) is restarts


def test_a_certificate_active_at_once_is_served_by_the_running_listener(flash_directory: Path) -> None:
    device = boot_device(flash_directory, defects=("import-active-at-once",))

    def issuers() -> list[bytes]:
        before = ssl.get_server_certificate(device.tcp(PORT)).encode()
        device.certificate.import_pem(bundle("p256"))
        return [before, ssl.get_server_certificate(device.tcp(PORT)).encode()]

    before, after = served(device, issuers)
    assert before != after


def test_a_long_answer_arrives_whole(device: Device) -> None:
    data = bytes(range(32, 97)) * 5000

    def exchange() -> bytes:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection(device.tcp(PORT), 5) as plain, context.wrap_socket(plain) as tls:
            received = b""
            for start in range(0, len(data), 65000):
                tls.sendall(data[start : start + 65000])
                while len(received) < min(start + 65000, len(data)):
                    received += tls.recv(65536)
            return received

    assert served(device, exchange) == data.upper()


def test_connections_are_in_no_ones_way_when_the_listener_closes(device: Device) -> None:
    async def run() -> bytes:
        listener = await listen_tls(device, PORT, Upper)
        reader, writer = await asyncio.open_connection(*device.tcp(PORT))
        await asyncio.sleep(0.02)
        listener.close()
        try:
            return await asyncio.wait_for(reader.read(), 5)
        except ConnectionResetError:
            return b""
        finally:
            writer.close()

    assert asyncio.run(run()) == b""
    assert device.netstat.rows() == []
