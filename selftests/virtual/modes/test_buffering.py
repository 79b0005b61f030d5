"""Port buffering: what is kept, how much, and who gets it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nportlab.virtual.unit.device import Device
from nportlab.virtual.unit.modes import buffering
from nportlab.virtual.unit.modes.buffering import PortBuffer
from selftests.virtual.modes.bench import Wire, connect, play, serving, set_mode, until

Defective = Callable[..., Device]
ON = {"buffering": "enable"}


def buffer(device: Device, **values: str) -> tuple[PortBuffer, Wire]:
    set_mode(device, 1, "tcp_server", **values)
    wire = Wire()
    return PortBuffer(device, 1, wire.serial), wire


def test_bytes_are_kept_in_order_and_taken_once(device: Device) -> None:
    kept, wire = buffer(device, **ON)
    kept.keep(b"one ")
    kept.keep(b"two")
    assert wire.serial.buffered == 7
    assert kept.take() == b"one two"
    assert (kept.take(), wire.serial.buffered) == (b"", 0)


def test_without_buffering_nothing_is_kept(device: Device) -> None:
    kept, wire = buffer(device, buffering="disable")
    kept.keep(b"lost")
    assert (kept.take(), wire.serial.buffered) == (b"", 0)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=30)))
def test_the_newest_bytes_are_kept(device: Device, parts: list[bytes]) -> None:
    kept, wire = buffer(device, **ON)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(buffering, "SIZE", 20)
        for part in parts:
            kept.keep(part)
            assert wire.serial.buffered <= 20
    assert kept.take() == b"".join(parts)[-20:]


@pytest.mark.parametrize("mode", ["tcp_server", "rfc2217", "reverse_telnet"])
def test_who_connects_gets_what_was_kept(device: Device, mode: str) -> None:
    async def scenario() -> None:
        async with serving(device, 1, mode, None, **ON) as wire:
            wire.say(b"kept for you")
            await until(lambda: wire.serial.buffered == 12)
            client = await connect(device, 4001)
            seen = b""
            while b"kept for you" not in seen:
                seen += await client.piece()
            assert wire.serial.buffered == 0
            client.close()
            await until(lambda: "Disconnect" in device.log.lines()[-1])
            wire.say(b"more")
            await until(lambda: wire.serial.buffered == 4)

    play(scenario())


def test_buffered_bytes_lost(with_defects: Defective) -> None:
    device = with_defects("buffered-bytes-lost")

    async def scenario() -> None:
        async with serving(device, 1, "tcp_server", None, **ON) as wire:
            wire.say(b"lost")
            await until(lambda: not wire.unheard)
            client = await connect(device, 4001)
            wire.say(b"x")
            assert await client.read(1) == b"x"

    play(scenario())
