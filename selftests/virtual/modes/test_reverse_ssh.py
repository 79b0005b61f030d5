"""Reverse SSH mode: nothing without a login, and then the bytes of the line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncssh
import pytest

from nportlab.virtual.unit.device import Device
from nportlab.virtual.unit.modes import reverse_ssh
from selftests.virtual.core.bench import ACCOUNT
from selftests.virtual.modes.bench import connect, play, serving, until

Defective = Callable[..., Device]
USER, PASSWORD = ACCOUNT
LOCAL = {"reverse_authentication": "local"}
BIG = bytes(range(256)) * 4000


def events(device: Device) -> list[str]:
    return [line.split("] ")[1] for line in device.log.lines() if "[OpMode]" in line]


@asynccontextmanager
async def login(device: Device, password: str | None = PASSWORD) -> AsyncIterator[asyncssh.SSHClientConnection]:
    host, port = device.tcp(4001)
    options: dict[str, Any] = {"known_hosts": None, "username": USER, "client_keys": None, "config": None}
    async with asyncssh.connect(host, port, password=password, **options) as connection:
        yield connection


@asynccontextmanager
async def session(
    device: Device, *, command: str | None = None, terminal: str | None = None, password: str | None = PASSWORD
) -> AsyncIterator[asyncssh.SSHClientProcess[bytes]]:
    async with (
        login(device, password) as connection,
        connection.create_process(command, term_type=terminal, encoding=None) as process,
    ):
        yield process


@pytest.mark.parametrize(("command", "terminal"), [(None, "vt100"), (None, None), ("anything", None)])
def test_every_byte_passes_both_ways(device: Device, command: str | None, terminal: str | None) -> None:
    async def scenario() -> None:
        async with (
            serving(device, 1, "reverse_ssh", None, **LOCAL) as wire,
            session(device, command=command, terminal=terminal) as process,
        ):
            process.stdin.write(BIG)
            await until(lambda: len(wire.sent) == len(BIG))
            assert wire.sent == BIG
            wire.say(BIG)
            assert await process.stdout.readexactly(len(BIG)) == BIG
            assert events(device) == ["Connect"]

    play(scenario())


def test_nothing_passes_before_the_login_and_a_wrong_password_is_logged(device: Device) -> None:
    async def scenario() -> None:
        async with serving(device, 1, "reverse_ssh", None, **LOCAL) as wire:
            raw = await connect(device, 4001)
            greeting = await raw.piece()
            assert greeting.startswith(b"SSH-2.0-")
            wire.say(b"secret of the line")
            assert await raw.is_silent()
            with pytest.raises(asyncssh.PermissionDenied):
                async with login(device, "wrong"):
                    pass
            with pytest.raises(asyncssh.PermissionDenied):
                async with login(device, None):
                    pass
            assert wire.sent == b""
            assert events(device) == ["Authentication Fail"]
            assert not any("wrong" in line for line in device.log.lines())
            async with session(device) as process:
                wire.say(b"x")
                assert await process.stdout.read(100) == b"x"

    play(scenario())


def test_without_authentication_nothing_is_asked(device: Device) -> None:
    async def scenario() -> None:
        async with serving(device, 1, "reverse_ssh") as wire, session(device, password=None) as process:
            process.stdin.write(b"x")
            await until(lambda: wire.sent == b"x")

    play(scenario())


def test_one_session_at_a_time(device: Device) -> None:
    async def scenario() -> None:
        async with serving(device, 1, "reverse_ssh", None, **LOCAL) as wire, session(device) as first:
            async with session(device) as second:
                assert await second.stdout.read() == b""
            wire.say(b"x")
            assert await first.stdout.read(1) == b"x"

    play(scenario())


def test_the_port_is_free_after_a_client_went_away(device: Device) -> None:
    async def scenario() -> None:
        async with serving(device, 1, "reverse_ssh", None, **LOCAL) as wire:
            async with login(device) as connection:
                await connection.create_process(encoding=None)
                await until(lambda: events(device) == ["Connect"])
                connection.abort()
            await until(lambda: events(device) == ["Connect", "Disconnect"])
            async with session(device) as process:
                process.stdin.write(b"x")
                await until(lambda: wire.sent == b"x")
                process.stdin.write_eof()
                assert await process.stdout.read() == b""

    play(scenario())


def test_a_line_that_stops_stops_the_client_and_loses_nothing(device: Device) -> None:
    async def scenario() -> None:
        async with serving(device, 1, "reverse_ssh", None, **LOCAL) as wire, session(device) as process:
            wire.held = True
            process.stdin.write(BIG)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(process.stdin.drain(), 0.2)
            wire.release()
            await until(lambda: len(wire.sent) == len(BIG))
            assert wire.sent == BIG

    play(scenario())


def test_a_reader_that_stops_stops_the_line_and_loses_nothing(device: Device) -> None:
    async def scenario() -> None:
        async with serving(device, 1, "reverse_ssh", None, **LOCAL) as wire, session(device) as process:
            process.channel.pause_reading()
            wire.say(BIG * 8)
            await until(lambda: wire.serial._paused)
            assert wire.unheard
            process.channel.resume_reading()
            assert await process.stdout.readexactly(len(BIG) * 8) == BIG * 8

    play(scenario())


@pytest.mark.parametrize(("asked", "sent"), [(250, 250), (0, reverse_ssh.DEFAULT_BREAK), (99_999, 65534)])
def test_break(device: Device, asked: int, sent: int) -> None:
    async def scenario() -> None:
        async with serving(device, 1, "reverse_ssh", None, **LOCAL) as wire, session(device) as process:
            process.channel.send_break(asked)
            await until(lambda: wire.breaks == [sent])

    play(scenario())


def test_an_idle_session_is_closed_after_unit_minutes(device: Device) -> None:
    async def scenario() -> None:
        device.clock.seconds_per_minute = 0.1
        async with (
            serving(device, 1, "reverse_ssh", None, reverse_inactivity_time="3", **LOCAL) as wire,
            session(device) as process,
        ):
            wire.say(b"x")
            assert await process.stdout.read(1) == b"x"
            assert await process.stdout.read() == b""

    play(scenario())


def test_a_taken_port_is_an_error(device: Device) -> None:
    async def scenario() -> None:
        taken = await asyncio.start_server(lambda *_: None, *device.tcp(4001))
        async with taken:
            with pytest.raises(OSError, match="in use"):
                async with serving(device, 1, "reverse_ssh"):
                    pass

    play(scenario())


def test_data_before_login(with_defects: Defective) -> None:
    device = with_defects("reverse-ssh-data-before-login")

    async def scenario() -> None:
        async with serving(device, 1, "reverse_ssh", None, **LOCAL) as wire:
            raw = await connect(device, 4001)
            await raw.piece()
            wire.say(b"secret of the line")
            assert await raw.read(18) == b"secret of the line"
            raw.abort()
            async with session(device) as process:
                wire.say(b"x")
                assert await process.stdout.read(100) == b"x"

    play(scenario())
