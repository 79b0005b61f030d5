"""Measured traffic against the limits of lab.yaml: each figure with its band, pass, marginal or fail."""

from __future__ import annotations

from dataclasses import dataclass

from nportlab.inventory.limits import Band, LimitShape, LimitsShape, worst_band
from nportlab.serial.latency import RoundTrips
from nportlab.serial.traffic.results import TrafficResult


@dataclass(frozen=True)
class Judged:
    """One figure. what: the key in `limits:` of lab.yaml, which also says the unit. of: the flow it is of."""

    what: str
    value: float
    band: Band
    limit: str
    of: str = ""

    def describe(self) -> str:
        """One line for a person."""
        of = f" of {self.of}" if self.of else ""
        return f"{self.what}{of}: {self.value:g} is {self.band} (limit {self.limit})"


def judge_traffic(result: TrafficResult, limits: LimitsShape) -> tuple[Judged, ...]:
    """Throughput of the slowest flow that has a line rate, and bytes that are wrong, missing or too many.

    Raises LabFault when an adapter went away: there is nothing to judge then.
    """
    result.check_bench()
    judged: list[Judged] = []
    shares = {flow.name: flow.of_line_rate or 0.0 for flow in result.flows if flow.line_rate}
    if shares:
        slowest = min(shares, key=lambda name: shares[name])
        judged.append(_judged("throughput", 100 * shares[slowest], limits.throughput, slowest))
    wrong = sum(sum(flow.findings.damage.values()) + flow.in_flight for flow in result.flows)
    wrong += sum(stray.received for stray in result.strays)
    judged.append(_judged("errors", wrong, limits.errors))
    return tuple(judged)


def judge_round_trips(trips: RoundTrips, limits: LimitsShape) -> tuple[Judged, ...]:
    """Median and 99th percentile, in ms beyond the time on the wire; and the trips that went wrong."""
    judged = [_judged("errors", trips.lost + trips.wrong + (not trips.times.count), limits.errors)]
    for what, seconds, limit in (
        ("latency_ms", trips.times.p50, limits.latency_ms),
        ("latency_p99_ms", trips.times.p99, limits.latency_p99_ms),
    ):
        if seconds is not None:
            judged.append(_judged(what, 1000 * seconds, limit))
    return tuple(judged)


def overall(judged: tuple[Judged, ...]) -> Band | None:
    """The worst band; None when nothing was judged."""
    return worst_band([figure.band for figure in judged])


def _judged(what: str, value: float, limit: LimitShape, of: str = "") -> Judged:
    return Judged(what, value, limit.band(value), str(limit), of)
