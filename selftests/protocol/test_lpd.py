"""LPD codec. Examples by RFC 1179; rlpr, written elsewhere, meets it in selftests/clients."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nportlab.protocol.lpd import (
    Aborted,
    Command,
    ControlFile,
    Event,
    FileBegins,
    FileEnds,
    FilePart,
    JobReader,
    LpdError,
    Request,
    Subcommand,
    decode_control_file,
    decode_request,
)

JOB = b"\x02queue\n\x0224 cfA001host\nHhost\nPuser\nldfA001host\n\x00\x035 dfA001host\nhello\x00"


def joined(events: list[Event]) -> list[Event]:
    whole: list[Event] = []
    for event in events:
        if isinstance(event, FilePart) and whole and isinstance(whole[-1], FilePart):
            whole[-1] = FilePart(whole[-1].octets + event.octets)
        else:
            whole.append(event)
    return whole


@given(st.lists(st.integers(0, len(JOB)), max_size=8))
def test_a_job_is_read_over_any_cut(cuts: list[int]) -> None:
    reader, events, start = JobReader(), list[Event](), 0
    for cut in [*sorted(cuts), len(JOB)]:
        events += reader.feed(JOB[start:cut])
        start = cut
    assert joined(events) == [
        Request(Command.RECEIVE_JOB, "queue"),
        FileBegins(Subcommand.CONTROL_FILE, 24, "cfA001host"),
        FilePart(b"Hhost\nPuser\nldfA001host\n"),
        FileEnds(ok=True),
        FileBegins(Subcommand.DATA_FILE, 5, "dfA001host"),
        FilePart(b"hello"),
        FileEnds(ok=True),
    ]
    assert not reader.in_a_file


@pytest.mark.parametrize("count", ["0", "125899906843000"])
def test_a_file_of_unknown_length_ends_with_the_connection(count: str) -> None:
    reader = JobReader()
    events = reader.feed(f"\x02q\n\x03{count} dfA001h\nsome\x00".encode()) + reader.feed(b" more")
    assert joined(events)[1:] == [FileBegins(Subcommand.DATA_FILE, None, "dfA001h"), FilePart(b"some\x00 more")]
    assert reader.in_a_file
    assert reader.end() == [FileEnds(ok=True)]
    assert reader.end() == []


def test_a_client_that_leaves_in_a_file_leaves_no_end() -> None:
    reader = JobReader()
    reader.feed(b"\x02q\n\x035 dfA001h\nhel")
    assert reader.end() == []
    assert reader.in_a_file


def test_a_file_the_client_gave_up_says_so() -> None:
    assert JobReader().feed(b"\x02q\n\x031 dfA001h\nx\x01")[-1] == FileEnds(ok=False)


def test_abort() -> None:
    assert JobReader().feed(b"\x02q\n\x01\n") == [Request(Command.RECEIVE_JOB, "q"), Aborted()]


def test_states_and_removal_name_jobs_and_users() -> None:
    assert decode_request(b"\x04raw") == Request(Command.LONG_STATE, "raw")
    assert decode_request(b"\x05raw agent 3") == Request(Command.REMOVE_JOBS, "raw", ("agent", "3"))
    assert Request(Command.REMOVE_JOBS, "raw", ("agent", "3")).encode() == b"\x05raw agent 3\n"
    assert FileBegins(Subcommand.DATA_FILE, 7, "dfA001h").encode() == b"\x037 dfA001h\n"


@pytest.mark.parametrize(
    "stream",
    [
        b"\x09queue\n",
        b"GET / HTTP/1.1\r\n",
        b"\n",
        b"\x02\n",
        b"\x02q\n\x04 bad\n",
        b"\x02q\n\x02x cfA001h\n",
        b"\x02q\n\x0212\n",
        b"\x02q\n\x0299999999 cfA001h\n",
        b"\x02q\n\x03" + b"1" * 2000 + b" dfA\n",
        b"\x02" + b"q" * 1100,
    ],
)
def test_what_is_not_lpd_is_an_error(stream: bytes) -> None:
    with pytest.raises(LpdError):
        JobReader().feed(stream)


@given(st.binary(max_size=300))
def test_any_octets_are_events_or_an_error(stream: bytes) -> None:
    reader = JobReader()
    try:
        reader.feed(stream)
    except LpdError:
        return
    reader.end()


def test_what_a_control_file_says() -> None:
    text = b"Hpc\nPanna\nJletter\nCpc\nLanna\nldfA001pc\nUdfA001pc\nNletter.txt\n"
    assert decode_control_file(text) == ControlFile("pc", "anna", "letter", ("letter.txt",))
    assert decode_control_file(b"ldfA001pc\n") == ControlFile(files=("dfA001pc",))


@given(st.binary(max_size=100))
def test_any_control_file_is_read(octets: bytes) -> None:
    decode_control_file(octets)
