"""Frames between cables and what is plugged in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nportlab.protocol.serial_wire import (
    INTERFACES,
    MOST_PAYLOAD,
    PARITIES,
    Flow,
    Frame,
    Frames,
    Kind,
    LineFormat,
    WireFrameError,
    decode_errors,
    encode,
    encode_errors,
    encode_number,
)

FRAME = st.builds(Frame, st.sampled_from(Kind), st.integers(0, 255), st.binary(max_size=300))
FORMAT = st.builds(
    LineFormat,
    baud=st.integers(1, 0xFFFFFFFF),
    data_bits=st.integers(5, 8),
    parity=st.sampled_from(PARITIES),
    stop_bits=st.sampled_from([1, 1.5, 2]),
    flow=st.integers(0, 127).map(Flow),
    xon=st.integers(0, 255),
    xoff=st.integers(0, 255),
    rts_on_delay=st.integers(0, 0xFFFF),
    rts_off_delay=st.integers(0, 0xFFFF),
    rx_room=st.integers(1, 0xFFFFFFFF),
    interface=st.sampled_from(INTERFACES),
)


@given(st.lists(FRAME, max_size=8), st.integers(1, 50))
def test_frames_survive_any_cut(frames: list[Frame], step: int) -> None:
    stream = b"".join(encode(*frame) for frame in frames)
    cutter = Frames()
    found = [frame for start in range(0, len(stream), step) for frame in cutter.feed(stream[start : start + step])]
    assert found == frames


def test_long_data_becomes_several_frames() -> None:
    data = bytes(range(256)) * 600
    frames = Frames().feed(encode(Kind.DATA, 3, data))
    assert [len(frame.payload) for frame in frames] == [MOST_PAYLOAD, MOST_PAYLOAD, len(data) - 2 * MOST_PAYLOAD]
    assert b"".join(frame.payload for frame in frames) == data


@given(FORMAT)
def test_line_formats_survive(line_format: LineFormat) -> None:
    assert LineFormat.decode(line_format.encode()) == line_format


@pytest.mark.parametrize("payload", [b"", b"\0" * 5, LineFormat().encode() + b"\0", LineFormat(data_bits=9).encode()])
def test_impossible_line_formats_are_refused(payload: bytes) -> None:
    with pytest.raises(WireFrameError):
        LineFormat.decode(payload)


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n", b"\x00\x00\x00\x00", b"\x0a\x00\xff\xff"])
def test_an_unknown_kind_is_refused_before_its_payload_has_come(data: bytes) -> None:
    with pytest.raises(WireFrameError, match="unknown frame kind"):
        Frames().feed(data)


def test_numbers_and_errors() -> None:
    assert Frames().feed(encode_number(Kind.SENT, 1, 0xDEADBEEF))[0].number == 0xDEADBEEF
    assert Frames().feed(encode_number(Kind.BREAK, 1, 0xFFFF))[0].payload == b"\xff\xff"
    assert decode_errors(Frames().feed(encode_errors(1, 1, 2, 70000))[0].payload) == (1, 2, 0xFFFF)
    with pytest.raises(WireFrameError):
        decode_errors(b"\0" * 5)
