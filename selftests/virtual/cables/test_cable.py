"""Plugs, crosslinks, lines and faults."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nportlab.protocol.serial_wire import Flow, Hold, Input, LineFormat, Output
from nportlab.virtual.cables.faults import ByteFault
from selftests.virtual.cables.bench import loopback, pair

ALL = Input.CTS | Input.DSR | Input.DCD
DATA = bytes(range(256)) * 4


@pytest.mark.parametrize(
    ("driven", "seen"),
    [
        (Output(0), Input(0)),
        (Output.RTS, Input.CTS),
        (Output.DTR, Input.DSR | Input.DCD),
        (Output.DTR | Output.RTS, ALL),
    ],
)
def test_lines_cross(driven: Output, seen: Input) -> None:
    line, near, far = pair(LineFormat(9600))
    near.set_lines(driven, line.now)
    assert (far.inputs, near.inputs) == (seen, ALL)
    line, port = loopback(LineFormat(9600))
    port.set_lines(driven, line.now)
    assert port.inputs == seen


def test_a_loopback_returns_bytes_and_breaks() -> None:
    line, port = loopback(LineFormat(115200))
    port.tx.write(DATA, line.now)
    port.tx.queue_break(10_000_000, line.now)
    line.settle()
    assert line.data(port) == DATA
    assert line.heard[port].breaks == [0, 10_000]


def test_power_loss_of_one_end_is_seen_at_the_other() -> None:
    line, near, far = pair(LineFormat(9600, flow=Flow.CTS))
    near.tx.write(DATA, line.now)
    far.tx.write(DATA, line.now)
    line.pass_time(50)
    far.status_is_news = False
    near.power_off(line.now)
    assert (far.inputs, far.hold, far.status_is_news) == (Input(0), Hold.CTS, True)
    arrived = line.data(far)
    line.settle()
    assert line.data(far) == arrived
    assert (near.tx.queue, near.rx.received, near.format) == (b"", 0, LineFormat())
    near.power_on(line.now)
    near.set_lines(Output.RTS, line.now)
    near.set_format(LineFormat(9600), line.now)
    line.settle()
    assert line.data(far) == arrived
    assert far.tx.sent == len(DATA)


def test_who_has_no_power_hears_nothing() -> None:
    line, near, far = pair(LineFormat(9600))
    far.power_off(line.now)
    near.tx.write(b"abc", line.now)
    line.settle()
    assert (near.tx.sent, far.rx.received) == (3, 0)


def test_differential_and_single_ended_ports_do_not_understand_each_other() -> None:
    line, near, far = pair(LineFormat(9600, interface="rs-485-4w"), LineFormat(9600))
    near.tx.write(b"abc", line.now)
    line.settle()
    assert line.data(far) == b""
    assert far.inputs == near.inputs == Input(0)
    far.set_format(LineFormat(9600, interface="rs-422"), line.now)
    near.tx.write(b"abc", line.now)
    line.settle()
    assert line.data(far) == b"abc"


def test_an_adapter_takes_on_the_interface_of_the_port() -> None:
    line, near, far = pair(LineFormat(9600, interface="rs-485-4w"), LineFormat(9600), adapts=True)
    near.tx.write(b"abc", line.now)
    line.settle()
    assert line.data(far) == b"abc"
    assert far.inputs == near.inputs == Input(0)


# Faults -----------------------------------------------------------------------------------------------------------


def test_cut_nothing_crosses_and_lines_are_low_and_back() -> None:
    line, near, far = pair(LineFormat(115200))
    near.tx.start_break(line.now)
    line.pass_time(10)
    line.cable.set_fault("cut", 1, None, line.now)
    line.pass_time(10)
    near.tx.end_break(line.now)
    assert line.heard[far].breaks == [0, 10_000], "for the far end the break is over"
    near.tx.write(DATA, line.now)
    line.settle()
    assert (near.inputs, far.inputs, line.data(far), near.tx.sent) == (Input(0), Input(0), b"", len(DATA))
    line.cable.set_fault(None, 1, None, line.now)
    assert near.inputs == far.inputs == ALL
    near.tx.write(DATA, line.now)
    line.settle()
    assert line.data(far) == DATA


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("drop-byte", b"".join(DATA[n : n + 99] for n in range(0, len(DATA), 100))),
        ("duplicate-byte", b"".join(DATA[n : n + 100] + DATA[n + 99 : n + 100] for n in range(0, len(DATA), 100))),
    ],
)
def test_every_hundredth_byte(fault: str, expected: bytes) -> None:
    line, near, far = pair(LineFormat(115200))
    line.cable.set_fault(fault, 100, None, line.now)  # type: ignore[arg-type]
    near.tx.write(DATA, line.now)
    line.settle()
    assert line.data(far) == expected


def test_bit_errors_change_one_bit_and_spoil_the_parity() -> None:
    line, near, far = pair(LineFormat(115200, parity="even"))
    line.cable.set_fault("bit-errors", 100, None, line.now)
    near.tx.write(DATA, line.now)
    line.settle()
    flipped = [place for place, code in enumerate(line.data(far)) if code != DATA[place]]
    assert flipped == list(range(99, len(DATA), 100))
    assert all((line.data(far)[place] ^ DATA[place]).bit_count() == 1 for place in flipped)
    assert line.heard[far].parity == len(flipped)


def test_bit_errors_go_unnoticed_without_parity() -> None:
    line, near, far = pair(LineFormat(115200))
    line.cable.set_fault("bit-errors", 100, None, line.now)
    near.tx.write(DATA, line.now)
    line.settle()
    assert (line.heard[far].parity, line.heard[far].framing) == (0, 0)
    assert line.data(far) != DATA


def test_a_fault_hits_the_direction_it_was_ordered_for() -> None:
    line, near, far = pair(LineFormat(115200))
    line.cable.set_fault("drop-byte", 10, {near}, line.now)
    near.tx.write(DATA, line.now)
    far.tx.write(DATA, line.now)
    line.settle()
    assert line.data(far) == DATA
    assert len(line.data(near)) == len(DATA) - len(DATA) // 10
    line.cable.set_fault(None, 1, None, line.now)
    far.tx.write(DATA, line.now)
    line.settle()
    assert line.data(near).endswith(DATA)


def test_faults_also_hit_where_the_ends_do_not_agree() -> None:
    line, near, far = pair(LineFormat(115200, parity="even"), LineFormat(115200, parity="odd"))
    line.cable.set_fault("drop-byte", 4, None, line.now)
    near.tx.write(b"abcdefgh", line.now)
    line.settle()
    assert line.data(far) == b"abcefg"


@given(st.lists(st.binary(max_size=50), max_size=12), st.integers(1, 30))
def test_a_byte_fault_does_not_depend_on_how_the_bytes_come(pieces: list[bytes], every: int) -> None:
    data = b"".join(pieces)
    hits = len(data) // every
    for name, length in (
        ("drop-byte", len(data) - hits),
        ("duplicate-byte", len(data) + hits),
        ("bit-errors", len(data)),
    ):
        fault = ByteFault(name, every)  # type: ignore[arg-type]
        in_pieces = [part for piece in pieces for part in fault.cut_up(bytearray(piece))]
        at_once = ByteFault(name, every).cut_up(bytearray(data))  # type: ignore[arg-type]
        assert b"".join(part for part, _ in in_pieces) == b"".join(part for part, _ in at_once)
        assert sum(len(part) for part, _ in at_once) == length
        assert fault.hits == hits
        assert sum(flawed for _, flawed in at_once) == (hits if name == "bit-errors" else 0)
