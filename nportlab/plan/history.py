"""What earlier runs learned of a unit: how long things take there, and the values it is usually found with."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nportlab.plan.costs import Costs


class History(BaseModel):
    """values: the settings of the last baseline, without secrets, and serial: the unit's number, for the next plan."""

    model_config = ConfigDict(extra="forbid")

    costs: Costs = Field(default_factory=Costs)
    values: dict[str, str] = Field(default_factory=dict)
    serial: int = 0


def history_path(state_dir: Path, rack: str, unit: str) -> Path:
    """Where the history of a unit is kept."""
    return state_dir / "history" / f"{rack}.{unit}.json"


def load_history(path: Path) -> History:
    """The history kept at `path`; an empty one when there is none or it is damaged (it only holds estimates)."""
    try:
        return History.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return History()


def save_history(history: History, path: Path) -> None:
    """Keep it for the next plan. Raises OSError when that is not possible."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(history.model_dump_json(indent=1))
    fresh.replace(path)
