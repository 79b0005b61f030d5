"""The cables as a process, over real sockets."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nportlab.protocol.serial_wire import Flow, Hold, Input, Kind, LineFormat, encode, encode_number
from nportlab.virtual.cables.control import NoCables, ask_cables
from nportlab.virtual.cables.plan import CablePlan, LineSpec
from nportlab.virtual.cables.process import CablesProcess
from nportlab.virtual.socket_path import listen
from selftests.virtual.cables.plugged import Cables, Plug, running

PLAN = """CablePlan({"lo": 4, "ad": 2, "x": 1, "y": 1, "nothing": 1, "many": 200}, (
    *(LineSpec("lo", port, "loopback") for port in range(1, 5)),
    *(LineSpec("ad", port, "adapter") for port in range(1, 3)),
    LineSpec("x", 1, "crosslink", ("y", 1))))"""
FAST, SLOW = LineFormat(921600), LineFormat(300)
ALL = Input.CTS | Input.DSR | Input.DCD
PATTERN = os.urandom(1 << 16)


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cables]:
    with running(tmp_path_factory.mktemp("cables"), PLAN) as process:
        yield process


@pytest.fixture
def cables(process: Cables) -> Iterator[Cables]:
    """With all lines whole and nothing plugged in."""
    yield process
    process.unplug_all()
    for unit, ports in (("lo", 4), ("ad", 2), ("x", 1)):
        for port in range(1, ports + 1):
            assert process.ask(do="fault", unit=unit, port=port, fault=None)["ok"]


def pour(plug: Plug, port: int, data: bytes, sink: Plug | None = None, sink_port: int = 0) -> float:
    """Send as SENT makes room, and wait until all has come; returns the seconds it took."""
    sink, sink_port = sink or plug, sink_port if sink else port
    start, before, room = len(sink.data(sink_port)), plug.total(Kind.SENT, port), 4096
    begun, written = time.monotonic(), 0
    while len(sink.data(sink_port)) - start < len(data):
        free = room - (written - (plug.total(Kind.SENT, port) - before))
        if free and written < len(data):
            plug.send(Kind.DATA, port, data[written : written + free])
            written = min(len(data), written + free)
        (plug if written < len(data) else sink).hear()
        if sink is not plug and written < len(data):
            sink.hear()
    assert sink.data(sink_port)[start:] == data
    return time.monotonic() - begun


def test_bytes_cross_unchanged_both_ways_at_the_pace_of_the_line(cables: Cables) -> None:
    line = LineFormat(115200)
    unit, adapter = cables.unit("ad", line), cables.adapter("ad/1", line)
    unit.until(lambda: unit.status(1) == (ALL, Hold(0)))
    data, count = PATTERN[:4000], 4000
    begun = time.monotonic()
    unit.send(Kind.DATA, 1, data)
    adapter.send(Kind.DATA, 0, data[::-1])
    adapter.until(lambda: len(adapter.data(0)) >= count)
    unit.until(lambda: len(unit.data(1)) >= count and unit.total(Kind.SENT, 1) == count)
    elapsed = time.monotonic() - begun
    assert adapter.data(0) == data
    assert unit.data(1) == data[::-1]
    assert count / 11520 <= elapsed < count / 11520 + 1


def test_the_rate_is_that_of_the_line(cables: Cables) -> None:
    unit = cables.unit("lo", LineFormat(460800))
    elapsed = pour(unit, 1, PATTERN[:46080])
    assert 1.0 <= elapsed < 2.0


def test_a_loopback_returns_lines_breaks_and_errors(cables: Cables) -> None:
    unit = cables.unit("lo", LineFormat(9600, rx_room=16))
    unit.taking = False
    unit.until(lambda: unit.status(1) == (ALL, Hold(0)))
    unit.send(Kind.LINES, 1, b"\x02")
    unit.until(lambda: unit.status(1) == (Input.CTS, Hold(0)))
    unit.send(Kind.DATA, 1, bytes(20))
    unit.sock.sendall(encode_number(Kind.BREAK, 1, 100))
    unit.until(lambda: unit.total(Kind.BROKE, 1) > 0)
    assert unit.total(Kind.BROKE, 1) == 100_000
    assert (len(unit.data(1)), cables.end("lo/1")["overrun"]) == (16, 4)
    assert any(frame.kind is Kind.ERRORS for frame in unit.frames)


def test_orders_reach_the_uart(cables: Cables) -> None:
    unit, adapter = cables.unit("ad", LineFormat(1200, flow=Flow.CTS)), cables.adapter("ad/1", LineFormat(1200))
    unit.until(lambda: unit.status(1) == (ALL, Hold(0)))
    unit.send(Kind.FORCE, 1, b"\x00")
    unit.send(Kind.DATA, 1, b"held")
    unit.send(Kind.URGENT, 1, b"!")
    unit.until(lambda: (unit.status(1) or (0, Hold(0)))[1] == Hold.XOFF)
    adapter.until(lambda: adapter.data(0) == b"!")
    unit.send(Kind.DROP, 1)
    unit.until(lambda: unit.total(Kind.DROPPED, 1) == 4)
    unit.send(Kind.FORCE, 1, b"\x01")
    unit.sock.sendall(encode_number(Kind.BREAK, 1, 0xFFFF))
    adapter.until(lambda: any(frame.kind is Kind.BROKE for frame in adapter.frames))
    unit.sock.sendall(encode_number(Kind.BREAK, 1, 0))
    adapter.until(lambda: adapter.total(Kind.BROKE, 0) > 0)
    unit.send(Kind.DATA, 1, b"on")
    adapter.until(lambda: adapter.data(0) == b"!on")
    adapter.send(Kind.LINES, 0, b"\x01")
    unit.until(lambda: unit.status(1) == (Input.DSR | Input.DCD, Hold.CTS))


def test_a_crosslink_joins_two_units_and_one_sees_the_other_lose_power(cables: Cables) -> None:
    x, y = cables.unit("x", FAST), cables.unit("y", FAST)
    y.until(lambda: y.status(1) == (ALL, Hold(0)))
    pour(x, 1, PATTERN, y, 1)
    x.send(Kind.FORMAT, 1, SLOW.encode())
    x.send(Kind.DATA, 1, b"never to arrive whole" * 10)
    x.close()
    y.until(lambda: y.status(1) == (Input(0), Hold(0)))
    again = cables.unit("x", FAST)
    y.until(lambda: y.status(1) == (ALL, Hold(0)))
    assert len(y.data(1)) - len(PATTERN) < 210
    assert again.status(1) in (None, (ALL, Hold(0)))


def test_who_is_plugged_in_keeps_others_out_until_it_leaves(cables: Cables) -> None:
    for _ in range(30):
        unit, adapter = cables.unit("ad"), cables.adapter("ad/1", SLOW)
        for what in ({"unit": "ad"}, {"adapter": "ad/1"}):
            late = cables.plug(**what)
            answer = late.plugged()
            assert not answer["ok"]
            assert "already open" in answer["error"]
        adapter.send(Kind.DATA, 0, b"unread")
        unit.close()
        adapter.close()


def test_who_left_with_much_unread_does_not_keep_the_next_one_out(tmp_path: Path) -> None:
    """Driven by hand: the end of the first connection is still behind its frames when the second one is heard."""
    path = tmp_path / "cables.sock"
    process = CablesProcess(CablePlan({"u": 1}), listen(path))
    first = Plug(path)
    first.send(Kind.PLUG, 0, json.dumps({"unit": "u"}).encode())
    process.turn()
    process.turn()
    assert first.plugged()["ok"]
    first.sock.sendall(encode(Kind.LINES, 1, b"\x03") * 24_000)
    first.close()
    second = Plug(path)
    second.send(Kind.PLUG, 0, json.dumps({"unit": "u"}).encode())
    process.turn()
    process.turn()
    assert second.plugged()["ok"]
    second.close()
    process.close()


@pytest.mark.parametrize(
    ("what", "error"),
    [
        ({"unit": "other"}, "no unit 'other'"),
        ({"unit": ["x"]}, "no unit"),
        ({"adapter": "lo/1"}, "no adapter at 'lo/1'"),
        ({"adapter": 1}, "no adapter at 1"),
        ({"what": 1}, "PLUG says"),
        ({"control": 5}, "a command is an object with 'do'"),
        ({"control": {"do": "dance"}}, "cannot 'dance'"),
        ({"control": {"do": "fault"}}, "cannot 'fault'"),
    ],
)
def test_what_cannot_be_plugged_in_is_told_why(cables: Cables, what: dict, error: str) -> None:
    plug = cables.plug(**what)
    answer = plug.plugged()
    assert not answer["ok"]
    assert error in answer["error"]


@pytest.mark.parametrize("payload", [b"", b"no json", b"\xff\xfe", b"[" * 60000])
def test_a_plug_that_is_no_json_is_told_so(cables: Cables, payload: bytes) -> None:
    plug = cables.connect()
    plug.send(Kind.PLUG, 0, payload)
    assert "no JSON" in plug.plugged()["error"]


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.0\r\n\r\n",
        encode(Kind.DATA, 1, b"who am I"),
        encode(Kind.PLUG, 0, json.dumps({"unit": "x"}).encode()) + encode(Kind.DATA, 2, b"no such port"),
        encode(Kind.PLUG, 0, json.dumps({"unit": "x"}).encode()) + encode(Kind.STATUS, 1, b"\0\0"),
        encode(Kind.PLUG, 0, json.dumps({"unit": "x"}).encode()) + encode(Kind.BREAK, 1, b"\1"),
        encode(Kind.PLUG, 0, json.dumps({"unit": "x"}).encode()) + encode(Kind.LINES, 1),
        encode(Kind.PLUG, 0, json.dumps({"unit": "x"}).encode()) + encode(Kind.FORMAT, 1, bytes(20)),
    ],
)
def test_who_does_not_speak_frames_is_closed_and_nobody_else(cables: Cables, garbage: bytes) -> None:
    other = cables.unit("lo", FAST)
    plug = cables.connect()
    plug.sock.sendall(garbage)
    assert plug.hears_the_end()
    pour(other, 1, b"still here")
    cables.unit("x").close()


# Commands ---------------------------------------------------------------------------------------------------------


def test_every_end_is_described_also_when_that_is_long(cables: Cables) -> None:
    unit = cables.unit("ad", LineFormat(9600, 7, "even", flow=Flow.RTS))
    end = cables.wait_for("ad/1", lambda end: end["format"]["baud"] == 9600 and end["outputs"] == 3)
    assert (end["line"], end["open"], end["format"]["parity"], end["format"]["flow"]) == (
        "adapter of ad/1",
        True,
        "even",
        2,
    )
    ends = cables.ask(do="describe")["ends"]
    assert len(json.dumps(ends)) > 1 << 16
    assert len(ends) == 209 + 2
    assert {end["line"] for end in ends} >= {"loopback", "none", "y/1", "x/1"}
    unit.close()
    cables.wait_for("ad/1", lambda end: not end["open"])


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ({"unit": "lo", "port": 9, "fault": "cut"}, "lo has no port 9"),
        ({"unit": "lo", "port": "1", "fault": "cut"}, "lo has no port '1'"),
        ({"unit": "lo", "port": 1, "fault": "rust"}, "unknown fault 'rust'"),
        ({"unit": "lo", "port": 1, "fault": ["cut"]}, "unknown fault"),
        ({"unit": "lo", "port": 1, "fault": "drop-byte"}, "needs 'every'"),
        ({"unit": "lo", "port": 1, "fault": "drop-byte", "every": 0}, "needs 'every'"),
        ({"unit": "lo", "port": 1, "fault": "cut", "direction": "up"}, "unknown direction 'up'"),
        ({"unit": "lo", "port": 1, "fault": "cut", "evry": 5}, "no evry"),
        ({"unit": "nothing", "port": 1, "fault": "cut"}, "nothing is plugged into nothing/1"),
    ],
)
def test_faults_that_cannot_be_are_refused(cables: Cables, command: dict, error: str) -> None:
    answer = cables.ask(do="fault", **command)
    assert not answer["ok"]
    assert error in answer["error"]


def test_faults_act_at_once_and_end(cables: Cables) -> None:
    unit, adapter = cables.unit("ad", FAST), cables.adapter("ad/1", FAST)
    fault = {"do": "fault", "unit": "ad", "port": 1}
    assert cables.ask(**fault, fault="drop-byte", every=10, direction="to-unit")["ok"]
    adapter.send(Kind.DATA, 0, PATTERN[:100])
    unit.until(lambda: len(unit.data(1)) == 90)
    assert cables.end("ad/1")["hits_towards"] == {"ad/1": 10}
    pour(unit, 1, PATTERN[:100], adapter, 0)
    assert cables.ask(**fault, fault="cut")["ok"]
    unit.until(lambda: unit.status(1) == (Input(0), Hold(0)))
    assert cables.ask(**fault, fault=None)["ok"]
    unit.until(lambda: unit.status(1) == (ALL, Hold(0)))
    pour(unit, 1, PATTERN[:100], adapter, 0)


def test_an_unplugged_adapter_is_closed_and_cannot_be_opened_until_it_is_back(cables: Cables) -> None:
    unit, adapter = cables.unit("ad", FAST), cables.adapter("ad/1", FAST)
    unit.until(lambda: unit.status(1) == (ALL, Hold(0)))
    assert cables.ask(do="fault", unit="ad", port=1, fault="unplugged")["ok"]
    assert adapter.hears_the_end()
    unit.until(lambda: unit.status(1) == (Input(0), Hold(0)))
    refused = cables.plug(adapter="ad/1")
    assert "unplugged" in refused.plugged()["error"]
    assert cables.ask(do="fault", unit="ad", port=1, fault=None)["ok"]
    again = cables.adapter("ad/1", FAST)
    pour(again, 0, b"back", unit, 1)


def test_nobody_answers_where_there_are_no_cables(tmp_path: Path) -> None:
    with pytest.raises(NoCables, match=r"cables\.sock"):
        ask_cables(tmp_path / "cables.sock", {"do": "describe"})
    with pytest.raises(NoCables):
        ask_cables(tmp_path / "no folder" / "cables.sock", {"do": "describe"})


def test_a_socket_deep_in_the_tree(tmp_path: Path) -> None:
    deep = tmp_path / ("a" * 100) / ("b" * 100)
    deep.mkdir(parents=True)
    with running(deep, PLAN) as cables:
        unit = cables.unit("lo", FAST)
        pour(unit, 1, b"deep")


# Back pressure ----------------------------------------------------------------------------------------------------


def resident(cables: Cables) -> int:
    """Bytes of memory the process uses."""
    pages = int(Path(f"/proc/{cables.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def test_a_client_that_does_not_read_costs_no_memory_and_no_one_elses_bytes(cables: Cables) -> None:
    very_fast = LineFormat(40_000_000)
    deaf, other = cables.unit("x", very_fast), cables.unit("y", very_fast)
    other.until(lambda: other.status(1) == (ALL, Hold(0)))
    before = resident(cables)
    for _ in range(64):
        pour_blindly(other, 1, PATTERN[:50000])
    end = cables.end("x/1")
    assert end["waiting"] == end["received"] == very_fast.rx_room
    assert end["overrun"] == 64 * 50000 - very_fast.rx_room
    assert resident(cables) - before < 1 << 20
    deaf.taking = False
    deaf.until(lambda: len(deaf.data(1)) == very_fast.rx_room)


def pour_blindly(plug: Plug, port: int, data: bytes) -> None:
    """Send and wait until it has left."""
    wanted = plug.total(Kind.SENT, port) + len(data)
    plug.send(Kind.DATA, port, data)
    plug.until(lambda: plug.total(Kind.SENT, port) >= wanted)


def test_a_client_that_writes_more_than_it_may_is_not_read_and_still_noticed_when_it_goes(cables: Cables) -> None:
    greedy = cables.unit("x", SLOW)
    greedy.sock.setblocking(False)
    written = 0
    with pytest.raises(BlockingIOError):
        while written < 64 << 20:
            written += greedy.sock.send(encode(Kind.DATA, 1, bytes(60000)))
            cables.end("x/1")
    assert written < 4 << 20
    other = cables.unit("lo", FAST)
    pour(other, 1, b"served")
    greedy.close()
    cables.wait_for("x/1", lambda end: not end["open"])
    cables.unit("x").close()


def test_commands_without_end_from_one_who_does_not_read_the_answers(cables: Cables) -> None:
    flood = cables.connect()
    command = encode(Kind.PLUG, 0, json.dumps({"control": {"do": "describe"}}).encode())
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        for _ in range(10_000):
            flood.sock.sendall(command)


# Rest -------------------------------------------------------------------------------------------------------------


def test_the_process_rests_when_nothing_moves(tmp_path: Path) -> None:
    """Driven by hand: each `turn` is one waking."""
    path = tmp_path / "cables.sock"
    process = CablesProcess(CablePlan({"u": 1}, (LineSpec("u", 1, "loopback"),)), listen(path))
    plug = Plug(path)
    process.turn()
    plug.send(Kind.PLUG, 0, json.dumps({"unit": "u"}).encode())
    plug.setup(1, LineFormat(9600))
    process.turn()
    assert not process.moving
    plug.send(Kind.DATA, 1, bytes(10))
    begun = time.monotonic()
    turns = 0
    while turns == 0 or process.moving:
        process.turn()
        turns += 1
    assert time.monotonic() - begun >= 10 * 10 / 9600
    assert turns <= 12, "at 9600 baud there is one waking for two characters"
    plug.until(lambda: len(plug.data(1)) == 10)
    plug.close()
    process.turn()
    process.close()


def test_idle_connections_use_no_processor_time(cables: Cables) -> None:
    plugs = [cables.unit("lo", FAST), cables.unit("ad", FAST), cables.adapter("ad/1", FAST)]
    cables.wait_for("ad/1", lambda end: end["inputs"] == ALL)

    def waits() -> int:
        status = Path(f"/proc/{cables.process.pid}/status").read_text()
        return int(status.split("voluntary_ctxt_switches:")[1].split()[0])

    before = waits()
    plugs[0].sock.settimeout(0.3)
    with pytest.raises(socket.timeout):
        while True:
            plugs[0].hear()
    assert waits() - before <= 3
