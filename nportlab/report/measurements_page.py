"""index.html of the benches: what was measured, against its goal and the runs before, with plots; one file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from nportlab.inventory.limits import Band, worst_band
from nportlab.report.measurements import BenchRecord, Measurement
from nportlab.report.measurements_history import MeasurementHistory
from nportlab.report.measurements_plots import latency_charts, legend_of, rate_charts, throughput_charts
from nportlab.report.measurements_store import load_records
from nportlab.report.templating import template
from nportlab.verdicts.faults import ConfigFault, LabFault

PAGE = "index.html"
SYMBOLS: dict[Band, str] = {"pass": "✓", "marginal": "~", "fail": "✕"}
"""Beside the word, so that colour is never the only sign."""

_HEADLINES: dict[Band | None, tuple[str, str]] = {
    "pass": ("pass", "All limits met"),
    "marginal": ("error", "Limits met, some with little to spare"),
    "fail": ("fail", "Limits missed"),
    None: ("none", "Measured, not judged"),
}
_SPARKS = 12
"""Earlier runs shown beside a value."""


@dataclass(frozen=True)
class Row:
    """A number as its reader sees it."""

    measured: Measurement
    value: str
    previous: str
    change: str
    spark: Markup


@dataclass(frozen=True)
class Section:
    """One bench."""

    record: BenchRecord
    rows: list[Row]
    throughput: list[Markup]
    latency: list[Markup]
    rate: list[Markup]
    legend: list[tuple[str, str, str]]
    units: list[str]


def write_measurements_page(folder: Path, records: Sequence[BenchRecord] | None = None) -> Path:
    """Make the page of a folder of measurements, from finished benches and from what killed ones left.

    records: only these; all of the folder by default. Raises ConfigFault when there is nothing to show, LabFault when
    the page cannot be written.
    """
    records = load_records(folder) if records is None else records
    if not records:
        raise ConfigFault(f"{folder} holds no measurements", "Run a bench first: make bench.")
    path = folder / PAGE
    try:
        path.write_text(render_measurements(records, MeasurementHistory.load(folder)), encoding="utf-8")
    except OSError as error:
        raise LabFault(f"{path} cannot be written: {error.strerror}", "Make room on the disk.", str(path)) from None
    return path


def render_measurements(records: Sequence[BenchRecord], history: MeasurementHistory) -> str:
    """The page of these records."""
    rows = [row for record in records for row in record.measured]
    band = worst_band([row.band for row in rows if row.band is not None])
    kind, headline = _HEADLINES[band]
    if any(not record.complete for record in records):
        headline += ", not complete"
    counts = [(sum(row.band == band for row in rows), band) for band in SYMBOLS]
    return template("measurements.html.j2").render(
        kind=kind,
        headline=headline,
        counts=[(number, band) for number, band in counts if number],
        unjudged=sum(row.band is None for row in rows),
        sections=[_section(record, history) for record in records],
        symbols=SYMBOLS,
    )


def measurements_table(record: BenchRecord, history: MeasurementHistory) -> str:
    """The numbers of a bench for a terminal: value, goal, band, the run before."""
    lines = [("", "measured", "", "goal", "", "before")]
    for row in record.measured:
        shown = _row(row, history)
        before = f"{shown.previous} {shown.change}".strip()
        name = f"{row.what}: {row.where}" if row.where else row.what
        lines.append((name, shown.value, row.measure, str(row.goal or ""), row.band or "", before))
    widths = [max(len(line[column]) for line in lines) for column in range(6)]
    text = (
        f"{n:{widths[0]}}  {v:>{widths[1]}} {m:{widths[2]}}  {g:{widths[3]}}  {b:{widths[4]}}  {p}".rstrip()
        for n, v, m, g, b, p in lines
    )
    state = [] if record.complete else ["(not complete: the bench was ended before it was through)"]
    return "\n".join([*text, *record.notes, *state])


def number(value: float) -> str:
    """A value with as many digits as say something."""
    if value == 0 or abs(value) >= 100_000:
        return f"{value:,.0f}"
    if 90 <= value <= 110:  # a percentage near a whole: its small differences are what matters
        return f"{value:.3f}"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.4g}"


def _section(record: BenchRecord, history: MeasurementHistory) -> Section:
    rows = record.measured
    return Section(
        record=record,
        rows=[_row(row, history) for row in rows],
        throughput=_inline(throughput_charts(rows)),
        latency=_inline(latency_charts(rows)),
        rate=_inline(rate_charts(rows)),
        legend=legend_of(rows),
        units=sorted({_unit(row) for row in rows if row.unit}),
    )


def _unit(row: Measurement) -> str:
    firmware = f"firmware {row.firmware}" if row.firmware else ""
    return ", ".join(
        part for part in (f"{row.unit} ({row.model})" if row.model else row.unit, firmware, row.network) if part
    )


def _row(row: Measurement, history: MeasurementHistory) -> Row:
    previous, change = history.previous(row), history.change(row)
    return Row(
        measured=row,
        value=number(row.value),
        previous=number(previous.value) if previous else "",
        change=""
        if change is None or abs(change) < 0.005
        else f"{change:+.2g} %"
        if abs(change) < 10
        else f"{change:+.0f} %",
        spark=Markup(_spark([*(other.value for other in history.before(row)[-_SPARKS:]), row.value])),
    )


def _moved(percent: float | None) -> str:
    if percent is None or abs(percent) < 0.005:
        return ""
    return f"{percent:+.2g} %" if abs(percent) < 10 else f"{percent:+.0f} %"


def _spark(values: list[float]) -> str:
    """The last values of a number as a line as high as its text; "" for the first run."""
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    step = 70 / (len(values) - 1)
    points = [f"{5 + n * step:.1f} {15 - 12 * (value - low) / span:.1f}" for n, value in enumerate(values)]
    x, y = points[-1].split()
    said = ", ".join(number(value) for value in values)
    return (
        f'<svg class="spark" viewBox="0 0 80 18" width="80" height="18" role="img" aria-label="runs: {said}">'
        f'<title>{said}</title><path d="M{"L".join(points)}"/><circle cx="{x}" cy="{y}" r="2.5"/></svg>'
    )


def _inline(charts: list[str]) -> list[Markup]:
    """Charts escape every text they are given."""
    return [Markup(chart) for chart in charts]
