"""Traffic over socket pairs, pseudo terminals and a wire that does wrong."""

from __future__ import annotations

import json
import math

import pytest

from nportlab.serial.channel import ChannelClosed
from nportlab.serial.traffic.engine import Traffic, run, suitable_tick
from nportlab.serial.traffic.findings import Kind
from nportlab.serial.traffic.flow import Flow
from nportlab.serial.traffic.pattern import pattern
from nportlab.serial.traffic.results import Progress
from nportlab.serial.traffic.statistics import Columns, Histogram
from nportlab.verdicts.faults import LabFault
from selftests.serial.ends import End, Wire, datagram_ends, pty_ends, socket_ends


def both_ways(one, other, **limits) -> list[Flow]:
    return [Flow(one, other, pattern("there"), **limits), Flow(other, one, pattern("back"), **limits)]


class Faulty(Wire):
    """A wire with one fault at a position."""

    def __init__(self, at: int, fault) -> None:
        super().__init__()
        self._at, self._fault = at, fault

    def fault(self, position: int, data: bytes) -> bytes:
        at = self._at - position
        return self._fault(data, at) if 0 <= at < len(data) else data


def test_both_ways_as_fast_as_it_goes():
    result = run(both_ways(*socket_ends(), size=3_000_000))
    assert result.ok, result.describe()
    assert [flow.received for flow in result.flows] == [3_000_000] * 2
    assert result["there"].latency.count > 10
    assert result["there"].latency.most is not None
    assert sum(result["there"].timeline.bytes) == 3_000_000


def test_through_a_pseudo_terminal_both_ways():
    result = run(both_ways(*pty_ends(), size=300_000))
    assert result.ok, result.describe()


def test_many_ports_at_a_pace():
    flows = []
    for number in range(16):
        one, other = socket_ends()
        flows += [
            Flow(one, other, pattern(f"{number} to"), seconds=0.5, rate=20_000, line_rate=20_000),
            Flow(other, one, pattern(f"{number} from"), seconds=0.5, rate=20_000, line_rate=20_000),
        ]
    result = run(flows)
    assert result.ok, result.describe()
    assert {flow.sent for flow in result.flows} == {10_000}
    assert all(math.isclose(flow.of_line_rate or 0, 1, abs_tol=0.4) for flow in result.flows)


def test_a_loopback_plug_is_one_channel():
    wire = Wire()
    result = run([Flow(wire, wire, pattern("loop", 5), size=20_000)])
    assert result.ok, result.describe()


def test_datagrams_are_written_whole():
    one, other = datagram_ends()
    sizes = []
    read = other.read
    other.read = lambda: sizes.append(len(data := read())) or data  # type: ignore[method-assign]
    result = run([Flow(one, other, pattern("datagrams"), size=10_100, piece=1000)], quiet=0.2)
    assert result.ok, result.describe()
    assert [size for size in sizes if size] == [1000] * 10 + [100]


def test_no_more_than_the_window_is_under_way():
    class Watched(Wire):
        most = 0

        def write(self, data):
            taken = super().write(data)
            self.most = max(self.most, self._fill)
            return taken

    wire = Watched()
    assert run([Flow(wire, wire, pattern("loop"), size=20_000, window=700)], tick=0.001).ok
    assert 0 < wire.most <= 700


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        (Kind.LOSS, lambda data, at: data[:at] + data[at + 1 :]),
        (Kind.DUPLICATION, lambda data, at: data[: at + 50] + data[at:]),
        (Kind.CORRUPTION, lambda data, at: data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]),
        (Kind.FOREIGN, lambda data, at: data[:at] + pattern("elsewhere").at(99, 64) + data[at:]),
    ],
)
def test_what_a_wire_does_wrong_is_named(kind, fault):
    wire, elsewhere = Faulty(12_345, fault), Wire()
    flows = [Flow(wire, wire, pattern("here"), size=50_000), Flow(elsewhere, elsewhere, pattern("elsewhere"), size=100)]
    result = run(flows, quiet=0.05)
    assert not result.ok
    (finding,) = result["here"].findings.first
    assert finding.kind is kind
    assert 12_345 <= finding.position <= 12_395
    assert finding.owner == ("elsewhere" if kind is Kind.FOREIGN else None)
    assert "here: " in result.describe()
    assert result["elsewhere"].ok


def test_crossed_lines_name_each_other():
    (a, a_far), (b, b_far) = socket_ends(), socket_ends()
    result = run([Flow(a, b_far, pattern("a"), size=5000), Flow(b, a_far, pattern("b"), size=5000)], quiet=0.05)
    assert [flow.findings.first[0].owner for flow in result.flows] == ["b", "a"]


def test_nothing_more_is_sent_after_the_first_error():
    wire = Faulty(5000, lambda data, at: data[:at] + data[at + 3 :])
    result = run([Flow(wire, wire, pattern("here"), seconds=60, rate=1e6)], stop_on_error=True, quiet=0.05)
    assert result.ended == "first error"
    assert result.seconds < 5
    assert [(f.kind, f.expected) for f in result["here"].findings.first] == [(Kind.LOSS, 3)]


def test_a_reader_that_stops_bounds_what_is_sent_and_the_deadline_loses_nothing():
    class Stopped(End):
        def read(self) -> bytes:
            return b""

    one, other = socket_ends()
    stopped = Stopped(other.fileno(), "stopped")
    result = run([Flow(one, stopped, pattern("here"), size=100_000_000)], deadline=0.2)
    flow = result["here"]
    assert result.ended == "deadline"
    assert 0 < flow.sent < 10_000_000
    assert flow.in_flight == flow.sent
    assert not flow.findings
    assert not flow.ok


def test_bytes_that_never_come_are_lost_after_silence():
    class Cut(Wire):
        def fault(self, position, data):
            return data[: max(0, 1000 - position)]

    wire = Cut()
    result = run([Flow(wire, wire, pattern("here"), size=1500)], quiet=0.1)
    (finding,) = result["here"].findings.first
    assert (finding.kind, finding.position, finding.expected) == (Kind.LOSS, 1000, 500)


def test_a_flow_whose_window_is_lost_ends():
    class Cut(Wire):
        def fault(self, position, data):
            return data[: max(0, 1000 - position)]

    wire = Cut()
    flow = run([Flow(wire, wire, pattern("here"), size=100_000, window=500)], quiet=0.1)["here"]
    assert flow.sent == 1500
    assert [(found.kind, found.position, found.expected) for found in flow.findings.first] == [(Kind.LOSS, 1000, 500)]


def test_a_flow_nobody_reads_ends():
    one, other = socket_ends()
    other.read = lambda: b""  # type: ignore[method-assign]
    result = run([Flow(one, other, pattern("here"), size=100_000_000)], quiet=0.1)
    assert result.seconds < 10
    assert result["here"].findings.damage == {Kind.LOSS: result["here"].sent}


def test_a_slow_pace_is_no_stall():
    one, other = datagram_ends()
    result = run([Flow(one, other, pattern("slow"), size=30, rate=50, piece=10)], quiet=0.1)
    assert result.ok, result.describe()
    assert result["slow"].longest_silence > 0.15


def test_a_stream_without_hope_still_ends():
    class Hopeless(Wire):
        def fault(self, position, data):
            return b"".join(data[at : at + 90] for at in range(0, len(data), 100))

    wire = Hopeless()
    flow = run([Flow(wire, wire, pattern("here"), size=3_000_000, window=50_000)], quiet=0.1)["here"]
    assert flow.sent > 1_000_000
    assert flow.findings.abandoned is not None
    assert not flow.ok


def test_a_channel_that_closes_ends_its_flows_and_no_other():
    class Breaking(Wire):
        def write(self, data):
            taken = super().write(data)
            if self.written >= 10_000:
                self.closed = "connection reset"
            return taken

    breaking, fine = Breaking(), Wire()
    flows = [
        Flow(breaking, breaking, pattern("breaks"), seconds=30, rate=500_000),
        Flow(fine, fine, pattern("goes on"), seconds=0.3, rate=500_000),
    ]
    result = run(flows, quiet=0.1)
    closed = result["breaks"].closed
    assert closed is not None
    assert closed.reason == "connection reset"
    assert result["breaks"].in_flight == result["breaks"].sent - result["breaks"].received > 0
    assert not result["breaks"].findings
    assert "connection reset" in result.describe()
    assert result["goes on"].ok
    result.check_bench()


def test_a_far_end_that_hangs_up_is_noticed():
    one, other = socket_ends()
    other.close()
    result = run([Flow(one, one, pattern("here"), size=100)], quiet=0.05)
    assert result["here"].closed is not None


def test_an_adapter_that_goes_away_is_the_bench():
    class Gone(LabFault, ChannelClosed):
        pass

    class Unplugged(Wire):
        def read(self):
            raise Gone("unplugged", "plug it in", "adapter /dev/ttyUSB0")

    wire = Unplugged()
    result = run([Flow(wire, wire, pattern("here"), size=100)], quiet=0.05)
    with pytest.raises(LabFault) as caught:
        result.check_bench()
    assert caught.value.resource == "adapter /dev/ttyUSB0"
    assert caught.value.remedy == "plug it in"


def test_bytes_nobody_expects_are_reported():
    (a, a_far), (b, b_far) = socket_ends("a "), socket_ends("b ")
    b_far.write(pattern("there").at(0, 40))
    result = run([Flow(a, a_far, pattern("there"), size=1000), Flow(b, b_far, pattern("other"), size=1000)])
    assert not result.ok
    (stray,) = result.strays
    assert (stray.channel, stray.received, stray.owner) == ("b one", 40, "there")
    assert "b one" in result.describe()


def test_progress_is_told():
    seen: list[Progress] = []
    wire = Wire()
    run([Flow(wire, wire, pattern("here"), seconds=0.3, rate=10_000)], progress=seen.append, progress_every=0.05)
    assert len(seen) >= 3
    received = [progress.flows[0].received for progress in seen]
    assert received == sorted(received)
    assert received[-1] > 0


def test_what_was_measured_until_an_interruption_is_kept():
    def interrupt(progress: Progress) -> None:
        raise KeyboardInterrupt

    wire = Wire()
    traffic = Traffic(
        [Flow(wire, wire, pattern("here"), seconds=60, rate=10_000)], progress=interrupt, progress_every=0.1
    )
    with pytest.raises(KeyboardInterrupt):
        traffic.run()
    result = traffic.result()
    assert result.ended == "interrupted"
    assert result["here"].received > 0
    assert not result["here"].findings


def test_results_are_ready_for_json():
    wire = Faulty(50, lambda data, at: data[:at] + data[at + 1 :])
    result = run([Flow(wire, wire, pattern("here"), size=1000)], quiet=0.05)
    again = json.loads(json.dumps(result.as_dict()))
    assert again["flows"][0]["findings"]["first"][0]["kind"] == "loss"


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({}, "needs a size or a time"),
        ({"size": 0}, "size is 0"),
        ({"seconds": -1}, "seconds is -1"),
        ({"size": 1, "rate": 0.0}, "rate is 0"),
        ({"size": 1, "piece": 70_000}, "longer than 65536"),
        ({"size": 1, "piece": 700, "window": 100}, "or the window"),
    ],
)
def test_a_flow_that_makes_no_sense_is_refused(limits, message):
    with pytest.raises(ValueError, match=message):
        Flow(Wire(), Wire(), pattern("here"), **limits)


def test_two_flows_of_one_source_or_name_are_refused():
    one, other, third = Wire("one"), Wire("other"), Wire("third")
    with pytest.raises(ValueError, match="same source, one"):
        run([Flow(one, other, pattern("a"), size=1), Flow(one, third, pattern("b"), size=1)])
    with pytest.raises(ValueError, match="same sink, third"):
        run([Flow(one, third, pattern("a"), size=1), Flow(other, third, pattern("b"), size=1)])
    with pytest.raises(ValueError, match="one name: a"):
        run([Flow(one, one, pattern("a"), size=1), Flow(other, other, pattern("a"), size=1)])


def test_ticks_suit_the_number_of_flows():
    assert suitable_tick(1) == 0.002
    assert suitable_tick(32) == pytest.approx(0.0096)
    assert suitable_tick(1000) == 0.02


def test_percentiles_are_within_a_column():
    histogram = Histogram()
    for milliseconds in range(1, 1001):
        histogram.add(milliseconds / 1000)
    times = histogram.freeze()
    assert times.count == 1000
    assert times.p50 == pytest.approx(0.5, rel=0.05)
    assert times.p99 == pytest.approx(0.99, rel=0.05)
    assert times.most == 1.0
    assert Histogram().freeze().p50 is None


def test_columns_stay_few_over_hours():
    columns = Columns()
    for second in range(40_000):
        columns.add(second, 10)
    timeline = columns.freeze()
    assert len(timeline.bytes) <= 600
    assert sum(timeline.bytes) == 400_000
    assert timeline.rates[0] == pytest.approx(10, rel=0.1)
