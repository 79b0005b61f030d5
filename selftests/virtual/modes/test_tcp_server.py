"""TCP Server mode, and what it shares with all modes over TCP: sockets, order, back pressure, limits.

Long, because what all modes over TCP share is tested once, in the simplest of them.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import struct
import warnings
from collections.abc import Callable

import pytest

from nportlab.protocol.serial_wire import NO_FLOW, Flow, Hold, Input, Output
from nportlab.virtual.unit.device import Device
from selftests.virtual.modes.bench import Client, Wire, connect, play, serving, until

PORT = 4001
COMMANDS = 966
BOTH_ON = Output.DTR | Output.RTS
MakeDevice = Callable[..., Device]


async def connected(device: Device, wire: Wire, port: int = PORT) -> Client:
    """A client whose bytes arrive, so the port is open."""
    client = await connect(device, port)
    before = len(wire.sent)
    client.write(b"?")
    await until(lambda: len(wire.sent) > before)
    wire.sent.clear()
    return client


def test_bytes_go_both_ways(device: Device) -> None:
    async def scenario() -> None:
        async with serving(device, 1, "tcp_server") as wire:
            client = await connect(device, PORT)
            client.write(b"to the line")
            await until(lambda: wire.sent == b"to the line")
            wire.say(b"to the host")
            assert await client.read(11) == b"to the host"

    play(scenario())


def test_a_megabyte_each_way_at_once_arrives_in_order(device: Device) -> None:
    there, back = os.urandom(1 << 20), os.urandom(1 << 20)

    async def scenario() -> None:
        async with serving(device, 1, "tcp_server") as wire:
            client = await connect(device, PORT)
            client.write(there)
            wire.say(back)
            assert await client.read(len(back)) == back
            await until(lambda: len(wire.sent) == len(there))
            assert wire.sent == there

    play(scenario())


def test_a_line_that_is_held_stops_the_host_and_nothing_is_lost(device: Device) -> None:
    data = os.urandom(8 << 20)

    async def scenario() -> None:
        async with serving(device, 1, "tcp_server") as wire:
            client = await connected(device, wire)
            wire.held = True
            client.write(data)
            await until(lambda: wire.serial.room == 0)
            drained = asyncio.ensure_future(client.writer.drain())
            await asyncio.wait({drained}, timeout=0.2)
            assert not drained.done(), "the unit swallows megabytes a held line does not take"
            wire.release()
            await until(lambda: len(wire.sent) == len(data))
            assert wire.sent == data

    play(scenario())


def test_a_host_that_stops_reading_stops_the_line_and_nothing_is_lost(device: Device) -> None:
    data = os.urandom(8 << 20)

    async def scenario() -> None:
        async with serving(device, 1, "tcp_server") as wire:
            client = await connected(device, wire)
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]
            wire.say(data)
            left = -1
            while left != wire.unheard:
                left = wire.unheard
                await asyncio.sleep(0.05)
            assert left > len(data) // 2, "the unit swallows megabytes for a host that does not read"
            client.writer.transport.resume_reading()  # type: ignore[attr-defined]
            assert await client.read(len(data)) == data

    play(scenario())


def test_reader_that_stops_loses_bytes(with_defects: MakeDevice) -> None:
    device = with_defects("reader-that-stops-loses-bytes")

    async def scenario() -> None:
        async with serving(device, 1, "tcp_server") as wire:
            client = await connected(device, wire)
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]
            wire.say(bytes(8 << 20))
            await until(lambda: wire.unheard == 0)

    play(scenario())


# First and last connection ------------------------------------------------------------------------------------------


def test_the_first_connection_opens_the_port_and_the_last_closes_it(device: Device) -> None:
    async def scenario() -> None:
        settings = {"flow_control": "rts-cts", "connection_down_rts": "low", "connection_down_dtr": "low"}
        async with serving(device, 1, "tcp_server", max_connection="2", **settings) as wire:
            assert wire.outputs == Output(0)
            first, second = await connected(device, wire), await connected(device, wire)
            assert wire.outputs == BOTH_ON
            assert wire.format.flow == Flow.RTS | Flow.CTS
            first.close()
            wire.say(b"x")
            assert await second.read(1) == b"x"
            assert wire.outputs == BOTH_ON
            second.close()
            await until(lambda: wire.outputs == Output(0))
            assert wire.format.flow == NO_FLOW

    play(scenario())


@pytest.mark.parametrize("line", ["dtr", "rts"])
def test_a_line_set_high_stays_when_the_last_connection_goes(device: Device, line: str) -> None:
    async def scenario() -> None:
        async with serving(device, 1, "tcp_server", **{f"connection_down_{line}": "low"}) as wire:
            client = await connected(device, wire)
            client.close()
            await until(lambda: wire.outputs == (Output.RTS if line == "dtr" else Output.DTR))

    play(scenario())


def test_lines_stay_up_after_last_connection(with_defects: MakeDevice) -> None:
    device = with_defects("lines-stay-up-after-last-connection")

    async def scenario() -> None:
        async with serving(device, 1, "tcp_server", connection_down_dtr="low", flow_control="rts-cts") as wire:
            client = await connected(device, wire)
            client.close()
            await until(lambda: wire.format.flow == NO_FLOW)
            assert wire.outputs == BOTH_ON

    play(scenario())


async def leave_bytes_on_both_sides(device: Device, wire: Wire) -> tuple[Client, bytes]:
    """A host leaves while its bytes are held by CTS; the line talks to nobody; another host comes."""
    first = await connected(device, wire)
    wire.held = True
    wire.set_inputs(Input(0), Hold.CTS)
    first.write(b"old for the line")
    await until(lambda: wire.serial.unsent)
    first.close()
    await until(lambda: not [row for row in device.netstat.rows() if row.state == "connected"])
    wire.say(b"old for the host")
    await until(lambda: wire.unheard == 0)
    second = await connect(device, PORT)
    wire.set_inputs(Input.CTS)
    wire.release()
    second.write(b"new")
    await until(lambda: wire.sent.endswith(b"new"))
    wire.say(b"new")
    return second, await second.piece()


def test_nothing_old_reaches_the_next_connection(device: Device) -> None:
    async def scenario() -> None:
        async with serving(device, 1, "tcp_server", flow_control="rts-cts") as wire:
            _, heard = await leave_bytes_on_both_sides(device, wire)
            assert (bytes(wire.sent), heard) == (b"new", b"new")

    play(scenario())


def test_stale_bytes_after_reconnect(with_defects: MakeDevice) -> None:
    device = with_defects("stale-bytes-after-reconnect")

    async def scenario() -> None:
        async with serving(device, 1, "tcp_server", flow_control="rts-cts") as wire:
            _, heard = await leave_bytes_on_both_sides(device, wire)
            assert wire.sent.startswith(b"old for the line")
            assert heard.startswith(b"old for the host")

    play(scenario())


def test_what_a_host_sent_before_it_left_in_order_still_goes_out(device: Device) -> None:
    async def scenario() -> None:
        async with serving(device, 1, "tcp_server", connection_down_dtr="low") as wire:
            client = await connected(device, wire)
            wire.held = True
            client.write(b"tail")
            await until(lambda: wire.serial.unsent == 4)
            client.close()
            await until(lambda: not [row for row in device.netstat.rows() if row.state == "connected"])
            assert wire.outputs == BOTH_ON
            wire.release()
            await until(lambda: not wire.outputs & Output.DTR)
            assert wire.sent == b"tail"

    play(scenario())


def test_what_a_host_sent_before_it_was_lost_is_dropped(device: Device) -> None:
    async def scenario() -> None:
        async with serving(device, 1, "tcp_server") as wire:
            client = await connected(device, wire)
            wire.held = True
            client.write(b"tail")
            await until(lambda: wire.serial.unsent == 4)
            client.writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
            client.abort()
            await until(lambda: wire.dropped == 4)

    play(scenario())


def test_port_buffering_keeps_what_comes_while_nobody_is_there(device: Device) -> None:
    async def scenario() -> None:
        async with serving(device, 1, "tcp_server", buffering="enable") as wire:
            wire.say(b"kept")
            await until(lambda: wire.serial.buffered == 4)
            client = await connect(device, PORT)
            assert await client.read(4) == b"kept"

    play(scenario())


# Several connections ------------------------------------------------------------------------------------------------


def test_all_hosts_hear_the_line_and_all_may_talk(device: Device) -> None:
    async def scenario() -> None:
        async with serving(device, 1, "tcp_server", max_connection="8") as wire:
            clients = [await connected(device, wire) for _ in range(8)]
            wire.say(b"all")
            assert {await client.read(3) for client in clients} == {b"all"}
            for client in clients:
                client.write(b"one")
            await until(lambda: wire.sent == b"one" * 8)

    play(scenario())


@pytest.mark.parametrize(("defects", "most"), [((), 8), (("ninth-connection-accepted",), 9)])
def test_the_one_too_many_is_closed(with_defects: MakeDevice, defects: tuple[str, ...], most: int) -> None:
    device = with_defects(*defects)

    async def scenario() -> None:
        async with serving(device, 1, "tcp_server", max_connection="8") as wire:
            clients = [await connected(device, wire) for _ in range(most)]
            one_too_many = await connect(device, PORT)
            one_too_many.write(b"nobody")
            assert await one_too_many.is_closed()
            clients[0].close()
            await until(lambda: len([row for row in device.netstat.rows() if row.state == "connected"]) == most - 1)
            await connected(device, wire)
            assert b"nobody" not in wire.sent

    play(scenario())


async def jam_one_of_two(device: Device, wire: Wire) -> tuple[Client, int]:
    """Bytes said, and the client that reads when the other has stopped."""
    reading, stopped = await connected(device, wire), await connected(device, wire)
    stopped.writer.transport.pause_reading()  # type: ignore[attr-defined]
    said = 8 << 20
    wire.say(bytes(said))
    return reading, said


def test_a_jammed_host_stalls_the_others(device: Device) -> None:
    async def scenario() -> None:
        async with serving(device, 1, "tcp_server", max_connection="2") as wire:
            reading, said = await jam_one_of_two(device, wire)
            got = await reading.read(100_000)
            while piece := await next_piece(reading):
                got += piece
            assert len(got) < said

    play(scenario())


async def next_piece(client: Client) -> bytes:
    """What comes within a moment."""
    try:
        return await asyncio.wait_for(client.reader.read(65536), 0.3)
    except TimeoutError:
        return b""


def test_a_jammed_host_is_skipped_when_it_shall_be_ignored(device: Device) -> None:
    async def scenario() -> None:
        async with serving(device, 1, "tcp_server", max_connection="2", ignore_jammed_ip="enable") as wire:
            reading, said = await jam_one_of_two(device, wire)
            assert len(await reading.read(said)) == said

    play(scenario())


def test_jammed_client_stalls_others(with_defects: MakeDevice) -> None:
    device = with_defects("jammed-client-stalls-others")

    async def scenario() -> None:
        async with serving(device, 1, "tcp_server", max_connection="2", ignore_jammed_ip="enable") as wire:
            await jam_one_of_two(device, wire)
            await until(lambda: wire.serial._paused)

    play(scenario())


# Network ports ------------------------------------------------------------------------------------------------------


def test_the_tcp_port_is_the_one_set(device: Device) -> None:
    async def scenario() -> None:
        async with serving(device, 1, "tcp_server", tcp_port="7001", command_port="7002") as wire:
            await connected(device, wire, 7001)
            command = await connect(device, 7002)
            command.write(bytes.fromhex("13 00"))
            assert (await command.read(5))[:2] == b"\x13\x03"

    play(scenario())


def test_tcp_server_port_not_changed(with_defects: MakeDevice) -> None:
    device = with_defects("tcp-server-port-not-changed")

    async def scenario() -> None:
        async with serving(device, 1, "tcp_server", tcp_port="7001") as wire:
            await connected(device, wire, 4001)

    play(scenario())


def anyone() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def test_secure_data_goes_both_ways_in_order(device: Device) -> None:
    there, back = os.urandom(300_000), os.urandom(300_000)

    async def scenario() -> None:
        async with serving(device, 1, "tcp_server", secure="enable") as wire:
            client = await connect(device, PORT, anyone())
            client.write(there)
            wire.say(back)
            assert await client.read(len(back)) == back
            await until(lambda: wire.sent == there)

    play(scenario())


def test_a_plain_host_gets_nowhere_on_a_secure_port(device: Device) -> None:
    async def scenario() -> None:
        async with serving(device, 1, "tcp_server", secure="enable") as wire:
            plain = await connect(device, PORT)
            plain.write(b"hello" * 10)
            await plain.piece()
            assert await plain.is_closed() and not wire.sent

    play(scenario())


def test_secure_port_also_takes_plain(with_defects: MakeDevice) -> None:
    device = with_defects("secure-port-also-takes-plain")

    async def scenario() -> None:
        async with serving(device, 1, "tcp_server", secure="enable", max_connection="3") as wire:
            await connected(device, wire)
            quiet = await connect(device, PORT)
            secure = await connect(device, PORT, anyone())
            secure.write(b"both")
            await until(lambda: wire.sent == b"both")
            await until(lambda: len([row for row in device.netstat.rows() if row.state == "connected"]) == 3)
            wire.say(b"x")
            assert (await quiet.read(1), await secure.read(1)) == (b"x", b"x")

    play(scenario())


@pytest.mark.parametrize(("defects", "works"), [((), False), (("secure-data-port-speaks-tls-1-0",), True)])
def test_old_tls_on_a_data_port(with_defects: MakeDevice, defects: tuple[str, ...], works: bool) -> None:
    device = with_defects(*defects)
    old = anyone()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1
    old.set_ciphers("ALL:@SECLEVEL=0")

    async def scenario() -> bool:
        async with serving(device, 1, "tcp_server", secure="enable"):
            try:
                await connect(device, PORT, old)
            except ssl.SSLError:
                return False
            return True

    assert play(scenario()) is works


# Packing ------------------------------------------------------------------------------------------------------------


def test_packets_leave_by_length_and_the_rest_by_the_timer(device: Device) -> None:
    async def scenario() -> None:
        async with serving(device, 1, "tcp_server", packet_length="4", force_transmit="80") as wire:
            client = await connected(device, wire)
            wire.say(b"abcdef")
            assert await client.piece() == b"abcd"
            started = asyncio.get_running_loop().time()
            assert await client.piece() == b"ef"
            assert asyncio.get_running_loop().time() - started > 0.04

    play(scenario())


def test_the_timer_counts_from_the_last_byte(device: Device) -> None:
    async def scenario() -> None:
        async with serving(device, 1, "tcp_server", force_transmit="150") as wire:
            client = await connected(device, wire)
            for _ in range(4):
                wire.say(b"x")
                await asyncio.sleep(0.06)
            assert await client.piece() == b"xxxx"

    play(scenario())
