"""Who may be connected to a serial port, for how long, what one host does to the others, and who may drive the line."""

import time
from dataclasses import replace

import pytest

from fixtures.marks import control, on_port
from nportlab.protocol.serial_wire import Input
from tests.operation_modes._ends import (
    A_WHILE,
    SOON,
    Pace,
    ended,
    hear,
    hear_all,
    hear_when,
    let_in,
    linked,
    refused,
    say,
    seconds_until,
)
from tests.operation_modes._jam import Jam
from tests.operation_modes._sessions import driver
from tests.operation_modes.test_tcp_server import MOVED

pytestmark = pytest.mark.opmode

TWO_HOSTS = {"max_connection": "2"}
RTS_LOW = {**TWO_HOSTS, "connection_down_rts": "low"}
DTR_LOW = {"max_connection": "8", "connection_down_dtr": "low"}
"""What a port does when the last host leaves has nothing to do with how many there may be: one state for both."""

# --- TCP alive check ----------------------------------------------------------------------------------------------


@control("MOD-01")
@on_port("tcp_server", {"tcp_alive_check": "1"})
def test_a_host_that_vanished_makes_room_after_the_alive_check_time(port, unit_minutes, evidence):
    minute = unit_minutes.seconds(1)
    vanished = time.monotonic()
    linked(port).vanish()
    assert refused(port), "the port took another host at once, so it did not wait for the alive check"
    assert let_in(port, 3 * minute + 10) is not None, (
        "the dead connection still holds the port after three times the alive check time"
    )
    evidence.note(f"free again after {time.monotonic() - vanished:.2f} s; the alive check time is {minute:g} s here")
    assert time.monotonic() - vanished > 0.7 * minute, "the connection was given up long before its time"


@control("MOD-01")
@on_port("tcp_server", {"tcp_alive_check": "1"})
def test_a_silent_host_that_answers_keep_alives_stays(port, unit_minutes, carry):
    host = port.connect()
    assert ended(host, unit_minutes.seconds(3)) is None, "a host that answers was given up"
    carry(port, host, seconds=0.05)


@control("MOD-01")
@on_port("tcp_server", MOVED)
def test_without_alive_check_a_vanished_host_keeps_the_port(port, unit_minutes):
    linked(port).vanish()
    assert refused(port), "the port took a second host at once, so it says nothing that it takes one now"
    gone = seconds_until(lambda: not refused(port), unit_minutes.seconds(3))
    assert gone is None, f"the port took another host after {gone:.1f} s although the alive check is off"
    say(port.adapter, b"?")  # the unit sends it on, is told that there is no such connection, and has room again
    assert let_in(port) is not None, "the unit was told that the host is gone, and still keeps the port for it"


# --- inactivity ---------------------------------------------------------------------------------------------------

IDLE = 1.0
IDLE_CLOSES = {"inactivity_time": "1000"}


@control("MOD-02")
@on_port("tcp_server", IDLE_CLOSES)
def test_an_idle_connection_is_closed_after_the_inactivity_time(port):
    begun = time.monotonic()
    host = linked(port)
    assert ended(host, 8 * IDLE) is not None, "the idle connection is still open"
    assert time.monotonic() - begun > 0.9 * IDLE, "it was closed before its time"


@control("MOD-02")
@pytest.mark.parametrize("way", ["to the wire", "from the wire"])
@on_port("tcp_server", IDLE_CLOSES)
def test_a_connection_in_use_stays(port, way):
    host = linked(port)
    source, sink = (host, port.adapter) if way == "to the wire" else (port.adapter, host)
    pace = Pace(0.9 * IDLE)
    for number in range(7):  # 1.75 s
        say(source, b"%d" % number)
        heard = hear(sink, 1, 0.5 * IDLE)
        pace.step()
        assert heard == b"%d" % number, "bytes do not cross any more although the connection was in use"
        assert ended(host, 0.25 * IDLE) is None, "the connection was closed although it was in use"


@control("MOD-02")
@on_port("tcp_server")
def test_without_inactivity_time_an_idle_connection_stays(port, carry):
    host = port.connect()
    assert ended(host, 1.5 * IDLE) is None
    carry(port, host, seconds=0.05)


# --- max connection -----------------------------------------------------------------------------------------------


@control("MOD-03")
@pytest.mark.parametrize(
    "most",
    [
        pytest.param(1, marks=on_port("tcp_server")),
        pytest.param(2, marks=on_port("tcp_server", RTS_LOW)),
        pytest.param(8, marks=on_port("tcp_server", DTR_LOW)),
    ],
)
def test_as_many_hosts_as_allowed_are_served_and_one_more_is_not(most, port):
    hosts = [linked(port) for _ in range(most)]
    say(port.adapter, b"for all")
    heard = [hear(host, 7) for host in hosts]
    assert heard == [b"for all"] * most, f"of {most} hosts allowed, {heard.count(b'for all')} got what the device sent"
    assert refused(port), f"host {most + 1} of {most} is connected"
    say(port.adapter, b"again")
    assert [hear(host, 5) for host in hosts] == [b"again"] * most, "the one too many did harm to the others"
    hosts.pop().close()
    assert let_in(port) is not None, "nobody gets in after one has left"


# --- jammed hosts -------------------------------------------------------------------------------------------------

FAST = {"max_connection": "2", "baud_rate": "921600", "flow_control": "rts-cts"}


@control("MOD-04")
@on_port("tcp_server", {**FAST, "ignore_jammed_ip": "enable"})
def test_a_jammed_host_is_left_behind(port):
    jam = Jam(port)
    jam.run(reading=[jam.reader], timeout=20)
    assert jam.complete(jam.reader), f"the host that reads starves: {jam.describe()}"
    jam.run(reading=[jam.jammed], timeout=A_WHILE)
    jam.check_it_was_jammed()


@control("MOD-04")
@on_port("tcp_server", {**FAST, "ignore_jammed_ip": "disable"})
def test_without_the_option_all_wait_for_a_jammed_host_and_lose_nothing(port):
    jam = Jam(port)
    jam.run(reading=[jam.reader], timeout=20, until_stalled=0.7)
    assert not jam.complete(jam.reader), f"nobody waited for the jammed host: {jam.describe()}"
    jam.run(reading=[jam.reader, jam.jammed], timeout=20)
    assert jam.complete(jam.reader), f"bytes are missing: {jam.describe()}"
    assert jam.complete(jam.jammed), f"bytes are missing: {jam.describe()}"


# --- driver control -----------------------------------------------------------------------------------------------


@control("MOD-05")
@on_port("real_com", {**TWO_HOSTS, "allow_driver_control": "disable"})
def test_without_permission_commands_are_acknowledged_and_the_line_stays(port, carry):
    first, second = driver(port).open(), driver(port).open()
    second.set_baud(9_600)
    second.set_lines(dtr=False, rts=False)
    seen = port.adapter.wait_lines(Input(0), Input.CTS | Input.DSR, timeout=A_WHILE)
    assert seen & (Input.CTS | Input.DSR) == Input.CTS | Input.DSR, f"the lines followed a driver: {seen!r}"
    say(port.adapter, b"115200")
    assert hear(first, 6) == hear(second, 6) == b"115200", "the baud rate followed a driver"
    second.close()
    carry(port, first, seconds=0.05)


@control("MOD-05")
@on_port("real_com", {**TWO_HOSTS, "allow_driver_control": "enable"})
def test_with_permission_the_last_command_is_in_force(port):
    first, second = driver(port).open(), driver(port).open()
    first.set_baud(19_200)
    second.set_baud(57_600)
    second.set_lines(dtr=False, rts=True)
    port.adapter.set_format(replace(port.format, baud=57_600))
    seen = port.adapter.wait_lines(Input.CTS, Input.DSR, timeout=SOON)
    assert seen & (Input.CTS | Input.DSR) == Input.CTS, f"DTR was switched off; the other end sees {seen!r}"
    say(port.adapter, b"57600")
    assert hear(first, 5) == hear(second, 5) == b"57600"
    first.set_lines(dtr=True, rts=True)
    seen = port.adapter.wait_lines(Input.CTS | Input.DSR, timeout=SOON)
    assert seen & Input.DSR, "the first driver switched DTR on again, the line stayed off"


# --- command by command -------------------------------------------------------------------------------------------

ONE_AT_A_TIME = {**TWO_HOSTS, "command_by_command": "enable"}
WAIT = 1.0
IN_TIME = {**ONE_AT_A_TIME, "response_timeout": "1000"}


@control("MOD-09")
@on_port("tcp_server", {**ONE_AT_A_TIME, "non_requested_data": "discard"})
def test_requests_wait_for_each_other_and_answers_go_to_who_asked(port):
    device, first, second = port.adapter, port.connect(), port.connect()
    say(first, b"one?")
    assert hear(device, 4) == b"one?"
    say(second, b"two?")
    assert hear_all(device) == b"", "the second request came before the first was answered"
    say(device, b"one!")
    assert hear(first, 4) == b"one!"
    assert hear(device, 4) == b"two?", "the second request never came"
    say(device, b"two!")
    assert hear(second, 4) == b"two!", "the second answer did not come, or with the first one in it"
    assert hear_all(first) == b"", "an answer went to a host that had not asked"


@control("MOD-09")
@on_port("tcp_server", {**IN_TIME, "non_requested_data": "last-requester"})
def test_a_request_nobody_answers_holds_up_the_next_for_the_response_timeout(port):
    device, first, second = port.adapter, port.connect(), port.connect()
    begun = time.monotonic()
    say(first, b"one?")
    assert hear(device, 4) == b"one?"
    say(second, b"two?")
    heard, at = hear_when(device, 4, 8 * WAIT)
    assert heard == b"two?", "the second request never came"
    assert at - begun > 0.9 * WAIT, f"the second request came after {at - begun:.2f} s, the timeout is {WAIT:g} s"


UNASKED = {
    "discard": (b"", b""),
    "last-requester": (b"", b"unasked"),
    "all": (b"unasked", b"unasked"),
}


@control("MOD-09")
@pytest.mark.parametrize(
    "choice",
    [
        pytest.param("discard", marks=on_port("tcp_server", {**ONE_AT_A_TIME, "non_requested_data": "discard"})),
        pytest.param(
            "last-requester", marks=on_port("tcp_server", {**IN_TIME, "non_requested_data": "last-requester"})
        ),
        pytest.param("all", marks=on_port("tcp_server", {**IN_TIME, "non_requested_data": "all"})),
    ],
)
def test_what_nobody_asked_for_goes_where_the_setting_says(choice, port):
    device, other, last = port.adapter, port.connect(), port.connect()
    say(last, b"ask?")
    assert hear(device, 4) == b"ask?"
    say(device, b"answer")
    assert hear(last, 6) == b"answer"
    assert hear_all(last) == b""  # the answer is over by now
    say(device, b"unasked")
    expected_other, expected_last = UNASKED[choice]
    heard = hear_all(other), hear_all(last)
    assert heard == (expected_other, expected_last), f"another host and the last to ask got {heard}"


# --- lines when the last connection goes down ---------------------------------------------------------------------


@control("MOD-10")
@pytest.mark.parametrize(
    ("down", "up"),
    [
        pytest.param(Input.CTS, Input.DSR, id="rts-low", marks=on_port("tcp_server", RTS_LOW)),
        pytest.param(Input.DSR, Input.CTS, id="dtr-low", marks=on_port("tcp_server", DTR_LOW)),
    ],
)
def test_a_line_set_to_low_drops_with_the_last_host_and_rises_with_the_next(down, up, port):
    adapter, first, last = port.adapter, linked(port), linked(port)
    both = down | up
    assert adapter.wait_lines(both, timeout=SOON) & both == both, "a line is off while hosts are connected"
    first.close()
    assert adapter.wait_lines(Input(0), down, timeout=A_WHILE) & down, "it dropped although a host is still connected"
    last.close()
    seen = adapter.wait_lines(up, down, timeout=SOON)
    assert seen & both == up, f"after the last host the other end sees {seen!r}"
    with port.connect():
        seen = adapter.wait_lines(both, timeout=SOON)
        assert seen & both == both, f"with the next host the other end sees {seen!r}"


@control("MOD-10")
@on_port("tcp_server")
def test_lines_set_to_high_stay_when_the_last_host_leaves(port):
    both = Input.CTS | Input.DSR
    with linked(port):
        assert port.adapter.wait_lines(both, timeout=SOON) & both == both
    seen = port.adapter.wait_lines(Input(0), both, timeout=A_WHILE)
    assert seen & both == both, f"after the last host the other end sees {seen!r}"
