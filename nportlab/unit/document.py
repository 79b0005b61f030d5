"""What one page of the unit holds: texts, menu, tables, and forms with their fields."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

FieldKind = Literal["radio", "select", "text", "password", "checkbox", "file", "textarea"]


def squeeze(text: str) -> str:
    """The text with every run of white space as one blank, as a browser shows it."""
    return " ".join(text.split())


@dataclass
class Option:
    """One radio button or one entry of a list: what is visible, what is submitted, whether it is selected."""

    text: str
    value: str
    selected: bool = False


@dataclass
class Field:
    """One control of a form, known by what stands beside it on the page.

    label: the text of its row ("Telnet console"); own: the text directly behind the control ("v1"); column: the heading
    of its column where the page is a table ("Remote Log"); section: the heading above the row ("RADIUS"); hint: what
    else stands in its row ("(1~10)"). value: the text of a text field; checked: of a checkbox; options: of radio and
    select.
    """

    kind: FieldKind
    name: str
    label: str = ""
    own: str = ""
    column: str = ""
    section: str = ""
    hint: str = ""
    value: str = ""
    checked: bool = False
    disabled: bool = False
    max_length: int | None = None
    options: list[Option] = field(default_factory=list)


@dataclass
class Button:
    """A submit button: its form field name ("" when it has none) and its text."""

    name: str
    text: str


@dataclass
class Form:
    """One form of a page, with its fields in order."""

    action: str
    method: str
    enctype: str
    hidden: dict[str, str] = field(default_factory=dict)
    fields: list[Field] = field(default_factory=list)
    buttons: list[Button] = field(default_factory=list)


@dataclass
class Cell:
    """The text and the controls of one table cell."""

    text: str = ""
    heading: bool = False
    fields: list[Field] = field(default_factory=list)


@dataclass
class Row:
    """One table row, with the heading above it and the form it stands in."""

    section: str
    cells: list[Cell] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        """The text of every cell."""
        return [cell.text for cell in self.cells]


@dataclass
class Document:
    """What a person sees of one page, and what a browser would submit."""

    title: str = ""
    lines: list[str] = field(default_factory=list)
    forms: list[Form] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    menu: list[tuple[tuple[str, ...], str]] = field(default_factory=list)
    frames: dict[str, str] = field(default_factory=dict)
    marked: list[str] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The visible text, one block per line."""
        return "\n".join(self.lines)

    def value_of(self, label: str) -> str | None:
        """The text beside a label in a table without controls ("Model name" -> "NP6150"), None when there is none."""
        wanted = plain(label)
        for row in self.rows:
            for left, right in zip(row.cells, row.cells[1:], strict=False):
                if plain(left.text) == wanted and not left.fields:
                    return right.text
        return None


def plain(text: str) -> str:
    """A label as it is compared: one blank between words, no case, no closing colon."""
    return squeeze(text).rstrip(":").rstrip().casefold()
