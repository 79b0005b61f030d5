"""The plots of a bench: throughput against baud rate, latency histogram, rate over time. One small chart per mode."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from nportlab.report.measurements import Direction, Goal, Measurement, Series
from nportlab.report.measurements_svg import Chart, linear_axis, logarithmic_axis, short

LINE_RATE = "% of line rate"
"""The unit of measure of every throughput that a line limits."""

MARKS: dict[Direction, tuple[str, str, str]] = {
    "to-unit": ("one", "triangle", "to the unit"),
    "from-unit": ("two", "square", "from the unit"),
    "both": ("three", "circle", "both ways"),
    "": ("one", "circle", ""),
}
"""Class, shape and name of each direction: never told apart by colour alone."""

_LINES = ("one", "two", "three", "four")
_BAUD_TICKS = (300.0, 1200.0, 9600.0, 57600.0, 921600.0)


def throughput_charts(rows: Sequence[Measurement]) -> list[str]:
    """Percent of line rate against baud rate, a chart per unit and mode; none when there are no such rows.

    Only of as few ports as were measured: what many at once reach at one rate is no part of the curve.
    """
    rows = [row for row in rows if row.measure == LINE_RATE and row.baud]
    rows = [row for row in rows if row.ports == min(other.ports for other in rows)]
    if len({row.baud for row in rows}) < 2:
        return []
    values = [row.value for row in rows]
    goal = next((row.goal for row in rows if row.goal is not None), None)
    y = linear_axis([*values, 100.0, *_borders(goal, min(values))], LINE_RATE, room=0.05)
    bauds = sorted({float(row.baud) for row in rows})
    ticks = [tick for tick in _BAUD_TICKS if bauds[0] <= tick <= bauds[-1]]
    x = logarithmic_axis(bauds, "baud", ticks if len(ticks) > 1 else bauds)
    charts = []
    for title, group in _by_mode(rows).items():
        chart = Chart(title, x, y, subtitle=LINE_RATE)
        _zones(chart, goal)
        for direction, (kind, shape, name) in MARKS.items():
            mine = sorted((row for row in group if row.direction == direction), key=lambda row: row.baud)
            if mine:
                points = [(float(row.baud), row.value) for row in mine]
                chart.line(_means(points), kind, name)
                chart.marks(points, kind, shape, [f"{row.where}: {row.value:.3f} {row.measure}" for row in mine])
        charts.append(chart.svg())
    return charts


def latency_charts(rows: Sequence[Measurement]) -> list[str]:
    """Share of round trips in each class of time beyond the wire, a chart per row that has a histogram."""
    found = [(row, series) for row in rows for series in row.series if series.kind == "histogram" and series.points]
    if not found:
        return []
    edges = [edge for _, series in found for edge, _ in _filled(series)]
    x = logarithmic_axis([min(edges) / 1.3, max(edges)], "ms beyond the time on the wire")
    charts = []
    for row, series in found:
        points = sorted(series.points)
        total = sum(count for _, count in points)
        shares = [(edge, 100 * count / total) for edge, count in points]
        y = linear_axis([0, max(share for _, share in shares)], ticks=4)
        quantiles = [(name, _quantile(points, total, wanted)) for name, wanted in (("p50", 0.5), ("p99", 0.99))]
        said = ", ".join(f"{name} ≤ {value:.2g} ms" for name, value in quantiles)
        chart = Chart(_mode(row), x, y, subtitle=f"% of {total:,.0f} round trips, {said}")
        lower = x.low
        for edge, share in shares:
            if share:
                tip = f"{short(lower)} to {short(edge)} ms: {share:.1f} %"
                chart.bar(max(lower, x.low), edge, share, "one", tip)
            lower = edge
        for name, value in quantiles:
            chart.upright(value, name)
        charts.append(chart.svg())
    return charts


def rate_charts(rows: Sequence[Measurement]) -> list[str]:
    """Rate over time, a wide chart per row that has it; its series are the lines."""
    charts = []
    for row in rows:
        lines = [series for series in row.series if series.kind == "rate over time" and len(series.points) > 1]
        if not lines:
            continue
        times = [time for series in lines for time, _ in series.points]
        values = [value for series in lines for _, value in series.points]
        scale, unit = (3600.0, "hours") if max(times) > 7200 else (60.0, "minutes") if max(times) > 240 else (1.0, "s")
        x = linear_axis([0, max(times) / scale], unit, ticks=8)
        y = linear_axis([*values, 100.0], LINE_RATE, room=0.1)
        names = tuple((kind, series.name) for kind, series in zip(_LINES, lines, strict=False))
        chart = Chart(row.where, x, y, width=700, height=250, subtitle=LINE_RATE, names=names)
        _zones(chart, row.goal if row.measure == LINE_RATE else None)
        for series, kind in zip(lines, _LINES, strict=False):
            chart.line([(time / scale, value) for time, value in series.points], kind, series.name)
        charts.append(chart.svg())
    return charts


def legend_of(rows: Sequence[Measurement]) -> list[tuple[str, str, str]]:
    """Class, shape and name of each direction among the rows with a line rate."""
    directions = {row.direction for row in rows if row.measure == LINE_RATE}
    return [mark for direction, mark in MARKS.items() if direction in directions and mark[2]]


def _mode(row: Measurement) -> str:
    mode = row.mode_name or row.what
    return ", ".join(part for part in (mode, "TLS" if row.tls else "", row.unit) if part)


def _by_mode(rows: Sequence[Measurement]) -> dict[str, list[Measurement]]:
    found: dict[str, list[Measurement]] = defaultdict(list)
    for row in rows:
        found[_mode(row)].append(row)
    return dict(found)


def _means(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """One point for each x: the line goes through the middle of what was measured there."""
    at: dict[float, list[float]] = defaultdict(list)
    for x, y in points:
        at[x].append(y)
    return [(x, sum(values) / len(values)) for x, values in sorted(at.items())]


def _borders(goal: Goal | None, lowest: float) -> list[float]:
    """The borders that are near enough to what was measured to be shown."""
    if goal is None:
        return []
    borders = [goal.passing] if goal.marginal is None else [goal.passing, goal.marginal]
    return borders if lowest < goal.passing + 1 else [goal.passing]


def _zones(chart: Chart, goal: Goal | None) -> None:
    if goal is None or not goal.more_is_better:
        return
    tolerable = goal.passing if goal.marginal is None else goal.marginal
    chart.zone(tolerable, goal.passing, "marginal")
    chart.zone(chart.y.low, tolerable, "fail")


def _filled(series: Series) -> list[tuple[float, float]]:
    return [(edge, count) for edge, count in series.points if count] or list(series.points)


def _quantile(points: Sequence[tuple[float, float]], total: float, wanted: float) -> float:
    """The upper border of the class in which that share of all is reached."""
    seen = 0.0
    for edge, count in points:
        seen += count
        if seen >= wanted * total:
            return edge
    return points[-1][0]
