"""RFC2217 mode, by the octets of the RFC; pyserial meets it in test_rfc2217_pyserial.py.

Long, because every command of the RFC has its test here, on one bench.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nportlab.protocol.line_format import RX_ROOM
from nportlab.protocol.rfc2217 import Code, Control, Message, Purge, decode, message
from nportlab.protocol.serial_wire import NO_FLOW, Flow, Input, Output
from nportlab.protocol.telnet_options import (
    Command,
    Data,
    Event,
    Negotiation,
    Option,
    Subnegotiation,
    TelnetDecoder,
    escape,
    negotiation,
)
from nportlab.virtual.unit.device import Device
from selftests.virtual.modes.bench import Client, Wire, connect, play, serving, until

Defective = Callable[..., Device]
ALL = bytes(range(256)) * 64
BREAK_STARTS, BREAK_ENDS = 0xFFFF, 0


class Host:
    """A client that understands Telnet."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.data = b""
        self.negotiated: list[Negotiation] = []
        self.told: list[Message] = []
        self._decoder = TelnetDecoder()

    def send(self, sent: Message | bytes) -> None:
        self.client.write(sent.encode() if isinstance(sent, Message) else sent)

    async def listen(self) -> None:
        """Take what one read brings."""
        octets = await self.client.piece()
        assert octets, "the unit closed the connection"
        for event in self._decoder.feed(octets):
            self._take(event)

    def _take(self, event: Event) -> None:
        match event:
            case Data(octets):
                self.data += octets
            case Negotiation():
                self.negotiated.append(event)
            case Subnegotiation():
                assert event.option == Option.COM_PORT
                self.told.append(decode(event.payload))
            case _:
                raise AssertionError(event)

    async def ask(self, code: Code, number: int | None = None) -> int:
        """Send a message; the number in the unit's answer."""
        self.send(Message(code) if number is None else message(code, number))
        return (await self.hear(code)).number

    async def hear(self, code: Code) -> Message:
        """The next message with that code."""
        while not (found := [one for one in self.told if one.code == code]):
            await self.listen()
        self.told.remove(found[0])
        assert found[0].from_server
        return found[0]

    async def reads(self, expected: bytes) -> None:
        while len(self.data) < len(expected):
            await self.listen()
        assert self.data == expected
        self.data = b""


@asynccontextmanager
async def session(device: Device, *, agree: bool = True, **settings: str) -> AsyncIterator[tuple[Wire, Host]]:
    async with serving(device, 1, "rfc2217", None, **settings) as wire:
        wire.set_inputs(Input.CTS | Input.DSR)
        host = Host(await connect(device, 4001))
        if agree:
            host.send(negotiation(Command.WILL, Option.COM_PORT))
            await host.hear(Code.NOTIFY_MODEMSTATE)
        yield wire, host
        host.client.close()


# Telnet ---------------------------------------------------------------------------------------------------------------


def test_options_are_offered_once_and_negotiation_ends(device: Device) -> None:
    async def scenario() -> None:
        async with session(device, agree=False) as (_, host):
            offers = [Negotiation(Command.WILL, option) for option in (0, 3, 1)]
            asks = [Negotiation(Command.DO, option) for option in (0, 3, 44)]
            while len(host.negotiated) < 6:
                await host.listen()
            assert host.negotiated == offers + asks
            host.negotiated.clear()
            for option in (0, 1, 3):
                host.send(negotiation(Command.DO, option))
                host.send(negotiation(Command.WILL, option))
            host.send(negotiation(Command.WILL, 44) + negotiation(Command.DO, 44) + negotiation(Command.DO, 24))
            await host.hear(Code.NOTIFY_MODEMSTATE)
            while len(host.negotiated) < 3:
                await host.listen()
            assert host.negotiated == [
                Negotiation(Command.DONT, 1),
                Negotiation(Command.WILL, 44),
                Negotiation(Command.WONT, 24),
            ]
            assert await host.client.is_silent()

    play(scenario())


@pytest.mark.parametrize("piece", [1, 3, 1000, len(ALL) * 2])
def test_every_byte_passes_both_ways_over_any_cut(device: Device, piece: int) -> None:
    async def scenario() -> None:
        async with session(device) as (wire, host):
            data = ALL[: 2000 * piece]
            stream = escape(data)
            for start in range(0, len(stream), piece):
                host.send(stream[start : start + piece])
                await host.client.writer.drain()
            await until(lambda: len(wire.sent) >= len(data))
            assert wire.sent == data
            wire.say(ALL)
            await host.reads(ALL)

    play(scenario())


def test_data_around_messages_stays_in_order(device: Device) -> None:
    async def scenario() -> None:
        async with session(device) as (wire, host):
            host.send(b"a\xff\xff" + message(Code.SET_BAUDRATE, 0xFF00).encode() + b"b\xff\xff")
            assert (await host.hear(Code.SET_BAUDRATE)).number == 0xFF00
            await until(lambda: wire.sent == b"a\xffb\xff")

    play(scenario())


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200).map(lambda data: data.replace(b"a", b"\xff").replace(b"b", b"\xff\xfa\x2c")))
def test_garbage_does_no_harm(device: Device, garbage: bytes) -> None:
    async def scenario() -> None:
        async with session(device) as (_, host):
            end = bytes([0xFF, Command.SE])
            host.send(garbage + end * 2 + message(Code.SET_BAUDRATE, 300).encode())
            while await host.ask(Code.SET_BAUDRATE, 4800) != 4800:
                pass

    play(scenario())


# Settings -------------------------------------------------------------------------------------------------------------


def test_format_is_asked_for_and_set(device: Device) -> None:
    async def scenario() -> None:
        async with session(device) as (wire, host):
            assert await host.ask(Code.SET_BAUDRATE, 0) == 115200
            assert await host.ask(Code.SET_DATASIZE, 0) == 8
            assert await host.ask(Code.SET_PARITY, 0) == 1
            assert await host.ask(Code.SET_STOPSIZE, 0) == 1
            for baud in (50, 12345, 921600):
                assert await host.ask(Code.SET_BAUDRATE, baud) == wire.format.baud == baud
            for bits in (5, 6, 7, 8):
                assert await host.ask(Code.SET_DATASIZE, bits) == wire.format.data_bits == bits
            for code, parity in enumerate(("none", "odd", "even", "mark", "space"), 1):
                assert await host.ask(Code.SET_PARITY, code) == code
                assert wire.format.parity == parity
            for code, stop in ((1, 1), (2, 2), (3, 1.5)):
                assert await host.ask(Code.SET_STOPSIZE, code) == code
                assert wire.format.stop_bits == stop

    play(scenario())


@pytest.mark.parametrize(
    ("code", "value", "in_force"),
    [
        (Code.SET_BAUDRATE, 49, 115200),
        (Code.SET_BAUDRATE, 0xFFFFFFFF, 115200),
        (Code.SET_DATASIZE, 4, 8),
        (Code.SET_PARITY, 6, 1),
        (Code.SET_STOPSIZE, 4, 1),
        (Code.SET_CONTROL, Control.DCD_FLOW, Control.NO_FLOW),
    ],
)
def test_what_the_port_cannot_do_is_answered_with_what_is_in_force(
    device: Device, code: Code, value: int, in_force: int
) -> None:
    async def scenario() -> None:
        async with session(device) as (wire, host):
            before = wire.format
            assert await host.ask(code, value) == in_force
            assert wire.format == before

    play(scenario())


def test_flow_control_each_way(device: Device) -> None:
    async def scenario() -> None:
        async with session(device) as (wire, host):

            async def control(value: Control) -> tuple[Control, Flow]:
                return Control(await host.ask(Code.SET_CONTROL, value)), wire.format.flow

            assert await control(Control.ASK_FLOW) == (Control.NO_FLOW, NO_FLOW)
            assert await control(Control.HARDWARE) == (Control.HARDWARE, Flow.CTS | Flow.RTS)
            assert await control(Control.ASK_INBOUND_FLOW) == (Control.INBOUND_HARDWARE, Flow.CTS | Flow.RTS)
            assert await control(Control.INBOUND_XON_XOFF) == (Control.INBOUND_XON_XOFF, Flow.CTS | Flow.XON_IN)
            assert await control(Control.ASK_FLOW) == (Control.HARDWARE, Flow.CTS | Flow.XON_IN)
            assert await control(Control.XON_XOFF) == (Control.XON_XOFF, Flow.XON_OUT | Flow.XON_IN)
            assert await control(Control.DSR_FLOW) == (Control.DSR_FLOW, Flow.DSR | Flow.DTR)
            assert await control(Control.INBOUND_NO_FLOW) == (Control.INBOUND_NO_FLOW, Flow.DSR)
            assert await control(Control.INBOUND_DTR_FLOW) == (Control.INBOUND_DTR_FLOW, Flow.DSR | Flow.DTR)
            assert await control(Control.INBOUND_HARDWARE) == (Control.INBOUND_HARDWARE, Flow.DSR | Flow.RTS)
            assert await control(Control.NO_FLOW) == (Control.NO_FLOW, NO_FLOW)

    play(scenario())


def test_rts_toggle_of_the_settings_stays(device: Device) -> None:
    async def scenario() -> None:
        async with session(device, flow_control="rts-toggle") as (wire, host):
            assert await host.ask(Code.SET_CONTROL, Control.NO_FLOW) == Control.NO_FLOW
            assert wire.format.flow == Flow.TOGGLE

    play(scenario())


def test_break_and_lines(device: Device) -> None:
    async def scenario() -> None:
        async with session(device) as (wire, host):

            async def control(value: Control) -> Control:
                return Control(await host.ask(Code.SET_CONTROL, value))

            assert await control(Control.ASK_BREAK) == Control.BREAK_OFF
            assert await control(Control.BREAK_ON) == Control.BREAK_ON
            assert await control(Control.ASK_BREAK) == Control.BREAK_ON
            assert wire.breaks == [BREAK_STARTS]
            assert await control(Control.BREAK_OFF) == Control.BREAK_OFF
            assert wire.breaks == [BREAK_STARTS, BREAK_ENDS]
            assert await control(Control.ASK_DTR) == Control.DTR_ON
            assert await control(Control.DTR_OFF) == await control(Control.ASK_DTR) == Control.DTR_OFF
            assert wire.outputs == Output.RTS
            assert await control(Control.ASK_RTS) == Control.RTS_ON
            assert await control(Control.RTS_OFF) == Control.RTS_OFF
            assert await control(Control.DTR_ON) == Control.DTR_ON
            assert wire.outputs == Output.DTR

    play(scenario())


def test_no_break_outlives_its_client(device: Device) -> None:
    async def scenario() -> None:
        async with session(device) as (wire, host):
            await host.ask(Code.SET_CONTROL, Control.BREAK_ON)
            host.client.abort()
            await until(lambda: wire.breaks == [BREAK_STARTS, BREAK_ENDS])

    play(scenario())


def test_the_next_client_finds_the_settings_of_the_unit(device: Device) -> None:
    async def scenario() -> None:
        async with session(device, baud_rate="9600", parity="odd") as (wire, host):
            await host.ask(Code.SET_BAUDRATE, 300)
            await host.ask(Code.SET_PARITY, 1)
            host.client.close()
            await until(lambda: "Disconnect" in device.log.lines()[-1])
            other = Host(await connect(device, 4001))
            assert await other.ask(Code.SET_BAUDRATE, 0) == 9600
            assert await other.ask(Code.SET_PARITY, 0) == 2
            assert (wire.format.baud, wire.format.parity) == (9600, "odd")

    play(scenario())


def test_the_signature(device: Device) -> None:
    async def scenario() -> None:
        async with session(device) as (_, host):
            host.send(Message(Code.SIGNATURE, b"a client"))
            host.send(Message(Code.SIGNATURE))
            assert (await host.hear(Code.SIGNATURE)).payload == f"NP6450 {device.build} port 1".encode()

    play(scenario())


# Several clients ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("allowed", "in_force"), [("disable", 115200), ("enable", 300)])
def test_one_of_several_needs_permission(device: Device, allowed: str, in_force: int) -> None:
    async def scenario() -> None:
        async with session(device, max_connection="2", allow_driver_control=allowed) as (wire, host):
            assert await host.ask(Code.SET_BAUDRATE, 300) == wire.format.baud == in_force
            other = Host(await connect(device, 4001))
            wire.say(b"\xff")
            await host.reads(b"\xff")
            await other.reads(b"\xff")

    play(scenario())


# Notices --------------------------------------------------------------------------------------------------------------


def test_modem_lines_are_told(device: Device) -> None:
    async def scenario() -> None:
        async with session(device) as (wire, host):
            assert await host.ask(Code.NOTIFY_MODEMSTATE) == 0x30
            wire.set_inputs(Input.CTS | Input.DSR | Input.DCD)
            assert (await host.hear(Code.NOTIFY_MODEMSTATE)).number == 0xB8
            wire.set_inputs(Input.CTS | Input.DCD | Input.RI)
            assert (await host.hear(Code.NOTIFY_MODEMSTATE)).number == 0xD2
            wire.set_inputs(Input.CTS | Input.DCD)
            assert (await host.hear(Code.NOTIFY_MODEMSTATE)).number == 0x94

    play(scenario())


def test_a_mask_hides_modem_lines(device: Device) -> None:
    async def scenario() -> None:
        async with session(device) as (wire, host):
            assert await host.ask(Code.SET_MODEMSTATE_MASK, 0xFF - 0x22) == 0xDD
            wire.set_inputs(Input.CTS)
            wire.set_inputs(Input(0))
            assert (await host.hear(Code.NOTIFY_MODEMSTATE)).number == 0x01

    play(scenario())


def test_errors_and_breaks_are_told_to_whom_wants_it(device: Device) -> None:
    async def scenario() -> None:
        async with session(device) as (wire, host):
            wire.spoil(parity=1)
            assert await host.ask(Code.SET_LINESTATE_MASK, 0x1E) == 0x1E
            assert host.told == []
            wire.spoil(parity=1, overrun=2)
            assert (await host.hear(Code.NOTIFY_LINESTATE)).number == 0x60 | 0x06
            wire.spoil(framing=1)
            assert (await host.hear(Code.NOTIFY_LINESTATE)).number == 0x60 | 0x08
            wire.send_break(0)
            wire.send_break(0.25)
            assert (await host.hear(Code.NOTIFY_LINESTATE)).number == 0x60 | 0x10
            wire.send_break(0.25)
            assert (await host.hear(Code.NOTIFY_LINESTATE)).number == 0x60 | 0x10
            assert await host.ask(Code.NOTIFY_LINESTATE) == 0x60
            assert host.told == []

    play(scenario())


def test_nothing_is_told_before_the_option_is_agreed_on(device: Device) -> None:
    async def scenario() -> None:
        async with session(device, agree=False) as (wire, host):
            wire.set_inputs(Input(0))
            host.send(negotiation(Command.WILL, Option.COM_PORT))
            assert (await host.hear(Code.NOTIFY_MODEMSTATE)).number == 0
            assert host.told == []

    play(scenario())


# Flow and purge -------------------------------------------------------------------------------------------------------


def test_a_client_suspends_and_resumes_the_flow(device: Device) -> None:
    async def scenario() -> None:
        async with session(device) as (wire, host):
            host.send(Message(Code.FLOWCONTROL_SUSPEND))
            await host.ask(Code.SET_BAUDRATE, 0)
            more_than_it_holds = ALL * (2 * RX_ROOM // len(ALL))
            wire.say(more_than_it_holds)
            assert await host.client.is_silent()
            assert wire.unheard, "the receiver goes on"
            host.send(Message(Code.FLOWCONTROL_RESUME))
            await host.reads(more_than_it_holds)

    play(scenario())


@pytest.mark.parametrize("purge", Purge)
def test_purge(device: Device, purge: Purge) -> None:
    async def scenario() -> None:
        async with session(device) as (wire, host):
            wire.held = True
            host.send(b"x" * 20_000)
            host.send(Message(Code.FLOWCONTROL_SUSPEND))
            await host.ask(Code.SET_BAUDRATE, 0)
            wire.say(b"y" * 100)
            await until(lambda: wire.serial.waiting == 100)
            assert await host.ask(Code.PURGE_DATA, purge) == purge
            wire.release()
            host.send(Message(Code.FLOWCONTROL_RESUME).encode() + b"x")
            wire.say(b"y")
            await host.reads(b"y" * (101 if purge is Purge.TO_SEND else 1))
            await until(lambda: len(wire.sent) == (20_001 if purge is Purge.RECEIVED else 1))

    play(scenario())


def test_an_unknown_purge_is_not_answered(device: Device) -> None:
    async def scenario() -> None:
        async with session(device) as (_, host):
            host.send(message(Code.PURGE_DATA, 9))
            await host.ask(Code.SET_BAUDRATE, 0)
            assert host.told == []

    play(scenario())


def test_many_small_pieces_behind_a_line_that_stops(device: Device) -> None:
    async def scenario() -> None:
        async with session(device) as (wire, host):
            wire.held = True
            host.send((b"x" + message(Code.SET_MODEMSTATE_MASK, 1).encode()) * 50_000)
            await until(lambda: wire.serial.unsent == 4096)
            wire.release()
            await until(lambda: len(wire.sent) == 50_000)
            assert await host.ask(Code.SET_BAUDRATE, 300) == 300

    play(scenario())


def test_a_line_that_stops_stops_the_client(device: Device) -> None:
    async def scenario() -> None:
        async with session(device) as (wire, host):
            wire.held = True
            host.send(escape(ALL) * 400)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(host.client.writer.drain(), 0.2)
            wire.release()
            await until(lambda: len(wire.sent) == len(ALL) * 400)
            assert wire.sent == ALL * 400

    play(scenario())


# Defects --------------------------------------------------------------------------------------------------------------


def test_parity_ignored(with_defects: Defective) -> None:
    async def scenario() -> None:
        async with session(with_defects("rfc2217-parity-ignored")) as (wire, host):
            assert await host.ask(Code.SET_PARITY, 3) == 3
            assert wire.format.parity == "none"

    play(scenario())


def test_modem_state_silent(with_defects: Defective) -> None:
    async def scenario() -> None:
        async with session(with_defects("rfc2217-modem-state-silent"), agree=False) as (wire, host):
            host.send(negotiation(Command.WILL, Option.COM_PORT))
            wire.set_inputs(Input(0))
            await host.ask(Code.SET_BAUDRATE, 0)
            assert host.told == []

    play(scenario())


def test_data_corrupted_by_ff(with_defects: Defective) -> None:
    async def scenario() -> None:
        async with session(with_defects("rfc2217-data-corrupted-by-ff")) as (wire, host):
            wire.say(b"a\xff\xffb")
            await host.reads(b"a\xffb")

    play(scenario())
