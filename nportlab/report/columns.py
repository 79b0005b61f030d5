"""The columns the pytest-html page gets: controls, verdict, unit, evidence."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from urllib.parse import quote

TEST_PAGE_STYLE = Path(__file__).parent / "templates" / "report.css"
HEADERS = ("Controls", "Verdict", "Unit", "Evidence")


def header_cells() -> list[str]:
    """Table header cells, sortable where that helps."""
    return [
        '<th class="sortable" data-column-type="controls">Controls</th>',
        '<th class="sortable" data-column-type="verdict">Verdict</th>',
        '<th class="sortable" data-column-type="unit">Unit</th>',
        "<th>Evidence</th>",
    ]


def row_cells(about: Mapping[str, object]) -> list[str]:
    """Table cells of one result; `about` holds controls, verdict, unit, evidence (paths below the run folder)."""
    controls = about.get("controls") or ()
    evidence = about.get("evidence") or ()
    assert isinstance(controls, list | tuple) and isinstance(evidence, list | tuple)
    links = " ".join(f'<a href="{quote(str(path))}">{escape(str(path).rpartition("/")[2])}</a>' for path in evidence)
    return [
        f'<td class="col-controls">{escape(", ".join(map(str, controls)))}</td>',
        f'<td class="col-verdict">{escape(str(about.get("verdict", "")))}</td>',
        f'<td class="col-unit">{escape(str(about.get("unit", "")))}</td>',
        f"<td>{links}</td>",
    ]
