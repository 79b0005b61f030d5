"""What the measuring process does for each bench: bring a unit into a mode, open its ports, measure, tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benches.measure import SerialPath, Throughput, connections, drift, most_sessions, throughput
from benches.modes import BAUDS, Variant, connect, lines_of, master_settings, open_paths, settings
from benches.place import PARTNER
from benches.worker import Inside
from nportlab.modes.errors import PortRefused
from nportlab.modes.tcp import TcpClient
from nportlab.report.measurements import Direction, Series
from nportlab.report.measurements_plots import LINE_RATE
from nportlab.serial.latency import round_trips
from nportlab.serial.traffic.results import Progress
from nportlab.unit.errors import NotReachable
from nportlab.verdicts.faults import Inconclusive, NotApplicable, UnitBehaviour

FASTEST = BAUDS[-1]
MOST_TRIPS = 5000
_LEAST_SLOW = 10.0
"""Seconds a line of 300 baud is measured at least: in one second it carries 30 bytes."""


def bring(inside: Inside, variant: Variant, bauds: Mapping[int, int]) -> None:
    """Set the unit (and the partner of a pair). Raises NotApplicable for a mode the place cannot measure."""
    unit = inside.unit()
    if variant.mode == "pair_slave" and PARTNER not in inside.bench.rack.units:
        raise NotApplicable("a pair connection is measured between two units; this lab has no partner for it")
    inside.bring(settings(variant, bauds, inside.harness_address))
    if variant.mode == "pair_slave":
        inside.bring(master_settings(variant, bauds, unit), PARTNER)


def measure_bauds(inside: Inside, variant: Variant, seconds: float) -> None:
    """One port per baud rate, all at once, in every direction."""
    numbers = lines_of(inside.unit().entry, len(BAUDS))
    chosen = BAUDS[-len(numbers) :]  # a unit with few ports is measured at the fast rates
    bauds = dict(zip(numbers, chosen, strict=True))
    bring(inside, variant, bauds)
    with open_paths(inside, variant, bauds) as paths:
        for direction in paths[0].directions():
            span = max(seconds, _LEAST_SLOW) if chosen[0] < 4800 else seconds
            inside.part(f"{variant.name}, {chosen[0]} to {chosen[-1]} baud at once, {_ways(direction)}", span + 2)
            result = throughput(paths, direction, span)
            for path in paths:
                _tell_port(inside, variant, direction, path, result)


def measure_ports(inside: Inside, variant: Variant, seconds: float, counts: Sequence[int] = (1, 8, 32)) -> None:
    """1 to 32 ports at the highest baud rate; one port in every direction, more of them both ways."""
    numbers = lines_of(inside.unit().entry, max(counts))
    bauds = dict.fromkeys(numbers, FASTEST)
    bring(inside, variant, bauds)
    with open_paths(inside, variant, bauds) as paths:
        for count in sorted({min(count, len(paths)) for count in counts}):
            ways = paths[0].directions() if count == 1 else paths[0].directions()[-1:]
            for direction in ways:
                inside.part(f"{variant.name}, {_count(count)} at {FASTEST} baud, {_ways(direction)}", seconds + 1)
                tell_throughput(inside, variant, direction, throughput(paths[:count], direction, seconds))


def measure_soak(inside: Inside, variant: Variant, seconds: float) -> float:
    """All ports at the highest baud rate for a long time; returns the bytes that were wrong."""
    numbers = lines_of(inside.unit().entry, 32)
    bauds = dict.fromkeys(numbers, FASTEST)
    bring(inside, variant, bauds)
    with open_paths(inside, variant, bauds) as paths:
        direction = paths[0].directions()[-1]
        inside.part(f"{variant.name}, {_count(len(paths))} at {FASTEST} baud, {_ways(direction)}", seconds)
        result = throughput(paths, direction, seconds, progress=_Minutes(inside, seconds))
    tell_throughput(inside, variant, direction, result, what="rate, the slowest port", series=True)
    who = _who(variant, direction, result)
    inside.add("drift of the rate", drift(result.series()[0]), "%", limit="drift", **who)
    inside.add("bytes wrong", result.wrong, "bytes", limit="errors", **who)
    return result.wrong


def measure_latency(inside: Inside, variant: Variant, seconds: float, bauds: Sequence[int] = (FASTEST, 9600)) -> None:
    """A byte there and back, on one port, at a high and at a common baud rate."""
    number = lines_of(inside.unit().entry, 1)[0]
    for baud in bauds:
        bring(inside, variant, {number: baud})
        with open_paths(inside, variant, {number: baud}) as paths:
            inside.part(f"{variant.name}, {baud} baud", seconds)
            path = paths[0]
            near, far = (path.network, None) if path.wire is None else (path.wire, path.network)
            found = round_trips(near, far, path.line, count=MOST_TRIPS, seconds=seconds)
        who = {
            "mode": variant.mode,
            "tls": variant.secure,
            "baud": baud,
            "ports": 1,
            "line_rate": path.line_rate,
            "wrong": found.lost + found.wrong,
            "seconds": seconds,
        }
        times = found.times
        if times.p50 is None or times.p99 is None or times.most is None:
            raise Inconclusive(f"{variant.name} at {baud} baud: {found.describe()}")
        columns = tuple((1000 * bound, float(count)) for bound, count in times.columns)
        series = (Series(kind="histogram", points=columns),)
        inside.add("round trip, p50", 1000 * times.p50, "ms", limit="latency_ms", series=series, **who)
        inside.add("round trip, p99", 1000 * times.p99, "ms", limit="latency_p99_ms", **who)
        inside.add("round trip, longest", 1000 * times.most, "ms", **who)
        inside.add("trips that went wrong", found.lost + found.wrong, "trips", limit="errors", **who)


def measure_connections(inside: Inside, variant: Variant, seconds: float) -> None:
    """How fast sessions are set up, one after another."""
    number = lines_of(inside.unit().entry, 1)[0]
    values = settings(variant, {number: FASTEST}, inside.harness_address)
    bring(inside, variant, {number: FASTEST})
    inside.part(f"{variant.name}, sessions one after another", seconds)
    unit = inside.unit()
    found = connections(
        lambda: connect(unit, variant, number, values, inside.harness_address), seconds=seconds, most=20_000
    )
    who = {"mode": variant.mode, "tls": variant.secure, "ports": 1, "seconds": seconds}
    limit = "tls_connections" if variant.secure or variant.mode == "reverse_ssh" else "connections"
    inside.add("sessions set up and closed", found.per_second, "per second", limit=limit, **who)
    inside.add("one set-up, p50", 1000 * found.p50, "ms", **who)
    inside.add("one set-up, p99", 1000 * found.p99, "ms", **who)


def measure_most_sessions(inside: Inside, variant: Variant, allowed: int = 8) -> int:
    """How many clients a port takes at once when it is told to take that many (Max connection); returns it."""
    number = lines_of(inside.unit().entry, 1)[0]
    values = settings(variant, {number: FASTEST}, inside.harness_address)
    values[f"port.{number}.max_connection"] = str(allowed)
    inside.bring(values)
    inside.part(f"{variant.name}, sessions at the same time", 5)
    unit = inside.unit()

    def still_there(session: object) -> bool:
        assert isinstance(session, TcpClient)
        try:
            return not session.collect(0.2, 1) and session.read() == b""
        except UnitBehaviour:
            return False

    found = most_sessions(
        lambda: connect(unit, variant, number, values), (PortRefused, NotReachable), still_there, allowed + 4
    )
    inside.bring({f"port.{number}.max_connection": "1"})
    inside.add("sessions at the same time", found, "sessions", mode=variant.mode, tls=variant.secure, ports=1)
    return found


def tell_throughput(
    inside: Inside,
    variant: Variant,
    direction: Direction,
    result: Throughput,
    *,
    what: str = "throughput, the slowest port",
    series: bool = False,
) -> None:
    """A record of what went through several ports of one baud rate."""
    who = _who(variant, direction, result)
    fields = {"series": result.series()} if series else {}
    inside.add(what, 100 * result.worst, LINE_RATE, limit="throughput", **who, **fields)
    if result.said:
        inside.note(f"{variant.name}, {_count(result.ports)}, {_ways(direction)}: {result.said}")


def _tell_port(inside: Inside, variant: Variant, direction: Direction, path: SerialPath, result: Throughput) -> None:
    """A record of one port of several that run at different rates."""
    mine = [flow for flow in result.traffic.flows if flow.name.startswith(f"{path.name} ")]
    inside.add(
        "throughput",
        100 * min(flow.of_line_rate or 0.0 for flow in mine),
        LINE_RATE,
        limit="throughput",
        mode=variant.mode,
        tls=variant.secure,
        baud=path.line.baud if path.line else 0,
        ports=1,
        direction=direction,
        line_rate=path.line_rate,
        seconds=result.seconds,
        moved=sum(flow.received for flow in mine),
        wrong=sum(sum(flow.findings.damage.values()) + flow.in_flight for flow in mine),
    )
    for flow in mine:
        if not flow.ok:
            inside.note(flow.describe())


def _who(variant: Variant, direction: Direction, result: Throughput) -> dict[str, object]:
    return {
        "mode": variant.mode,
        "tls": variant.secure,
        "baud": FASTEST,
        "ports": result.ports,
        "direction": direction,
        "line_rate": result.line_rate,
        "seconds": result.seconds,
        "moved": result.moved,
        "wrong": result.wrong,
    }


class _Minutes:
    """Tells once in a while how a long run goes."""

    def __init__(self, inside: Inside, seconds: float) -> None:
        self._inside, self._whole = inside, seconds
        self._every = min(60.0, max(5.0, seconds / 20))
        self._next = self._every

    def __call__(self, progress: Progress) -> None:
        if progress.seconds < self._next:
            return
        self._next += self._every
        moved = sum(flow.received for flow in progress.flows)
        errors = sum(flow.errors for flow in progress.flows)
        rate = moved / progress.seconds / 1e6
        wrong = f"{errors} errors" if errors else "no errors"
        self._inside.say(
            f"  {progress.seconds:.0f} of {self._whole:.0f} s: {moved:,} bytes, {rate:.2f} MB/s, {wrong} so far"
        )


def _ways(direction: Direction) -> str:
    return {"to-unit": "to the unit", "from-unit": "from the unit", "both": "both ways", "": ""}[direction]


def _count(ports: int) -> str:
    return "1 port" if ports == 1 else f"{ports} ports"
