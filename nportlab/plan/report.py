"""A plan for people, and as data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta

from nportlab.plan.plan import UnitPlan
from nportlab.plan.steps import Step


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
            lines.append(f"  {number:>3}  {_entry(step):<14} {_count(len(step.items), 'test'):>10}   {_values(step)}")
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


def _values(step: Step) -> str:
    base = "factory values" if step.base == "factory" else "baseline"
    needs = ", ".join(f"{key}={value}" for key, value in sorted(step.needs.items()))
    return f"{base}; {needs}" if needs else base


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
