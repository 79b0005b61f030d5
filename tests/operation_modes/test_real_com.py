"""Real COM mode: a host's driver has the port as if it were one of its own (nport-facts 1)."""

import time
from dataclasses import replace

import pytest

from fixtures.marks import control, on_port
from fixtures.mode_clients import network_port
from nportlab.guide.modes import command_port, data_port
from nportlab.modes.real_com_port import PortSettings
from nportlab.protocol.real_com import (
    DataStatus,
    FlowControl,
    LineStatus,
    OutputQueue,
    Queues,
    SetBaud,
)
from nportlab.protocol.real_com_format import Format
from nportlab.protocol.real_com_replies import Accepted, Event, Held, Lines, Refused
from nportlab.protocol.serial_wire import Input
from tests.operation_modes._ends import A_WHILE, SOON, ended, hear, hear_all, hear_until, say, seconds_until
from tests.operation_modes._line import breaks, breaks_until

pytestmark = pytest.mark.opmode

SLOW = 9600
"""Bits per second at which a few hundred bytes stay in the unit's queues long enough to be looked at."""

NOTICED = 2.0
"""Seconds within which a change must have been told; the vendor's port daemon looks every 0.1 s."""

# --- the mode -----------------------------------------------------------------------------------------------------


@control("OPM-04")
@on_port("real_com", line="any")
def test_both_ports_are_open_and_bytes_cross(port, tcp, carry):
    with port.connect() as session:
        carry(port, session, seconds=0.3)
    ports = {network_port(port), network_port(port, "command")}
    assert tcp.open_among(ports) == ports


@control("OPM-04")
@on_port("disable", line="any")
def test_disabled_both_ports_are_closed(port, tcp):
    assert tcp.open_among({data_port(port.number), command_port(port.number)}) == set()


@control("OPM-04")
@on_port("real_com")
def test_a_session_ends_as_a_whole_and_the_next_one_works(port, carry):
    first = port.connect()
    first.data.close()
    assert seconds_until(lambda: first.command.ended is not None) is not None, (
        "the command connection outlived its data"
    )
    second = port.connect()
    second.command.close()
    assert ended(second) is not None, "the data connection outlived its command connection"
    carry(port, port.connect(), seconds=0.05)


@control("OPM-04", "MOD-14")
@on_port("real_com")
def test_a_driver_that_reconnects_has_the_port_as_before(port, carry):
    wanted = PortSettings(Format(57_600, 7, "even", 2), dtr=False)
    session = port.connect(settings=wanted)
    session.data.reset()
    assert session.reconnect(within=SOON) < SOON
    seen = port.adapter.wait_lines(Input.CTS, Input.DSR, timeout=SOON)
    assert seen & (Input.CTS | Input.DSR) == Input.CTS, f"DTR was off and RTS on before; now there is {seen!r}"
    port.adapter.set_format(replace(port.format, baud=57_600, data_bits=7, parity="even", stop_bits=2))
    say(session, b"same")
    assert hear(port.adapter, 4) == b"same"


# --- format -------------------------------------------------------------------------------------------------------


@control("OPM-04", "MOD-14")
@pytest.mark.parametrize(
    "wanted",
    [
        Format(115_200, 7, "odd", 1),
        Format(57_600, 8, "even", 2),
        Format(921_600, 8, "space", 1),
        Format(123_456, 8, "none", 1),  # no index: SETBAUD follows
        Format(38_400, 5, "mark", 1.5),
    ],
    ids=lambda one: f"{one.baud}-{one.data_bits}-{one.parity}-{one.stop_bits}",
)
@on_port("real_com")
def test_the_format_a_driver_asks_for_is_on_the_line(wanted, port):
    session = port.connect(settings=PortSettings(wanted))
    adapter = port.adapter
    adapter.set_format(
        replace(
            port.format,
            baud=wanted.baud,
            data_bits=wanted.data_bits,
            parity=wanted.parity,
            stop_bits=wanted.stop_bits,
        )
    )
    data = bytes(range(1 << wanted.data_bits))
    say(session, data)
    assert hear(adapter, len(data)) == data
    counts = adapter.counts()
    assert (counts.parity, counts.framing) == (0, 0), f"the other end, set alike, counts {counts}"
    say(adapter, data)
    assert hear(session, len(data)) == data
    assert session.data_status() == Event(0), "the unit counts errors although both ends are set alike"


@control("MOD-14")
@on_port("real_com")
def test_the_commands_that_set_one_thing_leave_the_rest(port):
    session, adapter = port.connect(), port.adapter
    session.set_format(Format(19_200, 7, "even", 1))  # IOCTL
    session.set_baud(57_600)
    adapter.set_format(replace(port.format, baud=57_600, data_bits=7, parity="even"))
    say(session, b"7E1")
    assert hear(adapter, 3) == b"7E1"
    assert adapter.counts().parity == 0, "the parity did not stay as IOCTL had set it"
    session.set_fifo(1)
    session.sense_dsr(on=True)
    session.reset_port()
    say(adapter, b"still")
    assert hear(session, 5) == b"still"


@control("MOD-14")
@on_port("real_com")
def test_a_baud_rate_no_port_has_is_refused_and_the_old_one_stays(port, carry):
    session = port.connect()
    for rate in (49, 921_601):
        answer = session.command.exchange(SetBaud(rate).encode(), SOON)
        assert answer == [Refused(SetBaud.code)], f"SETBAUD {rate} is answered with {answer}"
    for rate in (50, 921_600):
        assert session.command.exchange(SetBaud(rate).encode(), SOON) == [Accepted(SetBaud.code)]
    session.set_port()
    carry(port, session, seconds=0.05)


@control("MOD-14")
@on_port("real_com")
def test_what_is_no_command_is_not_answered_and_harms_nothing(port):
    session = port.connect()
    none = {
        "an unknown command": b"\x7e\x00",
        "GETCHID, which has no known layout": b"\x29\x00",
        "SETBAUD with two bytes": b"\x17\x02\x00\x01",
        "a break of 9 ms": b"\x23\x02\x00\x09",
        "a break of 1001 ms": b"\x23\x02\x03\xe9",
        "a frame cut short": b"\x10\x02\x0a",
    }
    for what, octets in none.items():
        # LSTATUS first: that it is answered shows that the frame behind it was read.
        answers = session.command.exchange(LineStatus().encode() + octets, A_WHILE, enough=2)
        assert [type(one) for one in answers] == [Lines], f"{what} is answered: {answers}"
    assert session.line_status().dsr
    assert breaks(port.adapter) == [], "the breaks of lengths there are not reached the line"


# --- lines --------------------------------------------------------------------------------------------------------


@control("MOD-14")
@on_port("real_com")
def test_dtr_and_rts_follow_the_driver(port):
    session, adapter, both = port.connect(), port.adapter, Input.CTS | Input.DSR
    for dtr, rts in ((False, False), (True, False), (False, True), (True, True)):
        session.set_lines(dtr=dtr, rts=rts)
        wanted = (Input.DSR if dtr else Input(0)) | (Input.CTS if rts else Input(0))
        seen = adapter.wait_lines(wanted, both & ~wanted, timeout=SOON)
        assert seen & both == wanted, f"asked for DTR {dtr}, RTS {rts}; the other end sees {seen!r}"


@control("MOD-14")
@on_port("real_com")
def test_the_driver_is_told_the_lines_it_asks_for(port):
    session, adapter = port.connect(), port.adapter
    for dtr, rts in ((False, False), (True, False), (False, True), (True, True)):
        adapter.set_lines(dtr=dtr, rts=rts)
        wanted = (dtr, rts, dtr)  # the adapter's DTR is the unit's DSR and DCD, its RTS the unit's CTS
        seconds = seconds_until(lambda: lines_told(session) == wanted, NOTICED)  # noqa: B023 - is called here only
        assert seconds is not None, f"DSR, CTS, DCD are {wanted}, LSTATUS says {lines_told(session)}"
    lines = session.set_port()
    assert (lines.dsr, lines.cts, lines.dcd) == (True, True, True), "PORT_INIT tells other lines than LSTATUS"


def lines_told(session):
    """DSR, CTS and DCD as LSTATUS tells them."""
    lines = session.line_status()
    return lines.dsr, lines.cts, lines.dcd


# --- break --------------------------------------------------------------------------------------------------------


@control("MOD-14")
@pytest.mark.parametrize("milliseconds", [10, 250, 1000])
@on_port("real_com")
def test_a_break_has_the_length_asked_for(milliseconds, port):
    session, adapter = port.connect(), port.adapter
    session.send_break(milliseconds)
    seen = breaks_until(adapter, SOON)
    assert len(seen) == 1, f"one break was sent, {len(seen)} were seen"
    assert seen[0] == pytest.approx(milliseconds / 1000, rel=0.1, abs=0.005)


@control("MOD-14")
@on_port("real_com")
def test_a_break_lasts_from_on_to_off(port):
    session, adapter = port.connect(), port.adapter
    begun = time.monotonic()
    session.break_on()
    on = time.monotonic()
    assert breaks(adapter, A_WHILE) == [], "the break ended by itself"
    off = time.monotonic()
    session.break_off()
    ended_by = time.monotonic()
    seen = breaks_until(adapter, SOON)
    assert len(seen) == 1, f"one break was sent, {len(seen)} were seen"
    assert off - on - 0.02 <= seen[0] <= ended_by - begun + 0.5
    say(session, b"after")
    assert hear(adapter, 5) == b"after"


@control("MOD-14", "MOD-15")
@on_port("real_com")
def test_a_break_received_is_told_and_counted_once(port):
    session, adapter = port.connect(), port.adapter
    session.break_count()
    before = len(session.notifications)
    adapter.send_break(0.1)
    adapter.send_break(0.1)
    told = seconds_until(lambda: any(Event.BREAK in one.told.events for one in session.notifications[before:]), NOTICED)
    assert told is not None, "two breaks were received and none was told"
    counted = [session.break_count()]
    all_counted = seconds_until(lambda: sum(counted) >= 2 or counted.append(session.break_count()), NOTICED)
    assert all_counted is not None, f"two breaks were sent, BREAK_COUNT says {sum(counted)}"
    assert (sum(counted), session.break_count()) == (2, 0), "BREAK_COUNT counts on after it was read"


# --- queues -------------------------------------------------------------------------------------------------------


@control("MOD-14")
@on_port("real_com")
def test_the_output_queue_is_told_and_waited_for(port):
    session = port.connect(settings=PortSettings(Format(SLOW)))
    port.adapter.set_format(replace(port.format, baud=SLOW))
    say(session, b"x" * 500)  # half a second of line
    queued = seconds_until(lambda: 0 < session.output_queue() <= 500, NOTICED)
    assert queued is not None, "500 bytes were sent at 9600 baud, OQUEUE never told of them"
    begun = time.monotonic()
    left = session.wait_output_drained(0.2)
    assert 0 < left <= 500, f"after 0.2 s, when bytes must be left, WAIT_OQUEUE says {left}"
    assert time.monotonic() - begun > 0.1, "WAIT_OQUEUE did not wait"
    assert session.wait_output_drained(SOON) == 0
    assert session.output_queue() == 0
    assert hear(port.adapter, 500, A_WHILE) == b"x" * 500, "WAIT_OQUEUE says drained, bytes are still on their way"


@control("MOD-14")
@pytest.mark.parametrize("queues", [Queues.TRANSMIT, Queues.BOTH])
@on_port("real_com")
def test_flush_drops_what_is_to_be_sent(queues, port):
    session = port.connect(settings=PortSettings(Format(SLOW)))
    port.adapter.set_format(replace(port.format, baud=SLOW))
    say(session, b"x" * 1000)
    assert seconds_until(lambda: session.output_queue() > 0, NOTICED) is not None
    session.flush(queues)
    say(session, b"kept")
    heard = hear_until(port.adapter, b"kept")
    assert heard.endswith(b"kept"), "what was sent after the flush does not come"
    assert len(heard) < 900, f"of 1000 bytes to be sent, {len(heard) - 4} came out although flushed at once"


@control("MOD-14")
@on_port("real_com")
def test_flush_of_the_other_queue_drops_nothing_that_is_to_be_sent(port):
    session = port.connect(settings=PortSettings(Format(SLOW)))
    port.adapter.set_format(replace(port.format, baud=SLOW))
    say(session, b"x" * 300)
    assert seconds_until(lambda: session.output_queue() > 0, NOTICED) is not None
    session.flush(Queues.RECEIVE)
    assert hear(port.adapter, 300) == b"x" * 300


@control("MOD-14")
@on_port("real_com", {"packet_length": "1024"})
def test_flush_drops_what_was_received_and_not_passed_on(port):
    session, adapter = port.connect(), port.adapter
    say(adapter, b"old" * 100)
    assert hear_all(session) == b"", "a packet of 1024 bytes was to be waited for"
    session.flush(Queues.RECEIVE)
    say(adapter, b"n" * 1024)
    assert hear(session, 1024) == b"n" * 1024, "bytes received before the flush came after it"


@control("MOD-14")
@on_port("real_com")
def test_flush_start_answers_with_the_received_bytes_that_wait(port):
    session = port.connect()
    begun = time.monotonic()
    assert session.flush_start(Queues.BOTH, 1000) == 0
    session.flush_stop()
    assert time.monotonic() - begun < SOON
    assert session.input_queue() == 0


@control("MOD-14")
@on_port("real_com")
def test_queues_are_answered_little_endian_and_empty_at_rest(port):
    session = port.connect()
    raw = [session.command.ask(OutputQueue(), SOON).encode(), session.command.ask(DataStatus(), SOON).encode()]
    assert raw == [b"\x16\x02\x00\x00", b"\x38\x01\x00"]


# --- flow control -------------------------------------------------------------------------------------------------


@control("MOD-14", "MOD-15")
@on_port("real_com")
def test_flow_control_by_command_obeys_cts_and_the_hold_is_told(port):
    session, adapter = port.connect(), port.adapter
    session.set_flow(FlowControl(cts=True, rts=True))
    adapter.set_lines(rts=False)
    assert seconds_until(lambda: not session.line_status().cts, NOTICED) is not None
    say(session, b"held")
    assert hear_all(adapter) == b"", "bytes came although CTS is off"
    told = seconds_until(lambda: any(Held.CTS in one.told.held for one in session.notifications), NOTICED)
    assert told is not None, "that CTS holds the port was not told"
    adapter.set_lines(rts=True)
    assert hear(adapter, 4) == b"held"


@control("MOD-14")
@on_port("real_com")
def test_own_xon_xoff_characters_stop_and_start_the_port(port):
    session, adapter = port.connect(), port.adapter
    session.set_xon_xoff(0x41, 0x42)
    session.set_flow(FlowControl(xon_out=True))
    say(adapter, b"\x42")
    assert seconds_until(lambda: any(Held.XOFF in one.told.held for one in session.notifications), NOTICED) is not None
    say(session, b"held")
    assert hear_all(adapter) == b"", "bytes came although XOFF was sent"
    say(adapter, b"\x41")
    assert hear(adapter, 4) == b"held"


@control("MOD-14")
@on_port("real_com")
def test_xoff_and_xon_can_be_forced(port):
    session, adapter = port.connect(), port.adapter
    session.set_flow(FlowControl(xon_out=True, xon_in=True))
    session.force_xoff()
    say(session, b"held")
    assert hear_all(adapter) == b"", "bytes came after SETXOFF"
    session.force_xon()
    assert hear(adapter, 4) == b"held"
