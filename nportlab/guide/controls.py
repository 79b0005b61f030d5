"""The catalogue of controls: what the guide says a unit does or should be set to, one row per statement; behind it what
the guide presupposes of the operation modes and only the manual, the driver and the MIB say."""

from functools import cache
from typing import Literal

from pydantic import model_validator

from nportlab.guide.rows import Confidence, Row, read_yaml, unique

FILES = ("controls.yaml", "mode_controls.yaml")
"""The guide's own statements, then those about operation modes."""


class Control(Row):
    """One row of the catalogue.

    section: chapter of the guide; lines: in the guide's text; statement: what must hold, in our own words; markers:
    pytest markers that select it; kind: what sort of statement it is; holds/broken: what shows that it holds, and what
    that it does not; bench: equipment or peer needed; restart: what a change costs; level: 0 reads only, 1 changes
    settings, 2 may cut the harness off, 3 resets or reflashes; automation: A by the harness, S with the site's help,
    M by a person; iec: IEC 62443-4-2 requirements; contradiction: ids of places where the guide disagrees with itself;
    reason: why it cannot be judged from outside; no_defect: why no unit can be made to break it; basis, known: for a
    statement the guide does not make, where it comes from and how well it is known there (such a row has no `lines`).
    """

    id: str
    section: str
    lines: str = ""
    statement: str
    markers: tuple[str, ...]
    kind: str
    holds: str = ""
    broken: str = ""
    bench: str = ""
    restart: str
    level: Literal[0, 1, 2, 3]
    automation: Literal["A", "S", "M"]
    iec: tuple[str, ...]
    contradiction: tuple[str, ...] = ()
    reason: str | None = None
    no_defect: str | None = None
    basis: str | None = None
    known: Confidence | None = None

    @model_validator(mode="after")
    def _says_where_it_comes_from(self) -> "Control":
        if bool(self.lines) == bool(self.basis) or bool(self.basis) != bool(self.known):
            raise ValueError(f"{self.id}: give `lines` of the guide, or `basis` and `known`")
        return self

    @property
    def source(self) -> str:
        """Where the statement stands: in the guide, or what it is based on."""
        return self.basis or f"guide {self.section}, lines {self.lines}"

    @property
    def confidence(self) -> Confidence:
        """`guide` for what the guide says, `inferred` for what was added to it, the row's own for other statements."""
        if self.known:
            return self.known
        return "inferred" if self.kind == "extra" else "guide"


@cache
def controls() -> dict[str, Control]:
    """All controls by id: those of the guide in its order, then those about operation modes."""
    rows = [Control(**row) for name in FILES for row in read_yaml(name)["controls"]]
    return unique(rows, " and ".join(FILES))
