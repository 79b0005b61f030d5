"""A plan for people, and as data."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta

from nportlab.plan.need import serves
from nportlab.plan.plan import UnitPlan
from nportlab.plan.steps import Step, World

_PORT = re.compile(r"port\.(\d+)\.(.+)")


def head_line(plan: UnitPlan) -> str:
    """`np6150: 7 states, 9 restarts (bound 8, file order 131)`."""
    return (
        f"{plan.unit}: {_count(len(plan.steps), 'state')}, {_count(plan.restarts, 'restart')} "
        f"(bound {plan.bound}, file order {plan.file_order})"
    )


def plan_text(plans: Sequence[UnitPlan], *, details: bool = False) -> str:
    """The plan of every unit: its states in order, how each is entered, what it holds. details: also the tests."""
    lines = []
    for plan in plans:
        duration = timedelta(seconds=round(plan.seconds))
        lines.append(f"plan      {head_line(plan)}, {_count(len(plan.items), 'test')}, about {duration}")
        for number, step in enumerate(plan.steps, 1):
            lines.append(
                f"  {number:>3}  {_entry(step):<14} {_count(len(step.items), 'test'):>10}   {_values(step, plan.world)}"
            )
            if details:
                lines += [f"          {item.id}" for item in step.items]
        if plan.restores:
            lines.append("       restart        puts the unit back")
    if len(plans) > 1:
        lines.append(
            f"restarts: planned {sum(p.restarts for p in plans)}, lower bound {sum(p.bound for p in plans)}, "
            f"file order would take {sum(p.file_order for p in plans)}"
        )
    return "\n".join(lines) if lines else "no test needs a unit"


def plan_json(plans: Sequence[UnitPlan]) -> str:
    """The same as a JSON list, one object per unit."""
    return json.dumps([_as_data(plan) for plan in plans], indent=1)


def _as_data(plan: UnitPlan) -> dict[str, object]:
    return {
        "unit": plan.unit,
        "restarts": plan.restarts,
        "lower_bound": plan.bound,
        "file_order": plan.file_order,
        "seconds": round(plan.seconds, 1),
        "restores": plan.restores,
        "states": [
            {
                "entry": step.entry,
                "base": step.base,
                "needs": dict(step.needs),
                "tests": [item.id for item in step.items],
            }
            for step in plan.steps
        ],
    }


def _entry(step: Step) -> str:
    return step.entry or "as found"


def _values(step: Step, world: World) -> str:
    """What sets the state apart from the values it starts from."""
    base = world.base(step.base)
    special = {key: value for key, value in step.needs.items() if not serves(key, base.get(key), value)}
    name = "factory values" if step.base == "factory" else "baseline"
    texts = [f"{key}={value}" for key, value in sorted(_ports_together(special).items())]
    return "; ".join([name, *([", ".join(texts)] if texts else [])])


def _ports_together(needs: Mapping[str, str]) -> dict[str, str]:
    """The same setting with the same value on several ports as one: `port.1-4,7.alias`."""
    shown = {key: value for key, value in needs.items() if not _PORT.fullmatch(key)}
    ports: dict[tuple[str, str], list[int]] = {}
    for key, value in needs.items():
        if found := _PORT.fullmatch(key):
            ports.setdefault((found[2], value), []).append(int(found[1]))
    return shown | {f"port.{_ranges(sorted(numbers))}.{name}": value for (name, value), numbers in ports.items()}


def _ranges(numbers: Sequence[int]) -> str:
    """`1-4,7` for 1, 2, 3, 4, 7."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ",".join(str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
