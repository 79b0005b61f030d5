"""The catalogue with its coverage, as `nportlab controls` prints it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from nportlab.report.matrix import Coverage


def as_json(rows: Sequence[Coverage]) -> str:
    """A list of objects: id, section, statement, marker, tests, defects, covered, reason."""
    return json.dumps(
        [
            {
                "id": row.id,
                "section": row.section,
                "statement": row.statement,
                "marker": ",".join(row.markers),
                "tests": list(row.tests),
                "defects": list(row.defects),
                "covered": row.covered,
                "reason": row.reason or None,
            }
            for row in rows
        ],
        indent=1,
        ensure_ascii=False,
    )


def as_text(rows: Sequence[Coverage]) -> str:
    """One line per control, then how many are covered."""
    lines = []
    for row in rows:
        with_what = (
            f"{_count(len(row.tests), 'test')}, {_count(len(row.defects), 'defect')}" if row.tests else row.reason
        )
        sign = "covered" if row.covered else "-"
        lines.append(f"{row.id:<8} {sign:<8} {row.statement}  [{with_what}]")
    covered = sum(row.covered for row in rows)
    return "\n".join([*lines, "", f"{covered} of {len(rows)} controls covered"])


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
