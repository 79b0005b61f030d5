"""What a receiver makes of another format."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nportlab.protocol.serial_wire import PARITIES, LineFormat
from nportlab.virtual.cables.transmitter import SECOND
from nportlab.virtual.cables.waveform import Copper, agree, parity_bit, too_short_for_a_break
from selftests.virtual.cables.bench import Heard, pair

FORMATS = st.builds(
    LineFormat,
    baud=st.sampled_from([300, 9600, 115200, 921600]),
    data_bits=st.integers(5, 8),
    parity=st.sampled_from(PARITIES),
    stop_bits=st.sampled_from([1, 1.5, 2]),
)
DATA = st.binary(min_size=1, max_size=80)


def sent(data: bytes, sender: LineFormat, receiver: LineFormat) -> Heard:
    """What comes of characters sent without a pause."""
    line, near, far = pair(sender, receiver)
    near.tx.write(data, line.now)
    line.settle()
    return line.heard[far]


def on_copper(data: bytes, sender: LineFormat, receiver: LineFormat) -> tuple[bytes, int, int]:
    """The same by the bit-level model alone, also for formats that agree."""
    copper = Copper(sender, receiver)
    pieces = copper.carry(bytearray(data), 0) + copper.settle(1 << 62)
    return b"".join(piece.data for piece in pieces), sum(p.parity for p in pieces), sum(p.framing for p in pieces)


def masked(data: bytes, bits: int) -> bytes:
    return bytes(code & (1 << bits) - 1 for code in data)


@settings(deadline=None, max_examples=50)
@given(DATA, FORMATS)
def test_what_agrees_arrives(data: bytes, line_format: LineFormat) -> None:
    heard = sent(data, line_format, line_format)
    expected = masked(data, line_format.data_bits)
    assert (bytes(heard.data), heard.parity, heard.framing) == (expected, 0, 0)
    assert on_copper(data, line_format, line_format) == (expected, 0, 0), "the short cut and the copper say the same"


@settings(deadline=None, max_examples=50)
@given(DATA, FORMATS, st.floats(-0.03, 0.03))
def test_three_percent_of_baud_difference_are_tolerated(data: bytes, line_format: LineFormat, off: float) -> None:
    receiver = replace(line_format, baud=round(line_format.baud * (1 + off)))
    if line_format.baud == 300 and abs(receiver.baud - 300) > 9:
        receiver = replace(receiver, baud=309)
    heard = sent(data, line_format, receiver)
    assert (bytes(heard.data), heard.parity, heard.framing) == (masked(data, line_format.data_bits), 0, 0)


@pytest.mark.parametrize("off", [0.9, 0.93, 1.07, 1.1])
def test_more_is_not(off: float) -> None:
    data = bytes(range(256))
    heard = sent(data, LineFormat(9600), LineFormat(round(9600 * off)))
    assert bytes(heard.data) != data


@settings(deadline=None, max_examples=50)
@given(DATA, FORMATS, st.sampled_from([1, 1.5, 2]))
def test_stop_bits_do_not_matter_to_the_receiver(data: bytes, line_format: LineFormat, stop_bits: float) -> None:
    heard = sent(data, line_format, replace(line_format, stop_bits=stop_bits))
    assert (bytes(heard.data), heard.framing) == (masked(data, line_format.data_bits), 0)


@settings(deadline=None, max_examples=50)
@given(
    DATA, st.integers(5, 8), st.sampled_from([("even", "odd"), ("odd", "even"), ("mark", "space"), ("space", "mark")])
)
def test_opposite_parity_is_an_error_of_every_character(data: bytes, bits: int, parities: tuple) -> None:
    sender, receiver = (LineFormat(9600, bits, parity) for parity in parities)
    heard = sent(data, sender, receiver)
    assert (bytes(heard.data), heard.parity, heard.framing) == (masked(data, bits), len(data), 0)


@settings(deadline=None, max_examples=50)
@given(DATA, st.sampled_from([("even", "mark"), ("odd", "space"), ("mark", "even"), ("space", "odd")]))
def test_other_parity_is_an_error_where_the_bit_differs(data: bytes, parities: tuple) -> None:
    sender, receiver = (LineFormat(9600, 8, parity) for parity in parities)
    heard = sent(data, sender, receiver)
    wrong = sum(parity_bit(code, sender.parity) != parity_bit(code, receiver.parity) for code in data)
    assert (bytes(heard.data), heard.parity) == (data, wrong)


@settings(deadline=None, max_examples=50)
@given(DATA)
def test_a_parity_bit_nobody_expects_is_the_eighth_data_bit(data: bytes) -> None:
    heard = sent(data, LineFormat(9600, 7, "even"), LineFormat(9600, 8))
    expected = bytes(code & 127 | parity_bit(code & 127, "even") << 7 for code in data)
    assert (bytes(heard.data), heard.parity, heard.framing) == (expected, 0, 0)


@settings(deadline=None, max_examples=50)
@given(DATA)
def test_an_eighth_data_bit_is_taken_for_parity(data: bytes) -> None:
    heard = sent(data, LineFormat(9600, 8), LineFormat(9600, 7, "odd"))
    wrong = sum(parity_bit(code & 127, "odd") != code >> 7 for code in data)
    assert (bytes(heard.data), heard.parity, heard.framing) == (masked(data, 7), wrong, 0)


def test_a_seven_bit_receiver_takes_the_eighth_bit_for_the_stop_bit() -> None:
    eight, seven = LineFormat(9600, 8), LineFormat(9600, 7)
    assert on_copper(b"\xc1", eight, seven) == (b"\x41", 0, 0)
    value, _, framing = on_copper(b"\x41", eight, seven)
    assert (value[:1], framing) == (b"\x41", 1)


def test_a_low_stop_bit_is_taken_for_the_next_start_bit() -> None:
    """0x03 with its even parity bit, 0, where the receiver expects the stop bit; then the line is high."""
    assert on_copper(b"\x03", LineFormat(9600, 8, "even"), LineFormat(9600)) == (b"\x03\xff", 0, 1)
    assert on_copper(b"\x01", LineFormat(9600, 8, "even"), LineFormat(9600)) == (b"\x01", 0, 0)


def test_a_character_of_zeros_with_its_stop_bit_low_is_a_break_for_a_short_receiver() -> None:
    heard = sent(b"\0", LineFormat(300), LineFormat(9600))
    assert (bytes(heard.data), heard.breaks) == (b"", [0, 30_000])


def test_a_faster_receiver_makes_several_characters_of_one_and_a_slower_one_fewer() -> None:
    data = b"Ueqk" * 50
    faster, _, _ = on_copper(data, LineFormat(9600), LineFormat(38400))
    slower, _, _ = on_copper(data, LineFormat(9600), LineFormat(2400))
    assert len(faster) > len(data) > len(slower)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(DATA, st.integers(0, 40)), min_size=1, max_size=6), FORMATS, FORMATS)
def test_garbage_does_not_depend_on_when_one_looks(pieces: list, sender: LineFormat, receiver: LineFormat) -> None:
    """Ticks cut a waveform anywhere."""
    results = []
    for step in (3_000_000, 500_000_000):
        line, near, far = pair(sender, replace(receiver, rx_room=1 << 20))
        for data, pause in pieces:
            near.tx.write(data, line.now)
            if pause:
                line.settle(step=step)
                line.now += pause * SECOND
        line.settle(step=step)
        heard = line.heard[far]
        results.append((bytes(heard.data), heard.parity, heard.framing, heard.breaks))
    assert results[0] == results[1]


@settings(deadline=None, max_examples=50)
@given(DATA, FORMATS, FORMATS)
def test_after_a_pause_both_ends_are_in_step_again(data: bytes, sender: LineFormat, receiver: LineFormat) -> None:
    line, near, far = pair(sender, receiver)
    near.tx.write(data, line.now)
    line.settle()
    line.pass_time(100)
    near.set_format(receiver, line.now)
    before = len(line.data(far))
    near.tx.write(b"\x15", line.now)
    line.settle()
    assert line.data(far)[before:] == b"\x15"


@settings(deadline=None, max_examples=50)
@given(FORMATS, st.floats(0.01, 0.99))
def test_a_line_low_for_less_than_a_character_is_no_break(line_format: LineFormat, part: float) -> None:
    character = line_format.bits_per_character * SECOND / line_format.baud
    pieces = too_short_for_a_break(int(part * character), line_format)
    assert len(pieces) <= 1
    assert all(not piece.low and len(piece.data) == 1 for piece in pieces)


def test_agreement_is_about_baud_bits_and_parity() -> None:
    one = LineFormat(9600)
    assert agree(one, replace(one, stop_bits=2, xon=1, rx_room=5))
    assert not any(agree(one, other) for other in (LineFormat(9601), LineFormat(9600, 7), LineFormat(9600, 8, "even")))


def test_large_pieces_are_cheap_where_a_table_does() -> None:
    """A per-byte loop would be caught at it: this is a megabyte."""
    from time import process_time

    copper = Copper(LineFormat(9600, 8, "even"), LineFormat(9600, 8, "odd"))
    data = bytearray(1 << 20)
    start = process_time()
    (piece,) = copper.carry(data, 0)
    assert process_time() - start < 0.05
    assert (len(piece.data), piece.parity) == (1 << 20, 1 << 20)
