"""Connections that end because nothing moves, or nobody is there: inactivity time, TCP alive check."""

from __future__ import annotations

import asyncio
import ctypes
import socket
import struct
from collections.abc import Callable

import pytest

from nportlab.virtual.unit.device import Device
from selftests.virtual.modes.bench import Client, connect, play, serving, until

PORT = 4001
SO_ATTACH_FILTER = 26
MakeDevice = Callable[..., Device]


def connections(device: Device) -> int:
    return len([row for row in device.netstat.rows() if row.state == "connected"])


def deafen(client: Client) -> None:
    """Let the client's socket drop every packet it gets: it answers nothing, as a host whose cable was pulled."""
    program = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # BPF: return 0 bytes
    argument = struct.pack("HxxxxxxP", 1, ctypes.addressof(program))
    client.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, argument)


@pytest.mark.parametrize("talks", ["nobody", "host", "line"])
def test_inactivity_closes_what_is_silent(device: Device, talks: str) -> None:
    async def scenario() -> None:
        async with serving(device, 1, "tcp_server", inactivity_time="250") as wire:
            client = await connect(device, PORT)
            started = asyncio.get_running_loop().time()
            for _ in range(6 if talks != "nobody" else 0):
                await asyncio.sleep(0.1)
                if talks == "host":
                    client.write(b"x")
                else:
                    wire.say(b"x")
            while await client.piece():
                pass
            lasted = asyncio.get_running_loop().time() - started
            assert 0.2 < lasted < 0.6 if talks == "nobody" else lasted > 0.7

    play(scenario())


@pytest.mark.parametrize(
    ("mode", "port", "defects"),
    [("tcp_server", PORT, ("inactivity-never-closes",)), ("real_com", 950, ())],
)
def test_no_inactivity(with_defects: MakeDevice, mode: str, port: int, defects: tuple[str, ...]) -> None:
    """Real COM has no inactivity time."""
    device = with_defects(*defects)

    async def scenario() -> None:
        async with serving(device, 1, mode, inactivity_time="100"):
            client = await connect(device, port)
            assert await client.is_silent(0.4)

    play(scenario())


def test_a_dead_host_makes_room_for_another(device: Device) -> None:
    """The device's minute takes a second."""

    async def scenario() -> None:
        async with serving(device, 1, "tcp_server", tcp_alive_check="1") as wire:
            deafen(await connect(device, PORT))
            await until(lambda: connections(device) == 1)
            await until(lambda: connections(device) == 0)
            client = await connect(device, PORT)
            client.write(b"free")
            await until(lambda: wire.sent == b"free")

    play(scenario())


def test_a_dead_host_is_noticed_while_bytes_wait_for_it(device: Device) -> None:
    async def scenario() -> None:
        async with serving(device, 1, "tcp_server", tcp_alive_check="1") as wire:
            deafen(await connect(device, PORT))
            await until(lambda: connections(device) == 1)
            wire.say(b"hello?")
            await until(lambda: connections(device) == 0)

    play(scenario())


@pytest.mark.parametrize("reads", [True, False])
def test_a_living_host_is_kept_even_if_it_does_not_read(device: Device, reads: bool) -> None:
    async def scenario() -> None:
        async with serving(device, 1, "tcp_server", tcp_alive_check="1") as wire:
            client = await connect(device, PORT)
            if not reads:
                client.writer.transport.pause_reading()  # type: ignore[attr-defined]
                wire.say(bytes(4 << 20))
            await asyncio.sleep(3.5)
            assert connections(device) == 1

    play(scenario())


@pytest.mark.parametrize(
    ("minutes", "defects"),
    [("0", ()), ("1", ("alive-check-never-closes",))],
)
def test_a_dead_host_is_kept(with_defects: MakeDevice, minutes: str, defects: tuple[str, ...]) -> None:
    device = with_defects(*defects)

    async def scenario() -> None:
        async with serving(device, 1, "tcp_server", tcp_alive_check=minutes):
            deafen(await connect(device, PORT))
            await asyncio.sleep(3.5)
            assert connections(device) == 1

    play(scenario())
