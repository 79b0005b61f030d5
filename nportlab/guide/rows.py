"""What every table of the guide shares: strict rows, confidence marks, and reading a YAML file of this package."""

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict

Confidence = Literal["verified", "manual", "guide", "third-party", "inferred", "invented"]
"""How well a fact is known: `verified` was read in a MIB, a real export or source code; `manual` in a vendor manual;
`guide` in the hardening guide; `third-party` in somebody's script; `inferred` follows from two of those; `invented`
was made up for the virtual unit because public knowledge is silent (docs/fidelity.md lists these)."""

HERE = Path(__file__).parent


class Row(BaseModel):
    """A row of data: immutable, and a misspelt key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SourcedRow(Row):
    """A row that says where it comes from."""

    source: str
    confidence: Confidence


def read_yaml(name: str) -> Any:
    """The content of one YAML file of this package; `name` is relative to nportlab/guide."""
    return load_yaml(HERE / name)


def load_yaml(path: Path) -> Any:
    """The content of a YAML file that comes with the project, by libyaml where it is there: ten times as fast."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(path.read_text(encoding="utf-8"), Loader=loader)


def unique(rows: list[Any], name: str, attribute: str = "id") -> dict[str, Any]:
    """Rows by id, in file order; raises ValueError when an id is used twice in the table called `name`."""
    found: dict[str, Any] = {}
    for row in rows:
        key = getattr(row, attribute)
        if key in found:
            raise ValueError(f"{name}: {key!r} is defined twice")
        found[key] = row
    return found
