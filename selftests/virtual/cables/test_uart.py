"""One UART by the clock: pace, urgent characters, breaks, dropping, room, RTS toggle."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nportlab.protocol.serial_wire import Flow, Hold, Input, LineFormat, Output, Parity
from nportlab.virtual.cables.transmitter import Phase
from nportlab.virtual.cables.uart import Uart
from selftests.virtual.cables.bench import MS, Line, loopback, pair

BAUDS = [50, 110, 300, 1200, 9600, 12345, 57600, 115200, 250000, 460800, 921600]


@pytest.mark.parametrize("baud", BAUDS)
@pytest.mark.parametrize(
    ("bits", "parity", "stop", "length"), [(8, "none", 1, 10), (7, "even", 1.5, 10.5), (5, "odd", 2, 9)]
)
def test_the_pace_is_exact_at_every_moment(baud: int, bits: int, parity: Parity, stop: float, length: float) -> None:
    line, near, _ = pair(LineFormat(baud, bits, parity, stop, rx_room=1 << 20))
    near.tx.write(bytes(100_000), line.now)
    start = line.now
    for step in (3 * MS, 7_777_777, 1, 250 * MS, 1_234_567_891):
        line.pass_time(step / MS, step)
        elapsed = (line.now - start) / 1e9
        assert near.tx.sent == min(100_000, int(elapsed * baud / length + 1e-6))


def test_a_character_is_seen_when_its_last_bit_is_over_and_not_before() -> None:
    line, near, far = pair(LineFormat(9600))
    near.tx.write(b"A", line.now)
    line.pass_time(10 / 9600 * 1000 - 0.000_01, step=100 * MS)
    assert line.data(far) == b""
    line.pass_time(0.000_02)
    assert line.data(far) == b"A"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.binary(max_size=400), st.integers(1, 30 * MS)), max_size=15),
    st.sampled_from([2400, 9600, 115200, 921600]),
)
def test_nothing_is_lost_added_or_moved_however_it_is_written(pieces: list[tuple[bytes, int]], baud: int) -> None:
    line, near, far = pair(LineFormat(baud))
    for piece, pause in pieces:
        near.tx.write(piece, line.now)
        far.tx.write(piece[::-1], line.now)
        line.pass_time(pause / MS, step=pause)
    line.settle()
    assert line.data(far) == b"".join(piece for piece, _ in pieces)
    assert line.data(near) == b"".join(piece[::-1] for piece, _ in pieces)


def test_an_urgent_character_goes_behind_the_one_on_its_way() -> None:
    line, near, far = pair(LineFormat(9600))
    near.tx.write(b"abcdef", line.now)
    line.pass_time(1.5)
    near.tx.urgent(ord("!"), line.now)
    line.settle()
    assert line.data(far) == b"ab!cdef"
    assert near.tx.sent == 6, "an urgent character is not one of the queue"


def test_an_urgent_character_goes_out_while_the_port_is_held() -> None:
    line, near, far = pair(LineFormat(9600, flow=Flow.CTS))
    far.set_lines(Output(0), line.now)
    near.tx.write(b"abc", line.now)
    near.tx.urgent(ord("!"), line.now)
    line.settle()
    assert (line.data(far), near.hold) == (b"!", Hold.CTS)
    far.set_lines(Output.RTS, line.now)
    line.settle()
    assert line.data(far) == b"!abc"


def test_dropping_spares_the_character_on_its_way() -> None:
    line, near, far = pair(LineFormat(9600))
    near.tx.write(b"abcdef", line.now)
    near.tx.queue_break(20 * MS, line.now)
    line.pass_time(1.5)
    near.drop(line.now)
    line.settle()
    assert (line.data(far), near.dropped, line.heard[far].breaks) == (b"ab", [4], [])
    near.drop(line.now)
    assert near.dropped == [4, 0]


def test_the_time_of_a_character_starts_when_it_was_written_not_when_the_last_one_ended() -> None:
    line, near, far = pair(LineFormat(300))
    near.tx.write(b"a", line.now)
    line.pass_time(1000)
    near.tx.write(b"b", line.now)
    line.pass_time(33)
    assert line.data(far) == b"a"
    line.pass_time(1)
    assert line.data(far) == b"ab"


def test_a_new_rate_holds_from_the_character_on_its_way() -> None:
    line, near, far = pair(LineFormat(300))
    near.tx.write(b"abc", line.now)
    line.pass_time(40)
    line.setup(LineFormat(9600))
    line.pass_time(2.2)
    assert line.data(far) == b"abc"


def test_setting_the_same_rate_again_costs_no_time() -> None:
    line, near, far = pair(LineFormat(300))
    near.tx.write(b"a", line.now)
    for _ in range(10):
        line.pass_time(3.34)
        near.set_format(LineFormat(300, xon=0x55), line.now)
    assert line.data(far) == b"a"


@pytest.mark.parametrize("bits", [5, 6, 7])
def test_short_characters_carry_their_low_bits(bits: int) -> None:
    line, near, far = pair(LineFormat(9600, data_bits=bits))
    near.tx.write(bytes(range(256)), line.now)
    line.settle()
    assert line.data(far) == bytes(code & (1 << bits) - 1 for code in range(256))


# Breaks -----------------------------------------------------------------------------------------------------------


def test_a_break_waits_for_the_bytes_before_it_and_those_after_it_wait_for_its_end() -> None:
    line, near, far = pair(LineFormat(9600))
    near.tx.write(b"abc", line.now)
    near.tx.queue_break(250 * MS, line.now)
    near.tx.write(b"def", line.now)
    line.settle()
    assert "".join(line.heard[far].order) == "abclowbreakdef"
    assert line.heard[far].breaks == [0, 250_000]
    assert far.rx.breaks == 1


def test_after_a_break_the_line_is_high_for_a_bit_so_that_a_start_bit_can_be_seen() -> None:
    line, near, far = pair(LineFormat(1000))
    near.tx.queue_break(50 * MS, line.now)
    near.tx.write(b"a", line.now)
    line.pass_time(50 + 1 + 10 - 0.01)
    assert line.data(far) == b""
    line.pass_time(0.02)
    assert line.data(far) == b"a"


def test_a_break_lasts_until_it_is_ended() -> None:
    line, near, far = pair(LineFormat(9600))
    near.tx.write(b"abcdef", line.now)
    near.tx.start_break(line.now)
    line.pass_time(333)
    assert line.data(far) == b"", "what is queued waits"
    assert line.heard[far].breaks == [0]
    near.tx.end_break(line.now)
    line.settle()
    assert line.heard[far].breaks == [0, 333_000]
    assert line.data(far) == b"abcdef"


def test_a_break_shorter_than_a_character_is_a_framing_error_with_character_0() -> None:
    line, near, far = pair(LineFormat(300))
    near.tx.queue_break(33 * MS, line.now)
    line.settle()
    heard = line.heard[far]
    assert (bytes(heard.data), heard.framing, heard.breaks) == (b"\0", 1, [])


def test_a_still_shorter_one_is_just_a_character() -> None:
    line, near, far = pair(LineFormat(300))
    near.tx.queue_break(16 * MS, line.now)
    line.settle()
    heard = line.heard[far]
    assert (bytes(heard.data), heard.framing) == (b"\xf0", 0), "start bit and four data bits were low"


def test_a_break_goes_out_while_data_is_held() -> None:
    line, near, far = pair(LineFormat(9600, flow=Flow.CTS))
    far.set_lines(Output(0), line.now)
    near.tx.start_break(line.now)
    line.pass_time(50)
    near.tx.end_break(line.now)
    line.settle()
    assert line.heard[far].breaks == [0, 50_000]


def test_power_loss_ends_a_break() -> None:
    line, near, far = pair(LineFormat(9600))
    near.tx.start_break(line.now)
    line.pass_time(100)
    near.power_off(line.now)
    line.settle()
    assert line.heard[far].breaks == [0, 100_000]


def test_breaks_nobody_takes_are_overruns_and_fill_no_memory() -> None:
    line, near, far = pair(LineFormat(9600))
    for _ in range(400):
        near.tx.queue_break(5 * MS, line.now)
    line.settle(take=False)
    assert far.rx.breaks == 400
    assert len(far.rx.heard) < 300
    assert far.rx.overrun > 0


# Room -------------------------------------------------------------------------------------------------------------


def test_what_does_not_fit_is_an_overrun() -> None:
    line, near, far = pair(LineFormat(9600, rx_room=64))
    near.tx.write(bytes(range(100)), line.now)
    line.settle(take=False)
    assert far.rx.overrun == 36
    line.take()
    assert line.data(far) == bytes(range(64))
    assert line.heard[far].overrun == 36
    near.tx.write(b"x", line.now)
    line.settle()
    assert line.data(far)[-1:] == b"x"


# RTS toggle -------------------------------------------------------------------------------------------------------


def test_rts_toggle_is_on_from_before_the_first_character_until_after_the_last() -> None:
    toggle = LineFormat(9600, flow=Flow.TOGGLE, rts_on_delay=20, rts_off_delay=30)
    line, near, far = pair(toggle, LineFormat(9600))
    assert not far.inputs & Input.CTS
    near.tx.write(b"ab", line.now)
    assert far.inputs & Input.CTS
    line.pass_time(20.9)
    assert line.data(far) == b""
    line.pass_time(2)
    assert line.data(far) == b"ab"
    line.pass_time(29)
    assert far.inputs & Input.CTS
    line.pass_time(1)
    assert not far.inputs & Input.CTS
    assert near.tx.phase is Phase.IDLE


def test_data_in_the_tail_of_rts_toggle_goes_at_once_and_starts_the_tail_anew() -> None:
    line, near, far = pair(LineFormat(9600, flow=Flow.TOGGLE, rts_on_delay=20, rts_off_delay=30), LineFormat(9600))
    near.tx.write(b"a", line.now)
    line.pass_time(35)
    near.tx.write(b"b", line.now)
    line.pass_time(2)
    assert line.data(far) == b"ab"
    line.pass_time(29)
    assert far.inputs & Input.CTS
    line.pass_time(2)
    assert not far.inputs & Input.CTS


def test_rts_toggle_taken_back_leaves_rts_as_it_was_told() -> None:
    line, near, far = pair(LineFormat(9600, flow=Flow.TOGGLE, rts_off_delay=1000), LineFormat(9600))
    near.tx.write(b"a", line.now)
    line.pass_time(10)
    near.set_format(LineFormat(9600), line.now)
    assert far.inputs & Input.CTS
    assert near.tx.phase is Phase.IDLE
    near.set_lines(Output(0), line.now)
    assert not far.inputs


# RS-485 -----------------------------------------------------------------------------------------------------------


def test_differential_interfaces_have_no_modem_lines_and_are_not_held_by_them() -> None:
    line, near, far = pair(LineFormat(9600, interface="rs-422", flow=Flow.CTS | Flow.RTS | Flow.DSR))
    near.tx.write(b"abc", line.now)
    line.settle()
    assert (line.data(far), near.inputs, near.hold) == (b"abc", Input(0), Hold(0))


def test_two_wires_hear_nothing_while_they_send() -> None:
    line, port = loopback(LineFormat(9600, interface="rs-485-2w"))
    port.tx.write(b"abc", line.now)
    line.settle()
    assert line.data(port) == b""
    port.set_format(LineFormat(9600, interface="rs-485-4w"), line.now)
    port.tx.write(b"abc", line.now)
    line.settle()
    assert line.data(port) == b"abc"


def test_a_port_with_nothing_plugged_in_sends_all_the_same() -> None:
    port = Uart("port")
    line = Line(port, None)
    line.setup(LineFormat(9600))
    port.tx.write(bytes(96), line.now)
    line.pass_time(99)
    assert port.tx.sent == 95
    line.settle()
    assert (port.tx.sent, port.inputs, port.rx.received) == (96, Input(0), 0)
