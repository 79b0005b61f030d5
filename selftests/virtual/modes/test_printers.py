"""Printer RAW and LPD: jobs go whole and one after the other to a printer of theirs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nportlab.virtual.unit.device import Device
from nportlab.virtual.unit.modes import vigil
from nportlab.virtual.unit.modes.lpd import CarriageReturns
from selftests.virtual.modes.bench import Client, connect, play, serving_all, until

LPD = 515
BIG = bytes(range(256)) * 400
Defective = Callable[..., Device]


def events(device: Device) -> list[str]:
    return [line.split("] ")[1] for line in device.log.lines()]


# RAW ------------------------------------------------------------------------------------------------------------------


def test_a_raw_job_is_printed_whole_and_the_connection_closed(device: Device) -> None:
    async def scenario() -> None:
        async with serving_all(device, "printer_raw", {2: {"raw_group": "3"}}) as wires:
            client = await connect(device, 2050)
            client.write(BIG)
            client.writer.write_eof()
            assert await client.is_closed()
            await until(lambda: wires[2].sent == BIG)
            await until(lambda: events(device) == ["Connect", "Disconnect"])

    play(scenario())


def test_raw_jobs_wait_for_each_other(device: Device) -> None:
    async def scenario() -> None:
        async with serving_all(device, "printer_raw", {1: {}}) as wires:
            first, second = await connect(device, 2048), await connect(device, 2048)
            second.write(b"2" * 100)
            second.writer.write_eof()
            for _ in range(5):
                first.write(b"1" * 100)
                await asyncio.sleep(0)
            await until(lambda: len(wires[1].sent) == 500)
            first.writer.write_eof()
            assert await second.is_closed()
            await until(lambda: wires[1].sent == b"1" * 500 + b"2" * 100)

    play(scenario())


def test_a_free_port_of_the_group_takes_the_job(device: Device) -> None:
    async def scenario() -> None:
        ports = {1: {"raw_group": "1"}, 2: {"raw_group": "1"}, 3: {"raw_group": "2"}}
        async with serving_all(device, "printer_raw", ports) as wires:
            first = await connect(device, 2048)
            first.write(b"one")
            await until(lambda: wires[1].sent == b"one")
            rows = [row.serial_port for row in device.netstat.rows() if row.state == "connected"]
            assert rows == [1]
            second, other = await connect(device, 2048), await connect(device, 2049)
            second.write(b"two")
            other.write(b"three")
            await until(lambda: wires[2].sent == b"two" and wires[3].sent == b"three")

    play(scenario())


def test_a_printer_that_stops_stops_the_client(device: Device) -> None:
    async def scenario() -> None:
        async with serving_all(device, "printer_raw", {1: {}}) as wires:
            wires[1].held = True
            client = await connect(device, 2048)
            client.writer.transport.set_write_buffer_limits(0)
            client.write(BIG * 200)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.writer.drain(), 0.2)
            wires[1].release()
            client.writer.write_eof()
            assert await client.is_closed()
            await until(lambda: bytes(wires[1].sent) == BIG * 200)

    play(scenario())


def test_a_client_that_vanishes_leaves_the_printer_to_the_next(device: Device) -> None:
    async def scenario() -> None:
        async with serving_all(device, "printer_raw", {1: {"append_form_feed": "enable"}}) as wires:
            first = await connect(device, 2048)
            first.write(b"torso")
            await until(lambda: wires[1].sent == b"torso")
            first.abort()
            second = await connect(device, 2048)
            second.write(b"whole")
            second.writer.write_eof()
            assert await second.is_closed()
            await until(lambda: wires[1].sent == b"torso\fwhole\f")

    play(scenario())


def test_a_client_that_vanishes_without_a_word_loses_the_printer(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        monkeypatch.setattr(vigil, "LOOK_SECONDS", 0.01)
        monkeypatch.setattr(vigil, "GRACE_SECONDS", -2.0)  # so that every client counts as gone
        async with serving_all(device, "printer_raw", {1: {"tcp_alive_check": "1"}}) as wires:
            first, second = await connect(device, 2048), await connect(device, 2048)
            assert await first.is_closed()
            second.write(b"whole")
            second.writer.write_eof()
            await until(lambda: wires[1].sent == b"whole")

    play(scenario())


def test_a_waiting_client_that_left_is_no_job(device: Device) -> None:
    async def scenario() -> None:
        async with serving_all(device, "printer_raw", {1: {}}) as wires:
            first, second, third = [await connect(device, 2048) for _ in range(3)]
            second.abort()
            first.write(b"1")
            first.writer.write_eof()
            third.write(b"3")
            await until(lambda: wires[1].sent == b"13")

    play(scenario())


def test_a_taken_port_hurts_no_other_group(device: Device) -> None:
    async def scenario() -> None:
        taken = await asyncio.start_server(lambda *_: None, *device.tcp(2048))
        async with taken, serving_all(device, "printer_raw", {1: {}, 2: {"raw_group": "2"}}) as wires:
            client = await connect(device, 2049)
            client.write(b"x")
            await until(lambda: wires[2].sent == b"x")

    play(scenario())


def test_the_cut_job_is_cut(with_defects: Defective) -> None:
    device = with_defects("raw-printer-job-cut")

    async def scenario() -> None:
        async with serving_all(device, "printer_raw", {1: {}}) as wires:
            client = await connect(device, 2048)
            client.write(BIG)
            client.writer.write_eof()
            assert await client.is_closed()
            await until(lambda: len(wires[1].sent) > 0)
            assert len(wires[1].sent) < len(BIG)

    play(scenario())


# LPD ------------------------------------------------------------------------------------------------------------------

QUEUES = {
    1: {"queue_name_raw": "raw1", "queue_name_ascii": "text1", "append_form_feed": "enable"},
    2: {"queue_name_raw": "raw2", "queue_name_ascii": ""},
}
CONTROL = b"Hpc\nPanna\nJletter\nldfA001pc\nUdfA001pc\nNletter.txt\n"


async def ack(client: Client) -> None:
    assert await client.read(1) == b"\0"


async def receive_job(client: Client, queue: bytes) -> None:
    client.write(b"\x02" + queue + b"\n")
    await ack(client)


async def control_file(client: Client) -> None:
    client.write(b"\x02%d cfA001pc\n" % len(CONTROL))
    await ack(client)
    client.write(CONTROL + b"\0")
    await ack(client)


async def data_file(client: Client, data: bytes) -> None:
    client.write(b"\x03%d dfA001pc\n" % len(data))
    await ack(client)
    client.write(data + b"\0")
    await ack(client)


@pytest.mark.parametrize("order", ["control first", "data first"])
@pytest.mark.parametrize(
    ("queue", "port", "printed"),
    [("raw1", 1, b"a\nb\r\n\f"), ("text1", 1, b"a\r\nb\r\n\f"), ("raw2", 2, b"a\nb\r\n")],
)
def test_a_queue_selects_port_and_line_ends(device: Device, order: str, queue: str, port: int, printed: bytes) -> None:
    async def scenario() -> None:
        async with serving_all(device, "printer_lpd", QUEUES) as wires:
            client = await connect(device, LPD)
            await receive_job(client, queue.encode())
            if order == "control first":
                await control_file(client)
            await data_file(client, b"a\nb\r\n")
            if order == "data first":
                await control_file(client)
            client.close()
            await until(lambda: wires[port].sent == printed)
            assert wires[3 - port].sent == b""

    play(scenario())


@pytest.mark.parametrize("count", [b"0", b"125899906843000"])
def test_a_file_of_unknown_length_lasts_until_the_client_closes(device: Device, count: bytes) -> None:
    async def scenario() -> None:
        async with serving_all(device, "printer_lpd", QUEUES) as wires:
            client = await connect(device, LPD)
            client.write(b"\x02raw2\n\x03" + count + b" dfA001pc\n" + BIG)
            client.writer.write_eof()
            assert await client.read(4) == b"\0\0\0"
            await until(lambda: wires[2].sent == BIG)

    play(scenario())


def test_a_client_that_does_not_wait_for_answers_is_understood(device: Device) -> None:
    async def scenario() -> None:
        async with serving_all(device, "printer_lpd", QUEUES) as wires:
            wires[2].held = True
            client = await connect(device, LPD)
            data = b"\x03%d dfA001pc\n" % len(BIG) + BIG + b"\0"
            client.write(b"\x02raw2\n" + data + b"\x02%d cfA001pc\n" % len(CONTROL) + CONTROL + b"\0" + data)
            assert await client.read(2) == b"\0\0"
            assert await client.is_silent()
            wires[2].release()
            assert await client.read(5) == b"\0" * 5
            await until(lambda: bytes(wires[2].sent) == BIG * 2)

    play(scenario())


@pytest.mark.parametrize("line", [b"\x02nobody\n", b"\x01nobody\n", b"\x05raw1 anna 1\n", b"GET / HTTP/1.0\r\n"])
def test_what_is_not_for_a_queue_here_is_refused(device: Device, line: bytes) -> None:
    async def scenario() -> None:
        async with serving_all(device, "printer_lpd", QUEUES) as wires:
            client = await connect(device, LPD)
            client.write(line)
            assert await client.read(1) == b"\1"
            assert await client.is_closed()
            assert wires[1].sent == wires[2].sent == b""

    play(scenario())


async def state(device: Device, line: bytes) -> str:
    client = await connect(device, LPD)
    client.write(line)
    return (await client.reader.read()).decode()


def test_queue_states(device: Device) -> None:
    async def scenario() -> None:
        async with serving_all(device, "printer_lpd", QUEUES):
            assert await state(device, b"\x03raw1\n") == "raw1: no entries\n"
            assert await state(device, b"\x03nobody\n") == "nobody: unknown queue\n"
            first, second = await connect(device, LPD), await connect(device, LPD)
            await receive_job(first, b"raw1")
            await control_file(first)
            first.write(b"\x0310 dfA001pc\n")
            await ack(first)
            await receive_job(second, b"text1")
            second.write(b"\x037 dfA002pc\n")
            assert await second.is_silent()
            assert await state(device, b"\x03text1\n") == (
                f"text1: 2 jobs\nactive\tanna\tletter.txt\t10 bytes\n1\t{second.address[0]}\tdfA002pc\t7 bytes\n"
            )
            assert "active\tanna\tletter.txt\t10 bytes\tpc\tletter\n" in await state(device, b"\x04raw1\n")

    play(scenario())


def test_an_aborted_job_and_a_vanished_client_leave_the_printer_free(device: Device) -> None:
    async def scenario() -> None:
        async with serving_all(device, "printer_lpd", QUEUES) as wires:
            aborting = await connect(device, LPD)
            await receive_job(aborting, b"raw2")
            await control_file(aborting)
            aborting.write(b"\x01\n")
            await ack(aborting)
            vanishing = await connect(device, LPD)
            await receive_job(vanishing, b"raw2")
            vanishing.write(b"\x03100 dfA001pc\n")
            await ack(vanishing)
            vanishing.write(b"torso ")
            await until(lambda: wires[2].sent == b"torso ")
            vanishing.close()
            last = await connect(device, LPD)
            await receive_job(last, b"raw2")
            await data_file(last, b"whole")
            await until(lambda: wires[2].sent == b"torso whole")

    play(scenario())


def test_a_file_the_client_gave_up_is_not_acknowledged(device: Device) -> None:
    async def scenario() -> None:
        async with serving_all(device, "printer_lpd", QUEUES):
            client = await connect(device, LPD)
            client.write(b"\x02raw2\n\x031 dfA001pc\nx\x01")
            assert await client.read(3) == b"\0\0\1"

    play(scenario())


def test_the_ignored_queue_name(with_defects: Defective) -> None:
    device = with_defects("lpd-queue-name-ignored")

    async def scenario() -> None:
        async with serving_all(device, "printer_lpd", QUEUES) as wires:
            for queue in (b"raw2", b"nobody"):
                client = await connect(device, LPD)
                await receive_job(client, queue)
                await data_file(client, b"a\n")
            await until(lambda: wires[1].sent == b"a\n\fa\n\f")

    play(scenario())


@given(st.lists(st.binary(max_size=6).map(lambda data: data.replace(b"a", b"\r").replace(b"b", b"\n"))))
def test_line_ends_are_mapped_the_same_over_any_cut(parts: list[bytes]) -> None:
    mapped = CarriageReturns()
    assert b"".join(map(mapped, parts)) == b"".join(parts).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


@given(st.lists(st.sampled_from([b"\r", b"\n", b"x", b"\r\n"]), max_size=8))
def test_line_ends(parts: list[bytes]) -> None:
    mapped = CarriageReturns()
    text = b"".join(map(mapped, parts))
    assert text.count(b"\n") == text.count(b"\r\n") == b"".join(parts).count(b"\n")
