from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nportlab.virtual.unit.services.telnet_codec import DO, DONT, ECHO, IAC, SB, SE, WILL, WONT, TelnetDecoder
from nportlab.virtual.unit.services.terminal import Disconnected, LineTerminal

TERMINAL_TYPE = 24


def test_data_is_parted_from_commands() -> None:
    wire = b"ad" + bytes([IAC, WILL, TERMINAL_TYPE, IAC, IAC, IAC, SB, TERMINAL_TYPE, 0, 65, IAC, SE]) + b"min"
    data, answers = TelnetDecoder().feed(wire)
    assert data == b"ad\xffmin"
    assert answers == bytes([IAC, DONT, TERMINAL_TYPE])


def test_a_request_is_answered_once() -> None:
    decoder = TelnetDecoder()
    assert decoder.feed(bytes([IAC, DO, TERMINAL_TYPE]))[1] == bytes([IAC, WONT, TERMINAL_TYPE])
    assert decoder.feed(bytes([IAC, DO, TERMINAL_TYPE]))[1] == b""
    assert decoder.feed(bytes([IAC, DO, ECHO]))[1] == b""


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=5))
def test_cuts_make_no_difference(wire: bytes, cuts: list[int]) -> None:
    whole = TelnetDecoder().feed(wire)
    decoder, data, answers, start = TelnetDecoder(), b"", b"", 0
    for end in [*sorted(cuts), len(wire)]:
        part = decoder.feed(wire[start : max(start, end)])
        data, answers, start = data + part[0], answers + part[1], max(start, end)
    assert (data, answers) == whole


@pytest.mark.parametrize("end", [b"\r\n", b"\r\0", b"\r", b"\n"])
def test_every_line_end_counts_once(end: bytes) -> None:
    assert typed(b"one" + end + b"two" + end) == ["one", "two"]


def test_backspace_takes_back() -> None:
    assert typed(b"abx\x7fc\bd\r") == ["abd"]


def typed(octets: bytes) -> list[str]:
    """The lines a person typed."""
    pending = [octets]

    async def read() -> bytes:
        return pending.pop() if pending else b""

    async def drain() -> None:
        return None

    async def lines() -> list[str]:
        terminal, found = LineTerminal(read, lambda _: None, drain, echo=True), []
        try:
            while True:
                found.append(await terminal.read_line())
        except Disconnected:
            return found

    return asyncio.run(lines())
