"""The wire:// scheme: what pyserial promises of a serial port holds for an adapter of a virtual rack.

Long, because pyserial promises much and all of it is asked of one adapter on one bench.
"""

from __future__ import annotations

import io
import os
import select
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import serial
from hypothesis import given
from hypothesis import strategies as st
from serial.tools import miniterm

from nportlab.protocol.serial_wire import FLOW_ROOM, Flow, Hold, LineFormat
from nportlab.serial.handlers import register
from nportlab.serial.handlers.protocol_wire import Serial
from nportlab.serial.handlers.wire_url import parse_url
from nportlab.serial.line_events import BreakSeen, LineErrors
from nportlab.virtual.cables.control import ask_cables
from selftests.virtual.serial.bench import SECONDS, Cables, Sender, Unit, until


def say(unit: Unit, data: bytes) -> None:
    assert unit.do(lambda: unit[1].write(data)) == len(data)


def took(action: Callable[[], Any]) -> float:
    """Seconds `action` takes."""
    start = time.monotonic()
    action()
    return time.monotonic() - start


def fault(cables: Cables, what: str | None, **details: Any) -> None:
    command = {"do": "fault", "unit": "unit", "port": 1, "fault": what, **details}
    assert ask_cables(cables.path, command)["ok"]


# Opening --------------------------------------------------------------------------------------------------------------


def test_registering_twice_is_registering_once() -> None:
    register()
    register()
    assert serial.protocol_handler_packages.count("nportlab.serial.handlers") == 1


def test_a_port_is_opened_later_closed_and_opened_again(cables: Cables, unit: Unit) -> None:
    register()
    adapter = serial.serial_for_url(cables.url(), do_not_open=True, timeout=SECONDS)
    assert not adapter.is_open
    for text in (b"first", b"second"):
        adapter.open()
        assert adapter.is_open
        say(unit, text)
        adapter.baudrate = 115200
        adapter.close()
        adapter.close()
    with adapter as again:
        again.baudrate = 115200
        say(unit, b"third")
        assert again.read(5) == b"third"
    assert not adapter.is_open


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("wire://", "does not have the form wire://<percent-encoded path"),
        ("wire://%2Ftmp%2Fcables.sock", "does not have the form"),
        ("wire://%2Ftmp%2Fcables.sock?end=unit", "does not have the form"),
        ("wire://%2Ftmp%2Fcables.sock?end=unit/x", "does not have the form"),
        ("wire://tmp%2Fcables.sock?end=unit/1", "does not have the form"),
        ("wire://%2Ftmp%2Fcables.sock?end=unit/1&baud=9600", "unknown option 'baud'"),
        ("wire://%2Ftmp%2Fcables.sock?end=unit/1&interface=rs-423", "interface 'rs-423' is none of rs-232, rs-422"),
        ("wire://%2Fno%2Fsuch%2Fcables.sock?end=unit/1", "could not open unit/1: no virtual rack has its cables at "),
    ],
)
def test_a_url_that_leads_nowhere(url: str, words: str) -> None:
    register()
    with pytest.raises(serial.SerialException, match=words):
        serial.serial_for_url(url)


@given(st.text(max_size=40))
def test_no_url_does_anything_but_parse_or_be_refused(text: str) -> None:
    try:
        assert parse_url("wire://" + text).path.is_absolute()
    except serial.SerialException as error:
        assert "does not have the form" in str(error) or "option" in str(error) or "interface" in str(error)


def test_an_adapter_is_open_to_one_program_only(cables: Cables, adapter: Serial) -> None:
    with pytest.raises(serial.SerialException, match="could not open unit/1: adapter of unit/1 is already open"):
        cables.adapter()
    adapter.close()
    cables.adapter().close()


def test_a_port_without_adapter(cables: Cables) -> None:
    with pytest.raises(serial.SerialException, match="there is no adapter at 'unit/2'"):
        cables.adapter(2)


def test_a_rack_that_has_ended(cables: Cables) -> None:
    cables.end()
    with pytest.raises(serial.SerialException, match=r"no virtual rack has its cables at .*does it run"):
        cables.adapter()


def test_a_closed_port_does_nothing(adapter: Serial) -> None:
    adapter.close()
    adapter.dtr = False
    adapter.cancel_read()
    adapter.cancel_write()
    for action in (
        adapter.read,
        adapter.read_all,
        adapter.flush,
        adapter.fileno,
        adapter.reset_input_buffer,
        adapter.reset_output_buffer,
        adapter.send_break,
        adapter.take_events,
        lambda: adapter.write(b"x"),
        lambda: adapter.in_waiting,
        lambda: adapter.out_waiting,
        lambda: adapter.cts,
    ):
        with pytest.raises(serial.PortNotOpenError):
            action()
    with pytest.raises(serial.SerialException, match="configured"):
        Serial().open()


def test_open_twice(adapter: Serial) -> None:
    with pytest.raises(serial.SerialException, match="already open"):
        adapter.open()


# Reading --------------------------------------------------------------------------------------------------------------


def test_a_read_waits_for_all_it_wants(unit: Unit, adapter: Serial) -> None:
    threading.Timer(0.05, lambda: say(unit, b"defg")).start()
    say(unit, b"abc")
    assert adapter.read(7) == b"abcdefg"


@pytest.mark.parametrize(("timeout", "least", "most"), [(0, 0, 0.05), (0.1, 0.09, 0.5)])
def test_a_read_ends_with_its_timeout(unit: Unit, adapter: Serial, timeout: float, least: float, most: float) -> None:
    adapter.timeout = timeout
    say(unit, b"ab")
    until(lambda: adapter.in_waiting == 2)
    found: list[bytes] = []
    assert least <= took(lambda: found.append(adapter.read(5))) <= most
    assert found == [b"ab"]
    assert adapter.read(0) == b""


def test_a_read_ends_when_no_byte_follows(unit: Unit, adapter: Serial) -> None:
    adapter.inter_byte_timeout = 0.05
    say(unit, b"ab")
    found: list[bytes] = []
    assert took(lambda: found.append(adapter.read(5))) < 1
    assert found == [b"ab"]


def test_news_that_are_no_bytes_do_not_count_as_a_pause(unit: Unit, adapter: Serial) -> None:
    adapter.inter_byte_timeout = 0.5
    say(unit, b"ab")
    until(lambda: adapter.in_waiting == 2)
    threading.Timer(0.05, lambda: unit.do(lambda: unit[1].set_lines(dtr=True))).start()
    threading.Timer(0.1, lambda: say(unit, b"cd")).start()
    assert adapter.read(4) == b"abcd"


def test_lines_are_read_as_from_any_file(unit: Unit, adapter: Serial) -> None:
    say(unit, b"one\ntwo\nrest")
    assert adapter.readline() == b"one\n"
    assert adapter.read_until(b"o") == b"two"
    assert adapter.read(1) == b"\n"
    buffer = bytearray(4)
    assert adapter.readinto(buffer) == 4
    assert buffer == b"rest"
    say(unit, b"once")
    assert io.BufferedReader(adapter, 4).read(4) == b"once"


def test_in_waiting_read_all_and_reset(unit: Unit, adapter: Serial) -> None:
    say(unit, b"abc")
    until(lambda: adapter.in_waiting == 3)
    assert adapter.read_all() == b"abc"
    assert adapter.read_all() == b""
    say(unit, b"stale")
    until(lambda: adapter.in_waiting == 5)
    adapter.reset_input_buffer()
    say(unit, b"fresh")
    assert adapter.read(5) == b"fresh"


def test_a_read_of_another_thread_is_cancelled(adapter: Serial) -> None:
    adapter.timeout = None
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.append(adapter.read(5)))
    reader.start()
    adapter.cancel_read()
    reader.join(SECONDS)
    assert found == [b""]


def readable(adapter: Serial, seconds: float) -> bool:
    return bool(select.select([adapter], [], [], seconds)[0])


def test_the_descriptor_is_readable_while_there_is_something_to_read(unit: Unit, adapter: Serial) -> None:
    adapter.timeout = 0
    until(lambda: not readable(adapter, 0) or adapter.read(0))
    say(unit, b"abcd")
    assert readable(adapter, SECONDS)
    until(lambda: adapter.in_waiting == 4)  # taken from the socket, not by the reader
    assert readable(adapter, 0)
    assert adapter.read(3) == b"abc"
    assert readable(adapter, 0)
    assert adapter.read(1) == b"d"
    adapter.in_waiting  # noqa: B018 - reports that are no bytes are taken in
    assert not readable(adapter, 0)


def test_a_reader_that_stops_lets_the_line_overrun_or_stop(unit: Unit, adapter: Serial) -> None:
    """Bytes nobody reads fill the adapter's receiver, as the driver of a real one."""
    adapter.baudrate = 921600
    adapter.rtscts = True
    unit.do(lambda: unit[1].configure(LineFormat(baud=921600, flow=Flow.CTS | Flow.RTS)))
    sender = Sender(unit[1], os.urandom(20000))
    unit.do(sender.go_on)
    until(lambda: unit[1].hold & Hold.CTS)
    assert adapter.held & Hold.LINE_DROPPED
    held_at = adapter.in_waiting
    assert held_at <= FLOW_ROOM
    assert adapter.read(20000) == sender._data
    assert not [event for event in adapter.take_events() if isinstance(event, LineErrors)]


# Writing --------------------------------------------------------------------------------------------------------------


def test_flush_returns_when_everything_is_on_the_wire(unit: Unit, adapter: Serial) -> None:
    adapter.baudrate = 9600
    unit.do(lambda: unit[1].configure(LineFormat(baud=9600)))
    assert took(lambda: adapter.write(b"x" * 96)) < 0.05
    assert 0 < adapter.out_waiting <= 96
    assert 0.05 < took(adapter.flush) < 1
    assert adapter.out_waiting == 0
    until(lambda: unit.ears[1].data == b"x" * 96)


def test_a_write_waits_for_room(unit: Unit, adapter: Serial) -> None:
    adapter.baudrate = 921600
    unit.do(lambda: unit[1].configure(LineFormat(baud=921600)))
    data = os.urandom(30000)
    assert adapter.write(data) == len(data)
    until(lambda: unit.ears[1].data == data)


@pytest.mark.parametrize("data", [b"bytes", bytearray(b"bytes"), memoryview(b"bytes"), [98, 121, 116, 101, 115]])
def test_what_can_be_written(unit: Unit, adapter: Serial, data: Any) -> None:
    assert adapter.write(data) == 5
    until(lambda: unit.ears[1].data == b"bytes")


def test_text_is_no_bytes(adapter: Serial) -> None:
    with pytest.raises(TypeError):
        adapter.write("text")


def test_a_write_that_does_not_wait_says_how_much_it_took(adapter: Serial) -> None:
    adapter.baudrate = 300
    adapter.write_timeout = 0
    assert adapter.write(b"x" * 10000) == 4096
    assert adapter.write(b"x") == 0
    adapter.reset_output_buffer()
    assert adapter.out_waiting == 0
    assert adapter.write(b"x") == 1
    adapter.reset_output_buffer()


def test_a_write_timeout_says_what_holds_the_line(adapter: Serial) -> None:
    adapter.rtscts = True
    adapter.write_timeout = 0.05
    adapter.write(b"x" * 4096)
    with pytest.raises(serial.SerialTimeoutException, match=r"0 of 5 bytes taken; .*holds the line \(CTS is low\)"):
        adapter.write(b"x" * 5)
    with pytest.raises(serial.SerialTimeoutException, match=r"4096 bytes not sent.*CTS is low"):
        adapter.flush()
    adapter.reset_output_buffer()


def test_a_write_of_another_thread_is_cancelled(adapter: Serial) -> None:
    adapter.baudrate = 300
    counts: list[int] = []
    writer = threading.Thread(target=lambda: counts.append(adapter.write(b"x" * 10000)))
    writer.start()
    adapter.cancel_write()
    writer.join(SECONDS)
    assert not writer.is_alive()
    assert counts[0] < 10000
    adapter.reset_output_buffer()


def test_close_lets_out_what_was_written(unit: Unit, adapter: Serial) -> None:
    adapter.baudrate = 9600
    unit.do(lambda: unit[1].configure(LineFormat(baud=9600)))
    adapter.write(b"last words" * 10)
    adapter.close()
    until(lambda: unit.ears[1].data == b"last words" * 10)


def test_close_does_not_wait_for_a_line_that_is_held(adapter: Serial) -> None:
    adapter.rtscts = True
    adapter.write(b"never")
    assert took(adapter.close) < 2


def test_two_threads_share_a_port(unit: Unit, adapter: Serial) -> None:
    """As in miniterm: one only reads, the other only writes, and each may take in the other's news."""
    adapter.baudrate = 921600
    unit.do(lambda: unit[1].configure(LineFormat(baud=921600)))
    down, up = os.urandom(20000), os.urandom(20000)
    sender = Sender(unit[1], down)
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.append(adapter.read(len(down))))
    reader.start()
    unit.do(sender.go_on)
    adapter.write(up)
    adapter.flush()
    reader.join(SECONDS)
    assert found == [down]
    until(lambda: sender.data == up)


# Settings, lines, breaks ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "line_format"),
    [
        ({"baudrate": 9600}, LineFormat(baud=9600)),
        ({"baudrate": 31250, "bytesize": 7, "parity": "E"}, LineFormat(baud=31250, data_bits=7, parity="even")),
        ({"parity": "M", "stopbits": 2}, LineFormat(parity="mark", stop_bits=2)),
        ({"bytesize": 5, "stopbits": 1.5, "parity": "O"}, LineFormat(data_bits=5, stop_bits=1.5, parity="odd")),
    ],
)
def test_a_setting_changes_the_line(
    unit: Unit, adapter: Serial, settings: dict[str, Any], line_format: LineFormat
) -> None:
    text = bytes(range(1, 30))
    unit.do(lambda: unit[1].configure(line_format))
    adapter.apply_settings(settings)
    assert adapter.get_settings() | settings == adapter.get_settings()
    adapter.write(text)
    until(lambda: unit.ears[1].data == text)
    say(unit, text)
    assert adapter.read(len(text)) == text
    assert adapter.take_events() == []


def test_impossible_settings(adapter: Serial) -> None:
    for name, value in (("baudrate", -1), ("baudrate", 0), ("bytesize", 9), ("parity", "X"), ("stopbits", 3)):
        with pytest.raises(ValueError, match="Not a valid"):
            setattr(adapter, name, value)


def test_a_wrong_format_is_seen_as_line_errors(unit: Unit, adapter: Serial) -> None:
    say(unit, b"good")
    assert adapter.read(4) == b"good"
    adapter.parity = "E"
    unit.do(lambda: unit[1].configure(LineFormat(parity="odd")))
    say(unit, b"\x55")
    adapter.read(1)
    events = adapter.take_events()
    assert events == [LineErrors(position=4, parity=1)]
    assert adapter.take_events() == []


def test_lines_are_driven_and_seen(unit: Unit, adapter: Serial) -> None:
    until(lambda: unit[1].inputs == 2 | 8 | 1)
    adapter.rts = False
    until(lambda: unit[1].inputs == 2 | 8)
    adapter.dtr = False
    until(lambda: unit[1].inputs == 0)
    assert (adapter.cts, adapter.dsr, adapter.cd, adapter.ri) == (False,) * 4
    unit.do(lambda: unit[1].set_lines(dtr=True))
    until(lambda: adapter.dsr and adapter.cd)
    assert not adapter.cts
    unit.do(lambda: unit[1].set_lines(rts=True))
    until(lambda: adapter.cts)


def test_lines_set_before_opening_are_so_from_the_start(cables: Cables, unit: Unit) -> None:
    adapter = Serial(None, 115200, timeout=SECONDS)
    adapter.port, adapter.dtr, adapter.rts = cables.url(), False, False
    with adapter:
        say(unit, b"x")
        adapter.read(1)
        assert unit.ears[1].inputs in ([], [0])
        assert unit[1].inputs == 0


def test_a_break_has_its_length(unit: Unit, adapter: Serial) -> None:
    adapter.send_break(0.05)
    until(lambda: len(unit.ears[1].breaks) == 2)
    assert unit.ears[1].breaks == [0, pytest.approx(0.05, rel=0.01)]
    adapter.break_condition = True
    until(lambda: len(unit.ears[1].breaks) == 3)
    adapter.break_condition = False
    until(lambda: len(unit.ears[1].breaks) == 4)
    with pytest.raises(ValueError, match=r"a break of 70 s is not possible; 0.001 to 65.534 s are"):
        adapter.send_break(70)


def test_a_break_on_a_line_that_is_held_is_not_waited_for(unit: Unit, adapter: Serial) -> None:
    adapter.rtscts = True
    adapter.write_timeout = 0
    adapter.write(b"held")
    assert took(lambda: adapter.send_break(0.01)) < 2
    unit.do(lambda: unit[1].set_lines(rts=True))
    until(lambda: unit.ears[1].data == b"held" and len(unit.ears[1].breaks) == 2)


def test_a_break_is_seen_with_its_place_and_length(unit: Unit, adapter: Serial) -> None:
    say(unit, b"before")
    unit.do(lambda: unit[1].send_break(20))
    say(unit, b"after")
    assert adapter.read(11) == b"beforeafter"
    began, ended = adapter.take_events()
    assert began == BreakSeen(6, 0)
    assert isinstance(ended, BreakSeen)
    assert (ended.position, ended.seconds) == (6, pytest.approx(0.02, rel=0.01))


def test_output_can_be_held_by_hand(unit: Unit, adapter: Serial) -> None:
    adapter.set_output_flow_control(False)
    adapter.write(b"held")
    adapter.reset_input_buffer()
    assert adapter.out_waiting == 4
    adapter.set_output_flow_control(True)
    until(lambda: unit.ears[1].data == b"held")


# Losing it ------------------------------------------------------------------------------------------------------------


def test_an_adapter_that_is_pulled_out_says_so(cables: Cables, unit: Unit, adapter: Serial) -> None:
    say(unit, b"last")
    until(lambda: adapter.in_waiting == 4)
    fault(cables, "unplugged")
    assert adapter.read(10) == b"last"
    for action in (adapter.read, adapter.flush, lambda: adapter.write(b"x"), lambda: adapter.cts):
        with pytest.raises(serial.SerialException, match="the adapter of unit/1 was unplugged"):
            action()
    assert readable(adapter, 0)
    adapter.close()
    with pytest.raises(serial.SerialException, match="could not open unit/1: the adapter of unit/1 is unplugged"):
        adapter.open()
    fault(cables, None)
    adapter.open()
    say(unit, b"back")
    assert adapter.read(4) == b"back"


def test_a_read_that_waits_when_it_is_pulled_out(cables: Cables, adapter: Serial) -> None:
    threading.Timer(0.05, lambda: fault(cables, "unplugged")).start()
    with pytest.raises(serial.SerialException, match="unplugged"):
        adapter.read(1)


def test_a_rack_that_ends_says_so(cables: Cables, adapter: Serial) -> None:
    cables.end()
    with pytest.raises(serial.SerialException, match="the rack of unit/1 has ended"):
        adapter.read(1)


def test_cables_that_hang_are_named(cables: Cables) -> None:
    register()
    cables.freeze()
    with pytest.MonkeyPatch.context() as patch, pytest.raises(serial.SerialException, match="did not answer within"):
        patch.setattr("nportlab.serial.handlers.wire_port.ANSWER_SECONDS", 0.1)
        cables.adapter()
    cables.thaw()


# Other people's programs ----------------------------------------------------------------------------------------------


class FakeConsole(miniterm.ConsoleBase):
    """A person who types `keys`, and what the screen shows."""

    def __init__(self, keys: str) -> None:
        super().__init__()
        self._keys = list(keys)
        self.screen = ""
        self.leave = threading.Event()

    def getkey(self) -> str:  # type: ignore[override] - the stubs think it returns nothing
        if self._keys:
            return self._keys.pop(0)
        self.leave.wait(SECONDS)
        return chr(0x1D)

    def write(self, text: str) -> None:
        self.screen += text

    def write_bytes(self, byte_string: bytes) -> None:
        self.screen += byte_string.decode()


def test_miniterm_talks_through_it(unit: Unit, adapter: Serial, monkeypatch: pytest.MonkeyPatch) -> None:
    console = FakeConsole("typed")
    monkeypatch.setattr(miniterm, "Console", lambda *_: console)
    terminal = miniterm.Miniterm(adapter, eol="lf")  # type: ignore[arg-type] - any pyserial port will do
    terminal.exit_character, terminal.menu_character = chr(0x1D), chr(0x14)
    terminal.set_rx_encoding("utf-8")
    terminal.set_tx_encoding("utf-8")
    terminal.start()
    until(lambda: unit.ears[1].data == b"typed")
    say(unit, b"shown")
    until(lambda: "shown" in console.screen)
    console.leave.set()
    terminal.join()
    terminal.close()
