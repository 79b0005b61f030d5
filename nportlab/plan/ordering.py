"""The order of states: few settings to change between neighbours, resets late, the way back for nothing if possible."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from typing import TypeAlias

from nportlab.plan.need import CERTIFICATE, Values, satisfied, serves
from nportlab.plan.steps import Step, World

Segment: TypeAlias = tuple[Step, ...]
"""Steps that must follow each other directly."""

_START = -1
"""Stands for the state before the first segment."""

_CERTIFICATE_WEIGHT = 5  # an import or a new key takes longer than a form field


def distance(one: Values, other: Values) -> int:
    """How much has to be set to come from one state to the other."""
    return sum(
        _CERTIFICATE_WEIGHT if key == CERTIFICATE else 1
        for key, value in other.items()
        if one.get(key) != value and not serves(key, one.get(key), value)
    )


def in_order(segments: Sequence[Segment], world: World) -> list[Step]:
    """The steps of all segments in a row.

    The one that begins in the unit's own state comes first, factory resets late, and at the very end one that leaves
    the unit as it was found, where there is one.
    """
    first = [segment for segment in segments if segment[0].entry is None]
    rest = [segment for segment in segments if segment[0].entry is not None]
    closing = _closing(rest, world)
    if closing is not None:
        rest.remove(closing)
    resets = [segment for segment in rest if _resets(segment)]
    plain = [segment for segment in rest if not _resets(segment)]
    start = first[0][-1].state(world) if first else dict(world.baseline)
    path = _short(start, plain, world)
    end = path[-1][-1].state(world) if path else start
    path += _short(end, resets, world)
    return [step for segment in (*first, *path, *((closing,) if closing else ())) for step in segment]


def _closing(segments: Sequence[Segment], world: World) -> Segment | None:
    clean = [
        segment
        for segment in segments
        if not segment[-1].disturbed and satisfied(segment[-1].state(world), world.baseline)
    ]
    return next((segment for segment in clean if _resets(segment)), clean[0] if clean else None)


def _resets(segment: Segment) -> bool:
    return any(step.entry == "factory-reset" for step in segment)


def _short(start: Values, segments: Sequence[Segment], world: World) -> list[Segment]:
    """Nearest neighbour, then 2-opt; ties keep the given order."""
    begins = [segment[0].state(world) for segment in segments]
    ends = [segment[-1].state(world) for segment in segments]

    @cache
    def apart(one: int, other: int) -> int:
        return distance(start if one == _START else ends[one], begins[other])

    left = list(range(len(segments)))
    path: list[int] = []
    here = _START
    while left:
        here = min(left, key=lambda number: apart(here, number))
        left.remove(here)
        path.append(here)
    return [segments[number] for number in _two_opt(path, apart)]


def _two_opt(path: list[int], apart: Callable[[int, int], int]) -> list[int]:
    def length(order: Sequence[int]) -> int:
        return sum(apart(one, other) for one, other in pairwise((_START, *order)))

    best = length(path)
    improved = len(path) <= 40
    while improved:
        improved = False
        for low in range(len(path)):
            for high in range(low + 2, len(path) + 1):
                other = [*path[:low], *reversed(path[low:high]), *path[high:]]
                if (cost := length(other)) < best:
                    path, best, improved = other, cost, True
    return path
