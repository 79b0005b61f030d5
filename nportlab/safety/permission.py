"""What lab.yaml allows to be done to a unit. What is not allowed makes a test not applicable, it never just happens."""

from __future__ import annotations

from collections.abc import Iterable

from nportlab.inventory.lab import UnitEntry
from nportlab.plan.need import Event

_WHAT = {
    "restart": "be restarted, which activating a setting takes",
    "power-cycle": "be power-cycled",
    "factory-reset": "be reset to factory values",
    "flash": "get other firmware",
    "downgrade": "get older firmware",
    "sacrificial": "be given images that must be refused",
    "one-way": "get firmware from which no way leads back",
}


def refusal(unit: UnitEntry, wanted: Iterable[str]) -> str:
    """Why something that is wanted of a unit must not be done; empty when all of it may."""
    for permission in wanted:
        if permission not in unit.allow:
            what = _WHAT.get(permission, permission)
            return f"{unit.name} may not {what} (lab.yaml, racks.{unit.rack}.units.{unit.name}.allow)"
    return ""


def permissions_for(event: Event | None, *, changes: bool) -> tuple[str, ...]:
    """What bringing a unit into a state takes. changes: whether some setting has to be activated."""
    if event == "factory-reset":
        return ("factory-reset", "restart") if changes else ("factory-reset",)
    if event == "power-cycle":
        return ("power-cycle",)
    return ("restart",) if changes or event == "restart" else ()


def missing_outlet(unit: UnitEntry, event: Event | None) -> str:
    """Why a power-cycle is impossible; empty when it is possible or not wanted."""
    if event == "power-cycle" and unit.outlet is None:
        return f"{unit.name} has no outlet in lab.yaml, its power cannot be switched"
    return ""
