"""The modes that dial: TCP Client with its connection control, Pair Connection."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from nportlab.protocol.serial_wire import Input
from nportlab.virtual.unit.device import Device
from nportlab.virtual.unit.tls import tls_context
from selftests.virtual.modes.bench import Client, Wire, play, serving, until

MakeDevice = Callable[..., Device]
HOST = "127.0.0.1"


class Host:
    """A server the unit dials."""

    def __init__(self) -> None:
        self.calls: list[Client] = []
        self.port = 0

    async def call(self, number: int = 0) -> Client:
        """The call of that number, once it came."""
        return await until(lambda: self.calls[number] if len(self.calls) > number else None)


@asynccontextmanager
async def hosts(count: int = 1, tls: ssl.SSLContext | None = None) -> AsyncIterator[list[Host]]:
    """Servers that take all calls."""
    made: list[Host] = []
    servers: list[asyncio.Server] = []
    for _ in range(count):
        host = Host()

        def took(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: Host = host) -> None:
            host.calls.append(Client(reader, writer))

        server = await asyncio.start_server(took, HOST, 0, ssl=tls)
        host.port = server.sockets[0].getsockname()[1]
        servers.append(server)
        made.append(host)
    try:
        yield made
    finally:
        for server in servers:
            server.close()
        for host in made:
            for call in host.calls:
                call.abort()


def to(*made: Host) -> dict[str, str]:
    """The settings that name them as destinations."""
    settings: dict[str, str] = {}
    for k, host in enumerate(made, 1):
        suffix = "" if k == 1 else f"_{k}"
        settings |= {f"destination_address{suffix}": HOST, f"destination_port{suffix}": str(host.port)}
    return settings


def client(device: Device, control: str, *made: Host, **more: str):
    return serving(device, 1, "tcp_client", connection_control=control, **to(*made), **more)


def test_at_startup_it_dials_all_and_all_hear_the_line(device: Device) -> None:
    async def scenario() -> None:
        async with hosts(4) as made, client(device, "startup-none", *made) as wire:
            calls = [await host.call() for host in made]
            await until(lambda: len([row for row in device.netstat.rows() if row.state == "connected"]) == 4)
            wire.say(b"all")
            assert [await call.read(3) for call in calls] == [b"all"] * 4
            for call in calls:
                call.write(b"x")
            await until(lambda: wire.sent == b"xxxx")

    play(scenario())


def test_it_dials_from_its_local_ports(device: Device) -> None:
    async def scenario() -> None:
        ports = {"local_port_1": "5555", "local_port_2": "5556"}
        async with hosts(2) as made, client(device, "startup-none", *made, **ports):
            names = [(await host.call()).writer.get_extra_info("peername") for host in made]
            address = device.surroundings.addressing.address
            assert names == [(address, 5555), (address, 5556)]

    play(scenario())


def test_it_redials_until_somebody_answers_and_after_a_loss(device: Device) -> None:
    async def scenario() -> None:
        async with hosts() as (host,):
            pass
        async with client(device, "startup-none", host) as wire:
            await asyncio.sleep(0.1)
            again = Host()

            def took(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                again.calls.append(Client(reader, writer))

            server = await asyncio.start_server(took, HOST, host.port)
            (await again.call(0)).close()
            second = await again.call(1)
            second.write(b"back")
            await until(lambda: wire.sent == b"back")
            server.close()

    play(scenario())


def test_a_character_makes_it_dial_and_is_delivered(device: Device) -> None:
    async def scenario() -> None:
        async with hosts() as (host,), client(device, "any-character-none", host) as wire:
            await asyncio.sleep(0.2)
            assert not host.calls
            wire.say(b"wake ")
            wire.say(b"up")
            first = await host.call()
            assert await first.read(7) == b"wake up"
            first.close()
            await until(lambda: not [row for row in device.netstat.rows() if row.state == "connected"])
            await asyncio.sleep(1.2)
            assert len(host.calls) == 1, "it redials without a character"
            wire.say(b"more")
            assert await (await host.call(1)).read(4) == b"more"

    play(scenario())


@pytest.mark.parametrize(("control", "ends"), [("any-character-inactivity", True), ("any-character-none", False)])
def test_inactivity_ends_the_call_only_when_control_says_so(device: Device, control: str, ends: bool) -> None:
    async def scenario() -> None:
        async with hosts() as (host,), client(device, control, host, inactivity_time="150") as wire:
            wire.say(b"x")
            call = await host.call()
            assert await call.read(1) == b"x"
            assert await call.is_silent(0.5) is not ends

    play(scenario())


@pytest.mark.parametrize(("line", "other"), [("dsr", Input.DCD), ("dcd", Input.DSR)])
@pytest.mark.parametrize("hangs_up", [True, False])
def test_a_modem_line_makes_it_dial_and_hang_up(device: Device, line: str, other: Input, hangs_up: bool) -> None:
    async def scenario() -> None:
        control = f"{line}-on-{'off' if hangs_up else 'none'}"
        on = Input.DSR if line == "dsr" else Input.DCD
        async with hosts() as (host,), client(device, control, host) as wire:
            wire.set_inputs(other)
            await asyncio.sleep(0.2)
            assert not host.calls
            wire.set_inputs(other | on)
            call = await host.call()
            await until(lambda: [row for row in device.netstat.rows() if row.state == "connected"])
            wire.set_inputs(other)
            assert await call.is_silent(0.3) is not hangs_up
            if hangs_up:
                wire.set_inputs(on)
                await host.call(1)

    play(scenario())


def test_tcp_client_dials_at_startup_anyway(with_defects: MakeDevice) -> None:
    device = with_defects("tcp-client-dials-at-startup-anyway")

    async def scenario() -> None:
        async with hosts() as (host,), client(device, "any-character-none", host):
            await host.call()

    play(scenario())


def test_tcp_client_never_hangs_up_on_dsr(with_defects: MakeDevice) -> None:
    device = with_defects("tcp-client-never-hangs-up-on-dsr")

    async def scenario() -> None:
        async with hosts() as (host,), client(device, "dsr-on-off", host) as wire:
            wire.set_inputs(Input.DSR)
            call = await host.call()
            await until(lambda: [row for row in device.netstat.rows() if row.state == "connected"])
            wire.set_inputs(Input(0))
            assert await call.is_silent(0.3)

    play(scenario())


def test_a_secure_client_speaks_tls(device: Device) -> None:
    async def scenario() -> None:
        async with hosts(1, tls_context(device)) as (host,), client(device, "startup-none", host, secure="enable"):
            call = await host.call()
            assert call.writer.get_extra_info("ssl_object").version() == "TLSv1.2"

    play(scenario())


def test_bad_destinations_hurt_nobody(device: Device) -> None:
    async def scenario() -> None:
        async with (
            hosts() as (host,),
            serving(
                device,
                1,
                "tcp_client",
                destination_address="256.1.1.1",
                destination_address_2="x" * 70 + ".example",
                destination_address_3=HOST,
                destination_port_3=str(host.port),
            ),
        ):
            await host.call()

    play(scenario())


def test_a_pair_carries_the_line_across(device: Device) -> None:
    there, back = bytes(range(256)) * 400, bytes(range(255, -1, -1)) * 400

    async def scenario() -> None:
        async with serving(device, 2, "pair_slave", Wire(2)) as far:
            address = device.surroundings.addressing.address
            settings = {"destination_address": address, "destination_port": "4002"}
            async with serving(device, 1, "pair_master", Wire(1), **settings) as near:
                await until(lambda: len([row for row in device.netstat.rows() if row.state == "connected"]) == 2)
                near.say(there)
                far.say(back)
                await until(lambda: far.sent == there and near.sent == back)

    play(scenario())


def test_a_secure_pair_carries_the_line_across(device: Device) -> None:
    async def scenario() -> None:
        async with serving(device, 2, "pair_slave", Wire(2), secure="enable") as far:
            address = device.surroundings.addressing.address
            settings = {"destination_address": address, "destination_port": "4002", "secure": "enable"}
            async with serving(device, 1, "pair_master", Wire(1), **settings) as near:
                await until(lambda: len([row for row in device.netstat.rows() if row.state == "connected"]) == 2)
                near.say(b"secret")
                await until(lambda: far.sent == b"secret")

    play(scenario())


@pytest.mark.parametrize(("defects", "again"), [((), True), (("pair-master-dials-once",), False)])
def test_a_pair_master_that_lost_its_slave(with_defects: MakeDevice, defects: tuple[str, ...], again: bool) -> None:
    device = with_defects(*defects)

    async def scenario() -> None:
        async with hosts() as (host,), serving(device, 1, "pair_master", **to(host)):
            (await host.call()).close()
            if again:
                await host.call(1)
            else:
                await asyncio.sleep(1.5)
                assert len(host.calls) == 1

    play(scenario())


def test_pair_slave_data_one_way(with_defects: MakeDevice) -> None:
    device = with_defects("pair-slave-data-one-way")

    async def scenario() -> None:
        async with serving(device, 2, "pair_slave", Wire(2)) as far:
            address = device.surroundings.addressing.address
            settings = {"destination_address": address, "destination_port": "4002"}
            async with serving(device, 1, "pair_master", Wire(1), **settings) as near:
                await until(lambda: len([row for row in device.netstat.rows() if row.state == "connected"]) == 2)
                near.say(b"there")
                await until(lambda: far.sent == b"there")
                far.say(b"back")
                await asyncio.sleep(0.1)
                assert not near.sent

    play(scenario())
