"""Everything that is wrong with a file people write, said at once and with the place of each problem."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nportlab.verdicts.faults import ConfigFault

Place = tuple[str | int, ...]
"""Keys and list positions from the top of the file down."""


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong: file, line (0 when it has none), dotted path (may be empty) and message."""

    file: str
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.path}: {self.message}" if self.path else f"{where}: {self.message}"


class Problems(ConfigFault):
    """All problems of a file. Raised before anything is touched; correct the lines named and run again."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def describe(self) -> str:
        """One line per problem, then how many there are."""
        count = len(self.problems)
        return f"{self.message}\n{count} problem{'' if count == 1 else 's'}, nothing was touched."


def dotted(place: Place) -> str:
    """`racks.desk.units.np6450.ports.3` for a place."""
    return ".".join(str(step) for step in place)


def did_you_mean(word: object, known: Iterable[object], *, all_up_to: int = 8) -> str:
    """` (did you mean 'adapter'?)`, or the list of what is possible when nothing is near and the list is short."""
    options = [str(option) for option in known]
    by_folded = {option.casefold(): option for option in options}
    near = difflib.get_close_matches(str(word).casefold(), by_folded, n=1, cutoff=0.6)
    if near:
        return f" (did you mean '{by_folded[near[0]]}'?)"
    if 0 < len(options) <= all_up_to:
        return f" (possible: {', '.join(sorted(options))})"
    return ""
