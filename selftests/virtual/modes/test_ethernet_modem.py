"""Ethernet modem mode: calls both ways, and how they end.

Long, because a call passes through every state and each is left in every way it can be.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from nportlab.protocol.serial_wire import Input, Output
from nportlab.virtual.unit.device import Device
from nportlab.virtual.unit.modes import ethernet_modem_calls
from nportlab.virtual.unit.modes.ethernet_modem import HELD_BYTES
from selftests.virtual.modes.bench import Client, Wire, connect, play, serving, until

Defective = Callable[..., Device]
OK, CONNECT, RING = b"\r\nOK\r\n", b"\r\nCONNECT 115200\r\n", b"\r\nRING\r\n"
NO_CARRIER, ERROR, BUSY = b"\r\nNO CARRIER\r\n", b"\r\nERROR\r\n", b"\r\nBUSY\r\n"
BIG = bytes(range(256)).replace(b"+", b"-") * 2000


async def shows(wire: Wire, expected: bytes) -> None:
    """The serial device sees just that next."""
    await until(lambda: len(wire.sent) >= len(expected))
    assert bytes(wire.sent) == expected
    wire.sent.clear()


async def orders(wire: Wire, line: bytes, expected: bytes = OK) -> None:
    """Type a line without echo."""
    wire.say(line + b"\r")
    await shows(wire, expected)


@asynccontextmanager
async def modem(device: Device, wire: Wire | None = None) -> AsyncIterator[Wire]:
    """A modem that does not echo, with its serial device ready."""
    async with serving(device, 1, "ethernet_modem", wire) as wire:
        wire.set_inputs(Input.DSR | Input.DCD | Input.CTS)
        wire.say(b"ATE0\r")
        await shows(wire, b"ATE0\r" + OK)
        yield wire


class Host:
    """A machine that can be dialled."""

    def __init__(self) -> None:
        self.calls: list[Client] = []

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.calls.append(Client(reader, writer))

    @property
    def call(self) -> Client:
        return self.calls[-1]


@asynccontextmanager
async def host(address: str = "127.0.0.1") -> AsyncIterator[tuple[Host, bytes]]:
    """One, and how it is dialled."""
    one = Host()
    server = await asyncio.start_server(one.take, address)
    port = server.sockets[0].getsockname()[1]
    yield one, (f"ATD[{address}]:{port}" if ":" in address else f"ATDT{address}:{port}").encode()
    server.close()
    for call in one.calls:
        call.abort()


@asynccontextmanager
async def answered(device: Device) -> AsyncIterator[tuple[Wire, Client]]:
    """A call that came in and was answered by the modem itself."""
    async with modem(device) as wire:
        await orders(wire, b"ATS0=1")
        client = await connect(device, 4001)
        await shows(wire, RING + CONNECT)
        yield wire, client


async def escape(wire: Wire) -> None:
    """Out of the data state, with a guard time of a fifth of a second."""
    loop = asyncio.get_running_loop()
    end = loop.time() + 0.2
    await until(lambda: loop.time() > end)
    wire.say(b"+++")
    await shows(wire, OK)


async def quick_guard(wire: Wire) -> None:
    await orders(wire, b"ATS12=10")


# Commands -------------------------------------------------------------------------------------------------------------


def test_commands_and_results(device: Device) -> None:
    async def scenario() -> None:
        async with modem(device) as wire:
            await orders(wire, b"AT")
            await orders(wire, b"ATY", ERROR)
            await orders(wire, b"ATS0?", b"\r\n000\r\n" + OK)
            await orders(wire, b"ATS0=3S2=45")
            await orders(wire, b"ATS0?S2?", b"\r\n003\r\n\r\n045\r\n" + OK)
            await orders(wire, b"AT&FE0")
            await orders(wire, b"ATI", b"\r\nNP6450 Ver. " + device.build.encode() + b"\r\n" + OK)
            wire.say(b"A/")
            await shows(wire, b"\r\nNP6450 Ver. " + device.build.encode() + b"\r\n" + OK)
            await orders(wire, b"ATV0", b"0\r")
            await orders(wire, b"ATA", b"3\r")
            await orders(wire, b"ATQ1", b"")
            await orders(wire, b"AT", b"")
            await orders(wire, b"ATZ", b"")

    play(scenario())


@pytest.mark.parametrize("line", [b"ATO", b"ATA"])
def test_without_a_call_there_is_no_carrier(device: Device, line: bytes) -> None:
    async def scenario() -> None:
        async with modem(device) as wire:
            await orders(wire, line, NO_CARRIER)

    play(scenario())


# Dialling -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_dialled_call_carries_bytes_both_ways(device: Device, address: str) -> None:
    async def scenario() -> None:
        async with host(address) as (other, dial), modem(device) as wire:
            assert not wire.outputs & Output.DTR
            wire.say(dial + b"\r\n")
            await shows(wire, CONNECT)
            assert wire.outputs & Output.DTR
            await until(lambda: other.calls)
            wire.say(b"to the host")
            assert await other.call.read(11) == b"to the host"
            other.call.write(b"to the line")
            await shows(wire, b"to the line")
            other.call.close()
            await shows(wire, NO_CARRIER)
            assert not wire.outputs & Output.DTR
            await orders(wire, b"AT")

    play(scenario())


def test_what_the_host_says_at_once_comes_after_connect(device: Device) -> None:
    async def scenario() -> None:
        async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"welcome")
            writer.close()

        server = await asyncio.start_server(greet, "127.0.0.1")
        port = server.sockets[0].getsockname()[1]
        async with server, modem(device) as wire:
            await orders(wire, b"ATD127.0.0.1:%d" % port, CONNECT + b"welcome" + NO_CARRIER)

    play(scenario())


def test_nobody_there_is_busy_and_nonsense_an_error(device: Device) -> None:
    async def scenario() -> None:
        async with host() as (_, dial):
            pass
        async with modem(device) as wire:
            await orders(wire, dial, BUSY)
            await orders(wire, b"ATD5551234", ERROR)
            await orders(wire, b"ATD", ERROR)

    play(scenario())


class NeverThere:
    """Instead of a network in which a dialled call gets nowhere."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def hang(*_: object, **__: object) -> None:
            await asyncio.Event().wait()

        monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", hang)


def test_no_answer_in_time(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        NeverThere(monkeypatch)
        async with modem(device) as wire:
            await orders(wire, b"ATS7=1")
            await orders(wire, b"ATD10.0.0.1:1", b"\r\nNO ANSWER\r\n")

    play(scenario())


def test_a_key_ends_dialling(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        NeverThere(monkeypatch)
        async with modem(device) as wire:
            wire.say(b"ATD10.0.0.1:1\r\n")
            await asyncio.sleep(0.02)
            assert wire.sent == b""
            wire.say(b"x")
            await shows(wire, NO_CARRIER)

    play(scenario())


def test_dtr_ends_dialling(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        NeverThere(monkeypatch)
        async with modem(device) as wire:
            wire.say(b"ATD10.0.0.1:1\r")
            await asyncio.sleep(0.02)
            wire.set_inputs(Input.CTS)
            await shows(wire, NO_CARRIER)

    play(scenario())


# Being called ---------------------------------------------------------------------------------------------------------


def test_a_call_rings_and_is_answered(device: Device) -> None:
    async def scenario() -> None:
        async with modem(device) as wire:
            client = await connect(device, 4001)
            client.write(b"early")
            await shows(wire, RING)
            wire.say(b"ATA\r\n")
            await shows(wire, CONNECT + b"early")
            wire.say(b"hello")
            assert await client.read(5) == b"hello"

    play(scenario())


def test_a_call_nobody_answers_is_closed(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        monkeypatch.setattr(ethernet_modem_calls, "ANSWER_SECONDS", 0.25)
        monkeypatch.setattr(ethernet_modem_calls, "RING_SECONDS", 0.2)
        async with modem(device) as wire:
            client = await connect(device, 4001)
            assert await client.is_closed()
            await shows(wire, RING * 2)
            await orders(wire, b"ATA", NO_CARRIER)

    play(scenario())


def test_s0_rings_then_answer(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        monkeypatch.setattr(ethernet_modem_calls, "RING_SECONDS", 0.05)
        async with modem(device) as wire:
            await orders(wire, b"ATS0=3")
            client = await connect(device, 4001)
            await shows(wire, RING * 3 + CONNECT)
            client.write(b"x")
            await shows(wire, b"x")

    play(scenario())


def test_a_second_caller_is_turned_away(device: Device) -> None:
    async def scenario() -> None:
        async with answered(device) as (wire, client):
            second = await connect(device, 4001)
            assert await second.is_closed()
            client.write(b"still here")
            await shows(wire, b"still here")

    play(scenario())


def test_a_refused_call(device: Device) -> None:
    async def scenario() -> None:
        async with modem(device) as wire:
            client = await connect(device, 4001)
            await shows(wire, RING)
            await orders(wire, b"ATH")
            assert await client.is_closed()

    play(scenario())


# +++, ATO, ATH, DTR ---------------------------------------------------------------------------------------------------


def test_out_of_the_data_state_and_back(device: Device) -> None:
    async def scenario() -> None:
        async with answered(device) as (wire, client):
            await orders_online(wire, client)

    async def orders_online(wire: Wire, client: Client) -> None:
        wire.say(b"a +++ in between")
        assert await client.read(16) == b"a +++ in between"
        await asyncio.sleep(1.0)
        wire.say(b"+++")
        assert await client.read(3) == b"+++"
        await shows(wire, OK)
        client.write(b"meanwhile")
        await orders(wire, b"ATS0?", b"\r\n001\r\n" + OK)
        wire.say(b"ATO\r\n")
        await shows(wire, CONNECT + b"meanwhile")
        wire.say(b"x")
        assert await client.read(1) == b"x"

    play(scenario())


def test_ath_ends_the_call(device: Device) -> None:
    async def scenario() -> None:
        async with modem(device) as wire:
            await quick_guard(wire)
            await orders(wire, b"ATS0=1")
            client = await connect(device, 4001)
            await shows(wire, RING + CONNECT)
            await escape(wire)
            await orders(wire, b"ATH")
            assert await client.read(4) == b"+++"
            await until(lambda: not wire.outputs & Output.DTR)
            await orders(wire, b"ATO", NO_CARRIER)

    play(scenario())


def test_the_other_end_hangs_up_in_the_command_state(device: Device) -> None:
    async def scenario() -> None:
        async with modem(device) as wire:
            await quick_guard(wire)
            await orders(wire, b"ATS0=1")
            client = await connect(device, 4001)
            await shows(wire, RING + CONNECT)
            await escape(wire)
            client.close()
            await shows(wire, NO_CARRIER)

    play(scenario())


def test_dtr_drop_hangs_up(device: Device) -> None:
    async def scenario() -> None:
        async with answered(device) as (wire, client):
            wire.set_inputs(Input.CTS)
            await shows(wire, NO_CARRIER)
            assert await client.is_closed()

    play(scenario())


def test_dtr_drop_only_leaves_the_data_state(device: Device) -> None:
    async def scenario() -> None:
        async with modem(device) as wire:
            await orders(wire, b"AT&D1&C0S0=1")
            assert wire.outputs & Output.DTR
            client = await connect(device, 4001)
            await shows(wire, RING + CONNECT)
            wire.set_inputs(Input.CTS)
            await shows(wire, OK)
            await orders(wire, b"AT&D0")
            await orders(wire, b"ATO", CONNECT)
            wire.set_inputs(Input.CTS | Input.DSR)
            wire.set_inputs(Input.CTS)
            wire.say(b"x")
            assert await client.read(1) == b"x"

    play(scenario())


# Back pressure --------------------------------------------------------------------------------------------------------


def test_a_line_that_stops_stops_the_other_end_and_loses_nothing(device: Device) -> None:
    async def scenario() -> None:
        async with answered(device) as (wire, client):
            wire.held = True
            client.write(BIG * 20)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.writer.drain(), 0.2)
            wire.release()
            await until(lambda: len(wire.sent) == len(BIG) * 20)
            assert wire.sent == BIG * 20

    play(scenario())


def test_a_reader_that_stops_stops_the_line_and_loses_nothing(device: Device) -> None:
    async def scenario() -> None:
        async with answered(device) as (wire, client):
            wire.say(BIG * 20)
            await until(lambda: wire.serial._paused)
            assert wire.unheard
            assert await client.read(len(BIG) * 20) == BIG * 20

    play(scenario())


def test_the_command_state_keeps_a_bounded_part_of_the_call(device: Device) -> None:
    async def scenario() -> None:
        async with modem(device) as wire:
            await quick_guard(wire)
            await orders(wire, b"ATS0=1")
            client = await connect(device, 4001)
            await shows(wire, RING + CONNECT)
            await escape(wire)
            client.write(BIG * 20)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.writer.drain(), 0.2)
            assert len(BIG) > HELD_BYTES
            wire.say(b"ATO\r")
            await until(lambda: len(wire.sent) == len(CONNECT) + len(BIG) * 20)
            assert wire.sent == CONNECT + BIG * 20

    play(scenario())


# Defects --------------------------------------------------------------------------------------------------------------


def test_s0_ignored(with_defects: Defective) -> None:
    async def scenario(device: Device) -> None:
        async with modem(device) as wire:
            await orders(wire, b"ATS0=1")
            await connect(device, 4001)
            await shows(wire, RING)
            await asyncio.sleep(0.05)
            assert wire.sent == b""

    play(scenario(with_defects("modem-s0-ignored")))


def test_escape_without_guard_time(with_defects: Defective) -> None:
    async def scenario() -> None:
        async with answered(with_defects("modem-escape-without-guard-time")) as (wire, _):
            wire.say(b"some+++data")
            await shows(wire, OK)

    play(scenario())


def test_no_carrier_not_said(with_defects: Defective) -> None:
    async def scenario() -> None:
        async with answered(with_defects("no-carrier-not-said")) as (wire, client):
            client.close()
            await until(lambda: not wire.outputs & Output.DTR)
            await orders(wire, b"AT")

    play(scenario())


def test_the_wrong_port_is_dialled(with_defects: Defective) -> None:
    async def scenario() -> None:
        async with host() as (other, dial), modem(with_defects("modem-dials-wrong-port")) as wire:
            place, _, port = dial.rpartition(b":")
            await orders(wire, place + b":%d" % (int(port) - 1), CONNECT)
            await until(lambda: other.calls)

    play(scenario())
