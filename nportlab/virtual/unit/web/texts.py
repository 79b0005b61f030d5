"""Loads texts.yaml: the words of the web console that no public source gives."""

from __future__ import annotations

import functools
from pathlib import Path

from nportlab.guide.rows import Row, SourcedRow, load_yaml


class Text(SourcedRow):
    """One sentence or name the unit uses."""

    id: str
    text: str


class Table(Row):
    """A page whose settings stand in a table with these columns; their labels end with the column's name."""

    path: str
    columns: tuple[str, ...]


class Texts(Row):
    """The whole file."""

    texts: tuple[Text, ...]
    tables: tuple[Table, ...]
    legacy_functions: dict[str, str]
    legacy_fields: dict[str, str]

    def __getitem__(self, identifier: str) -> str:
        """The text of that id. Raises KeyError."""
        for row in self.texts:
            if row.id == identifier:
                return row.text
        raise KeyError(identifier)

    def columns(self, path: str) -> tuple[str, ...]:
        """The table columns of a settings page, () when it has no table."""
        return next((table.columns for table in self.tables if table.path == path), ())


@functools.cache
def texts() -> Texts:
    """The texts, read once."""
    return Texts(**load_yaml(Path(__file__).with_name("texts.yaml")))
