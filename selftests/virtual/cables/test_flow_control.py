"""Flow control between two UARTs, and the invariants that hold whatever their drivers do."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nportlab.protocol.serial_wire import NO_FLOW, Flow, Hold, Input, LineFormat, Output
from selftests.virtual.cables.bench import MS, loopback, pair

RTS_CTS = Flow.RTS | Flow.CTS
DTR_DSR = Flow.DTR | Flow.DSR
XON_XOFF = Flow.XON_OUT | Flow.XON_IN
XON, XOFF = 0x11, 0x13
PLAIN = bytes(code for code in range(256) if code not in (XON, XOFF))


def test_cts_stops_the_sender_after_the_character_on_its_way() -> None:
    line, near, far = pair(LineFormat(9600, flow=Flow.CTS))
    near.tx.write(b"abcdef", line.now)
    line.pass_time(1.5)
    far.set_lines(Output.DTR, line.now)
    line.pass_time(100)
    assert (line.data(far), near.hold) == (b"ab", Hold.CTS)
    assert not line.cable.moving, "who is held does not move"
    far.set_lines(Output.DTR | Output.RTS, line.now)
    line.pass_time(4.2)
    assert (line.data(far), near.hold) == (b"abcdef", Hold(0))


def test_a_short_dip_of_cts_costs_nothing_if_it_is_over_before_the_character() -> None:
    line, near, far = pair(LineFormat(9600, flow=Flow.CTS))
    near.tx.write(b"abcd", line.now)
    line.pass_time(1.2)
    far.set_lines(Output(0), line.now)
    line.pass_time(0.3)
    far.set_lines(Output.RTS, line.now)
    line.pass_time(4 * 10 / 9600 * 1000 - 1.5 + 0.001)
    assert line.data(far) == b"abcd"


def test_dsr_stops_the_sender() -> None:
    line, near, far = pair(LineFormat(9600, flow=Flow.DSR))
    far.set_lines(Output.RTS, line.now)
    near.tx.write(b"a", line.now)
    line.pass_time(50)
    assert (line.data(far), near.hold) == (b"", Hold.DSR)


def test_lines_mean_nothing_without_flow_control() -> None:
    line, near, far = pair(LineFormat(9600))
    far.set_lines(Output(0), line.now)
    near.tx.write(b"a", line.now)
    line.settle()
    assert (line.data(far), near.hold) == (b"a", Hold(0))


@pytest.mark.parametrize(
    ("flow", "told", "held", "extra"),
    [
        (RTS_CTS, Hold.LINE_DROPPED, Hold.CTS, 0),
        (DTR_DSR, Hold.LINE_DROPPED, Hold.DSR, 0),
        (XON_XOFF, Hold.XOFF_SENT, Hold.XOFF, 2),
    ],
)
@pytest.mark.parametrize("step", [MS // 10, 2 * MS, 50 * MS])
def test_a_full_receiver_stops_the_sender_at_three_quarters_and_lets_it_go_at_one(
    flow: Flow, told: Hold, held: Hold, extra: int, step: int
) -> None:
    line, near, far = pair(LineFormat(115200, flow=flow, rx_room=400))
    near.tx.write(PLAIN * 8, line.now)
    line.settle(take=False, step=step)
    assert 300 <= far.rx.fill <= 300 + extra, "what is on its way while XOFF crosses comes on top"
    assert (far.hold, near.hold) == (told, held)
    stopped_at = far.rx.fill
    far.taken(stopped_at - 101, line.now)
    line.settle(take=False, step=step)
    assert far.rx.fill == 101
    far.taken(1, line.now)
    line.settle(take=False, step=step)
    assert 300 <= far.rx.fill <= 300 + extra
    assert line.heard[far].overrun == far.rx.overrun == 0
    line.settle(step=step)
    line.take()
    line.settle(step=step)
    assert line.data(far) == PLAIN * 8


def test_without_its_flow_control_the_line_stays_up_and_bytes_are_lost() -> None:
    line, near, far = pair(LineFormat(115200, flow=Flow.CTS, rx_room=400))
    near.tx.write(PLAIN * 8, line.now)
    line.settle(take=False)
    assert (far.rx.fill, far.rx.overrun, far.hold) == (400, len(PLAIN) * 8 - 400, Hold(0))


def test_xon_and_xoff_are_data_where_nobody_obeys_them() -> None:
    line, near, far = pair(LineFormat(9600))
    near.tx.write(bytes(range(256)), line.now)
    line.settle()
    assert line.data(far) == bytes(range(256))


def test_xoff_among_the_data_is_obeyed_where_it_stands_and_is_not_delivered() -> None:
    obeys = LineFormat(9600, flow=Flow.XON_OUT, xon=0x65, xoff=0x66)
    line, near, far = pair(obeys, LineFormat(9600))
    far.tx.write(b"ab\x66cd", line.now)
    near.tx.write(b"0123456789", line.now)
    line.pass_time(20, step=20 * MS)
    assert line.data(near) == b"abcd"
    assert line.data(far) in (b"012", b"0123"), "it came while the fourth character was about to begin"
    assert near.hold == Hold.XOFF
    far.tx.write(b"\x65", line.now)
    line.settle()
    assert line.data(far) == b"0123456789"


def test_xoff_counts_after_the_mask_of_short_characters() -> None:
    line, near, far = pair(LineFormat(9600, data_bits=7, flow=Flow.XON_OUT))
    far.tx.write(bytes([0x80 | XOFF]), line.now)
    line.settle()
    assert near.hold == Hold.XOFF


def test_force_acts_as_if_xon_or_xoff_had_come() -> None:
    line, near, far = pair(LineFormat(9600, flow=XON_XOFF))
    near.force(False, line.now)
    near.tx.write(b"abc", line.now)
    line.pass_time(50)
    assert (line.data(far), near.hold) == (b"", Hold.XOFF)
    near.force(True, line.now)
    line.settle()
    assert (line.data(far), near.hold) == (b"abc", Hold(0))


def test_giving_up_xon_xoff_forgets_xoff() -> None:
    line, near, far = pair(LineFormat(9600, flow=XON_XOFF))
    far.tx.urgent(XOFF, line.now)
    near.tx.write(b"abc", line.now)
    line.pass_time(50)
    assert near.hold == Hold.XOFF
    near.set_format(LineFormat(9600), line.now)
    line.settle()
    assert line.data(far)[-1:] == b"c"


def test_a_change_of_flow_control_tells_a_stopped_sender_the_new_way() -> None:
    line, near, far = pair(LineFormat(115200, flow=RTS_CTS, rx_room=40))
    near.tx.write(bytes(100), line.now)
    line.settle(take=False)
    assert far.hold == Hold.LINE_DROPPED
    for end in (near, far):
        end.set_format(LineFormat(115200, flow=XON_XOFF, rx_room=40), line.now)
    line.settle(take=False)
    assert (far.hold, near.hold, far.driven) == (Hold.XOFF_SENT, Hold.XOFF, Output.DTR | Output.RTS)
    for end in (near, far):
        end.set_format(LineFormat(115200, rx_room=1000), line.now)
    line.settle()
    assert (far.hold, near.hold, len(line.data(far))) == (Hold(0), Hold(0), 100)


def test_a_loopback_with_flow_control_stops_itself_and_goes_on() -> None:
    for flow in (RTS_CTS, DTR_DSR, XON_XOFF):
        line, port = loopback(LineFormat(115200, flow=flow, rx_room=100))
        port.tx.write(PLAIN, line.now)
        line.settle(take=False)
        assert 75 <= port.rx.fill <= 77
        assert port.rx.overrun == 0
        while line.cable.moving or port.rx.fill:
            line.take()
            line.settle()
        assert line.data(port) == PLAIN


FLOWS = st.sampled_from(
    [NO_FLOW, RTS_CTS, DTR_DSR, XON_XOFF, Flow.TOGGLE, Flow.CTS, Flow.XON_IN, Flow.RTS | Flow.XON_OUT]
)
DEED = st.one_of(
    st.tuples(st.just("write"), st.integers(0, 1), st.lists(st.sampled_from(PLAIN), max_size=300).map(bytes)),
    st.tuples(st.just("take"), st.integers(0, 1), st.integers(0, 200)),
    st.tuples(st.just("wait"), st.just(0), st.integers(1, 40 * MS)),
    st.tuples(st.just("break"), st.integers(0, 1), st.integers(0, 30)),
    st.tuples(st.just("break on"), st.integers(0, 1), st.booleans()),
    st.tuples(st.just("lines"), st.integers(0, 1), st.integers(0, 3)),
    st.tuples(st.just("force"), st.integers(0, 1), st.booleans()),
    st.tuples(st.just("flow"), st.integers(0, 1), FLOWS),
    st.tuples(st.just("drop"), st.integers(0, 1), st.just(0)),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(DEED, max_size=40), FLOWS, st.sampled_from([1200, 115200, 921600]))
def test_whatever_drivers_do_books_balance_and_all_comes_to_rest(deeds: list, flow: Flow, baud: int) -> None:
    line, *ends = pair(LineFormat(baud, flow=flow, rx_room=200))
    written, dropped = [0, 0], [0, 0]
    for deed, which, what in deeds:
        end = ends[which]
        line.cable.advance(line.now)
        match deed:
            case "write":
                written[which] += len(what)
                end.tx.write(what, line.now)
            case "take":
                end.taken(min(what, end.rx.fill), line.now)
            case "wait":
                line.pass_time(what / MS, take=False)
            case "break":
                end.tx.queue_break(what * MS, line.now)
            case "break on":
                end.tx.start_break(line.now) if what else end.tx.end_break(line.now)
            case "lines":
                end.set_lines(Output(what), line.now)
            case "force":
                end.force(what, line.now)
            case "flow":
                end.set_format(LineFormat(baud, flow=what, rx_room=200), line.now)
            case "drop":
                end.drop(line.now)
        assert end.rx.fill <= 200
    for which, end in enumerate(ends):
        dropped[which] = sum(end.dropped)
        end.tx.end_break(line.now)
        end.force(True, line.now)
    line.setup(LineFormat(baud, rx_room=1 << 20))
    line.settle(take=False)
    for which, (end, other) in enumerate(((ends[0], ends[1]), (ends[1], ends[0]))):
        assert end.tx.sent + dropped[which] == written[which]
        assert end.tx.queue == b""
        extra = other.rx.received + other.rx.overrun - end.tx.sent
        assert extra >= 0, "bytes that left must have arrived or overrun"
        assert end.hold == Hold(0)
        assert end.inputs == Input.CTS | Input.DSR | Input.DCD
