"""What is plugged into what: the serial side of a virtual rack as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

LineKind = Literal["loopback", "adapter", "crosslink", "none"]
LINE_KINDS: tuple[LineKind, ...] = get_args(LineKind)


class PlanError(ValueError):
    """A plan that cannot be wired; the message names everything that is wrong, one a line."""


@dataclass(frozen=True)
class LineSpec:
    """What is plugged into a unit's port. other: the port at the far end of a crosslink."""

    unit: str
    port: int
    kind: LineKind
    other: tuple[str, int] | None = None


@dataclass(frozen=True)
class CablePlan:
    """units: how many serial ports each has, counted from 1. A port no line names has nothing plugged in. A crosslink
    is named at one of its ends, or at both.

    Raises PlanError.
    """

    units: Mapping[str, int]
    lines: tuple[LineSpec, ...] = ()

    def __post_init__(self) -> None:
        wrong = [f"{unit}: {ports} ports" for unit, ports in self.units.items() if ports < 1]
        taken: dict[tuple[str, int], LineSpec] = {}
        for line in self.lines:
            here = (line.unit, line.port)
            wrong += self._problems(line)
            if here in taken:
                wrong.append(f"{line.unit}/{line.port}: two lines on one port")
            taken[here] = line
        for here, line in taken.items():
            far = taken.get(line.other) if line.other else None
            if far is not None and (far.kind != "crosslink" or far.other != here):
                wrong.append(f"{line.unit}/{line.port}: crosslink to {_name(line.other)}, which has another line")
        ends = [line.other for line in taken.values() if line.other and line.other not in taken]
        wrong += [
            f"{_name(end)}: two crosslinks on one port" for end in sorted({end for end in ends if ends.count(end) > 1})
        ]
        if wrong:
            raise PlanError("\n".join(wrong))

    def _problems(self, line: LineSpec) -> list[str]:
        name = f"{line.unit}/{line.port}"
        if not self.has(line.unit, line.port):
            return [f"{name}: no such port"]
        if line.kind not in LINE_KINDS:
            return [f"{name}: unknown kind of line {line.kind!r}"]
        if (line.kind == "crosslink") != (line.other is not None):
            return [f"{name}: a crosslink, and only that, has another port at its end"]
        if line.other is not None and not self.has(*line.other):
            return [f"{name}: crosslink to {_name(line.other)}: no such port"]
        if line.other == (line.unit, line.port):
            return [f"{name}: crosslink to itself; that is a loopback"]
        return []

    def has(self, unit: str, port: int) -> bool:
        """Whether there is such a port."""
        return 1 <= port <= self.units.get(unit, 0)

    def line(self, unit: str, port: int) -> LineSpec:
        """What is plugged into a port, as seen from there."""
        for line in self.lines:
            if (line.unit, line.port) == (unit, port):
                return line
            if line.other == (unit, port):
                return LineSpec(unit, port, "crosslink", (line.unit, line.port))
        return LineSpec(unit, port, "none")


def _name(end: tuple[str, int] | None) -> str:
    return f"{end[0]}/{end[1]}" if end else ""
