"""The serial ports of a unit on the cables: plugged in at boot, moving bytes, losing and finding the cables."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from nportlab.protocol.serial_wire import Flow, Frames, Input, Kind, LineFormat, encode
from nportlab.serial.handlers.protocol_wire import Serial
from nportlab.virtual.socket_path import listen
from nportlab.virtual.unit import serial_ports
from nportlab.virtual.unit.serial_ports import CablesUnreachable
from selftests.virtual.serial.bench import SECONDS, Cables, Sender, Unit, running_unit, until

ALL_ON = Input.CTS | Input.DSR | Input.DCD


def test_bytes_reach_the_adapter_and_come_back(unit: Unit, adapter: Serial) -> None:
    assert unit.do(lambda: unit[1].write(b"to the line")) == 11
    assert adapter.read(11) == b"to the line"
    adapter.write(b"to the unit")
    until(lambda: unit.ears[1].data == b"to the unit")
    until(lambda: (unit[1].counters.tx, unit[1].counters.rx) == (11, 11))


def test_more_than_the_port_takes_waits_for_room(unit: Unit, adapter: Serial) -> None:
    data = bytes(range(256)) * 64
    adapter.baudrate = 921600
    unit.do(lambda: unit[1].configure(LineFormat(baud=921600)))
    sender = Sender(unit[1], data)
    unit.do(sender.go_on)
    assert sender.sent < len(data)
    assert adapter.read(len(data)) == data
    assert sender.asked > 0
    assert unit.wait(unit[1].drained(SECONDS)) == 0


def test_a_loopback_plug_returns_bytes_and_lines(unit: Unit) -> None:
    unit.do(lambda: unit[2].set_lines(dtr=True, rts=True))
    until(lambda: unit[2].inputs == ALL_ON)
    unit.do(lambda: unit[2].write(b"echo"))
    until(lambda: unit.ears[2].data == b"echo")
    unit.do(lambda: unit[2].set_lines(rts=False))
    until(lambda: unit[2].inputs == Input.DSR | Input.DCD)


def test_a_crosslink_carries_bytes_lines_and_breaks(unit: Unit) -> None:
    unit.do(lambda: unit[3].set_lines(dtr=True, rts=False))
    until(lambda: unit[4].inputs == Input.DSR | Input.DCD)
    unit.do(lambda: unit[3].write(b"over"))
    unit.do(lambda: unit[4].write(b"and back"))
    until(lambda: (unit.ears[4].data, unit.ears[3].data) == (b"over", b"and back"))
    unit.do(lambda: unit[4].send_break(30))
    until(lambda: len(unit.ears[3].breaks) == 2)
    assert unit.ears[3].breaks[0] == 0
    assert unit.ears[3].breaks[1] == pytest.approx(0.03, rel=0.01)


def test_a_port_with_nothing_plugged_in_sends_into_the_air(tmp_path: Path) -> None:
    with running_unit() as unit:
        sender = Sender(unit[1], b"x" * 20000)
        unit.do(sender.go_on)
        until(lambda: sender.sent == 20000)
        until(lambda: unit[1].counters.tx == 20000)
        assert unit[1].inputs == Input(0)
        assert unit.wait(unit[1].drained(SECONDS)) == 0


def test_a_format_in_force_at_boot_reaches_the_line(cables: Cables) -> None:
    with running_unit() as unit:
        running = {"port.1.baud_rate": "9600", "port.1.parity": "even", "port.1.flow_control": "rts-cts"}
        unit.do(lambda: unit.ports.configure(running))
        unit.plug_in(cables.path)
        with cables.adapter(baudrate=9600, parity="E") as adapter:
            assert unit[1].format.flow == Flow.RTS | Flow.CTS
            adapter.write(b"as agreed")
            until(lambda: unit.ears[1].data == b"as agreed")
            assert not unit.ears[1].errors


# The connection -------------------------------------------------------------------------------------------------------


class FakeCables:
    """Listens as the cables do, and answers PLUG with `answer`, or not."""

    def __init__(self, directory: Path, answer: dict[str, Any] | None) -> None:
        self.path = directory / "cables.sock"
        self._listener = listen(self.path)
        self._answer = answer
        self._accepted: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        channel, _ = self._listener.accept()
        self._accepted.append(channel)
        if self._answer is not None:
            channel.sendall(encode(Kind.PLUGGED, 0, json.dumps(self._answer).encode()))

    def close(self) -> None:
        self._listener.close()
        for channel in self._accepted:
            channel.close()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"ok": False, "error": "there is no unit 'stranger'"}, "there is no unit 'stranger'"),
        (None, "no answer from .*cables.sock within 0.1 s"),
    ],
)
def test_cables_that_do_not_take_the_unit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Any, words: str
) -> None:
    monkeypatch.setattr(serial_ports, "PLUG_SECONDS", 0.1)
    fake = FakeCables(tmp_path, answer)
    with running_unit() as unit, pytest.raises(CablesUnreachable, match=words):
        unit.plug_in(fake.path)
    fake.close()


def test_a_unit_the_rack_does_not_have(cables: Cables) -> None:
    with running_unit() as unit, pytest.raises(CablesUnreachable, match="no unit 'stranger'"):
        unit.plug_in(cables.path, "stranger")


def test_no_cables_at_all(tmp_path: Path) -> None:
    with running_unit() as unit, pytest.raises(CablesUnreachable, match=r"cables\.sock: No such file"):
        unit.plug_in(tmp_path / "cables.sock")


def test_a_folder_deeper_than_socket_paths_go(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 80) / ("y" * 80)
    deep.mkdir(parents=True)
    cables = Cables(deep)
    cables.start()
    with running_unit() as unit:
        unit.plug_in(cables.path)
        with cables.adapter() as adapter:
            adapter.write(b"far down")
            until(lambda: unit.ears[1].data == b"far down")
    cables.end()


def test_bytes_of_one_turn_leave_in_one_write_and_settings_at_once(unit: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    channel = unit.ports._channel
    assert channel is not None
    writes: list[list[Kind]] = []

    class Counting:
        def send(self, data: bytes) -> int:
            writes.append([frame.kind for frame in Frames().feed(data)])
            return channel.send(data)

    def several() -> None:
        unit[1].write(b"a")
        unit[4].configure(LineFormat(baud=300))
        assert writes == [[Kind.DATA, Kind.FORMAT]], "a client could be told of a format that is not in force"
        unit[1].write(b"b")
        unit[3].write(b"c")

    monkeypatch.setattr(unit.ports, "_channel", Counting())
    unit.do(several)
    until(lambda: len(writes) > 1)
    monkeypatch.setattr(unit.ports, "_channel", channel)
    assert writes[1] == [Kind.DATA, Kind.DATA]


def test_cables_that_do_not_read_lose_nothing(unit: Unit, cables: Cables, adapter: Serial) -> None:
    """The socket fills up, and what does not fit waits for it."""
    cables.freeze()
    for number in range(20000):
        unit.do(lambda number=number: unit[3].set_lines(dtr=bool(number % 2)))
        if unit.ports._out:
            break
    unit.do(lambda: unit[1].write(b"behind them"))
    assert unit.ports._out
    cables.thaw()
    assert adapter.read(11) == b"behind them"


def test_cables_that_die_drop_the_lines_and_are_found_again(unit: Unit, cables: Cables) -> None:
    unit.do(lambda: unit[2].configure(LineFormat(baud=300)))
    unit.do(lambda: unit[2].set_lines(dtr=True, rts=True))
    until(lambda: unit[2].inputs == ALL_ON)
    unit.do(lambda: unit[2].write(b"z" * 4096))
    cables.kill()
    until(lambda: unit[2].inputs == Input(0))
    assert unit[2].unsent == 0
    unit.do(lambda: unit[2].configure(LineFormat(baud=115200)))
    cables.start()
    until(lambda: unit[2].inputs == ALL_ON)
    unit.do(lambda: unit[2].write(b"again"))
    until(lambda: unit.ears[2].data.endswith(b"again"))


def test_a_unit_that_goes_drops_its_lines(unit: Unit, cables: Cables, adapter: Serial) -> None:
    unit.do(lambda: unit[1].set_lines(dtr=True, rts=True))
    until(lambda: adapter.cts and adapter.dsr and adapter.cd)
    unit.close()
    until(lambda: not (adapter.cts or adapter.dsr or adapter.cd))
    with running_unit() as next_boot:
        next_boot.plug_in(cables.path)
        next_boot.do(lambda: next_boot[1].write(b"back"))
        assert adapter.read(4) == b"back"
