"""A port that is a pty of the host: the interface of any other, as fast as the host moves bytes."""

from __future__ import annotations

import contextlib
import os
import termios
import time
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from nportlab.protocol.serial_wire import Flow, Input, LineFormat
from nportlab.virtual.unit.pty_port import PtyPort
from selftests.virtual.serial.bench import SECONDS, Cables, Sender, Unit, running_unit, until

ALL_ON = Input.CTS | Input.DSR | Input.DCD


class Far:
    """The other end of a pty; `path` leads to the port's end, as socat's `link=` does."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.open()

    def open(self) -> None:
        self.fd, port = os.openpty()
        tty.setraw(port)
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(os.ttyname(port))
        self._port = port
        os.set_blocking(self.fd, False)

    def let_go(self) -> None:
        """Hold the port's end no longer; only the unit has it open then."""
        os.close(self._port)

    def close(self) -> None:
        os.close(self.fd)

    def read(self, count: int) -> bytes:
        data = b""

        def enough() -> bool:
            nonlocal data
            with contextlib.suppress(BlockingIOError):
                data += os.read(self.fd, 65536)
            return len(data) >= count

        until(enough)
        return data

    def write(self, data: bytes) -> None:
        deadline = time.monotonic() + SECONDS
        while data:
            assert time.monotonic() < deadline
            try:
                data = data[os.write(self.fd, data) :]
            except BlockingIOError:
                time.sleep(0.001)


@pytest.fixture
def far(tmp_path: Path) -> Far:
    return Far(tmp_path / "port")


@pytest.fixture
def unit(far: Far) -> Iterator[Unit]:
    """A unit whose port 1 is the pty; the others have nothing plugged in."""
    with running_unit({1: far.path}) as unit:
        unit.plug_in(None)
        far.let_go()
        yield unit


def test_bytes_go_both_ways_as_they_are(unit: Unit, far: Far) -> None:
    data = bytes(range(256))
    assert unit.do(lambda: unit[1].write(data)) == 256
    assert far.read(256) == data
    far.write(data)
    until(lambda: unit.ears[1].data == data)
    assert (unit[1].counters.tx, unit[1].counters.rx) == (256, 256)


def test_a_full_pty_says_no_and_then_says_when(unit: Unit, far: Far) -> None:
    data = os.urandom(1 << 20)
    sender = Sender(unit[1], data)
    unit.do(sender.go_on)
    assert 0 < sender.sent < len(data)
    assert unit.do(lambda: unit[1].room) == 0
    assert far.read(len(data)) == data
    assert sender.asked > 1
    assert unit[1].counters.tx == len(data)


def test_much_to_receive_arrives_whole(unit: Unit, far: Far) -> None:
    data = os.urandom(1 << 20)
    far.write(data)
    until(lambda: unit.ears[1].data == data)


def test_a_paused_port_leaves_bytes_where_they_are(unit: Unit, far: Far) -> None:
    unit.do(unit[1].pause)
    far.write(b"wait")
    until(lambda: unit.do(lambda: unit[1].waiting) == 4)
    assert not unit.ears[1].data
    unit.do(unit[1].resume)
    until(lambda: unit.ears[1].data == b"wait")
    unit.do(unit[1].pause)
    far.write(b"stale")
    until(lambda: unit.do(lambda: unit[1].waiting) == 5)
    unit.do(unit[1].drop_waiting)
    unit.do(unit[1].resume)
    far.write(b"fresh")
    until(lambda: unit.ears[1].data == b"waitfresh")


def test_nothing_is_left_to_drain(unit: Unit, far: Far) -> None:
    unit.do(lambda: unit[1].write(b"all of it"))
    assert unit.wait(unit[1].drained(SECONDS)) == 0
    assert far.read(9) == b"all of it"


def test_the_other_end_sees_rate_and_flow_control(unit: Unit, far: Far) -> None:
    unit.do(lambda: unit[1].configure(LineFormat(baud=19200, flow=Flow.XON_OUT | Flow.XON_IN)))
    iflag, _, _, lflag, _, speed, _ = termios.tcgetattr(far.fd)
    assert speed == termios.B19200
    assert iflag & termios.IXON
    assert not lflag & (termios.ECHO | termios.ICANON)


def test_a_pty_has_no_lines_and_they_count_as_on(unit: Unit, far: Far) -> None:
    port = unit[1]
    assert port.inputs == ALL_ON
    unit.do(lambda: port.set_lines(dtr=True, rts=False))
    assert port.inputs == ALL_ON
    for action in (port.start_break, port.end_break, lambda: port.send_break(1), lambda: port.force_flow(True)):
        unit.do(action)
    unit.do(lambda: port.send_urgent(0x21))
    assert far.read(1) == b"!"


def test_a_pty_that_is_closed_and_made_again(unit: Unit, far: Far) -> None:
    far.close()
    until(lambda: unit[1].inputs == Input(0))
    assert unit.do(lambda: unit[1].write(b"into the air" * 9999)) == 12 * 9999
    far.open()
    until(lambda: unit[1].inputs == ALL_ON)
    far.let_go()
    far.write(b"again")
    until(lambda: unit.ears[1].data == b"again")
    unit.do(lambda: unit[1].write(b"so it is"))
    assert far.read(8) == b"so it is"


def test_a_writer_that_waits_when_the_pty_is_closed_is_let_go(unit: Unit, far: Far) -> None:
    sender = Sender(unit[1], b"x" * (1 << 20))
    unit.do(sender.go_on)
    far.close()
    until(lambda: sender.sent == 1 << 20)


def test_a_pty_that_appears_after_the_unit_has_booted(tmp_path: Path) -> None:
    path = tmp_path / "later"
    with running_unit({2: path}) as unit:
        unit.plug_in(None)
        assert unit[2].inputs == Input(0)
        unit.do(unit[2].pause)
        far = Far(path)
        until(lambda: unit[2].inputs == ALL_ON)
        far.write(b"there")
        unit.do(unit[2].resume)
        until(lambda: unit.ears[2].data == b"there")


def test_what_is_no_tty_is_a_port_with_nothing_plugged_in(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a tty")
    with running_unit({1: tmp_path / "file"}) as unit:
        unit.plug_in(None)
        assert isinstance(unit[1], PtyPort)
        assert unit.do(lambda: unit[1].write(b"lost")) == 4
        assert unit[1].inputs == Input(0)
    assert (tmp_path / "file").read_text() == "not a tty"


def test_ptys_and_cables_side_by_side(cables: Cables, far: Far) -> None:
    with running_unit({2: far.path}) as unit:
        unit.plug_in(cables.path)
        with cables.adapter() as adapter:
            unit.do(lambda: unit[1].write(b"to the cables"))
            unit.do(lambda: unit[2].write(b"to the pty"))
            assert adapter.read(13) == b"to the cables"
            assert far.read(10) == b"to the pty"
