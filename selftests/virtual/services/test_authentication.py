from __future__ import annotations

import asyncio
import hashlib
import socket
import struct
from collections.abc import Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from nportlab.protocol import tacacs as tacacs_codec
from nportlab.virtual.addressing import mapped
from nportlab.virtual.unit.clients import authentication, mschap, radius, tacacs
from nportlab.virtual.unit.device import Device
from selftests.virtual.services import freeradius as foreign
from selftests.virtual.services.bench import PASSWORD, USER, Bench, fresh_address, make_device, wait_until

SECRET = "tacacs-secret-16"


@pytest.fixture(scope="module")
def radius_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    directory = tmp_path_factory.mktemp("radius") / "server"
    with foreign.freeradius(directory) as address:
        yield address, directory


def settings(server: str, order: str = "radius", key: str = foreign.KEY) -> dict[str, str]:
    return {
        "console.authentication_type": order,
        "radius.server": server,
        "radius.key": key,
        "radius.port": "1812",
    }


def logs_in(bench: Bench, device: Device, user: str, password: str) -> bool:
    with bench.serving(device, authentication):
        return bench.run(device.authenticate(user, password, "ssh", "192.0.2.7")).ok


@pytest.mark.parametrize("method", ["pap", "chap", "ms-chap-v2"])
def test_freeradius_accepts_and_rejects(
    tmp_path: Path, bench: Bench, radius_server: tuple[str, Path], method: str
) -> None:
    values = {**settings(radius_server[0]), "radius.authentication_type": method}
    device = make_device(tmp_path, values)
    assert logs_in(bench, device, foreign.USER, foreign.PASSWORD)
    assert not logs_in(bench, device, foreign.USER, "wrong")
    assert not logs_in(bench, device, USER, PASSWORD)  # known here only


def test_freeradius_hears_of_sessions(tmp_path: Path, bench: Bench, radius_server: tuple[str, Path]) -> None:
    address, directory = radius_server
    device = make_device(tmp_path, {**settings(address), "radius.accounting": "enable"})

    async def live() -> None:
        async with authentication.session(device, foreign.USER, "ssh", "192.0.2.7"):
            pass

    bench.run(live())
    detail = (directory / "detail").read_text()
    assert "Acct-Status-Type = Start" in detail
    assert "Acct-Status-Type = Stop" in detail
    assert detail.count('User-Name = "carol"') == 2
    assert len({line for line in detail.splitlines() if "Acct-Session-Id" in line}) == 1


def test_no_accounting_while_it_is_off(tmp_path: Path, bench: Bench) -> None:
    address = fresh_address()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((address, 1813))
        server.settimeout(0.1)
        device = make_device(tmp_path, settings(address))

        async def live() -> None:
            async with authentication.session(device, USER, "ssh", "192.0.2.7"):
                pass

        bench.run(live())
        with pytest.raises(TimeoutError):
            server.recv(2048)


@pytest.mark.parametrize(
    ("try_next", "defects", "gets_in"),
    [
        ("disable", (), False),
        ("enable", (), True),
        ("enable", ("next-type-never-tried",), False),
        ("disable", ("next-type-tried-though-off",), True),
    ],
)
def test_a_user_rejected_by_radius_but_known_locally(
    tmp_path: Path,
    bench: Bench,
    radius_server: tuple[str, Path],
    try_next: str,
    defects: tuple[str, ...],
    gets_in: bool,
) -> None:
    values = {**settings(radius_server[0], "radius-local"), "console.try_next_type": try_next}
    device = make_device(tmp_path, values, defects=defects)
    assert logs_in(bench, device, USER, PASSWORD) is gets_in


def test_a_server_that_is_down_lets_the_next_type_decide(
    tmp_path: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(radius, "TIMEOUT", 0.02)
    device = make_device(tmp_path, settings(fresh_address(), "radius-local"))
    assert logs_in(bench, device, USER, PASSWORD)
    assert not logs_in(bench, device, USER, "wrong")


@pytest.mark.parametrize("flaw", ["none", "wrong key", "other id", "foreign source", "garbage"])
def test_only_a_proper_accept_counts(tmp_path: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch, flaw: str) -> None:
    monkeypatch.setattr(radius, "TIMEOUT", 0.1)
    monkeypatch.setattr(radius, "TRIES", 1)
    address = fresh_address()
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger,
    ):
        server.bind((address, 1812))
        stranger.bind((fresh_address(), 1812))
        device = make_device(tmp_path, settings(address))

        async def answer() -> bool:
            attempt = asyncio.create_task(device.authenticate(USER, PASSWORD, "ssh", "192.0.2.7"))
            server.setblocking(False)
            request, asker = await asyncio.get_running_loop().sock_recvfrom(server, 2048)
            identifier = request[1] ^ (flaw == "other id")
            head = struct.pack(">BBH", 2, identifier, 20)
            key = b"another" if flaw == "wrong key" else foreign.KEY.encode()
            accept = head + hashlib.md5(head + request[4:20] + key).digest()
            sender = stranger if flaw == "foreign source" else server
            sender.sendto(b"\x02" if flaw == "garbage" else accept, asker)
            return (await attempt).ok

        with bench.serving(device, authentication):
            assert bench.run(answer()) is (flaw == "none")


def test_nt_response_of_rfc_2759() -> None:
    challenge = bytes.fromhex("5B5D7C7D7B3F2F3E3C2C602132262628")
    peer = bytes.fromhex("21402324255E262A28295F2B3A337C7E")
    expected = "82309ecd8d708b5ea08faa3981cd83544233114a3d85d6df"
    assert mschap.response(challenge, peer, "User", "clientPass").hex() == expected


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        (b"", "31d6cfe0d16ae931b73c59d7e0c089c0"),
        (b"message digest", "d9130a8164549fe818874806e1c7014b"),
        (b"1234567890" * 8, "e33b4ddc9c38f2199c3e7b164fcc0536"),
    ],
)
def test_md4_of_rfc_1320(text: bytes, digest: str) -> None:
    assert mschap.md4(text).hex() == digest


# TACACS+ --------------------------------------------------------------------------------------------------------------


class TacacsServer:
    """A server that asks for the password and knows one user; the codec's bytes are pinned by vectors elsewhere."""

    def __init__(self, secret: str = SECRET) -> None:
        self.address = fresh_address()
        self.records: list[int] = []
        self._secret = secret

    async def __aenter__(self) -> TacacsServer:
        self._server = await asyncio.start_server(self._serve, self.address, mapped(tacacs_codec.PORT))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        user = b""
        try:
            while True:
                header = tacacs_codec.Header.decode(await reader.readexactly(12))
                body = tacacs_codec.hide(header, await reader.readexactly(header.length), self._secret)
                if header.kind == tacacs_codec.Kind.ACCOUNTING:
                    self.records.append(body[0])
                    reply = struct.pack(">HHB", 0, 0, 1)
                elif header.sequence == 1:
                    user = body[8 : 8 + body[4]]
                    reply = b"\x05\x01\0\n\0\0Password: "
                else:
                    right = (user, body[5:]) == (b"carol", b"Only-tacacs1")
                    reply = bytes([1 if right else 2, 0, 0, 0, 0, 0])
                kind = tacacs_codec.Kind(header.kind)
                writer.write(tacacs_codec.packet(kind, header.sequence + 1, header.session, reply, self._secret))
        except (asyncio.IncompleteReadError, IndexError):
            writer.close()


def tacacs_settings(server: str, **more: str) -> Mapping[str, str]:
    values = {"console.authentication_type": "tacacs", "tacacs.server": server, "tacacs.secret": SECRET}
    return {**values, **more}


def test_tacacs_login_and_accounting(tmp_path: Path, bench: Bench) -> None:
    async def live() -> tuple[bool, bool, list[int]]:
        async with TacacsServer() as server:
            device = make_device(tmp_path, tacacs_settings(server.address, **{"tacacs.accounting": "enable"}))
            await authentication.serve(device)
            right = await device.authenticate("carol", "Only-tacacs1", "ssh", "192.0.2.7")
            wrong = await device.authenticate("carol", "wrong", "ssh", "192.0.2.7")
            async with authentication.session(device, "carol", "ssh", "192.0.2.7"):
                pass
            return right.ok, wrong.ok, server.records

    start, stop = tacacs_codec.AccountingFlag.START, tacacs_codec.AccountingFlag.STOP
    assert bench.run(live()) == (True, False, [start, stop])


def test_a_tacacs_server_with_another_secret_is_no_server(
    tmp_path: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tacacs, "TIMEOUT", 0.5)

    async def live() -> bool:
        async with TacacsServer("another") as server:
            values = tacacs_settings(server.address, **{"console.authentication_type": "tacacs-local"})
            device = make_device(tmp_path, values)
            await authentication.serve(device)
            return (await device.authenticate(USER, PASSWORD, "ssh", "192.0.2.7")).ok

    assert bench.run(live())


# Seeded defects -------------------------------------------------------------------------------------------------------


def asked(bench: Bench, device: Device, waiting: Coroutine[Any, Any, bytes]) -> bytes:
    """What the neighbour got while somebody logged in with a local account."""

    async def live() -> bytes:
        await authentication.serve(device)
        result, got = await asyncio.gather(device.authenticate(USER, PASSWORD, "web", "192.0.2.7"), waiting)
        assert result.ok
        return got

    return bench.run(live())


def test_defect_radius_asked_though_empty(tmp_path: Path, bench: Bench) -> None:
    gateway = fresh_address()
    device = make_device(tmp_path, {"network.gateway": gateway}, defects=("radius-asked-though-empty",))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((gateway, 1645))
        server.setblocking(False)

        async def receive() -> bytes:
            return await asyncio.get_running_loop().sock_recv(server, 2048)

        assert asked(bench, device, receive())[0] == 1  # Access-Request


def test_defect_tacacs_dialled_though_empty(tmp_path: Path, bench: Bench) -> None:
    gateway = fresh_address()
    device = make_device(tmp_path, {"network.gateway": gateway}, defects=("tacacs-dialled-though-empty",))
    with socket.create_server((gateway, mapped(49))) as server:
        server.setblocking(False)

        async def receive() -> bytes:
            client, _ = await asyncio.get_running_loop().sock_accept(server)
            client.close()
            return b""

        assert asked(bench, device, receive()) == b""


def test_a_sound_unit_asks_nobody_with_local_accounts(tmp_path: Path, bench: Bench) -> None:
    gateway = fresh_address()
    device = make_device(tmp_path, {"network.gateway": gateway, "radius.server": gateway})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((gateway, 1645))
        server.settimeout(0.1)
        assert logs_in(bench, device, USER, PASSWORD)
        with pytest.raises(TimeoutError):
            server.recv(2048)
    wait_until(lambda: device.authenticator.servers.keys() == {"radius", "tacacs"})


def test_defect_login_broadcast_in_clear(tmp_path: Path, bench: Bench) -> None:
    device = make_device(tmp_path, defects=("login-broadcast-in-clear",))
    everybody = device.address.rpartition(".")[0] + ".255"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind((everybody, 29168))
        listener.setblocking(False)

        async def receive() -> bytes:
            return await asyncio.get_running_loop().sock_recv(listener, 2048)

        assert PASSWORD.encode() in asked(bench, device, receive())
