"""The body of a settings page: one row per setting, or a table where the guide's picture shows one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nportlab.guide.settings import Setting
from nportlab.virtual.unit.web import fields
from nportlab.virtual.unit.web.markup import row, text
from nportlab.virtual.unit.web.texts import texts


def rows(settings: Sequence[Setting], shown: Mapping[str, str]) -> str:
    """Table rows for the settings of one page in their order. shown: value to show by concrete id."""
    columns = texts().columns(settings[0].page[0]) if settings else ()
    before, after = "", ""
    grid: dict[str, dict[str, str]] = {}
    for setting in settings:
        column = next((name for name in columns if setting.label.endswith(f" {name}")), None)
        field = fields.draw(setting, shown[setting.id])
        if column is not None:
            grid.setdefault(setting.label.removesuffix(f" {column}"), {})[column] = field
            continue
        line = row(text(setting.label), field, text(fields.hint(setting)))
        before, after = (before, after + line) if grid else (before + line, after)
    return before + (_table(columns, grid) if grid else "") + after


def _table(columns: Sequence[str], grid: Mapping[str, Mapping[str, str]]) -> str:
    heading = "<TR><TH>" + "".join(f"<TH>{text(column)}" for column in columns) + "\n"
    lines = (row(text(label), *(cells.get(column, "") for column in columns)) for label, cells in grid.items())
    return heading + "".join(lines)
