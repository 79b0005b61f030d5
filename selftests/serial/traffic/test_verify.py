"""Whatever goes wrong once is found where it is and called what it is, however the stream is cut into reads."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nportlab.serial.traffic.findings import MOST_KEPT, Findings, Kind
from nportlab.serial.traffic.pattern import LAP, Pattern, pattern
from nportlab.serial.traffic.verify import MOST_SEARCHES, Verifier

PATIENT = settings(deadline=None, max_examples=60)
SIZE = 6000
BITS = st.sampled_from([5, 6, 7, 8])
PLACE = st.integers(0, SIZE - 1500)
CUTS = st.sampled_from([1, 7, 460, 4096, SIZE * 2])


def judge(of: Pattern, stream: bytes, cut: int, *, sent: int = SIZE, others: tuple[Pattern, ...] = ()) -> Findings:
    verifier = Verifier(of, others)
    for start in range(0, len(stream), cut):
        verifier.feed(stream[start : start + cut], sent)
    findings = verifier.finish(sent)
    assert verifier.received == len(stream)
    assert verifier.position == sent
    return findings


def first_difference(of: Pattern, stream: bytes) -> int:
    right = of.at(0, max(SIZE, len(stream)))
    return next((at for at, seen in enumerate(stream) if seen != right[at]), len(stream))


@PATIENT
@given(BITS, CUTS, st.integers(0, SIZE))
def test_a_right_stream_is_right(bits, cut, size):
    of = pattern("mine", bits)
    assert not judge(of, of.at(0, size), cut, sent=size)


def test_laps_follow_each_other():
    of = pattern("mine")
    size = 2 * LAP + 1000
    assert not judge(of, of.at(0, size), 65536, sent=size)
    assert not judge(of, of.at(0, size), size, sent=size)


@PATIENT
@given(BITS, CUTS, PLACE, st.integers(1, 1200))
def test_a_loss(bits, cut, place, count):
    of = pattern("mine", bits)
    stream = of.at(0, place) + of.at(place + count, SIZE - place - count)
    (finding,) = judge(of, stream, cut).first
    assert (finding.kind, finding.expected, finding.seen) == (Kind.LOSS, count, 0)
    assert finding.position == first_difference(of, stream)


@PATIENT
@given(CUTS, st.integers(66_000, LAP - 70_000))
def test_a_large_loss_is_no_duplication(cut, count):
    of, sent = pattern("mine"), LAP + 10_000
    stream = of.at(0, 500) + of.at(500 + count, sent - 500 - count)
    (finding,) = judge(of, stream, max(cut, 460), sent=sent).first
    assert (finding.kind, finding.expected) == (Kind.LOSS, count)


@PATIENT
@given(BITS, CUTS, PLACE, st.integers(1, 1200))
def test_a_duplication(bits, cut, place, count):
    of = pattern("mine", bits)
    place, count = place + 1, min(count, place + 1)
    stream = of.at(0, place) + of.at(place - count, SIZE - place + count)
    (finding,) = judge(of, stream, cut).first
    assert (finding.kind, finding.seen) == (Kind.DUPLICATION, count)
    assert finding.position == first_difference(of, stream)


@PATIENT
@given(BITS, CUTS, st.integers(0, 3000), st.integers(20, 400), st.integers(0, 1000))
def test_a_duplication_of_something_long_ago(bits, cut, old, count, between):
    of = pattern("mine", bits)
    place = old + count + between
    stream = of.at(0, place) + of.at(old, count) + of.at(place, SIZE - place)
    found = judge(of, stream, cut)
    assert set(found.events) == {Kind.DUPLICATION}
    assert (found.damage[Kind.DUPLICATION], found.first[0].position) == (count, first_difference(of, stream))


@PATIENT
@given(BITS, CUTS, PLACE, st.integers(1, 200), st.integers(1, 200))
def test_two_parts_in_the_wrong_order(bits, cut, place, one, other):
    of = pattern("mine", bits)
    middle, end = place + one, place + one + other
    stream = of.at(0, place) + of.at(middle, other) + of.at(place, one) + of.at(end, SIZE - end)
    found = judge(of, stream, cut)
    difference = first_difference(of, stream)
    if difference == len(stream):
        assert not found  # The two parts are alike.
        return
    assert found.first[0].position == difference
    if bits == 8:  # With fewer bits neighbours are alike too often to be always sure.
        assert set(found.events) == {Kind.REORDERING}, found.describe()


def test_two_parts_in_the_wrong_order_are_hardly_ever_taken_for_anything_else():
    of, wrong = pattern("mine", 5), 0
    for place in range(100, 1100):
        one, other = 1 + place % 61, 1 + place % 53
        middle, end = place + one, place + one + other
        stream = of.at(0, place) + of.at(middle, other) + of.at(place, one) + of.at(end, 1500 - end)
        wrong += set(judge(of, stream, 460, sent=1500).events) not in ({Kind.REORDERING}, set())
    assert wrong <= 5


@PATIENT
@given(BITS, CUTS, PLACE, st.integers(1, 255))
def test_a_changed_byte(bits, cut, place, flip):
    of = pattern("mine", bits)
    stream = bytearray(of.at(0, SIZE))
    stream[place] ^= flip
    (finding,) = judge(of, bytes(stream), cut).first
    assert (finding.kind, finding.damage, finding.position) == (Kind.CORRUPTION, 1, place)
    assert finding.flipped == flip
    assert finding.got[:2] == f"{stream[place]:02x}"
    assert finding.wanted[:2] == f"{of.at(place, 1)[0]:02x}"
    assert finding.before == of.at(place - 8, 8).hex()


@PATIENT
@given(BITS, CUTS, st.lists(st.integers(0, 150), min_size=1, max_size=40, unique=True))
def test_bit_errors_here_and_there_are_each_found(bits, cut, places):
    of = pattern("mine", bits)
    stream = bytearray(of.at(0, SIZE))
    for place in places:
        stream[place * 35] ^= 0x01
    found = judge(of, bytes(stream), cut)
    assert (found.events, found.damage) == ({Kind.CORRUPTION: len(places)}, {Kind.CORRUPTION: len(places)})
    assert [finding.position for finding in found.first] == sorted(place * 35 for place in places)


@PATIENT
@given(BITS, CUTS, PLACE, st.integers(20, 1200), st.integers(0, LAP), st.booleans())
def test_bytes_of_another_port(bits, cut, place, count, theirs, instead):
    of, other = pattern("mine", bits), pattern("theirs", bits)
    after = place + count if instead else place
    stream = of.at(0, place) + other.at(theirs, count) + of.at(after, SIZE - after)
    found = judge(of, stream, cut, others=(pattern("third", bits), other))
    assert set(found.events) == {Kind.FOREIGN}, found.describe()
    finding = found.first[0]
    assert (finding.owner, finding.position) == ("theirs", first_difference(of, stream))
    assert count - 6 <= finding.seen <= count
    assert finding.expected == (finding.seen if instead else 0)


@PATIENT
@given(BITS, CUTS, st.integers(1, SIZE))
def test_nothing_but_bytes_of_another_port(bits, cut, size):
    other = pattern("theirs", bits)
    found = judge(pattern("mine", bits), other.at(0, size), cut, others=(other,))
    assert found
    if size > 200:
        assert found.first[0].owner == "theirs"


@PATIENT
@given(CUTS, PLACE, st.binary(min_size=1, max_size=300))
def test_stray_bytes_do_not_hide_what_comes_after(cut, place, noise):
    of = pattern("mine")
    stream = of.at(0, place) + noise + of.at(place, 1000) + of.at(place + 1003, SIZE - place - 1003)
    found = judge(of, stream, cut)
    assert found.first[0].position == first_difference(of, stream)
    assert found.damage[Kind.LOSS] == 3


@PATIENT
@given(BITS, CUTS, st.binary(max_size=2000))
def test_garbage_is_never_right_and_never_breaks_anything(bits, cut, garbage):
    of = pattern("mine", bits)
    found = judge(of, garbage, cut, sent=len(garbage))
    assert bool(found) == (garbage != of.at(0, len(garbage)))


@PATIENT
@given(BITS, CUTS, st.integers(1, 3000))
def test_the_end_missing_is_a_loss(bits, cut, count):
    of = pattern("mine", bits)
    (finding,) = judge(of, of.at(0, SIZE - count), cut).first
    assert (finding.kind, finding.position, finding.expected) == (Kind.LOSS, SIZE - count, count)


@PATIENT
@given(CUTS, st.integers(1, 30))
def test_something_wrong_near_the_end_is_found(cut, left):
    of = pattern("mine")
    right = of.at(0, SIZE)
    at = SIZE - left
    assert judge(of, right[:at] + right[at + 1 :], cut).first[0].kind is Kind.LOSS
    assert judge(of, right[:at] + right[at - 1 :], cut).first[0].kind is Kind.DUPLICATION
    changed = judge(of, right[:at] + bytes([right[at] ^ 1]) + right[at + 1 :], cut).first
    assert [(finding.kind, finding.position) for finding in changed] == [(Kind.CORRUPTION, at)]


def test_what_is_under_way_when_traffic_ends_early_is_not_lost():
    of = pattern("mine")
    verifier = Verifier(of)
    verifier.feed(of.at(0, 500), 2000)
    assert not verifier.finish(2000, complete=False)
    assert verifier.position == 500


def test_a_stream_without_hope_is_given_up_in_time():
    of = pattern("mine")
    lossy = b"".join(of.at(at, 90) for at in range(0, 4_000_000, 100))
    verifier = Verifier(of)
    began = time.process_time()
    for start in range(0, len(lossy), 65536):
        verifier.feed(lossy[start : start + 65536])
    assert time.process_time() - began < 20
    found = verifier.findings()
    assert found.abandoned is not None
    assert "hopeless" in found.describe()
    assert found.events[Kind.LOSS] >= MOST_SEARCHES
    assert len(found.first) == MOST_KEPT


def test_many_errors_are_counted_and_the_first_are_kept():
    of = pattern("mine")
    stream = bytearray(of.at(0, 100_000))
    for at in range(0, len(stream), 50):
        stream[at] ^= 0x80
    found = judge(of, bytes(stream), 4096, sent=100_000)
    assert found.damage == {Kind.CORRUPTION: 2000} == found.events
    assert len(found.first) == MOST_KEPT
    assert "bits 0x80" in found.first[0].describe()


@pytest.mark.parametrize("size", [1024, 65536])
def test_verifying_is_no_bottleneck(size):
    of = pattern("mine")
    pieces = [of.at(at, size) for at in range(0, 20_000_000, size)]
    verifier = Verifier(of)
    began = time.process_time()
    for piece in pieces:
        verifier.feed(piece)
    spent = time.process_time() - began
    assert not verifier.suspicious
    assert 20 / spent > 300, f"{20 / spent:.0f} MB/s; over 1000 is usual"
