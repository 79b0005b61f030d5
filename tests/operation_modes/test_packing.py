"""Data packing: when what the serial device sends goes to the network, and in what pieces.

TCP keeps no pieces apart, so a piece is told by what is still held back: one byte less than it takes brings nothing.
"""

import time

import pytest

from fixtures.marks import control, on_port
from tests.operation_modes._ends import SOON, Pace, hear, hear_all, hear_when, linked, say

pytestmark = pytest.mark.opmode

FORCE = 1.0
"""Seconds of the force transmit time below."""

PIECES_OF_64 = {"packet_length": "64", "force_transmit": "1000"}
CR_LF = {"delimiter_1_enable": "enable", "delimiter_1": "0d", "delimiter_2_enable": "enable", "delimiter_2": "0a"}
ETX = {"delimiter_1_enable": "enable", "delimiter_1": "03"}

# --- packet length ------------------------------------------------------------------------------------------------


@control("MOD-06")
@pytest.mark.parametrize(
    "length",
    [
        pytest.param(1, marks=on_port("tcp_server", {"packet_length": "1"})),
        pytest.param(64, marks=on_port("tcp_server", PIECES_OF_64)),
        pytest.param(1024, marks=on_port("real_com", {"packet_length": "1024"})),
    ],
)
def test_a_packet_goes_when_it_is_full_and_not_before(length, port):
    data = bytes(number % 251 for number in range(length))
    host = linked(port)
    say(port.adapter, data[:-1])
    assert hear_all(host) == b"", f"something came of {length - 1} bytes, packets have {length}"
    say(port.adapter, data[-1:])
    assert hear(host, length) == data, f"{length} bytes make a packet, it did not come"


@control("MOD-06")
@on_port("tcp_server", PIECES_OF_64)
def test_what_is_more_than_a_packet_waits_for_the_next(port):
    host, pace = linked(port), Pace(0.9 * FORCE)
    say(port.adapter, b"a" * 64 + b"b" * 64 + b"c" * 10)
    assert hear(host, 128) == b"a" * 64 + b"b" * 64, "two packets of 64 bytes and a rest of 10 were sent"
    rest = hear_all(host)
    pace.step()
    assert rest == b"", "the rest of 10 bytes is no packet"
    say(port.adapter, b"c" * 54)
    assert hear(host, 64) == b"c" * 64, "the rest and what filled it up did not come"


@control("MOD-06", "MOD-08")
@on_port("tcp_server", PIECES_OF_64)
def test_a_rest_goes_after_the_force_transmit_time(port):
    host = linked(port)
    begun = time.monotonic()
    say(port.adapter, b"a" * 64 + b"rest")
    assert hear(host, 64) == b"a" * 64
    heard, at = hear_when(host, 4, 6 * FORCE)
    assert heard == b"rest", "the rest of a packet never came"
    assert at - begun > 0.98 * FORCE, f"the rest came after {at - begun:.3f} s, force transmit is {FORCE:g} s"


# --- force transmit -----------------------------------------------------------------------------------------------


@control("MOD-08")
@on_port("tcp_server", PIECES_OF_64)
def test_a_burst_arrives_whole_the_force_transmit_time_after_its_last_byte(port, evidence):
    host, pace, early = linked(port), Pace(0.9 * FORCE), b""
    for part in (b"one ", b"two ", b"three"):
        early += hear_all(host, 0.4 * FORCE)
        last = time.monotonic()
        say(port.adapter, part)
        pace.step()
    assert early == b"", "the burst was cut in a pause shorter than force transmit"
    heard, at = hear_when(host, 13, 6 * FORCE)
    evidence.note(f"{heard!r} came {at - last:.3f} s after its last byte was sent; force transmit is {FORCE:g} s")
    assert heard == b"one two three"
    assert at - last > 0.98 * FORCE, f"it came after {at - last:.3f} s, force transmit is {FORCE:g} s"
    assert at - last < 3 * FORCE, f"it came after {at - last:.3f} s, force transmit is {FORCE:g} s"


@control("MOD-06", "MOD-08")
@on_port("tcp_server")
def test_without_packing_a_byte_goes_at_once(port):
    host = linked(port)
    for byte in (b"a", b"b"):
        say(port.adapter, byte)
        assert hear(host, 1) == byte


# --- delimiters ---------------------------------------------------------------------------------------------------


@control("MOD-07")
@on_port("tcp_server", {**ETX, "delimiter_process": "do-nothing"})
def test_one_delimiter_sends_what_came_before_it_and_itself(port):
    host = linked(port)
    say(port.adapter, b"first")
    assert hear_all(host) == b"", "data went out without its delimiter"
    say(port.adapter, b"\x03second")
    assert hear(host, 6) == b"first\x03", "the data and its delimiter were to come"
    assert hear_all(host) == b"", "what stands behind the delimiter has none yet"
    say(port.adapter, b"\x03\x03")
    assert hear(host, 8) == b"second\x03\x03"


@control("MOD-07")
@on_port("tcp_server", {**ETX, "delimiter_process": "do-nothing"})
def test_a_full_buffer_goes_without_a_delimiter(port):
    host = linked(port)
    say(port.adapter, b"x" * 1023)
    assert hear_all(host, 0.5) == b"", "1023 bytes went out without their delimiter"
    say(port.adapter, b"x")
    assert hear(host, 1024) == b"x" * 1024, "1024 bytes are kept, although no more fit into the buffer"


@control("MOD-07")
@on_port("tcp_server", {**CR_LF, "delimiter_process": "strip-delimiter"})
def test_two_delimiters_must_follow_each_other_and_are_stripped(port):
    host = linked(port)
    say(port.adapter, b"a\rb\nc\r")
    assert hear_all(host) == b"", "one delimiter alone, or both apart, sent the data"
    say(port.adapter, b"\n")
    assert hear(host, 5) == b"a\rb\nc"
    assert hear_all(host) == b"", "the delimiter was not stripped"
    say(port.adapter, b"next\r\nlast\r\n")
    assert hear(host, 9, SOON) == b"nextlast"


@control("MOD-07")
@pytest.mark.parametrize(
    "more",
    [
        pytest.param(1, marks=on_port("tcp_server", {**ETX, "delimiter_process": "delimiter-plus-1"})),
        pytest.param(2, marks=on_port("tcp_server", {**ETX, "delimiter_process": "delimiter-plus-2"})),
    ],
)
def test_bytes_behind_the_delimiter_go_with_it(more, port):
    host, check = linked(port), b"\x03C"[:more]  # a delimiter among them is none
    say(port.adapter, b"data\x03" + check[:-1])
    assert hear_all(host) == b"", f"the delimiter was not followed by {more} bytes yet"
    say(port.adapter, check[-1:] + b"next")
    assert hear(host, 5 + more) == b"data\x03" + check
    assert hear_all(host) == b"", "more bytes than were to be added went with the delimiter"
