"""Reading the unit's HTML the way a forgiving browser does.

The pages of these units leave out end tags, mix upper and lower case and do not quote attributes. A tree built from
such text nests everything in everything, so the page is read as a stream of tags instead: a form begins at <form> and
ends at </form> or the next <form>, a row begins at <tr>, a cell at <td> or <th>, an option at <option>, whatever was
left open.
"""

from __future__ import annotations

from html.parser import HTMLParser

from nportlab.unit.document import Button, Cell, Document, Field, FieldKind, Form, Option, Row, squeeze

_INLINE = frozenset(
    {"a", "b", "big", "code", "em", "font", "i", "img", "label", "small", "span", "strong", "sub", "sup", "tt", "u"}
)
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6", "caption", "legend"})
_SILENT = frozenset({"script", "style"})
_EMPTY = frozenset({"area", "base", "br", "col", "frame", "hr", "img", "input", "link", "meta", "wbr"})


def read_html(text: str) -> Document:
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
        self._behind: Field | Option | None = None  # the control whose text, which follows it, is being read
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
        self._heading: list[str] | None = None

    # ---- tags

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag not in _INLINE:
            self._break_line()
        if self._marked is None and tag not in _EMPTY and "error" in values.get("class", "").casefold():
            self._marked = (tag, [])
        if tag in _HEADINGS:
            self._heading = []
        if tag in _SILENT:
            self._silent = []
        elif (handler := getattr(self, f"_start_{tag}", None)) is not None:
            handler(values)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _INLINE:
            self._break_line()
        if self._marked is not None and tag == self._marked[0]:
            self._end_marked()
        if tag in _HEADINGS and self._heading is not None:
            self._section = squeeze("".join(self._heading))
            self._heading = None
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
        if self._heading is not None:
            self._heading.append(data)
            return
        if self._link is not None:
            self._link[1].append(data)
        elif self._item is not None:
            self._item.append(data)
        if isinstance(self._behind, Option):
            self._behind.text += data
        elif self._behind is not None:
            self._behind.own += data
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
            self._lists[-1] = name
            self.document.menu.append((tuple(part for part in self._lists if part), target))

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
        self._end_a()
        if self._lists and self._item is not None:
            self._lists[-1] = squeeze("".join(self._item))
        self._item = None

    # ---- tables

    def _start_table(self, _: dict[str, str]) -> None:
        self._leave_layout()
        self._columns = []

    def _end_table(self) -> None:
        self._end_tr()
        self._columns = []

    def _leave_layout(self) -> None:
        """A table or form inside a cell: the cell was layout, its text (the menu, say) is not a row of its own."""
        if self._row is not None and not any(cell.fields for cell in self._row.cells):
            self._row = self._cell = None
        self._end_tr()

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
        self._behind = None
        if self._cell is not None:
            self._cell.text = squeeze(self._cell.text)
            for control in self._cell.fields:
                control.own = squeeze(control.own)
            self._cell = None

    _end_th = _end_td

    # ---- forms

    def _start_form(self, values: dict[str, str]) -> None:
        self._leave_layout()
        method = values.get("method", "get").lower()
        self._form = Form(values.get("action", ""), method, values.get("enctype", "").lower())
        self.document.forms.append(self._form)

    def _end_form(self) -> None:
        self._end_tr()
        self._form = None
        self._section = ""

    def _start_input(self, values: dict[str, str]) -> None:
        if self._form is None:
            return
        kind, name, value = values.get("type", "text").lower(), values.get("name", ""), values.get("value", "")
        match kind:
            case "hidden":
                self._form.hidden[name] = value
            case "submit" | "image" | "button":
                self._form.buttons.append(Button(name if kind == "submit" else "", value or kind))
                self._behind = None
            case "radio":
                self._radio(name, values)
            case "reset":
                self._behind = None
            case _:
                self._add(_field(kind, values))

    def _radio(self, name: str, values: dict[str, str]) -> None:
        option = Option("", values.get("value", "on"), "checked" in values)
        group = next((f for f in self._form_fields() if f.kind == "radio" and f.name == name), None)
        if group is None:
            group = Field("radio", name, disabled="disabled" in values)
            self._add(group)
        group.options.append(option)
        self._behind = option

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
        self._behind, self._select = self._select, None

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
        self._behind = control

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
