"""Reverse Telnet mode: keys, login, break, idle sessions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nportlab.protocol.telnet_options import Command, Data, Option, TelnetDecoder, escape, negotiation
from nportlab.virtual.unit.device import Device
from nportlab.virtual.unit.modes import reverse_telnet_login
from nportlab.virtual.unit.modes.reverse_telnet_keys import ENTER, KeyMapping
from selftests.virtual.core.bench import ACCOUNT
from selftests.virtual.modes.bench import Client, connect, play, serving, until

Defective = Callable[..., Device]
USER, PASSWORD = ACCOUNT
LOCAL = {"reverse_authentication": "local"}
BIG = bytes(range(256)) * 1000


class Terminal:
    """What a person sees, Telnet commands taken out."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.seen = b""
        self._decoder = TelnetDecoder()

    async def reads(self, text: bytes) -> bytes:
        """Up to and including `text`."""
        while text not in self.seen:
            octets = await self.client.piece()
            assert octets, f"closed after {self.seen!r}"
            self.seen += b"".join(event.octets for event in self._decoder.feed(octets) if isinstance(event, Data))
        before, _, self.seen = self.seen.partition(text)
        return before + text

    async def logs_in(self, password: str = PASSWORD, end: bytes = b"\r\n") -> None:
        await self.reads(b"login: ")
        self.client.write(USER.encode() + end)
        await self.reads(b"password: ")
        self.client.write(password.encode() + end)


def events(device: Device) -> list[str]:
    return [line.split("] ")[1] for line in device.log.lines() if "[OpMode]" in line]


# Keys -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [("cr-lf", b"a\r\nb\r\nc\r\n\r\nd\ne"), ("cr", b"a\rb\rc\r\rd\ne"), ("lf", b"a\nb\nc\n\nd\ne")],
)
@pytest.mark.parametrize("cut", range(13))
def test_enter_means_what_the_setting_says(mapping: str, expected: bytes, cut: int) -> None:
    typed = b"a\r\nb\r\0c\r\r\nd\ne"
    keys = KeyMapping(ENTER[mapping])
    assert keys(typed[:cut]) + keys(typed[cut:]) == expected


@given(st.lists(st.binary(max_size=5).map(lambda data: data.replace(b"a", b"\r").replace(b"b", b"\n"))))
def test_any_cut_means_the_same(parts: list[bytes]) -> None:
    keys = KeyMapping(b"\n")
    assert b"".join(map(keys, parts)) == KeyMapping(b"\n")(b"".join(parts))


@pytest.mark.parametrize(("mapping", "expected"), [("cr-lf", b"ls\r\n"), ("cr", b"ls\r"), ("lf", b"ls\n")])
def test_keys_reach_the_line_mapped_and_its_words_come_as_they_are(
    device: Device, mapping: str, expected: bytes
) -> None:
    async def scenario() -> None:
        async with serving(device, 1, "reverse_telnet", key_mapping=mapping) as wire:
            terminal = Terminal(await connect(device, 4001))
            terminal.client.write(b"ls\r")
            await until(lambda: wire.sent)
            terminal.client.write(b"\0")
            await until(lambda: wire.sent == expected)
            wire.say(b"a\rb\nc\r\n\xff")
            await terminal.reads(b"a\rb\nc\r\n\xff")
            assert events(device) == ["Connect"]

    play(scenario())


def test_a_binary_client_has_no_keys(device: Device) -> None:
    async def scenario() -> None:
        async with serving(device, 1, "reverse_telnet", key_mapping="lf") as wire:
            client = await connect(device, 4001)
            client.write(negotiation(Command.WILL, Option.BINARY) + escape(BIG))
            await until(lambda: len(wire.sent) == len(BIG))
            assert wire.sent == BIG

    play(scenario())


def test_break_and_are_you_there(device: Device) -> None:
    async def scenario() -> None:
        async with serving(device, 1, "reverse_telnet") as wire:
            terminal = Terminal(await connect(device, 4001))
            terminal.client.write(bytes([0xFF, Command.BREAK, 0xFF, Command.ARE_YOU_THERE]))
            await terminal.reads(b"[Yes]\r\n")
            assert wire.breaks == [300]

    play(scenario())


def test_one_session_at_a_time(device: Device) -> None:
    async def scenario() -> None:
        async with serving(device, 1, "reverse_telnet") as wire:
            first = Terminal(await connect(device, 4001))
            wire.say(b"x")
            await first.reads(b"x")
            assert await (await connect(device, 4001)).is_closed()

    play(scenario())


# Login ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [b"\r\n", b"\r\0", b"\r", b"\n"])
def test_nothing_passes_before_the_login(device: Device, end: bytes) -> None:
    async def scenario() -> None:
        async with serving(device, 1, "reverse_telnet", None, **LOCAL) as wire:
            terminal = Terminal(await connect(device, 4001))
            wire.say(b"secret of the line")
            await terminal.logs_in(end=end)
            await until(lambda: wire.serial.ear is not None and wire.formats[1:])
            terminal.client.write(b"typed\r\n")
            await until(lambda: wire.sent == b"typed\r\n")
            wire.say(b"welcome")
            assert PASSWORD.encode() not in (shown := await terminal.reads(b"welcome"))
            assert b"secret" not in shown

    play(scenario())


def test_what_is_typed_ahead_reaches_the_line_after_the_login(device: Device) -> None:
    async def scenario() -> None:
        async with serving(device, 1, "reverse_telnet", None, **LOCAL) as wire:
            client = await connect(device, 4001)
            client.write(f"{USER}\r\n{PASSWORD}\r\n".encode() + b"ahead\r\n" + b"x" * 5000)
            await until(lambda: wire.sent == b"ahead\r\n" + b"x" * 5000)

    play(scenario())


def test_a_wrong_password_is_logged_and_three_end_it(device: Device) -> None:
    async def scenario() -> None:
        async with serving(device, 1, "reverse_telnet", None, **LOCAL) as wire:
            terminal = Terminal(await connect(device, 4001))
            for _ in range(3):
                await terminal.logs_in("wrong")
            while await terminal.client.piece():
                pass
            assert wire.sent == b""
            await until(lambda: events(device) == ["Connect", *["Authentication Fail"] * 3, "Disconnect"])
            assert not any("wrong" in line for line in device.log.lines())

    play(scenario())


def test_a_login_does_not_last_for_ever(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        monkeypatch.setattr(reverse_telnet_login, "LOGIN_SECONDS", 0.1)
        async with serving(device, 1, "reverse_telnet", None, **LOCAL):
            terminal = Terminal(await connect(device, 4001))
            await terminal.reads(b"login: ")
            assert await terminal.client.is_closed()

    play(scenario())


def test_a_client_that_leaves_during_the_login_leaves_the_port(device: Device) -> None:
    async def scenario() -> None:
        async with serving(device, 1, "reverse_telnet", None, **LOCAL) as wire:
            (await connect(device, 4001)).abort()
            await until(lambda: events(device) == ["Connect", "Disconnect"])
            terminal = Terminal(await connect(device, 4001))
            await terminal.logs_in()
            terminal.client.write(b"x")
            await until(lambda: wire.sent == b"x")

    play(scenario())


def test_types_of_the_port_are_asked_not_those_of_the_console(device: Device) -> None:
    asked: list[str] = []

    async def scenario() -> None:
        async def authenticate(user: str, password: str, console: str, source: str, types: str | None = None) -> object:
            asked.append(f"{user} {console} {types}")
            return await type(device).authenticate(device, user, password, console, source, "local")

        device.authenticate = authenticate  # type: ignore[method-assign]
        async with serving(device, 1, "reverse_telnet", reverse_authentication="radius-local") as wire:
            terminal = Terminal(await connect(device, 4001))
            await terminal.logs_in()
            terminal.client.write(b"x")
            await until(lambda: wire.sent == b"x")

    play(scenario())
    assert asked == [f"{USER} reverse telnet radius-local"]


# Idle -----------------------------------------------------------------------------------------------------------------


def test_an_idle_session_is_closed_after_unit_minutes(device: Device) -> None:
    async def scenario() -> None:
        device.clock.seconds_per_minute = 0.1
        async with serving(device, 1, "reverse_telnet", reverse_inactivity_time="2") as wire:
            terminal = Terminal(await connect(device, 4001))
            loop = asyncio.get_running_loop()
            for _ in range(10):
                wire.say(b"x")
                await terminal.reads(b"x")
                end = loop.time() + 0.05
                await until(lambda end=end: loop.time() > end)
            assert await terminal.client.is_closed()

    play(scenario())


def test_keys_unmapped(with_defects: Defective) -> None:
    device = with_defects("reverse-telnet-cr-lf-unmapped")

    async def scenario() -> None:
        async with serving(device, 1, "reverse_telnet", key_mapping="lf") as wire:
            client = await connect(device, 4001)
            client.write(b"a\r\n")
            await until(lambda: wire.sent == b"a\r\n")

    play(scenario())
