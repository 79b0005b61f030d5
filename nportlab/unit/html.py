"""Reading the unit's HTML the way a forgiving browser does.

The pages of these units leave out end tags, mix upper and lower case and do not quote attributes. A tree built from such
text nests everything in everything, so the page is read as a stream of tags instead: a form begins at <form> and ends at
</form> or the next <form>, a row begins at <tr>, a cell at <td> or <th>, an option at <option>, whatever was left open.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Literal

FieldKind = Literal["radio", "select", "text", "password", "checkbox", "file", "textarea"]

_BLOCKS = frozenset(
    "address article body br caption center dd div dl dt fieldset form frameset h1 h2 h3 h4 h5 h6 head hr html input li ol "
    "option p pre select table tbody td textarea tfoot th thead title tr ul".split()
)
_SILENT = frozenset({"script", "style"})
_EMPTY = frozenset("area base br col embed frame hr img input link meta param source track wbr".split())


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

    label: the text of its row ("Telnet console"); own: the text directly behind the control ("v1"); column: the heading of
    its column where the page is a table ("Remote Log"); section: the heading above the row ("RADIUS"); hint: what else
    stands in its row ("(1~10)"). value: the text of a text field; checked: of a checkbox; options: of radio and select.
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


def parse(text: str) -> Document:
    """Read one page. Never fails: what can not be understood is left out."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return reader.finish()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.document = Document()
        self._line: list[str] = []
        self._form: Form | None = None
        self._row: Row | None = None
        self._cell: Cell | None = None
        self._section = ""
        self._field: Field | None = None  # the control whose own text is being read
        self._option: Option | None = None
        self._select: Field | None = None
        self._textarea: Field | None = None
        self._link: tuple[str, list[str]] | None = None
        self._silent: list[str] | None = None
        self._title = False
        self._marked: tuple[str, list[str]] | None = None
        self._lists: list[str] = []
        self._item: list[str] | None = None
        self._columns: list[str] = []

    # ---- tags

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag in _BLOCKS:
            self._break_line()
        if self._marked is None and tag not in _EMPTY and "error" in values.get("class", "").casefold():
            self._marked = (tag, [])
        if tag in _SILENT:
            self._silent = []
        elif (handler := getattr(self, f"_start_{tag}", None)) is not None:
            handler(values)

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self._break_line()
        if self._marked is not None and tag == self._marked[0]:
            self._end_marked()
        if tag in _SILENT:
            self.document.scripts.append("".join(self._silent or []))
            self._silent = None
        elif (handler := getattr(self, f"_end_{tag}", None)) is not None:
            handler()

    def handle_data(self, data: str) -> None:
        if self._silent is not None:
            self._silent.append(data)
            return
        if self._textarea is not None:
            self._textarea.value += data
            return
        if self._option is not None:
            self._option.text += data
            return
        if self._title:
            self.document.title += data
            return
        self._line.append(data)
        if self._marked is not None:
            self._marked[1].append(data)
        if self._link is not None:
            self._link[1].append(data)
        elif self._item is not None:
            self._item.append(data)
        if self._field is not None:
            self._field.own += data
        elif self._cell is not None:
            self._cell.text += data

    # ---- page

    def _start_title(self, _: dict[str, str]) -> None:
        self._title = True

    def _end_title(self) -> None:
        self._title = False

    def _start_frame(self, values: dict[str, str]) -> None:
        if "src" in values:
            self.document.frames[values.get("name", values["src"])] = values["src"]

    _start_iframe = _start_frame

    def _start_a(self, values: dict[str, str]) -> None:
        self._end_a()
        if "href" in values:
            self._link = (values["href"], [])

    def _end_a(self) -> None:
        if self._link is None:
            return
        target, text = self._link
        self._link = None
        name = squeeze("".join(text))
        self.document.links.append((name, target))
        if self._lists:
            self._item = None
            self.document.menu.append((tuple(part for part in (*self._lists[:-1], name) if part), target))

    # ---- menu: nested lists; the text of an item before its inner list names the group

    def _start_ul(self, _: dict[str, str]) -> None:
        self._close_item()
        self._lists.append("")

    def _end_ul(self) -> None:
        self._end_a()
        self._item = None
        if self._lists:
            self._lists.pop()

    def _start_li(self, _: dict[str, str]) -> None:
        self._end_a()
        if self._lists:
            self._lists[-1] = ""
            self._item = []

    def _close_item(self) -> None:
        if self._link is not None:
            name = squeeze("".join(self._link[1]))
            self._end_a()
            if self._lists:
                self._lists[-1] = name
        elif self._lists and self._item is not None:
            self._lists[-1] = squeeze("".join(self._item))
        self._item = None

    # ---- tables

    def _start_table(self, _: dict[str, str]) -> None:
        self._end_tr()
        self._columns = []

    def _end_table(self) -> None:
        self._end_tr()
        self._columns = []

    def _start_tr(self, _: dict[str, str]) -> None:
        self._end_tr()
        self._row = Row(self._section)

    def _end_tr(self) -> None:
        self._end_td()
        row, self._row = self._row, None
        if row is None or not row.cells:
            return
        filled = [cell for cell in row.cells if cell.text or cell.fields]
        if len(filled) == 1 and not filled[0].fields and filled[0].text:
            self._section = filled[0].text
            return
        if not any(cell.fields for cell in row.cells) and all(cell.heading for cell in row.cells):
            self._columns = row.texts
        row.section = self._section
        _label_fields(row, self._columns)
        self.document.rows.append(row)

    def _start_td(self, _: dict[str, str], heading: bool = False) -> None:
        self._end_td()
        if self._row is None:
            self._row = Row(self._section)
        self._cell = Cell(heading=heading)
        self._row.cells.append(self._cell)

    def _start_th(self, values: dict[str, str]) -> None:
        self._start_td(values, heading=True)

    def _end_td(self) -> None:
        self._end_select()
        self._field = None
        if self._cell is not None:
            self._cell.text = squeeze(self._cell.text)
            for control in self._cell.fields:
                control.own = squeeze(control.own)
            self._cell = None

    _end_th = _end_td

    # ---- forms

    def _start_form(self, values: dict[str, str]) -> None:
        self._end_tr()
        self._section = ""
        method = values.get("method", "get").lower()
        self._form = Form(values.get("action", ""), method, values.get("enctype", "").lower())
        self.document.forms.append(self._form)

    def _end_form(self) -> None:
        self._end_tr()
        self._form = None

    def _start_input(self, values: dict[str, str]) -> None:
        if self._form is None:
            return
        kind, name, value = values.get("type", "text").lower(), values.get("name", ""), values.get("value", "")
        match kind:
            case "hidden":
                self._form.hidden[name] = value
            case "submit" | "image" | "button":
                self._form.buttons.append(Button(name if kind == "submit" else "", value or kind))
                self._field = None
            case "radio":
                self._radio(name, values)
            case "reset":
                self._field = None
            case _:
                self._add(_field(kind, values))

    def _radio(self, name: str, values: dict[str, str]) -> None:
        option = Option("", values.get("value", "on"), "checked" in values)
        group = next((f for f in self._form_fields() if f.kind == "radio" and f.name == name), None)
        if group is None:
            group = Field("radio", name, disabled="disabled" in values)
            self._add(group)
        group.options.append(option)
        self._field = _RadioText(group, option)

    def _start_select(self, values: dict[str, str]) -> None:
        if self._form is None:
            return
        self._select = Field("select", values.get("name", ""), disabled="disabled" in values)
        self._add(self._select)

    def _end_select(self) -> None:
        if self._select is None:
            return
        self._end_option()
        if self._select.options and not any(option.selected for option in self._select.options):
            self._select.options[0].selected = True
        self._field, self._select = self._select, None

    def _start_option(self, values: dict[str, str]) -> None:
        self._end_option()
        if self._select is not None:
            self._option = Option("", values.get("value", "\0"), "selected" in values)
            self._select.options.append(self._option)

    def _end_option(self) -> None:
        if self._option is None:
            return
        self._option.text = squeeze(self._option.text)
        if self._option.value == "\0":
            self._option.value = self._option.text
        self._option = None

    def _start_textarea(self, values: dict[str, str]) -> None:
        if self._form is None:
            return
        self._textarea = _field("textarea", values)
        self._add(self._textarea)

    def _end_textarea(self) -> None:
        if self._textarea is not None:
            self._textarea.value = self._textarea.value.removeprefix("\r\n").removeprefix("\n")
            self._textarea = None

    def _start_button(self, values: dict[str, str]) -> None:
        if self._form is not None and values.get("type", "submit").lower() == "submit":
            self._form.buttons.append(Button(values.get("name", ""), values.get("value", "submit")))

    def _add(self, control: Field) -> None:
        control.section = self._section
        assert self._form is not None
        self._form.fields.append(control)
        if self._cell is not None:
            self._cell.fields.append(control)
        self._field = control

    def _form_fields(self) -> list[Field]:
        return self._form.fields if self._form is not None else []

    # ---- end of things

    def _break_line(self) -> None:
        line = squeeze("".join(self._line))
        self._line = []
        if line:
            self.document.lines.append(line)

    def _end_marked(self) -> None:
        if self._marked is not None and (text := squeeze("".join(self._marked[1]))):
            self.document.marked.append(text)
        self._marked = None

    def finish(self) -> Document:
        self._break_line()
        self._end_marked()
        self._end_a()
        self._end_textarea()
        self._end_tr()
        self.document.title = squeeze(self.document.title)
        for form in self.document.forms:
            for control in form.fields:
                control.own = squeeze(control.own)
                for option in control.options:
                    option.text = squeeze(option.text)
        return self.document


class _RadioText(Field):
    """Collects the text behind a radio button into its option; the group itself keeps none."""

    def __init__(self, group: Field, option: Option) -> None:
        super().__init__("radio", group.name)
        self._option = option

    @property
    def own(self) -> str:  # type: ignore[override]
        return self._option.text

    @own.setter
    def own(self, text: str) -> None:
        if text:
            self._option.text = text


def _field(kind: str, values: dict[str, str]) -> Field:
    known: FieldKind = kind if kind in ("password", "checkbox", "file", "textarea") else "text"  # type: ignore[assignment]
    length = values.get("maxlength", "")
    return Field(
        known,
        values.get("name", ""),
        value=values.get("value", "on" if kind == "checkbox" else ""),
        checked="checked" in values,
        disabled="disabled" in values,
        max_length=int(length) if length.isdecimal() else None,
    )


def _label_fields(row: Row, columns: list[str]) -> None:
    """Give every control of a row its label, column and hint."""
    label = next((cell.text for cell in row.cells if cell.text and not cell.fields), "")
    for index, cell in enumerate(row.cells):
        for control in cell.fields:
            control.label = label or cell.text
            control.section = row.section
            control.column = columns[index] if index < len(columns) else ""
            behind = [later.text for later in row.cells[index + 1 :] if not later.fields]
            control.hint = squeeze(" ".join([control.own, *behind]))
