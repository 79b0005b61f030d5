"""Telnet codec: what any cut of any stream means, and negotiations that end."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from nportlab.protocol.telnet_options import (
    LONGEST_SUBNEGOTIATION,
    Command,
    Data,
    Event,
    Negotiation,
    Options,
    Order,
    Subnegotiation,
    TelnetDecoder,
    escape,
    negotiation,
    subnegotiation,
)

payloads = st.binary(max_size=40).map(lambda data: data.replace(b"a", b"\xff"))
verbs = st.sampled_from([Command.WILL, Command.WONT, Command.DO, Command.DONT])
options = st.integers(0, 254)
events = st.one_of(
    payloads.filter(bool).map(Data),
    st.builds(Negotiation, verbs, options),
    st.builds(Subnegotiation, st.integers(0, 255), payloads),
    st.builds(Order, st.integers(0, 249).filter(lambda code: code != Command.SE)),
)


def encoded(event: Event) -> bytes:
    match event:
        case Data(octets):
            return escape(octets)
        case Negotiation(verb, option):
            return negotiation(verb, option)
        case Subnegotiation(option, payload):
            return bytes([0xFF, Command.SB]) + escape(bytes([option]) + payload) + bytes([0xFF, Command.SE])
        case Order(code):
            return bytes([0xFF, code])


def read(stream: bytes, cuts: list[int]) -> list[Event]:
    """The events of a stream that arrives cut at these places, with neighbouring data put together."""
    decoder, found, start = TelnetDecoder(), list[Event](), 0
    for cut in [*sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]:
        found += decoder.feed(stream[start:cut])
        start = cut
    return joined(found)


def joined(found: list[Event]) -> list[Event]:
    whole: list[Event] = []
    for event in found:
        if isinstance(event, Data) and whole and isinstance(whole[-1], Data):
            whole[-1] = Data(whole[-1].octets + event.octets)
        else:
            whole.append(event)
    return whole


@given(st.lists(events, max_size=8), st.lists(st.integers(0, 400), max_size=6))
def test_what_is_encoded_is_read_back_over_any_cut(sent: list[Event], cuts: list[int]) -> None:
    assert read(b"".join(map(encoded, sent)), cuts) == joined(sent)


@given(st.binary(max_size=200).map(lambda data: data.replace(b"a", b"\xff").replace(b"b", b"\xff\xfa")), st.data())
def test_any_octets_are_read_the_same_however_they_are_cut(stream: bytes, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=8))
    assert read(stream, cuts) == read(stream, [])


def test_a_subnegotiation_by_the_rfc() -> None:
    # RFC 2217, section 3: SET-BAUDRATE 9600 (0x2580), a purge, and a mask of 255, which is doubled.
    assert subnegotiation(44, bytes([1, 0, 0, 0x25, 0x80])) == bytes.fromhex("fffa2c0100002580fff0")
    assert subnegotiation(44, bytes([11, 255])) == bytes.fromhex("fffa2c0bfffffff0")
    assert TelnetDecoder().feed(bytes.fromhex("fffa2c0bfffffff0")) == [Subnegotiation(44, b"\x0b\xff")]


def test_a_subnegotiation_another_command_interrupts_is_dropped() -> None:
    stream = bytes([0xFF, Command.SB, 44, 5, 0xFF, Command.WILL, 0]) + b"x"
    assert TelnetDecoder().feed(stream) == [Negotiation(Command.WILL, 0), Data(b"x")]


def test_empty_unfinished_and_stray_ends() -> None:
    assert TelnetDecoder().feed(bytes([0xFF, Command.SB, 0xFF, Command.SE]) + b"x") == [Data(b"x")]
    assert TelnetDecoder().feed(bytes([0xFF, Command.SE]) + b"x") == [Data(b"x")]


def test_a_subnegotiation_without_end_is_not_kept() -> None:
    decoder = TelnetDecoder()
    decoder.feed(bytes([0xFF, Command.SB, 44]))
    for _ in range(100):
        assert decoder.feed(b"z" * 1000) == []
    assert len(decoder._inside or b"") <= LONGEST_SUBNEGOTIATION
    assert decoder.feed(bytes([0xFF, Command.SE]) + b"data") == [Data(b"data")]


def test_data_full_of_iac_costs_no_loop_per_byte() -> None:
    stream = escape(b"\xff" * 2_000_000)
    started = time.process_time()
    assert TelnetDecoder().feed(stream) == [Data(b"\xff" * 2_000_000)]
    assert time.process_time() - started < 0.5


def test_what_was_offered_and_accepted_is_on_without_an_answer() -> None:
    ours = Options({0}, {0})
    assert ours.offer(0) == bytes([255, 251, 0])
    assert ours.hear(Negotiation(Command.DO, 0)) == b""
    assert ours.performs(0)
    assert not ours.is_performed(0)


def test_what_was_offered_and_refused_is_off() -> None:
    ours = Options({0}, set())
    ours.offer(0)
    assert ours.hear(Negotiation(Command.DONT, 0)) == b""
    assert not ours.performs(0)


def test_unknown_options_are_refused_every_time_they_are_asked_for() -> None:
    ours = Options({0}, {0})
    for _ in range(2):
        assert ours.hear(Negotiation(Command.DO, 99)) == negotiation(Command.WONT, 99)
        assert ours.hear(Negotiation(Command.WILL, 99)) == negotiation(Command.DONT, 99)
    assert ours.hear(Negotiation(Command.WONT, 99)) == b""


def test_an_option_is_switched_off_again() -> None:
    ours = Options({0}, {0})
    assert ours.hear(Negotiation(Command.WILL, 0)) == negotiation(Command.DO, 0)
    assert ours.is_performed(0)
    assert ours.hear(Negotiation(Command.WONT, 0)) == negotiation(Command.DONT, 0)
    assert not ours.is_performed(0)


known = st.sets(st.sampled_from([0, 1, 3, 44]))


@given(known, known, known, known, known, known)
def test_two_ends_never_loop_and_agree(
    a_may: set[int], a_lets: set[int], b_may: set[int], b_lets: set[int], offered: set[int], asked: set[int]
) -> None:
    ends = Options(a_may, a_lets), Options(b_may, b_lets)
    decoders = TelnetDecoder(), TelnetDecoder()
    wires = [b"", b""]
    for number, end in enumerate(ends):
        wires[1 - number] += b"".join(map(end.offer, offered & (a_may, b_may)[number]))
        wires[1 - number] += b"".join(map(end.ask, asked & (a_lets, b_lets)[number]))
    for _ in range(10):
        for number, end in enumerate(ends):
            heard, wires[number] = decoders[number].feed(wires[number]), b""
            for event in heard:
                assert isinstance(event, Negotiation)
                wires[1 - number] += end.hear(event)
    assert wires == [b"", b""], "the two ends loop"
    for option in (0, 1, 3, 44):
        assert ends[0].performs(option) == ends[1].is_performed(option)
        assert ends[1].performs(option) == ends[0].is_performed(option)
