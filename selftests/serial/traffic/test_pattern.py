from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nportlab.serial.traffic.locate import index
from nportlab.serial.traffic.pattern import LAP, MOST_PIECE, TELNET, XON_XOFF, pattern

PATIENT = settings(deadline=None, max_examples=60)
BITS = st.sampled_from([5, 6, 7, 8])


@PATIENT
@given(BITS, st.sets(st.integers(0, 255), max_size=20))
def test_only_what_the_line_carries_and_nothing_avoided_occurs(bits, avoided):
    found = set(pattern("any", bits, bytes(sorted(avoided))).table)
    assert found == set(range(1 << bits)) - avoided


def test_flow_control_and_telnet_leave_enough():
    assert not set(XON_XOFF + TELNET) & set(pattern("any", 8, XON_XOFF + TELNET).table)


@pytest.mark.parametrize("bits", [4, 9, 0])
def test_a_width_no_line_has_is_refused(bits):
    with pytest.raises(ValueError, match="5 to 8 data bits"):
        pattern("any", bits)


def test_an_alphabet_of_one_is_refused():
    with pytest.raises(ValueError, match="1 characters are left of 5 data bits"):
        pattern("any", 5, bytes(range(31)))


@PATIENT
@given(st.integers(0, 10 * LAP), st.integers(0, MOST_PIECE))
def test_pieces_are_the_same_wherever_they_are_cut(position, size):
    whole = pattern("any").at(position, size)
    assert len(whole) == size
    assert whole == bytes(pattern("any").piece(position, size))
    assert whole == pattern("any").at(position, size // 3) + pattern("any").at(position + size // 3, size - size // 3)


def test_nothing_stands_before_the_beginning():
    assert pattern("any").at(-3, 5) == pattern("any").at(0, 2)
    assert pattern("any").at(-5, 5) == b""


@PATIENT
@given(st.integers(0, 3 * LAP), st.integers(0, 5000), st.integers(0, 5000))
def test_the_common_part_ends_at_the_first_difference(position, size, wrong):
    data = bytearray(pattern("any").at(position, size))
    if wrong < size:
        data[wrong] ^= 0x40
    assert pattern("any").common(position, bytes(data)) == min(size, wrong)


@PATIENT
@given(BITS, st.integers(0, LAP - 1), st.binary(max_size=3000))
def test_any_place_is_found_behind_any_garbage(bits, position, garbage):
    of = pattern("any", bits)
    found = index(of).first(garbage + of.at(position, of.anchor + 7))
    assert found is not None
    where, offset = found
    if where >= len(garbage):
        assert (offset - position) % LAP == where - len(garbage)


def test_names_make_different_patterns_and_the_same_name_the_same():
    assert pattern("np6650/1") is pattern("np6650/1")
    assert not pattern("np6650/1").holds(pattern("np6650/2").at(1000, 8))
    assert not pattern("np6650/1", 5).holds(pattern("np6650/2", 5).at(1000, 13))


@pytest.mark.parametrize("bits", [5, 6, 7, 8])
def test_an_anchor_occurs_once_in_a_lap(bits):
    of = pattern("any", bits)
    seen = {of.table[at : at + of.anchor] for at in range(LAP)}
    assert len(seen) == LAP
