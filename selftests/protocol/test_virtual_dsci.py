"""The conversation of the virtual unit with its tool: what is sent is read, in any pieces; nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nportlab.protocol.virtual_dsci import MOST_BYTES, Code, Decoder, DsciError, Kind, Message, Operation, Tag, texts

messages = st.builds(
    Message,
    st.sampled_from(Operation),
    st.dictionaries(st.sampled_from(Tag), st.binary(max_size=40)),
    st.sampled_from(Kind),
    st.sampled_from(Code),
    st.integers(0, 0xFFFF),
)


@given(sent=st.lists(messages, max_size=4), pieces=st.lists(st.integers(1, 30), max_size=20))
def test_messages_arrive_whatever_pieces_they_come_in(sent: list[Message], pieces: list[int]) -> None:
    data = b"".join(message.encode() for message in sent)
    decoder, got = Decoder(), list[Message]()
    for size in [*pieces, len(data)]:
        got += decoder.feed(data[:size])
        data = data[size:]
    assert got == sent


def test_the_layout() -> None:
    message = Message(Operation.LOGIN, texts(user="admin"), transaction=0x0102)
    assert message.encode() == b"DT\x01\x02\x00\x00\x01\x02\x00\x00\x00\x09" + b"\x01\x00\x00\x05admin"
    refused = message.reply(result=Code.BAD_LOGIN)
    assert refused.encode() == b"DT\x01\x82\xfe\x00\x01\x02\x00\x00\x00\x00"


def test_progress_is_told_from_the_reply() -> None:
    request = Message(Operation.FIRMWARE_END, transaction=7)
    data = request.progress("write", 40).encode() + request.reply().encode()
    report, reply = Decoder().feed(data)
    assert (report.kind, report.text(Tag.STAGE), report.number(Tag.PERCENT)) == (Kind.PROGRESS, "write", 40)
    assert (reply.kind, reply.result, reply.transaction) == (Kind.REPLY, Code.OK, 7)


@given(data=st.binary(min_size=2, max_size=80).filter(lambda data: not data.startswith(b"DT")))
def test_other_conversations_are_refused(data: bytes) -> None:
    with pytest.raises(DsciError):
        list(Decoder().feed(data))


@given(data=st.binary(max_size=60), size=st.integers(0, 60))
def test_fields_that_cannot_be_read_are_refused_or_read(data: bytes, size: int) -> None:
    head = b"DT\x01\x01\x00\x00\x00\x00" + size.to_bytes(4, "big")
    try:
        got = list(Decoder().feed(head + data[:size]))
    except DsciError:
        return
    assert len(got) == (len(data) >= size)


@pytest.mark.parametrize(
    "fields",
    [b"\x63\x00\x00\x00", b"\x01\x00\x00\x09abc", b"\x01\x00\x00\x00" * 2, b"\x01"],
    ids=["unknown tag", "cut short", "twice", "no length"],
)
def test_bad_fields(fields: bytes) -> None:
    with pytest.raises(DsciError):
        list(Decoder().feed(b"DT\x01\x01\x00\x00\x00\x00" + len(fields).to_bytes(4, "big") + fields))


def test_no_message_is_larger_than_agreed() -> None:
    with pytest.raises(DsciError):
        Message(Operation.FIRMWARE_DATA, {Tag.DATA: bytes(MOST_BYTES)}).encode()
    with pytest.raises(DsciError):
        list(Decoder().feed(b"DT\x01\x01\x00\x00\x00\x00" + b"\xff" * 4))


def test_text_that_is_none() -> None:
    with pytest.raises(DsciError):
        Message(Operation.LOGIN, {Tag.USER: b"\xff"}).text(Tag.USER)
