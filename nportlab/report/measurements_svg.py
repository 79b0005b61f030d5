"""One small chart as SVG: axes, and what is drawn on them. Colours are classes of templates/measurements.css, so that
a page shows its charts light or dark as it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

Point = tuple[float, float]

_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 50, 38
_MARKS = {
    "circle": "M{x} {y}m-3.6,0a3.6,3.6 0 1,0 7.2,0a3.6,3.6 0 1,0 -7.2,0z",
    "square": "M{x} {y}m-3.2,-3.2h6.4v6.4h-6.4z",
    "triangle": "M{x} {y}m0,-4.2l4,7h-8z",
}


@dataclass(frozen=True)
class Axis:
    """Values from `low` to `high`; ticks are where it is labelled."""

    low: float
    high: float
    ticks: tuple[float, ...]
    label: str = ""
    logarithmic: bool = False

    def part(self, value: float) -> float:
        """0 at the low end, 1 at the high end; values outside stay at the border."""
        low, high, value = (math.log10(v) if self.logarithmic else v for v in (self.low, self.high, value or self.low))
        return min(max((value - low) / (high - low), 0.0), 1.0)


def linear_axis(values: Sequence[float], label: str = "", *, room: float = 0.0, ticks: int = 5) -> Axis:
    """An axis that holds the values, with round ticks. room: share of the span left free at both ends."""
    low, high = min(values), max(values)
    span = (high - low) or abs(high) * 0.02 or 1.0
    low, high = low - span * room, high + span * room
    step = _round_step((high - low or span) / ticks)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    last = max(last, first + 1)
    ticks_at = tuple(round(n * step, 10) for n in range(first, last + 1))
    # What rounding leaves a hair beyond the last tick is still on the axis.
    return Axis(min(low, first * step), max(high, last * step), ticks_at, label)


def logarithmic_axis(values: Sequence[float], label: str = "", ticks: Sequence[float] | None = None) -> Axis:
    """An axis over powers of ten that holds the (positive) values; ticks: where it is labelled, else 1, 2, 5."""
    low, high = min(values), max(values)
    if ticks is None:
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        steps = [round(factor * 10.0**decade, 10) for decade in decades for factor in (1, 2, 5)]
        low = max((step for step in steps if step <= low), default=low)
        high = min((step for step in steps if step >= high and step > low), default=high * 10)
        ticks = [step for step in steps if low <= step <= high]
        if len(ticks) > 7:
            ticks = [step for step in ticks if f"{step:e}".startswith("1.")]
    else:
        low, high = low / 1.35, high * 1.35
    return Axis(low, high, tuple(ticks), label, logarithmic=True)


def _round_step(step: float) -> float:
    size = 10.0 ** math.floor(math.log10(step))
    return next(factor * size for factor in (1, 2, 5, 10) if factor * size >= step * 0.999)


@dataclass
class Chart:
    """A chart of fixed size; what is added later lies on top."""

    title: str
    x: Axis
    y: Axis
    width: int = 310
    height: int = 210
    subtitle: str = ""
    names: tuple[tuple[str, str], ...] = ()
    """Class and name of each line, said behind the subtitle."""
    _parts: list[str] = field(default_factory=list)

    def at(self, x: float, y: float) -> tuple[str, str]:
        """Where a value is, in pixels."""
        across = _LEFT + self.x.part(x) * (self.width - _LEFT - _RIGHT)
        down = self.height - _BOTTOM - self.y.part(y) * (self.height - _TOP - _BOTTOM)
        return f"{across:.1f}", f"{down:.1f}"

    def zone(self, low: float, high: float, kind: str) -> None:
        """Shade everything between two values of y."""
        left, upper = self.at(self.x.low, high)
        right, lower = self.at(self.x.high, low)
        if float(lower) > float(upper):
            size = f'width="{float(right) - float(left):.1f}" height="{float(lower) - float(upper):.1f}"'
            self._parts.append(f'<rect class="zone {kind}" x="{left}" y="{upper}" {size}/>')

    def line(self, points: Sequence[Point], kind: str, name: str = "") -> None:
        """Join points."""
        if len(points) > 1:
            path = "L".join(" ".join(self.at(*point)) for point in points)
            self._parts.append(f'<path class="line {kind}" d="M{path}">{_tip(name)}</path>')

    def marks(self, points: Sequence[Point], kind: str, shape: str, tips: Sequence[str]) -> None:
        """A mark at each point; tips: what is said of each."""
        for point, tip in zip(points, tips, strict=True):
            x, y = self.at(*point)
            path = _MARKS[shape].format(x=x, y=y)
            self._parts.append(f'<path class="mark {kind}" d="{path}">{_tip(tip)}</path>')

    def bar(self, low: float, high: float, value: float, kind: str, tip: str) -> None:
        """A bar between two values of x, up to `value`."""
        left, upper = self.at(low, value)
        right, lower = self.at(high, self.y.low)
        size = f'width="{max(float(right) - float(left) - 1, 1):.1f}" height="{float(lower) - float(upper):.1f}"'
        self._parts.append(f'<rect class="bar {kind}" x="{left}" y="{upper}" {size}>{_tip(tip)}</rect>')

    def upright(self, value: float, label: str) -> None:
        """A dashed line at a value of x, with its name above."""
        x, upper = self.at(value, self.y.high)
        _, lower = self.at(value, self.y.low)
        self._parts.append(f'<path class="upright" d="M{x} {upper}V{lower}"/>')
        self._parts.append(f'<text class="said" x="{x}" y="{float(upper) - 3:.1f}" text-anchor="middle">')
        self._parts.append(f"{escape(label)}</text>")

    def svg(self) -> str:
        """The whole chart."""
        return (
            f'<svg class="chart" viewBox="0 0 {self.width} {self.height}" width="{self.width}" height="{self.height}" '
            f'role="img" aria-label="{escape(self.title)}">'
            f'<text class="title" x="10" y="16">{escape(self.title)}</text><text x="10" y="30">{self._said()}</text>'
            f"{self._axes()}{''.join(self._parts)}</svg>"
        )

    def _said(self) -> str:
        names = (f'<tspan class="name {kind}" dx="8">— {escape(name)}</tspan>' for kind, name in self.names if name)
        return escape(self.subtitle) + "".join(names)

    def _axes(self) -> str:
        left, bottom = self.at(self.x.low, self.y.low)
        right, _ = self.at(self.x.high, self.y.low)
        parts = [f'<path class="axis" d="M{left} {bottom}H{right}"/>']
        decimals = _decimals(self.y.ticks)
        for tick in self.y.ticks:
            _, y = self.at(self.x.low, tick)
            parts.append(f'<path class="grid" d="M{left} {y}H{right}"/>')
            parts.append(f'<text x="{_LEFT - 6}" y="{float(y) + 4:.1f}" text-anchor="end">{tick:.{decimals}f}</text>')
        for tick in self.x.ticks:
            x, _ = self.at(tick, self.y.low)
            parts.append(f'<path class="axis" d="M{x} {bottom}v4"/>')
            parts.append(f'<text x="{x}" y="{float(bottom) + 16:.1f}" text-anchor="middle">{short(tick)}</text>')
        middle = (float(left) + float(right)) / 2
        parts.append(f'<text class="label" x="{middle:.1f}" y="{self.height - 5}" text-anchor="middle">')
        parts.append(f"{escape(self.x.label)}</text>")
        return "".join(parts)


def short(value: float) -> str:
    """A number as an axis has room for it: 300, 9.6k, 921.6k, 0.05."""
    if abs(value) >= 1000:
        return f"{value / 1000:.4g}k"
    return f"{value:.3g}"


def _decimals(ticks: Sequence[float]) -> int:
    step = ticks[1] - ticks[0] if len(ticks) > 1 else 1.0
    return max(0, -math.floor(math.log10(step) + 1e-9))


def _tip(text: str) -> str:
    return f"<title>{escape(text)}</title>" if text else ""
