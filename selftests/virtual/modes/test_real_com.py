"""Real COM mode as a host's driver sees it: session, commands, notices, alive polling, several hosts.

Long, because every command of the driver has its test here, on one bench.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from nportlab.protocol import real_com as rc
from nportlab.protocol.real_com_replies import (
    Accepted,
    AlivePoll,
    BreaksCounted,
    ErrorsSeen,
    Event,
    FlushStarted,
    Held,
    Lines,
    ModemLines,
    Notify,
    QueueLength,
    Refused,
    Replies,
    Reply,
)
from nportlab.protocol.serial_wire import NO_FLOW, Flow, Hold, Input, Output
from nportlab.virtual.unit.device import Device
from selftests.virtual.modes.bench import Client, Wire, connect, play, serving, until

DATA, COMMAND = 950, 966
MakeDevice = Callable[..., Device]


class CommandClient:
    """A command connection, its replies and notices apart."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.notices: list[Notify] = []
        self.polls: list[int] = []
        self._replies = Replies()
        self._heard: list[Reply] = []

    def send(self, *commands: rc.Command) -> None:
        self.client.write(b"".join(command.encode() for command in commands))

    async def hear(self) -> Reply:
        """The next reply; notices and polls are put aside."""
        while not self._heard:
            await self.listen()
        return self._heard.pop(0)

    async def listen(self) -> None:
        """Take what one read brings. Raises ConnectionError at the end."""
        data = await self.client.piece()
        if not data:
            raise ConnectionError("closed")
        for reply in self._replies.feed(data):
            if isinstance(reply, Notify):
                self.notices.append(reply)
            elif isinstance(reply, AlivePoll):
                self.polls.append(reply.number)
            else:
                self._heard.append(reply)

    async def notice(self) -> Notify:
        """The next notice."""
        while not self.notices:
            await self.listen()
        return self.notices.pop(0)

    async def ask(self, command: rc.Command) -> Reply:
        """Its reply."""
        self.send(command)
        return await self.hear()


@dataclass
class Session:
    """Both connections of a host, and the far end of the line."""

    wire: Wire
    data: Client
    command: CommandClient

    async def ask(self, command: rc.Command) -> Reply:
        return await self.command.ask(command)


async def host(device: Device) -> tuple[Client, CommandClient]:
    """Connect as the driver does: command port first."""
    command = CommandClient(await connect(device, COMMAND))
    return await connect(device, DATA), command


@asynccontextmanager
async def session(device: Device, **settings: str) -> AsyncIterator[Session]:
    """A port in Real COM mode with its first host, nothing sent yet."""
    async with serving(device, 1, "real_com", **settings) as wire:
        data, command = await host(device)
        await until(lambda: wire.outputs and len(wire.formats) > 1)
        yield Session(wire, data, command)


# Session ------------------------------------------------------------------------------------------------------------


def test_a_session_as_the_driver_opens_it(device: Device) -> None:
    async def scenario() -> None:
        async with session(device) as one:
            one.wire.set_inputs(Input.DSR | Input.CTS)
            one.command.client.write(bytes.fromhex("2C 08 06 03 01 01 00 00 00 00"))
            reply = await one.command.client.read(9)
            assert reply == bytes.fromhex("2C 03 01 01 00 26 20 33 80")
            assert await one.ask(rc.TxFifo(16)) == Accepted(rc.Code.TX_FIFO)
            assert await one.ask(rc.WaitOutputQueue(10_000)) == QueueLength(rc.Code.WAIT_OQUEUE, 0)
            assert (one.wire.format.baud, one.wire.format.data_bits, one.wire.format.parity) == (9600, 8, "none")
            one.data.write(b"out")
            await until(lambda: one.wire.sent == b"out")
            one.wire.say(b"in")
            assert await one.data.read(2) == b"in"

    play(scenario())


def test_the_write_after_a_reconnect_is_answered_frame_by_frame(device: Device) -> None:
    async def scenario() -> None:
        async with session(device) as one:
            one.command.send(
                rc.PortInit(rc.Format(None, 7, "even"), flow=rc.FlowControl(xon_out=True, xon_in=True)),
                rc.SetBaud(250_000),
                rc.XonXoff(0x01, 0x02),
                rc.TxFifo(1),
                rc.LineControl(dtr=False, rts=True),
            )
            answers = [await one.command.hear() for _ in range(5)]
            assert isinstance(answers[0], Lines)
            assert answers[1:] == [
                Accepted(rc.Code.SETBAUD),
                Accepted(rc.Code.XONXOFF),
                Accepted(rc.Code.TX_FIFO),
                Accepted(rc.Code.LINECTRL),
            ]
            line = one.wire.format
            assert (line.baud, line.data_bits, line.parity, line.xon, line.xoff) == (250_000, 7, "even", 1, 2)
            assert line.flow == Flow.XON_OUT | Flow.XON_IN
            assert one.wire.outputs == Output.RTS

    play(scenario())


def test_commands_wait_for_the_data_connection(device: Device) -> None:
    async def scenario() -> None:
        async with serving(device, 1, "real_com") as wire:
            command = CommandClient(await connect(device, COMMAND))
            command.send(rc.PortInit(rc.Format(2400)), rc.TxFifo())
            assert await command.client.is_silent()
            await connect(device, DATA)
            assert isinstance(await command.hear(), Lines)
            assert await command.hear() == Accepted(rc.Code.TX_FIFO)
            assert wire.format.baud == 2400

    play(scenario())


@pytest.mark.parametrize("lost", ["data", "command"])
def test_both_connections_end_together(device: Device, lost: str) -> None:
    async def scenario() -> None:
        async with session(device) as one:
            (one.data if lost == "data" else one.command.client).close()
            other = one.command.client if lost == "data" else one.data
            while await other.piece():
                pass
            data, command = await host(device)
            assert isinstance(await command.ask(rc.LineStatus()), Lines)
            data.write(b"again")
            await until(lambda: one.wire.sent == b"again")

    play(scenario())


def test_the_second_host_is_turned_away(device: Device) -> None:
    async def scenario() -> None:
        async with session(device):
            data, command = await host(device)
            assert await data.is_closed() and await command.client.is_closed()

    play(scenario())


# Commands -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (rc.Ioctl(rc.Format(19200, 7, "odd", 2)), Accepted(rc.Code.IOCTL)),
        (rc.FlowControl(cts=True, rts=True), Accepted(rc.Code.FLOWCTRL)),
        (rc.LineControl(dtr=True, rts=False), Accepted(rc.Code.LINECTRL)),
        (rc.Flush(rc.Queues.BOTH), Accepted(rc.Code.FLUSH)),
        (rc.InputQueue(), QueueLength(rc.Code.IQUEUE, 0)),
        (rc.OutputQueue(), QueueLength(rc.Code.OQUEUE, 0)),
        (rc.SetBaud(50), Accepted(rc.Code.SETBAUD)),
        (rc.SetBaud(921_600), Accepted(rc.Code.SETBAUD)),
        (rc.SetBaud(49), Refused(rc.Code.SETBAUD)),
        (rc.SetBaud(921_601), Refused(rc.Code.SETBAUD)),
        (rc.XonXoff(), Accepted(rc.Code.XONXOFF)),
        (rc.Reset(), Accepted(rc.Code.RESET)),
        (rc.BreakOn(), Accepted(rc.Code.BREAK_ON)),
        (rc.BreakOff(), Accepted(rc.Code.BREAK_OFF)),
        (rc.BreakSend(10), Accepted(rc.Code.BREAKSEND)),
        (rc.NotifyOn(), Accepted(rc.Code.NOTIFY_ON)),
        (rc.NotifyOff(), Accepted(rc.Code.NOTIFY_OFF)),
        (rc.PortInit(rc.Format(), user="somebody"), Lines(rc.Code.PORT_INIT, False, False, False)),
        (rc.WaitOutputQueue(0), QueueLength(rc.Code.WAIT_OQUEUE, 0)),
        (rc.TxFifo(1), Accepted(rc.Code.TX_FIFO)),
        (rc.DsrSense(True), Accepted(rc.Code.DSR_SEN)),
        (rc.SetXon(), Accepted(rc.Code.SETXON)),
        (rc.SetXoff(), Accepted(rc.Code.SETXOFF)),
        (rc.FlushStart(rc.Queues.BOTH, 100), FlushStarted(0)),
        (rc.FlushStop(), Accepted(rc.Code.FLUSH_STOP)),
        (rc.BreakCount(), BreaksCounted(0)),
        (rc.DataStatus(), ErrorsSeen(Event(0))),
        (rc.LineStatus(), Lines(rc.Code.LSTATUS, False, False, False)),
    ],
)
def test_every_command_is_answered(device: Device, command: rc.Command, answer: Reply) -> None:
    async def scenario() -> None:
        async with session(device) as one:
            assert await one.ask(command) == answer

    play(scenario())


@pytest.mark.parametrize(
    "frame",
    [
        "99 00", "29 00", "31 02 00 00", "13 01 00", "10 01 06", "10 02 06 38", "2C 07 06 03 01 01 00 00 00",
        "14 01 03", "23 02 00 09", "23 02 03 E9", "28 01 07", "30 01",
    ],
)  # fmt: skip
def test_what_is_no_command_is_met_with_silence(device: Device, frame: str) -> None:
    async def scenario() -> None:
        async with session(device) as one:
            one.command.client.write(bytes.fromhex(frame))
            assert await one.command.client.is_silent()
            assert await one.ask(rc.TxFifo()) == Accepted(rc.Code.TX_FIFO)

    play(scenario())


def test_what_commands_do_to_the_line(device: Device) -> None:
    async def scenario() -> None:
        async with session(device) as one:
            await one.ask(rc.Ioctl(rc.Format(19200, 7, "odd", 2)))
            line = one.wire.format
            assert (line.baud, line.data_bits, line.parity, line.stop_bits) == (19200, 7, "odd", 2)
            await one.ask(rc.FlowControl(cts=True, rts=True))
            assert one.wire.format.flow == Flow.CTS | Flow.RTS
            await one.ask(rc.SetXoff())
            await one.ask(rc.SetXon())
            assert one.wire.forced == [False, True]
            await one.ask(rc.Ioctl(rc.Format(None)))
            assert one.wire.format.baud == 38400

    play(scenario())


@pytest.mark.parametrize(("setting", "stays"), [("rts-toggle", Flow.TOGGLE), ("dtr-dsr", Flow.DTR | Flow.DSR)])
def test_flow_control_no_command_knows_stays(device: Device, setting: str, stays: Flow) -> None:
    async def scenario() -> None:
        async with session(device, flow_control=setting) as one:
            await one.ask(rc.PortInit(rc.Format(), flow=rc.FlowControl(xon_out=True)))
            assert one.wire.format.flow == stays | Flow.XON_OUT

    play(scenario())


def test_breaks(device: Device) -> None:
    async def scenario() -> None:
        async with session(device) as one:
            await one.ask(rc.BreakOn())
            await one.ask(rc.BreakOff())
            started = asyncio.get_running_loop().time()
            one.command.send(rc.BreakSend(120), rc.TxFifo())
            assert await one.command.hear() == Accepted(rc.Code.BREAKSEND)
            assert asyncio.get_running_loop().time() - started > 0.1
            assert await one.command.hear() == Accepted(rc.Code.TX_FIFO)
            assert one.wire.breaks == [0xFFFF, 0, 120]

    play(scenario())


def test_received_breaks_and_line_errors_are_counted_until_asked_for(device: Device) -> None:
    async def scenario() -> None:
        async with session(device) as one:
            one.wire.send_break(0.2)
            one.wire.send_break(0.2)
            one.wire.spoil(parity=3)
            one.wire.spoil(framing=1, overrun=1)
            errors = Event.PARITY_ERROR | Event.FRAMING_ERROR | Event.SOFTWARE_OVERRUN
            assert await one.ask(rc.BreakCount()) == BreaksCounted(2)
            assert await one.ask(rc.DataStatus()) == ErrorsSeen(errors)
            assert await one.ask(rc.BreakCount()) == BreaksCounted(0)
            assert await one.ask(rc.DataStatus()) == ErrorsSeen(Event(0))
            assert (await one.command.notice()).events & 0x1F == errors | Event.BREAK

    play(scenario())


async def fill(one: Session, count: int) -> None:
    """Let that many bytes wait for a line that takes none."""
    one.wire.held = True
    one.data.write(bytes(count))
    await until(lambda: one.wire.serial.room == 0)


def test_waiting_for_the_output_is_answered_when_all_is_sent(device: Device) -> None:
    async def scenario() -> None:
        async with session(device) as one:
            await fill(one, 200_000)
            one.command.send(rc.WaitOutputQueue(20_000))
            assert await one.command.client.is_silent()
            one.wire.release()
            assert await one.command.hear() == QueueLength(rc.Code.WAIT_OQUEUE, 0)
            assert len(one.wire.sent) == 200_000

    play(scenario())


def test_a_flood_of_waits_is_cut_off(device: Device) -> None:
    async def scenario() -> None:
        async with session(device) as one:
            await fill(one, 5000)
            one.command.send(*[rc.WaitOutputQueue(10_000)] * 100)
            assert await one.ask(rc.TxFifo()) == Accepted(rc.Code.TX_FIFO)
            one.wire.release()
            answers = await one.command.client.read(4 * 32)
            assert answers == QueueLength(rc.Code.WAIT_OQUEUE, 0).encode() * 32
            assert await one.command.client.is_silent()

    play(scenario())


@pytest.mark.parametrize(("defects", "swapped"), [((), False), (("real-com-wait-oqueue-big-endian",), True)])
def test_waiting_in_vain_tells_what_is_left(with_defects: MakeDevice, defects: tuple[str, ...], swapped: bool) -> None:
    device = with_defects(*defects)

    async def scenario() -> None:
        async with session(device) as one:
            await fill(one, 5000)
            started = asyncio.get_running_loop().time()
            left = 5000 if not swapped else int.from_bytes((5000).to_bytes(2, "big"), "little")
            assert await one.ask(rc.WaitOutputQueue(250)) == QueueLength(rc.Code.WAIT_OQUEUE, left)
            assert 0.15 < asyncio.get_running_loop().time() - started < 2

    play(scenario())


def test_other_commands_are_answered_while_one_waits_for_the_output(device: Device) -> None:
    async def scenario() -> None:
        async with session(device) as one:
            await fill(one, 10_000)
            one.command.send(rc.WaitOutputQueue(10_000))
            assert await one.ask(rc.OutputQueue()) == QueueLength(rc.Code.OQUEUE, 4096)
            assert await one.ask(rc.Flush(rc.Queues.TRANSMIT)) == Accepted(rc.Code.FLUSH)
            assert await one.command.hear() == QueueLength(rc.Code.WAIT_OQUEUE, 0)

    play(scenario())


@pytest.mark.parametrize(("defects", "flushed"), [((), True), (("real-com-flush-flushes-nothing",), False)])
@pytest.mark.parametrize("queues", [rc.Queues.TRANSMIT, rc.Queues.BOTH])
def test_flushing_output_drops_what_is_not_read_yet_too(
    with_defects: MakeDevice, defects: tuple[str, ...], flushed: bool, queues: rc.Queues
) -> None:
    device = with_defects(*defects)

    async def scenario() -> None:
        async with session(device) as one:
            await fill(one, 600_000)
            await until(lambda: one.data.writer.transport.get_write_buffer_size() == 0 or one.wire.serial.room == 0)
            await one.ask(rc.Flush(queues))
            one.wire.release()
            one.data.write(b"END")
            await until(lambda: one.wire.sent.endswith(b"END"))
            assert (len(one.wire.sent) < 500_000) is flushed

    play(scenario())


def test_flushing_input(device: Device) -> None:
    async def scenario() -> None:
        async with session(device) as one:
            one.wire.serial.pause()
            one.wire.say(b"old")
            await until(lambda: one.wire.serial.waiting == 3)
            assert await one.ask(rc.InputQueue()) == QueueLength(rc.Code.IQUEUE, 3)
            await one.ask(rc.Flush(rc.Queues.RECEIVE))
            one.wire.serial.resume()
            one.wire.say(b"new")
            assert await one.data.piece() == b"new"

    play(scenario())


# Notices ------------------------------------------------------------------------------------------------------------


def test_changes_of_lines_and_hold_are_told(device: Device) -> None:
    async def scenario() -> None:
        async with session(device) as one:
            one.wire.set_inputs(Input.CTS | Input.DSR)
            both = ModemLines.CTS | ModemLines.DSR
            await one.ask(rc.NotifyOn())
            assert await one.command.notice() == Notify(Event.MODEM_STATUS, both, both)
            one.wire.set_inputs(Input.CTS | Input.DSR | Input.DCD)
            assert await one.command.notice() == Notify(Event.MODEM_STATUS, both | ModemLines.DCD, ModemLines.DCD)
            one.wire.set_inputs(Input.DSR | Input.DCD, Hold.CTS)
            assert await one.command.notice() == Notify(
                Event.MODEM_STATUS, ModemLines.DSR | ModemLines.DCD, ModemLines.CTS, Held.CTS | Held.NEW_VERSION
            )

    play(scenario())


def test_a_burst_of_changes_makes_one_notice_that_knows_them_all(device: Device) -> None:
    async def scenario() -> None:
        async with session(device) as one:
            await one.ask(rc.LineStatus())
            for inputs in (Input.CTS, Input(0), Input.DSR, Input(0)):
                one.wire.set_inputs(inputs)
            assert await one.command.notice() == Notify(
                Event.MODEM_STATUS, ModemLines(0), ModemLines.CTS | ModemLines.DSR
            )
            assert await one.command.client.is_silent(0.25)

    play(scenario())


def test_notices_come_without_being_asked_for_and_not_faster_than_every_100_ms(device: Device) -> None:
    async def scenario() -> None:
        async with session(device) as one:
            moments: list[float] = []
            for step in range(6):
                one.wire.set_inputs(Input.CTS if step % 2 == 0 else Input(0))
                await one.command.notice()
                moments.append(asyncio.get_running_loop().time())
            assert all(later - earlier > 0.08 for earlier, later in itertools.pairwise(moments))

    play(scenario())


def test_real_com_notify_silent(with_defects: MakeDevice) -> None:
    device = with_defects("real-com-notify-silent")

    async def scenario() -> None:
        async with session(device) as one:
            one.wire.set_inputs(Input.CTS)
            assert await one.ask(rc.LineStatus()) == Lines(rc.Code.LSTATUS, dsr=False, cts=True, dcd=False)
            assert await one.command.client.is_silent(0.3)

    play(scenario())


# Alive polling; the device's minutes take a second, so 40 s are two thirds of one ----------------------------------


def test_a_host_that_answers_is_polled_again_and_kept(device: Device) -> None:
    async def scenario() -> None:
        async with session(device) as one:
            await one.ask(rc.PortInit(rc.Format()))
            for number in (1, 2):
                while number not in one.command.polls:
                    await one.command.listen()
                one.command.send(rc.AliveAnswer(number))
            assert await one.ask(rc.TxFifo()) == Accepted(rc.Code.TX_FIFO)

    play(scenario())


def test_a_host_that_does_not_answer_loses_both_connections(device: Device) -> None:
    async def scenario() -> None:
        async with session(device) as one:
            await one.ask(rc.NotifyOn())
            with pytest.raises(ConnectionError):
                while True:
                    await one.command.listen()
            assert one.command.polls == [1, 2, 3, 4]
            assert await one.data.is_closed()

    play(scenario())


@pytest.mark.parametrize("why", ["no notify", "switched off", "traffic", "defect"])
def test_no_polls(with_defects: MakeDevice, why: str) -> None:
    device = with_defects(*(["real-com-alive-not-polled"] if why == "defect" else []))

    async def scenario() -> None:
        async with session(device) as one:
            if why != "no notify":
                await one.ask(rc.NotifyOn())
            if why == "switched off":
                await one.ask(rc.NotifyOff())
            for _ in range(5):
                if why == "traffic":
                    one.wire.say(b"x")
                assert await one.command.client.is_silent(0.3)

    play(scenario())


# Breaks without a data session (CVE-2026-10831) ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("firmware", "defects", "acts"),
    [
        ("2.3", (), True),
        ("1.21", (), True),
        ("2.3.9", (), False),
        ("2.3.9", ("break-without-data-session",), True),
    ],
)
def test_a_break_without_data_session(
    with_defects: MakeDevice, firmware: str, defects: tuple[str, ...], acts: bool
) -> None:
    device = with_defects(*defects, firmware=firmware)

    async def scenario() -> None:
        async with serving(device, 1, "real_com") as wire:
            command = CommandClient(await connect(device, COMMAND))
            command.send(rc.TxFifo(), rc.BreakSend(20))
            if acts:
                assert await command.hear() == Accepted(rc.Code.BREAKSEND)
                assert wire.breaks == [20]
            else:
                assert await command.client.is_silent()
                assert wire.breaks == []
            await connect(device, DATA)
            assert await command.hear() == Accepted(rc.Code.TX_FIFO)
            await until(lambda: wire.breaks == [20])

    play(scenario())


# More than one host -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "defects", "acts"),
    [
        ({}, (), False),
        ({"allow_driver_control": "enable"}, (), True),
        ({}, ("driver-control-without-permission",), True),
    ],
)
def test_with_several_hosts_only_permission_moves_the_line(
    with_defects: MakeDevice, settings: dict[str, str], defects: tuple[str, ...], acts: bool
) -> None:
    device = with_defects(*defects)

    async def scenario() -> None:
        async with session(device, max_connection="2", baud_rate="9600", **settings) as one:
            assert isinstance(await one.ask(rc.PortInit(rc.Format(2400))), Lines)
            assert (one.wire.format.baud == 2400) is acts
            assert await one.ask(rc.SetBaud(1200)) == Accepted(rc.Code.SETBAUD)
            assert (one.wire.format.baud == 1200) is acts
            assert await one.ask(rc.LineControl(dtr=False, rts=False)) == Accepted(rc.Code.LINECTRL)
            assert (one.wire.outputs == Output(0)) is acts
            assert await one.ask(rc.BreakOn()) == Accepted(rc.Code.BREAK_ON)
            assert bool(one.wire.breaks) is acts

    play(scenario())


def test_with_several_hosts_queues_are_nobodys(device: Device) -> None:
    async def scenario() -> None:
        async with session(device, max_connection="2", allow_driver_control="enable") as one:
            await fill(one, 8000)
            one.command.send(rc.Reset())
            assert await one.ask(rc.Flush(rc.Queues.BOTH)) == Accepted(rc.Code.FLUSH)
            assert await one.ask(rc.WaitOutputQueue(5000)) == QueueLength(rc.Code.WAIT_OQUEUE, 0)
            assert await one.ask(rc.FlushStart(rc.Queues.BOTH, 5000)) == FlushStarted(0)
            one.wire.release()
            await until(lambda: len(one.wire.sent) == 8000)

    play(scenario())


# Seeded defects of the data -----------------------------------------------------------------------------------------


def test_real_com_data_one_way(with_defects: MakeDevice) -> None:
    device = with_defects("real-com-data-one-way")

    async def scenario() -> None:
        async with session(device) as one:
            one.data.write(b"out")
            await until(lambda: one.wire.sent == b"out")
            one.wire.say(b"in")
            assert await one.data.is_silent()

    play(scenario())


def test_real_com_port_dead_after_reconnect(with_defects: MakeDevice) -> None:
    device = with_defects("real-com-port-dead-after-reconnect")

    async def scenario() -> None:
        async with session(device) as one:
            one.data.write(b"out")
            await until(lambda: one.wire.sent == b"out")
            one.data.close()
            await until(lambda: one.wire.format.flow == NO_FLOW and not one.wire.serial.unsent)
            while await one.command.client.piece():
                pass
            data, command = await host(device)
            assert isinstance(await command.ask(rc.LineStatus()), Lines)
            data.write(b"more")
            one.wire.say(b"in")
            assert await data.is_silent()
            assert one.wire.sent == b"out"

    play(scenario())


def test_a_secure_session_has_a_plain_command_port(device: Device) -> None:
    anyone = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anyone.check_hostname = False
    anyone.verify_mode = ssl.CERT_NONE
    back = os.urandom(50_000)

    async def scenario() -> None:
        async with serving(device, 1, "real_com", secure="enable") as wire:
            command = CommandClient(await connect(device, COMMAND))
            command.send(rc.PortInit(rc.Format()))
            data = await connect(device, DATA, anyone)
            assert isinstance(await command.hear(), Lines)
            wire.say(back)
            assert await data.read(len(back)) == back

    play(scenario())
