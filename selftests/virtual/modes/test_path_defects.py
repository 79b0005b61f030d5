"""Seeded defects that every mode shows, because they are in the way of the bytes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

import pytest

from nportlab.virtual.unit.device import Device
from nportlab.virtual.unit.modes.path_defects import FIRST_LOSS, LOSS_EVERY
from selftests.virtual.modes.bench import Client, Wire, connect, play, serving, until

MakeDevice = Callable[..., Device]
DATA = os.urandom(LOSS_EVERY + 10_000)


async def both_ways(wire: Wire, client: Client, data: bytes, *, at_once: bool) -> tuple[bytes, bytes]:
    """What arrives at the line and at the host of bytes sent from the other."""
    heard = bytearray()

    async def listen() -> None:
        while piece := await client.piece():
            heard.extend(piece)

    listening = asyncio.ensure_future(listen())
    client.write(data)
    if not at_once:
        await settled(wire, heard)
        await asyncio.sleep(0.15)
    wire.say(data)
    await settled(wire, heard)
    listening.cancel()
    return bytes(wire.sent), bytes(heard)


async def settled(wire: Wire, heard: bytearray) -> None:
    """Wait until nothing has moved for a while."""
    before = (-1, -1)
    while before != (len(wire.sent), len(heard)):
        before = (len(wire.sent), len(heard))
        await asyncio.sleep(0.2)


def test_a_byte_of_every_megabyte_is_lost(with_defects: MakeDevice) -> None:
    device = with_defects("byte-lost-per-megabyte")

    async def scenario() -> None:
        async with serving(device, 1, "tcp_server") as wire:
            client = await connect(device, 4001)
            first, second = FIRST_LOSS - 1, LOSS_EVERY + FIRST_LOSS - 1
            expected = DATA[:first] + DATA[first + 1 : second] + DATA[second + 1 :]
            line, network = await both_ways(wire, client, DATA, at_once=False)
            assert line == expected
            assert network == expected

    play(scenario())


@pytest.mark.parametrize("at_once", [True, False])
def test_a_byte_is_changed_when_both_talk(with_defects: MakeDevice, at_once: bool) -> None:
    device = with_defects("byte-changed-when-duplex")

    async def scenario() -> None:
        async with serving(device, 1, "tcp_server") as wire:
            client = await connect(device, 4001)
            for arrived in await both_ways(wire, client, DATA, at_once=at_once):
                assert len(arrived) == len(DATA)
                if not at_once:
                    assert arrived == DATA
            changed = sum(a != b for a, b in zip(wire.sent, DATA, strict=True))
            assert (changed > 0) is at_once

    play(scenario())


@pytest.mark.parametrize(("moxa_service", "moves"), [("enable", True), ("disable", False)])
def test_the_baseline_breaks_the_op_mode(with_defects: MakeDevice, moxa_service: str, moves: bool) -> None:
    device = with_defects("baseline-breaks-op-mode")
    device.running.update({"console.moxa_service": moxa_service})

    async def scenario() -> None:
        async with serving(device, 1, "tcp_server") as wire:
            client = await connect(device, 4001)
            client.write(b"out")
            await until(lambda: wire.outputs and len(wire.formats) > 1)
            wire.say(b"in")
            assert await client.is_silent() is not moves
            assert (wire.sent == b"out") is moves

    play(scenario())
