from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from nportlab.inventory.limits import LimitsShape
from nportlab.protocol.serial_wire import LineFormat
from nportlab.serial.channel import ChannelClosed
from nportlab.serial.latency import RoundTrips, round_trips
from nportlab.serial.results import judge_round_trips, judge_traffic, overall
from nportlab.serial.traffic.engine import run
from nportlab.serial.traffic.flow import Flow
from nportlab.serial.traffic.pattern import pattern
from nportlab.serial.traffic.statistics import Distribution
from nportlab.verdicts.faults import LabFault
from selftests.serial.ends import Wire, pty_ends, socket_ends

LIMITS = LimitsShape()


def test_there_and_back_over_a_pseudo_terminal():
    trips = round_trips(*pty_ends(), None, count=200, size=3)
    assert trips.ok
    assert trips.times.count == 200
    assert trips.wire == 0.0
    assert "200 round trips" in trips.describe()


def test_a_loopback_plug_turns_round_itself():
    wire = Wire()
    trips = round_trips(wire, None, None, count=50)
    assert trips.ok
    assert wire.written == 50


def test_the_time_on_the_wire_is_taken_off():
    line = LineFormat(9600)
    near, far = socket_ends()
    trips = round_trips(near, far, line, count=20, size=4)
    assert trips.wire == pytest.approx(2 * 4 * 10 / 9600)
    assert (trips.times.p50 or 0.0) < 0.001  # a socket is faster than the line would be
    assert round_trips(Wire(), None, line, count=1).wire == pytest.approx(10 / 9600)


def test_a_time_limit():
    near, far = socket_ends()
    trips = round_trips(near, far, None, count=10_000_000, seconds=0.05)
    assert 0 < trips.times.count < 1_000_000


def test_bytes_that_do_not_come_back_are_lost():
    near, far = socket_ends()
    far.read = lambda: b""  # type: ignore[method-assign]
    trips = round_trips(near, far, None, count=3, timeout=0.01)
    assert (trips.lost, trips.wrong, trips.times.count) == (3, 0, 0)
    assert not trips.ok
    assert "3 lost" in trips.describe()


def test_bytes_that_come_back_changed_are_wrong():
    class Changing(Wire):
        def fault(self, position, data):
            return bytes(octet ^ 0x40 for octet in data)

    trips = round_trips(Changing(), None, None, count=3, timeout=0.05)
    assert (trips.lost, trips.wrong) == (0, 3)


def test_an_end_that_closes():
    wire = Wire()
    wire.closed = "reset"
    with pytest.raises(ChannelClosed):
        round_trips(wire, None, None, count=3)


def test_stale_bytes_are_not_taken_for_the_answer():
    near, far = socket_ends()
    far.write(b"stale")
    assert round_trips(near, far, None, count=5).ok


def test_an_echo_in_another_thread():
    near, echo = socket_ends()
    over = threading.Event()

    def answer():
        while not over.is_set():
            if data := echo.read():
                echo.write(data)

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        assert round_trips(near, None, None, count=20).ok
    finally:
        over.set()
        thread.join()


def trips(p50: float, p99: float, lost: int = 0) -> RoundTrips:
    return RoundTrips(Distribution(100, p50, p99, p99, ()), 0.0, lost, 0)


@pytest.mark.parametrize(
    ("measured", "band"),
    [
        (trips(0.001, 0.002), "pass"),
        (trips(0.015, 0.02), "marginal"),
        (trips(0.001, 0.1), "fail"),
        (trips(0.001, 0.002, lost=1), "fail"),
        (RoundTrips(Distribution(), 0.0, 0, 0), "fail"),
    ],
)
def test_latency_is_judged_by_the_limits(measured, band):
    judged = judge_round_trips(measured, LIMITS)
    assert overall(judged) == band
    assert all(figure.describe() for figure in judged)


def test_traffic_is_judged_by_the_limits():
    wire = Wire()
    result = run([Flow(wire, wire, pattern("here"), seconds=0.3, rate=20_000, line_rate=20_000)])
    share = 100 * (result["here"].of_line_rate or 0)
    judged = {figure.what: figure for figure in judge_traffic(result, LIMITS)}
    assert judged["throughput"].value == pytest.approx(share)
    assert judged["throughput"].of == "here"
    assert judged["throughput"].band == LIMITS.throughput.band(share)
    assert (judged["errors"].value, judged["errors"].band) == (0, "pass")
    slow = replace(result, flows=(replace(result["here"], line_rate=1e9),))
    assert overall(judge_traffic(slow, LIMITS)) == "fail"


def test_wrong_bytes_fail_and_an_unplugged_adapter_is_not_judged():
    class Losing(Wire):
        def fault(self, position, data):
            return data[:-1] if position == 0 else data

    wire = Losing()
    result = run([Flow(wire, wire, pattern("here"), size=5000)], quiet=0.05)
    (figure,) = judge_traffic(result, LIMITS)
    assert (figure.what, figure.value, figure.band) == ("errors", 1, "fail")

    class Gone(LabFault, ChannelClosed):
        pass

    wire.write = lambda data: (_ for _ in ()).throw(Gone("unplugged", "", "adapter"))  # type: ignore[method-assign]
    with pytest.raises(LabFault, match="unplugged"):
        judge_traffic(run([Flow(wire, wire, pattern("here"), size=5000)], quiet=0.05), LIMITS)
