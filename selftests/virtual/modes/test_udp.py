"""UDP mode: who gets what the line says, and what the line gets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nportlab.virtual.unit.device import Device
from nportlab.virtual.unit.modes.udp import LARGEST_DATAGRAM, TO_LINE
from nportlab.virtual.unit.modes.udp_destinations import LastSender, fixed
from selftests.virtual.modes.bench import play, serving, until

Defective = Callable[..., Device]


class Peer(asyncio.DatagramProtocol):
    """A machine that is sent to and sends."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        self.transport = transport
        self.host, self.port = transport.get_extra_info("sockname")

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.heard.append(data)


@asynccontextmanager
async def peer(host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Peer]:
    loop = asyncio.get_running_loop()
    transport, one = await loop.create_datagram_endpoint(Peer, local_addr=(host, port))
    yield one
    transport.close()


def to(one: Peer, which: int = 1) -> dict[str, str]:
    return {f"udp_begin_{which}": one.host, f"udp_end_{which}": "", f"udp_port_{which}": str(one.port)}


# Destinations ---------------------------------------------------------------------------------------------------------


def settings(begin: str, end: str = "", port: int = 4001, which: int = 1) -> dict[str, str]:
    values = {"begin": begin, "end": end, "port": str(port)}
    return {f"port.1.udp_{name}_{which}": value for name, value in values.items()}


def test_a_range_reaches_from_its_first_to_its_last_address() -> None:
    assert fixed(1, settings("10.0.0.254", "10.0.1.1", 7)) == [
        ("10.0.0.254", 7), ("10.0.0.255", 7), ("10.0.1.0", 7), ("10.0.1.1", 7),
    ]  # fmt: skip


def test_four_ranges_each_with_its_port_and_no_address_twice() -> None:
    running = settings("10.0.0.1", "10.0.0.2", 1) | settings("10.0.0.2", "", 1, 2) | settings("10.0.0.1", "", 2, 3)
    running |= settings("10.0.0.255", "10.0.0.255", 3, 4)
    assert fixed(1, running) == [("10.0.0.1", 1), ("10.0.0.2", 1), ("10.0.0.1", 2), ("10.0.0.255", 3)]


def test_a_range_has_64_addresses_at_most() -> None:
    found = fixed(1, settings("10.0.0.1", "10.0.9.9"))
    assert (len(found), found[-1]) == (64, ("10.0.0.64", 4001))


@pytest.mark.parametrize(
    ("begin", "end", "expected"), [("", "10.0.0.1", []), ("x", "", []), ("10.0.0.9", "10.0.0.1", ["10.0.0.9"])]
)
def test_ranges_that_are_none(begin: str, end: str, expected: list[str]) -> None:
    assert [host for host, _ in fixed(1, settings(begin, end))] == expected


@given(st.ip_addresses(v=4), st.ip_addresses(v=4))
def test_any_range_is_bounded(begin: object, end: object) -> None:
    assert 1 <= len(fixed(1, settings(str(begin), str(end)))) <= 64


def test_the_last_address_left_out() -> None:
    assert fixed(1, settings("10.0.0.1", "10.0.0.3"), more=-1) == [("10.0.0.1", 4001), ("10.0.0.2", 4001)]


def test_the_last_sender_counts_for_its_time() -> None:
    last = LastSender(2.0)
    assert last.current(0) == []
    last.heard(("10.0.0.1", 5), 10)
    last.heard(("10.0.0.2", 5), 11)
    assert last.current(13) == [("10.0.0.2", 5)]
    assert last.current(13.1) == []


# On the network -------------------------------------------------------------------------------------------------------


def test_datagrams_reach_the_line_and_the_line_every_destination(device: Device) -> None:
    async def scenario() -> None:
        async with (
            peer() as one,
            peer("127.0.0.2") as two,
            serving(device, 1, "udp", None, **to(one), **to(two, 4)) as wire,
        ):
            one.transport.sendto(b"hello", device.udp(4001))
            await until(lambda: wire.sent == b"hello")
            wire.say(b"answer")
            await until(lambda: one.heard == two.heard == [b"answer"])
            assert device.netstat.rows()[0].local_port == 4001
        assert device.netstat.rows() == []

    play(scenario())


def test_packing_makes_datagrams(device: Device) -> None:
    async def scenario() -> None:
        async with (
            peer() as one,
            serving(device, 1, "udp", None, packet_length="4", force_transmit="50", **to(one)) as wire,
        ):
            wire.say(b"aaaabbbbcc")
            await until(lambda: one.heard == [b"aaaa", b"bbbb"])
            await until(lambda: one.heard == [b"aaaa", b"bbbb", b"cc"])

    play(scenario())


def test_a_datagram_holds_what_a_frame_carries(device: Device) -> None:
    async def scenario() -> None:
        async with peer() as one, serving(device, 1, "udp", None, **to(one)) as wire:
            wire.say(b"x" * 4000)
            await until(lambda: sum(map(len, one.heard)) == 4000)
            assert max(map(len, one.heard)) <= LARGEST_DATAGRAM

    play(scenario())


def test_a_line_that_stops_loses_whole_datagrams_only(device: Device) -> None:
    async def scenario() -> None:
        async with peer() as one, serving(device, 1, "udp") as wire:
            wire.held = True
            for number in range(2 * TO_LINE // 1000):
                one.transport.sendto(b"%1000d" % number, device.udp(4001))
                await asyncio.sleep(0)
            await asyncio.sleep(0.1)
            wire.release()
            await until(lambda: len(wire.sent) > TO_LINE * 0.9)
            numbers = [int(wire.sent[at : at + 1000]) for at in range(0, len(wire.sent), 1000)]
            assert numbers == list(range(len(numbers)))

    play(scenario())


def test_the_last_sender_is_answered_until_its_time_is_over(device: Device) -> None:
    async def scenario() -> None:
        dynamic = {"udp_dynamic_destination": "enable", "udp_dynamic_timeout": "300"}
        async with (
            peer() as fix,
            peer() as one,
            peer() as two,
            serving(device, 1, "udp", None, **to(fix), **dynamic) as wire,
        ):
            one.transport.sendto(b"1", device.udp(4001))
            await until(lambda: wire.sent == b"1")
            two.transport.sendto(b"2", device.udp(4001))
            await until(lambda: wire.sent == b"12")
            wire.say(b"x")
            await until(lambda: two.heard == fix.heard == [b"x"])
            assert one.heard == []
            end = asyncio.get_running_loop().time() + 0.35
            await until(lambda: asyncio.get_running_loop().time() > end)
            wire.say(b"y")
            await until(lambda: fix.heard == [b"x", b"y"])
            assert two.heard == [b"x"]

    play(scenario())


def test_without_dynamic_destination_a_sender_gets_nothing(device: Device) -> None:
    async def scenario() -> None:
        async with peer() as fix, peer() as one, serving(device, 1, "udp", None, **to(fix)) as wire:
            one.transport.sendto(b"1", device.udp(4001))
            await until(lambda: wire.sent == b"1")
            wire.say(b"x")
            await until(lambda: fix.heard == [b"x"])
            assert one.heard == []

    play(scenario())


def test_a_taken_port_is_an_error(device: Device) -> None:
    async def scenario() -> None:
        host, port = device.udp(4001)
        async with peer(host, port):
            with pytest.raises(OSError, match="in use"):
                async with serving(device, 1, "udp"):
                    pass

    play(scenario())


def test_the_dynamic_destination_that_never_expires(with_defects: Defective) -> None:
    device = with_defects("udp-dynamic-destination-never-expires")

    async def scenario() -> None:
        dynamic = {"udp_dynamic_destination": "enable", "udp_dynamic_timeout": "1"}
        async with peer() as one, serving(device, 1, "udp", None, **dynamic) as wire:
            one.transport.sendto(b"1", device.udp(4001))
            await until(lambda: wire.sent == b"1")
            await asyncio.sleep(0.02)
            wire.say(b"x")
            await until(lambda: one.heard == [b"x"])

    play(scenario())


def test_the_last_address_of_a_range_on_the_network(with_defects: Defective) -> None:
    device = with_defects("udp-last-address-of-range-left-out")

    async def scenario() -> None:
        async with peer("127.0.0.2") as first, peer("127.0.0.3", first.port) as last:
            range_of_two = {**to(first), "udp_end_1": last.host}
            async with serving(device, 1, "udp", None, **range_of_two) as wire:
                wire.say(b"x")
                await until(lambda: first.heard == [b"x"])
                assert last.heard == []

    play(scenario())


def test_what_is_not_forwarded(with_defects: Defective) -> None:
    device = with_defects("udp-not-forwarded")

    async def scenario() -> None:
        async with peer() as one, serving(device, 1, "udp", None, **to(one)) as wire:
            one.transport.sendto(b"lost", device.udp(4001))
            wire.say(b"x")
            await until(lambda: one.heard == [b"x"])
            assert wire.sent == b""

    play(scenario())
