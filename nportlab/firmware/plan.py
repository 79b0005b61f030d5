"""The flash plan of a unit: every step with its route, what it changes, how long it takes, and what it wears."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from nportlab.firmware.cover import Cover, Ends, cover
from nportlab.firmware.graph import Edge, Forbidden, Graph
from nportlab.firmware.images import Image, Images
from nportlab.firmware.paths import Step, missing_permissions
from nportlab.guide.firmware import Route
from nportlab.inventory import Lab


@dataclass(frozen=True)
class FlashPlan:
    """What flashing of one unit a run would do. refused: why it must not be done; empty when it may."""

    unit: str
    model: str
    present: str
    graph: Graph
    """With every step the rules and the images leave."""
    cover: Cover
    not_allowed: tuple[tuple[Edge, tuple[str, ...]], ...]
    """Steps that permissions of lab.yaml are missing for, and which."""
    seconds_each: float
    images: dict[str, Image]
    virtual: bool
    refused: str = ""

    @property
    def forbidden(self) -> tuple[Forbidden, ...]:
        """Steps that the unit, or the tool, must refuse."""
        return self.graph.forbidden

    @property
    def seconds(self) -> float:
        """Estimate for all walks, without the checks between the steps."""
        return self.seconds_each * self.cover.flashes

    @property
    def written(self) -> int:
        """Bytes written to the unit's flash memory."""
        return sum(self.images[step.target].size for step in self.steps)

    @property
    def steps(self) -> list[Step]:
        """Of all walks, in order."""
        return [step for walk in self.cover.walks for step in walk.steps]


def graph_of(lab: Lab, unit: str, images: Images, present: str | None = None) -> Graph:
    """The graph of a unit: images for its model that lab.yaml wants, routes the lab has.

    present: the version found on it; the one lab.yaml names by default.
    """
    entry = lab.units[unit]
    wanted = [
        version for version in images.for_model(entry.model) if lab.firmware is None or lab.firmware.wants(version)
    ]
    routes: list[Route] = ["web", "tool"] if lab.firmware is not None and lab.firmware.has_tool else ["web"]
    return Graph.build(entry.model, present or entry.firmware, wanted, routes)


def plan_unit(
    lab: Lab,
    unit: str,
    images: Images,
    *,
    present: str | None = None,
    each_route: bool = False,
    only: Iterable[Ends] | None = None,
) -> FlashPlan:
    """The plan that takes every permitted step of a unit. A virtual unit is given its first image again between walks.

    Arguments as of `graph_of` and `cover`. The same lab and images give the same plan.
    """
    entry = lab.units[unit]
    virtual = lab.rack_of(unit).virtual is not None
    graph = graph_of(lab, unit, images, present)
    permitted = graph.permitted(entry.allow)
    wanted = None if only is None else frozenset(only)
    covered = cover(permitted, each_route=each_route, reimage=virtual, only=wanted)
    not_allowed = tuple(
        (edge, missing_permissions(edge, graph, entry.allow))
        for ends, edge in graph.edges.items()
        if ends not in permitted.edges and (wanted is None or ends in wanted)
    )
    most = lab.firmware.settings.most_flashes if lab.firmware else None
    over = most is not None and covered.flashes > most
    return FlashPlan(
        unit=unit,
        model=entry.model,
        present=graph.present,
        graph=graph,
        cover=covered,
        not_allowed=not_allowed,
        seconds_each=lab.flash_seconds(unit),
        images=images.for_model(entry.model),
        virtual=virtual,
        refused=f"{covered.flashes} flashes, and lab.yaml allows {most} (firmware.most_flashes)" if over else "",
    )


def as_text(plans: Sequence[FlashPlan]) -> str:
    """The plans as people read them."""
    return "\n\n".join("\n".join(_lines(plan)) for plan in plans)


def _lines(plan: FlashPlan) -> list[str]:
    covered = plan.cover
    lines = [f"{plan.unit}  {plan.model}, has {plan.present}: {_summary(plan)}"]
    if plan.refused:
        lines.append(f"  refused: {plan.refused}")
    number = 0
    said: set[str] = set()
    for index, walk in enumerate(covered.walks, 1):
        if len(covered.walks) > 1:
            lines.append(f"  walk {index} of {len(covered.walks)}, from {walk.start} to {walk.end}")
        for step in walk.steps:
            number += 1
            lines.append(
                f"  {number:3}  {step.source:>7} -> {step.target:<7} {step.route:<5} {_marks(step)}"
                f"{duration(plan.seconds_each * number):>9}".rstrip()
            )
            lines += [f"       {' ' * 19}{text}" for text in step.changes if text not in said]
            said.update(step.changes)
        if not walk.returns:
            after = "the unit is given its first image again" if plan.virtual else "it stays there"
            lines.append(f"       ends on {walk.end}, from which no way leads back to {walk.start}; {after}")
    by_reason: dict[str, list[str]] = {}
    for edge, lacking in plan.not_allowed:
        by_reason.setdefault(f"not allowed, `allow` lacks {', '.join(lacking)}", []).append(str(edge))
    for edge, reason in covered.left_out:
        by_reason.setdefault(f"not in the plan, {reason}", []).append(str(edge))
    for forbidden in plan.forbidden:
        rule = forbidden.rule
        by_reason.setdefault(f"to be refused, {rule.reason} ({rule.id})", []).append(str(forbidden))
    for reason, steps in by_reason.items():
        lines += [f"  {reason}:", *_wrapped(steps)]
    return lines


def _summary(plan: FlashPlan) -> str:
    covered = plan.cover
    if not covered.flashes:
        return "no flash"
    home = "" if all(walk.returns for walk in covered.walks) else f", ends on {covered.walks[-1].end}"
    if plan.virtual and len(covered.walks) > 1:
        home = f", {len(covered.walks)} walks"
    return (
        f"{_count(covered.flashes, 'flash', 'flashes')} (bound {covered.bound}) for "
        f"{_count(len(covered.covered), 'step', 'steps')}, about {duration(plan.seconds)}, "
        f"{plan.written / 1e6:.1f} MB written{home}"
    )


def _marks(step: Step) -> str:
    return f"{'one-way' if step.edge.one_way else step.edge.direction:<10}"


def _wrapped(words: Iterable[str], width: int = 110) -> list[str]:
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + len(word) + 2 <= width:
            lines[-1] += f", {word}"
        else:
            lines.append(f"       {word}")
    return lines


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def duration(seconds: float) -> str:
    """`40 s`, `12 min` or `3 h 05 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02} min"


def as_json(plans: Sequence[FlashPlan]) -> str:
    """A list of objects, one a unit."""
    return json.dumps([_object(plan) for plan in plans], indent=1, ensure_ascii=False)


def _object(plan: FlashPlan) -> dict[str, Any]:
    return {
        "unit": plan.unit,
        "model": plan.model,
        "present": plan.present,
        "flashes": plan.cover.flashes,
        "bound": plan.cover.bound,
        "seconds": plan.seconds,
        "bytes": plan.written,
        "refused": plan.refused or None,
        "walks": [
            [
                {
                    "from": step.source,
                    "to": step.target,
                    "route": step.route,
                    "direction": step.edge.direction,
                    "one_way": step.edge.one_way,
                    "changes": step.changes,
                }
                for step in walk.steps
            ]
            for walk in plan.cover.walks
        ],
        "not_allowed": [{"from": e.source, "to": e.target, "missing": list(lack)} for e, lack in plan.not_allowed],
        "left_out": [{"from": e.source, "to": e.target, "reason": reason} for e, reason in plan.cover.left_out],
        "forbidden": [
            {"from": f.source, "to": f.target, "route": f.route, "rule": f.rule.id, "refused_by": f.rule.refused_by}
            for f in plan.forbidden
        ],
    }
