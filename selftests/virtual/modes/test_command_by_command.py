"""Command by command: whose answer is whose when several hosts ask."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from nportlab.virtual.unit.device import Device
from selftests.virtual.modes.bench import Client, Wire, connect, play, serving, until

PORT = 4001
ON = {"command_by_command": "enable", "max_connection": "3"}
MakeDevice = Callable[..., Device]


async def three(device: Device) -> list[Client]:
    clients = [await connect(device, PORT) for _ in range(3)]
    await until(lambda: len([row for row in device.netstat.rows() if row.state == "connected"]) == 3)
    return clients


async def ask(wire: Wire, client: Client, request: bytes) -> None:
    client.write(request)
    await until(lambda: wire.sent.endswith(request))


def test_answers_go_to_those_that_asked_one_after_the_other(device: Device) -> None:
    async def scenario() -> None:
        async with serving(device, 1, "tcp_server", **ON) as wire:
            first, second, third = await three(device)
            await ask(wire, first, b"one?")
            second.write(b"two?")
            third.write(b"three?")
            assert await third.is_silent()
            assert wire.sent == b"one?"
            wire.say(b"1")
            assert await first.read(1) == b"1"
            await until(lambda: len(wire.sent) > 4)
            asker, other, answer = (second, third, b"2") if wire.sent == b"one?two?" else (third, second, b"3")
            wire.say(answer)
            assert await asker.read(1) == answer
            await until(lambda: len(wire.sent) == len("one?two?three?"))
            assert await first.is_silent() and await other.is_silent()

    play(scenario())


def test_an_answer_in_pieces_stays_one(device: Device) -> None:
    async def scenario() -> None:
        async with serving(device, 1, "tcp_server", **ON) as wire:
            first, second, _ = await three(device)
            await ask(wire, first, b"?")
            second.write(b"!")
            for piece in (b"a", b"b", b"c"):
                wire.say(piece)
                await asyncio.sleep(0.02)
            assert await first.read(3) == b"abc"
            await until(lambda: wire.sent == b"?!")

    play(scenario())


def test_data_packing_tells_where_an_answer_ends(device: Device) -> None:
    async def scenario() -> None:
        async with serving(device, 1, "tcp_server", delimiter_1_enable="enable", delimiter_1="0D", **ON) as wire:
            first, second, _ = await three(device)
            await ask(wire, first, b"?")
            second.write(b"!")
            wire.say(b"long ")
            await asyncio.sleep(0.15)
            assert wire.sent == b"?"
            wire.say(b"answer\r")
            assert await first.read(12) == b"long answer\r"
            await until(lambda: wire.sent == b"?!")

    play(scenario())


@pytest.mark.parametrize(("timeout", "goes_on"), [("150", True), ("0", False)])
def test_the_response_timeout_lets_the_next_ask(device: Device, timeout: str, goes_on: bool) -> None:
    async def scenario() -> None:
        async with serving(device, 1, "tcp_server", response_timeout=timeout, **ON) as wire:
            first, second, _ = await three(device)
            await ask(wire, first, b"?")
            second.write(b"!")
            await asyncio.sleep(0.4)
            assert (wire.sent == b"?!") is goes_on

    play(scenario())


@pytest.mark.parametrize(
    ("setting", "hears"),
    [("discard", (False, False, False)), ("last-requester", (True, False, False)), ("all", (True, True, True))],
)
def test_what_nobody_asked_for(device: Device, setting: str, hears: tuple[bool, ...]) -> None:
    async def scenario() -> None:
        async with serving(device, 1, "tcp_server", non_requested_data=setting, **ON) as wire:
            clients = await three(device)
            await ask(wire, clients[0], b"?")
            wire.say(b"!")
            assert await clients[0].read(1) == b"!"
            await asyncio.sleep(0.1)
            wire.say(b"x")
            assert tuple([not await client.is_silent() for client in clients]) == hears

    play(scenario())


def test_a_host_that_leaves_holds_up_nobody(device: Device) -> None:
    async def scenario() -> None:
        async with serving(device, 1, "tcp_server", **ON) as wire:
            first, second, third = await three(device)
            await ask(wire, first, b"?")
            third.write(b"gone")
            second.write(b"!")
            third.close()
            first.close()
            await until(lambda: wire.sent == b"?!")

    play(scenario())


def test_a_flood_of_requests_is_not_swallowed(device: Device) -> None:
    async def scenario() -> None:
        async with serving(device, 1, "tcp_server", **ON) as wire:
            first, _, _ = await three(device)
            await ask(wire, first, b"?")
            first.write(bytes(8 << 20))
            drained = asyncio.ensure_future(first.writer.drain())
            await asyncio.wait({drained}, timeout=0.3)
            assert not drained.done()
            drained.cancel()

    play(scenario())


def test_command_by_command_answers_everyone(with_defects: MakeDevice) -> None:
    device = with_defects("command-by-command-answers-everyone")

    async def scenario() -> None:
        async with serving(device, 1, "tcp_server", **ON) as wire:
            clients = await three(device)
            await ask(wire, clients[0], b"?")
            wire.say(b"!")
            assert [await client.read(1) for client in clients] == [b"!"] * 3

    play(scenario())
