"""The Real COM codec against examples composed from the reference's tables, and with itself."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nportlab.protocol import real_com as rc
from nportlab.protocol import real_com_format as coding
from nportlab.protocol import real_com_replies as replies
from nportlab.protocol.serial_wire import PARITIES

byte = st.integers(0, 255)
word = st.integers(0, 0xFFFF)
long = st.integers(0, 0xFFFFFFFF)
flag = st.booleans()
formats = st.builds(
    rc.Format,
    st.sampled_from([*coding.BAUDS, None]),
    st.integers(6, 8),
    st.sampled_from(PARITIES),
    st.sampled_from([1, 2]),
)
flows = st.builds(rc.FlowControl, flag, flag, flag, flag)
names = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=rc.LONGEST_USER_NAME)
plain = [kind for kind in rc.COMMANDS.values() if kind.layout == "<" and kind not in (rc.Ioctl, rc.PortInit)]
commands: st.SearchStrategy[rc.Command] = st.one_of(
    st.builds(rc.Ioctl, formats),
    flows,
    st.builds(rc.LineControl, flag, flag),
    st.builds(rc.Flush, byte),
    st.builds(rc.SetBaud, long),
    st.builds(rc.XonXoff, byte, byte),
    st.builds(rc.Reset),
    st.builds(rc.BreakSend, word),
    st.builds(rc.AliveAnswer, byte),
    st.builds(rc.PortInit, formats, flag, flag, flows, names),
    st.builds(rc.WaitOutputQueue, long),
    st.builds(rc.TxFifo, byte),
    st.builds(rc.DsrSense, flag),
    st.builds(rc.FlushStart, byte, long),
    *(st.builds(kind) for kind in plain),
)
nibble = st.integers(0, 15)
simple_codes = st.sampled_from([code for code in rc.Code if code not in replies.LENGTHS])
answers: st.SearchStrategy[Any] = st.one_of(
    st.builds(replies.Accepted, simple_codes),
    st.builds(replies.Refused, simple_codes),
    st.builds(replies.Lines, st.sampled_from([rc.Code.LSTATUS, rc.Code.PORT_INIT]), flag, flag, flag),
    st.just(replies.Lines(rc.Code.PORT_INIT, False, False, False, refused=True)),
    st.builds(replies.QueueLength, st.sampled_from([rc.Code.IQUEUE, rc.Code.OQUEUE, rc.Code.WAIT_OQUEUE]), word),
    st.builds(
        replies.Notify,
        byte.map(replies.Event),
        nibble.map(replies.ModemLines),
        nibble.map(replies.ModemLines),
        byte.map(replies.Held),
    ),
    st.builds(replies.AlivePoll, byte),
    st.builds(replies.FlushStarted, word),
    st.builds(replies.BreaksCounted, word),
    st.builds(replies.ErrorsSeen, nibble.map(replies.Event)),
)


def read(data: bytes) -> list[rc.Command]:
    return [rc.decode_command(*frame) for frame in rc.split_commands(data)]


@pytest.mark.parametrize(
    ("command", "frame"),
    [
        (rc.PortInit(rc.Format(9600)), "2C 08 06 03 01 01 00 00 00 00"),
        (rc.PortInit(rc.Format(115200, 7, "even", 2), user="ann"), "2C 0B 0A 0E 01 01 00 00 00 00 61 6E 6E"),
        (rc.TxFifo(16), "30 01 10"),
        (rc.WaitOutputQueue(10_000), "2F 04 10 27 00 00"),
        (rc.AliveAnswer(5), "28 01 05"),
        (rc.SetBaud(250_000), "17 04 90 D0 03 00"),
        (rc.BreakSend(300), "23 02 01 2C"),
        (rc.FlushStart(rc.Queues.BOTH, 2), "35 05 02 02 00 00 00"),
        (rc.Reset(), "20 03 31 36 61"),
        (rc.LineControl(dtr=True, rts=False), "12 02 01 00"),
        (rc.XonXoff(), "18 02 11 13"),
        (rc.Ioctl(rc.Format(1800, 5, "space")), "10 02 FF 20"),
    ],
)
def test_commands_of_the_reference(command: rc.Command, frame: str) -> None:
    assert command.encode() == bytes.fromhex(frame)


@pytest.mark.parametrize(
    ("reply", "frame"),
    [
        (replies.Lines(rc.Code.PORT_INIT, dsr=True, cts=True, dcd=False), "2C 03 01 01 00"),
        (replies.Accepted(rc.Code.TX_FIFO), "30 4F 4B"),
        (replies.Refused(rc.Code.SETBAUD), "17 4E 41"),
        (replies.QueueLength(rc.Code.WAIT_OQUEUE, 0), "2F 02 00 00"),
        (replies.QueueLength(rc.Code.WAIT_OQUEUE, 0x1234), "2F 02 34 12"),
        (replies.BreaksCounted(0x0102), "37 02 01 02"),
        (replies.AlivePoll(5), "27 01 05"),
        (replies.FlushStarted(3), "35 04 03 00 00 00"),
        (
            replies.Notify(
                replies.Event.MODEM_STATUS,
                replies.ModemLines.CTS | replies.ModemLines.DSR,
                replies.ModemLines.CTS | replies.ModemLines.DSR,
            ),
            "26 20 33 80",
        ),
    ],
)
def test_replies_of_the_reference(reply: replies.Reply, frame: str) -> None:
    assert reply.encode() == bytes.fromhex(frame)
    assert replies.split_replies(bytes.fromhex(frame)) == ([reply], b"")


def test_a_notification_right_behind_a_reply() -> None:
    (first, second), rest = replies.split_replies(bytes.fromhex("2C 03 01 01 00 26 20 33 80"))
    assert isinstance(first, replies.Lines) and isinstance(second, replies.Notify) and not rest


@given(st.lists(commands, max_size=5))
def test_commands_in_one_segment_come_back(sent: list[rc.Command]) -> None:
    assert read(b"".join(command.encode() for command in sent)) == sent


@given(commands, st.data())
def test_a_truncated_command_is_dropped(command: rc.Command, data: st.DataObject) -> None:
    frame = command.encode()
    cut = data.draw(st.integers(0, len(frame) - 1))
    assert rc.split_commands(rc.BreakOn().encode() + frame[:cut]) == [(rc.Code.BREAK_ON, b"")]


@given(st.lists(answers, max_size=6), st.lists(st.integers(1, 5), max_size=20))
def test_replies_cut_anywhere_are_put_together(sent: list[Any], cuts: list[int]) -> None:
    stream = b"".join(reply.encode() for reply in sent)
    cutter = replies.Replies()
    heard: list[replies.Reply] = []
    for length in [*cuts, len(stream)]:
        heard += cutter.feed(stream[:length])
        stream = stream[length:]
    assert heard == sent


@given(st.binary(max_size=40))
def test_no_garbage_upsets_the_splitters(data: bytes) -> None:
    found, rest = replies.split_replies(data)
    assert b"".join(reply.encode() for reply in found if isinstance(reply, replies.Unreadable)) in data
    assert data.endswith(rest)
    for code, payload in rc.split_commands(data):
        with contextlib.suppress(rc.RealComError):
            rc.decode_command(code, payload)


@given(byte, byte)
def test_unknown_replies_reach_to_the_end_of_the_read(first: int, last: int) -> None:
    found, rest = replies.split_replies(rc.Code.FLUSH.to_bytes() + b"OK" + b"\x99XX" + bytes([first, last]))
    assert found == [replies.Accepted(rc.Code.FLUSH), replies.Unreadable(b"\x99XX" + bytes([first, last]))]
    assert not rest


@given(byte, byte)
def test_every_format_has_one_meaning(index: int, mode: int) -> None:
    try:
        one = rc.Format.decode(index, mode)
    except rc.RealComError:
        assert mode & 0x38 > 0x20
        return
    again = one.encode()
    assert again == bytes([index if index < 19 else 0xFF, mode & 0x3F])
    assert one.has_index is (index < 19)


def test_two_stop_bits_are_one_and_a_half_with_five_data_bits() -> None:
    assert rc.Format.decode(6, 0x04).stop_bits == 1.5
    assert rc.Format(stop_bits=1.5, data_bits=5).encode() == b"\x06\x04"


@pytest.mark.parametrize("code", [0x00, 0x29, 0x2D, 0x31, 0x99])
def test_commands_without_a_known_layout(code: int) -> None:
    with pytest.raises(rc.RealComError, match="unknown command"):
        rc.decode_command(code, b"")


@pytest.mark.parametrize("kind", rc.COMMANDS.values())
def test_wrong_lengths_are_refused(kind: type[rc.Command]) -> None:
    with pytest.raises(rc.RealComError):
        kind.parse(bytes(200))


@pytest.mark.parametrize(
    "impossible",
    [
        rc.Ioctl(rc.Format(data_bits=9)),
        rc.Ioctl(rc.Format(stop_bits=3)),
        rc.PortInit(rc.Format(), user="x" * 56),
        rc.BreakSend(70_000),
        rc.SetBaud(-1),
        rc.TxFifo(256),
    ],
)
def test_values_without_a_code_are_refused(impossible: rc.Command) -> None:
    with pytest.raises(rc.RealComError):
        impossible.encode()
