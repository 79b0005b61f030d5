"""What a bench measures, as plain functions that take open channels: throughput and connections (round trips are in
`nportlab.serial.latency`).

Nothing here knows units, racks or pytest: whoever has a `SerialPath` (a bench, a suite, a script) can measure it.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from nportlab.protocol.serial_wire import LineFormat
from nportlab.report.measurements import Direction, Series
from nportlab.serial.channel import Channel
from nportlab.serial.traffic.engine import Traffic, suitable_tick
from nportlab.serial.traffic.flow import Flow
from nportlab.serial.traffic.pattern import pattern
from nportlab.serial.traffic.results import FlowResult, Progress, TrafficResult
from nportlab.serial.traffic.statistics import Timeline

_LEAD = 0.06
_DATAGRAM_LEAD = 0.02
_SURPLUS = 0.25
"""Seconds of line time that are offered at once, and beyond what a line carries while it is measured: the line never
idles, and its own rate is what is seen. Of datagrams less: nothing tells their sender to wait."""
_SLOWEST_TICK = 0.01
"""Seconds between two looks at an adapter: at 921,600 baud it holds 4096 bytes, 44 ms."""
_QUIET = 2.0
"""Seconds of silence after which missing bytes count as lost."""
_EDGE = 0.05
"""Share of a run at each end that says nothing about its rate: queues fill and drain."""


@dataclass(frozen=True)
class SerialPath:
    """One serial port with both of its ends.

    network: a client of the port's mode. wire: what is plugged in (an adapter; the client of the port at the other end
    of a crosslink); None for a loopback plug, where every byte comes back to the client. line: as both ends are set;
    None for a line without a pace (a pty).
    avoid: characters the mode changes. piece: size of datagrams. one_way: the mode takes bytes from the network only.
    """

    name: str
    network: Channel
    wire: Channel | None
    line: LineFormat | None
    avoid: bytes = b""
    piece: int | None = None
    one_way: bool = False

    @property
    def line_rate(self) -> float:
        """Bytes per second, each way; endless without a pace."""
        return self.line.characters_per_second if self.line else math.inf

    def directions(self) -> tuple[Direction, ...]:
        """Ways bytes can go here."""
        if self.one_way:
            return ("from-unit",)
        return ("both",) if self.wire is None else ("to-unit", "from-unit", "both")


@dataclass(frozen=True)
class Throughput:
    """How much went through.

    worst, mean: share of line rate (1.0: all of it), of the slowest flow and of all. moved: bytes received. wrong:
    bytes lost, added, changed or moved. processor: seconds this process worked. said: what was wrong, for people.
    """

    ports: int
    worst: float
    mean: float
    worst_name: str
    line_rate: float
    moved: int
    wrong: int
    seconds: float
    processor: float
    said: str
    traffic: TrafficResult

    def series(self) -> tuple[Series, ...]:
        """Rate over time: of all flows together, and of the slowest."""
        flows = self.traffic.flows
        worst = min(flows, key=lambda flow: flow.of_line_rate or 0.0)
        lines = [("all", _over_time(flows))] + ([("slowest", _over_time([worst]))] if len(flows) > 1 else [])
        return tuple(Series(kind="rate over time", name=name, points=points) for name, points in lines if points)


def throughput(
    paths: Sequence[SerialPath],
    direction: Direction,
    seconds: float,
    *,
    tick: float | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Throughput:
    """Move bytes through all paths at once, each as fast as its line goes, and verify every one of them.

    direction: "to-unit" from the wire to the network, "from-unit" the other way, "both" at once.
    Raises ValueError for a direction a path has not, LabFault when an adapter goes away.
    """
    flows = [flow for path in paths for flow in _flows(path, direction, seconds)]
    tick = tick or min(suitable_tick(len(flows)), _SLOWEST_TICK)
    result = Traffic(flows, tick=tick, quiet=_QUIET, deadline=seconds + 60.0, progress=progress).run()
    result.check_bench()
    return _throughput(result, len(paths))


def _throughput(result: TrafficResult, ports: int) -> Throughput:
    shares = {flow.name: flow.of_line_rate or 0.0 for flow in result.flows}
    worst = min(shares, key=lambda name: shares[name])
    wrong = sum(sum(flow.findings.damage.values()) + flow.in_flight for flow in result.flows)
    return Throughput(
        ports=ports,
        worst=shares[worst],
        mean=sum(shares.values()) / len(shares),
        worst_name=worst,
        line_rate=min(flow.line_rate or 0.0 for flow in result.flows),
        moved=sum(flow.received for flow in result.flows),
        wrong=wrong + sum(stray.received for stray in result.strays),
        seconds=result.seconds,
        processor=result.processor_seconds,
        said="" if result.ok else result.describe(),
        traffic=result,
    )


def _flows(path: SerialPath, direction: Direction, seconds: float) -> list[Flow]:
    if path.line is None:
        raise ValueError(f"{path.name} has no line rate; see benches.unpaced")
    if direction not in path.directions():
        raise ValueError(f"{path.name}: bytes do not go {direction!r} here, but {path.directions()}")
    wire = path.wire or path.network
    ways = {"to-unit": (wire, path.network), "from-unit": (path.network, wire)}
    wanted = ["from-unit"] if path.wire is None else [way for way in ways if direction in (way, "both")]
    rate = path.line_rate
    pressed, lead = (1.0, _DATAGRAM_LEAD) if path.piece else (1.0 + _SURPLUS / seconds, _LEAD)
    return [
        Flow(
            source=ways[way][0],
            sink=ways[way][1],
            pattern=pattern(f"{path.name} {way}", path.line.data_bits, path.avoid),
            seconds=seconds,
            rate=rate * pressed,
            line_rate=rate,
            lead=max(2, int(rate * lead)),
            piece=path.piece if way == "from-unit" else None,
        )
        for way in wanted
    ]


def _over_time(flows: Sequence[FlowResult]) -> tuple[tuple[float, float], ...]:
    """Percent of line rate in each column of time, all flows together; the ends, which say nothing, left out."""
    timelines = [flow.timeline for flow in flows]
    width = max(timeline.width for timeline in timelines)
    total = sum(flow.line_rate or 0.0 for flow in flows)
    columns = [_coarse(timeline, width) for timeline in timelines]
    length = min(map(len, columns))
    kept = range(1 + int(length * _EDGE / 4), length - 1 - int(length * _EDGE / 4))
    return tuple(
        (round(n * width, 3), round(100 * sum(column[n] for column in columns) / width / total, 4)) for n in kept
    )


def _coarse(timeline: Timeline, width: float) -> list[int]:
    step = round(width / timeline.width)
    return [sum(timeline.bytes[at : at + step]) for at in range(0, len(timeline.bytes), step)]


def drift(series: Series) -> float:
    """Percent by which the rate moved from the first quarter of a run to the last. 0 for a run too short to say."""
    rates = [rate for _, rate in series.points]
    quarter = len(rates) // 4
    if not quarter:
        return 0.0
    first, last = sum(rates[:quarter]) / quarter, sum(rates[-quarter:]) / quarter
    return 100 * abs(last - first) / first if first else 0.0


# Connections ------------------------------------------------------------------------------------------------------


class Session(Protocol):
    """Whatever can be opened and closed."""

    def close(self) -> None:
        """End it."""
        ...


@dataclass(frozen=True)
class Connections:
    """Sessions set up and closed one after another. p50, p99: seconds for one set-up."""

    count: int
    per_second: float
    p50: float
    p99: float


def connections(connect: Callable[[], Session], *, seconds: float, most: int = 20_000) -> Connections:
    """Set up a session and close it, again and again. Raises what `connect` raises."""
    times: list[float] = []
    began = time.perf_counter()
    while len(times) < most and (now := time.perf_counter()) - began < seconds:
        session = connect()
        times.append(time.perf_counter() - now)
        session.close()
    spent = time.perf_counter() - began
    times.sort()
    return Connections(len(times), len(times) / spent, times[len(times) // 2], times[len(times) * 99 // 100])


def most_sessions(
    connect: Callable[[], Session], refused: tuple[type[Exception], ...], works: Callable[[Session], bool], limit: int
) -> int:
    """How many sessions there can be at once: opened until one is refused or does not work, at most `limit`.

    works: whether a session is one (some units accept and close at once).
    """
    with contextlib.ExitStack() as stack:
        for number in range(limit):
            try:
                session = connect()
            except refused:
                return number
            stack.callback(session.close)
            if not works(session):
                return number
    return limit
