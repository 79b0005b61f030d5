"""The hardening catalogue: what the guide says a unit does or should be set to, one row per statement."""

from functools import cache
from typing import Literal

from nportlab.guide.rows import Confidence, Row, read_yaml, unique


class Control(Row):
    """One row of the catalogue.

    section: chapter of the guide; lines: in the guide's text; statement: what must hold, in our own words; markers:
    pytest markers that select it; kind: what sort of statement it is; holds/broken: what shows that it holds, and what
    that it does not; bench: equipment or peer needed; restart: what a change costs; level: 0 reads only, 1 changes
    settings, 2 may cut the harness off, 3 resets or reflashes; automation: A by the harness, S with the site's help,
    M by a person; iec: IEC 62443-4-2 requirements; contradiction: ids of places where the guide disagrees with itself;
    reason: why it cannot be judged from outside; no_defect: why no unit can be made to break it.
    """

    id: str
    section: str
    lines: str
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

    @property
    def source(self) -> str:
        """Where in the guide the statement stands."""
        return f"guide {self.section}, lines {self.lines}"

    @property
    def confidence(self) -> Confidence:
        """`guide` for what it says, `inferred` for what was added to it."""
        return "inferred" if self.kind == "extra" else "guide"


@cache
def controls() -> dict[str, Control]:
    """All controls by id, in the order of the guide."""
    return unique([Control(**row) for row in read_yaml("controls.yaml")["controls"]], "controls.yaml")
