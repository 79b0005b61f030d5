"""Adapters over pseudo terminals, `loop://` and ports that fail."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
import termios
import tty
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import pytest
import serial

from nportlab.protocol.serial_wire import Flow as Control
from nportlab.protocol.serial_wire import Input, LineFormat
from nportlab.serial import adapter as module
from nportlab.serial.adapter import Adapter, LineCounts, open_adapter, register_handlers
from nportlab.serial.adapter_faults import AdapterGone, asking, cannot_open
from nportlab.serial.adapter_settings import arguments, rate_in_force
from nportlab.serial.channel import ChannelClosed
from nportlab.serial.conversation import NotInTime
from nportlab.serial.line_events import BreakSeen, LineErrors
from nportlab.serial.traffic.engine import run
from nportlab.serial.traffic.flow import Flow
from nportlab.serial.traffic.pattern import pattern
from nportlab.verdicts.faults import ConfigFault, LabFault, NotApplicable
from selftests.serial.ends import End

LINE = LineFormat()


class Pty:
    """The other end of an adapter."""

    def __init__(self) -> None:
        master, slave = os.openpty()
        tty.setraw(slave)
        self.path = os.ttyname(slave)
        os.close(slave)
        self.end = End(master, "the other end")


@pytest.fixture
def pty() -> Iterator[Pty]:
    made = Pty()
    yield made
    made.end.close()


@pytest.fixture
def adapter(pty: Pty) -> Iterator[Adapter]:
    with open_adapter(pty.path, LINE, name="adapter of np6650/3") as opened:
        yield opened


def test_verified_traffic_through_a_device(pty, adapter):
    flows = [
        Flow(adapter, pty.end, pattern("to the unit"), size=200_000),
        Flow(pty.end, adapter, pattern("to the adapter"), size=200_000),
    ]
    result = run(flows)
    assert result.ok, result.describe()


def test_verified_traffic_through_a_port_without_descriptor():
    with open_adapter("loop://", LINE) as loop:
        result = run([Flow(loop, loop, pattern("loop"), size=20_000)])
    assert result.ok, result.describe()


def test_verified_traffic_through_a_port_of_another_host():
    server = socket.create_server(("127.0.0.1", 0))
    with server, open_adapter(f"socket://127.0.0.1:{server.getsockname()[1]}", LINE) as far:
        taken, _ = server.accept()
        end = End(taken.detach(), "server")
        flows = [Flow(far, end, pattern("out"), size=100_000), Flow(end, far, pattern("in"), size=100_000)]
        result = run(flows)
        assert result.ok, result.describe()
        end.close()
        with pytest.raises(AdapterGone):
            far.receive_some(2)


def test_words_and_what_comes_instead(pty, adapter):
    pty.end.write(b"login: more")
    assert adapter.receive_until(b": ", 2) == b"login: "
    assert adapter.receive_exactly(3, 2) == b"mor"
    with pytest.raises(NotInTime, match=r"1 of 5 bytes came in 0\.05 s; came instead: b'e'") as late:
        adapter.receive_exactly(5, 0.05)
    assert late.value.received == b"e"
    assert late.value.resource == "adapter of np6650/3"
    adapter.send_all(b"answer", 2)
    assert pty.end.read() == b"answer"
    pty.end.write(b"xyz")
    assert b"".join(piece.data for piece in adapter.collect(2, enough=3)) == b"xyz"
    with pytest.raises(NotInTime, match="nothing came"):
        adapter.receive_some(0.01)


def test_a_reader_that_stops_is_no_error_but_late(pty, adapter):
    with pytest.raises(NotInTime, match=r"took only \d+ of 1000000 bytes"):
        adapter.send_all(bytes(1_000_000), 0.05)
    assert adapter.write(b"x") in (0, 1)


def test_what_was_received_before_is_forgotten(pty, adapter):
    pty.end.write(b"stale fresh")
    assert adapter.receive_until(b" ", 2) == b"stale "
    adapter.drop_received()
    assert adapter.read() == b""


def test_no_such_device():
    with pytest.raises(LabFault) as caught:
        open_adapter("/dev/ttyDOES_NOT_EXIST", LINE, name="adapter of np6650/3")
    assert caught.value.resource == "adapter of np6650/3"
    assert "there is no /dev/ttyDOES_NOT_EXIST" in caught.value.message
    assert "lab.yaml" in caught.value.remedy


def test_a_folder_is_no_device(tmp_path):
    with pytest.raises(LabFault, match="cannot be opened"):
        open_adapter(str(tmp_path), LINE)


def test_a_file_is_no_device(tmp_path):
    (tmp_path / "file").write_text("no tty")
    with pytest.raises((LabFault, NotApplicable)):
        open_adapter(str(tmp_path / "file"), LINE)


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.EACCES, "may not open"), (errno.EBUSY, "open elsewhere"), (errno.EAGAIN, "open elsewhere")],
)
def test_why_it_cannot_be_opened(number, words):
    fault = cannot_open("adapter", "/dev/ttyUSB0", serial.SerialException(number, os.strerror(number)))
    assert words in fault.message
    assert fault.remedy


def test_open_elsewhere(pty, adapter):
    with pytest.raises(LabFault, match="open elsewhere") as caught:
        open_adapter(pty.path, LINE)
    assert "fuser" in caught.value.remedy


def test_free_again_once_closed(pty):
    open_adapter(pty.path, LINE).close()
    with open_adapter(pty.path, LINE) as again:
        again.close()


@pytest.mark.parametrize("url", ["nonsense://x", "socket://no-port-here"])
def test_a_url_nobody_understands(url):
    with pytest.raises((ConfigFault, LabFault)):
        open_adapter(url, LINE)


def test_a_rack_that_does_not_run(tmp_path):
    with pytest.raises(LabFault, match="does it run"):
        open_adapter(f"wire://{tmp_path}/cables.sock?end=np6650/3", LINE)


def test_the_schemes_of_the_project_are_known_once():
    register_handlers()
    register_handlers()
    assert serial.protocol_handler_packages.count("nportlab.serial.handlers") == 1


def test_unplugged_while_in_use(pty, adapter):
    pty.end.close()
    with pytest.raises(AdapterGone) as caught:
        adapter.receive_some(2)
    assert isinstance(caught.value, LabFault)
    assert isinstance(caught.value, ChannelClosed)
    assert caught.value.resource == "adapter of np6650/3"
    with pytest.raises(AdapterGone):
        adapter.write(b"x")


def test_traffic_to_an_adapter_that_is_unplugged_blames_the_bench(pty, adapter):
    pty.end.close()
    result = run([Flow(adapter, adapter, pattern("loop"), size=1000)], quiet=0.05)
    with pytest.raises(LabFault, match="unplugged"):
        result.check_bench()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (replace(LINE, data_bits=7), "data bits of 115200 7N1"),
        (replace(LINE, parity="even"), "parity of 115200 8E1"),
        (replace(LINE, parity="mark"), "parity of 115200 8M1"),
        (replace(LINE, stop_bits=1.5), "1.5 stop bits only with 5 data bits"),
        (replace(LINE, flow=Control.DTR | Control.DSR), "no DTR/DSR flow control"),
        (replace(LINE, flow=Control.CTS), "both ways or not at all"),
        (replace(LINE, flow=Control.XON_IN | Control.XON_OUT, xon=0x01), "only 0x11 and 0x13"),
    ],
)
def test_a_format_the_adapter_cannot_do_is_not_applicable(pty, line, reason):
    # A pseudo terminal takes every format and keeps 8 data bits without parity: a driver that says nothing.
    with pytest.raises(NotApplicable) as caught:
        open_adapter(pty.path, line, name="adapter of np6650/3")
    assert reason in caught.value.reason
    assert "adapter of np6650/3" in caught.value.reason
    open_adapter(pty.path, LINE).close()


@pytest.mark.parametrize("baud", [300, 9600, 921_600, 250_000, 123_456])
def test_the_rate_is_read_back(pty, baud):
    with open_adapter(pty.path, replace(LINE, baud=baud)) as opened:
        assert rate_in_force(opened.fileno()) == baud
        assert opened.line.baud == baud


def test_a_rate_the_driver_rounds_is_not_applicable(pty, monkeypatch):
    monkeypatch.setattr("nportlab.serial.adapter_settings.rate_in_force", lambda descriptor: 1_000_000)
    with pytest.raises(NotApplicable, match="cannot do 921600 baud; it does 1000000 instead"):
        open_adapter(pty.path, replace(LINE, baud=921_600))


def test_a_rate_the_driver_refuses_is_not_applicable(pty, monkeypatch):
    def refuse(self, baud):
        raise ValueError(f"Failed to set custom baud rate ({baud})")

    monkeypatch.setattr(serial.Serial, "_set_special_baudrate", refuse)
    with pytest.raises(NotApplicable, match="Failed to set custom baud rate"):
        open_adapter(pty.path, replace(LINE, baud=123_456))


def test_the_format_can_change_and_stays_when_the_new_one_is_refused(adapter):
    adapter.set_format(replace(LINE, baud=9600))
    assert rate_in_force(adapter.fileno()) == 9600
    with pytest.raises(NotApplicable):
        adapter.set_format(replace(LINE, baud=4800, parity="odd"))
    assert adapter.line.baud == 9600
    assert rate_in_force(adapter.fileno()) == 9600


def test_what_pyserial_is_told():
    line = replace(LINE, baud=300, data_bits=5, parity="space", stop_bits=1.5, flow=Control.XON_IN | Control.XON_OUT)
    assert arguments("it", line, tty=True) == {
        "baudrate": 300,
        "bytesize": 5,
        "parity": "S",
        "stopbits": 1.5,
        "rtscts": False,
        "xonxoff": True,
        "dsrdtr": False,
    }
    assert arguments("it", replace(LINE, flow=Control.TOGGLE), tty=True)["rtscts"] is False
    assert arguments("it", replace(LINE, flow=Control.DTR | Control.DSR), tty=False)["dsrdtr"] is True


def test_a_pseudo_terminal_has_no_lines_no_break_and_no_counters(adapter):
    for ask in (
        lambda: adapter.lines,
        lambda: adapter.set_lines(rts=False),
        lambda: adapter.send_break(0.001),
        adapter.counts,
        adapter.take_events,
    ):
        with pytest.raises(NotApplicable, match="adapter of np6650/3"):
            ask()
    assert adapter.drained(1) == 0


def test_lines_of_a_loopback_plug():
    with open_adapter("loop://", LINE) as loop:
        assert Input.CTS in loop.lines
        loop.set_lines(rts=False)
        assert Input.CTS not in loop.lines
        assert Input.DSR in loop.wait_lines(Input.DSR, Input.CTS, timeout=1)
        loop.send_break(0.001)
        with pytest.raises(NotApplicable, match="does not count"):
            loop.counts()


class Rack:
    """A port that tells errors and breaks, as those of a virtual rack do."""

    port = "wire://x"

    def __init__(self, *events) -> None:
        self.events = list(events)
        self.breaks = []

    def take_events(self):
        events, self.events = self.events, []
        return events

    def send_break(self, seconds) -> None:
        self.breaks.append(seconds)

    def close(self) -> None:
        pass


def test_errors_and_breaks_of_a_port_that_tells_them():
    port = Rack(LineErrors(0, parity=9))
    adapter = Adapter("it", port, LINE)
    assert adapter.counts() == LineCounts()  # from before it was opened
    adapter.take_events()
    port.events += [LineErrors(3, parity=1, framing=2), BreakSeen(5, 0.0), BreakSeen(5, 0.25), LineErrors(9, overrun=4)]
    assert adapter.counts() == LineCounts(parity=1, framing=2, overrun=4, breaks=1)
    assert [type(event) for event in adapter.take_events()] == [LineErrors, BreakSeen, BreakSeen, LineErrors]
    assert adapter.take_events() == []
    assert adapter.counts().overrun == 4
    adapter.send_break(0.3)
    assert port.breaks == [0.3]


def test_counters_of_a_device(adapter, monkeypatch):
    counters = [struct.pack("20i", *range(20)), struct.pack("20i", *range(10, 30))]
    real = fcntl.ioctl

    def ioctl(descriptor, request, argument=0):
        return counters[0] if request == module._TIOCGICOUNT else real(descriptor, request, argument)

    monkeypatch.setattr(module.fcntl, "ioctl", ioctl)
    fresh = Adapter("it", adapter._port, LINE)
    counters.pop(0)
    assert fresh.counts() == LineCounts(10, 10, 10, 10)


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (OSError(errno.ENOTTY, "no"), NotApplicable),
        (termios.error(errno.EINVAL, "no"), NotApplicable),
        (NotImplementedError(), NotApplicable),
        (OSError(errno.EIO, "gone"), AdapterGone),
        (serial.SerialException("gone"), AdapterGone),
    ],
)
def test_an_adapter_that_cannot_and_one_that_is_gone(error, raised):
    with pytest.raises(raised), asking("it", "do it"):
        raise error


def test_the_interface_of_the_port_is_that_of_a_virtual_adapter(monkeypatch):
    opened = []

    def fail(url, **_):
        opened.append(url)
        raise ValueError("seen")

    monkeypatch.setattr(module, "serial", SimpleNamespace(serial_for_url=fail, SerialException=OSError))
    with pytest.raises(ConfigFault):
        open_adapter("wire:///x/cables.sock?end=a/1", replace(LINE, interface="rs-422"))
    assert opened == ["wire:///x/cables.sock?end=a/1&interface=rs-422"]
