"""A settings page of a unit: fields found by their visible label, and what a browser would submit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urljoin

from nportlab.unit.document import Document, Field, Form, Option, plain
from nportlab.unit.errors import ChoiceNotFound, FieldNotFound, not_found

Submission = list[tuple[str, str]]

_NOTE = re.compile(r"\s*\([^()]*\)$")


@dataclass(frozen=True)
class Page:
    """One page: the menu path it was found under, its address on the unit, and what it holds."""

    path: tuple[str, ...]
    url: str
    document: Document

    def fields(self) -> Iterator[tuple[Form, Field]]:
        """Every field with its form, in the order of the page."""
        for form in self.document.forms:
            for control in form.fields:
                yield form, control

    def labels(self) -> list[str]:
        """The labels of all fields, in the order of the page."""
        return list(self._named())

    def read(self) -> dict[str, str]:
        """Every field's label and visible value (a check box reads Enable or Disable)."""
        return {label: visible(control) for label, (_, control) in self._named().items()}

    def find(self, label: str) -> tuple[Form, Field]:
        """The field with this label.

        Accepted are the label itself, "section > label", "label > column" in tables, "label > text" where several boxes
        share a row, and the label with or without its closing note in brackets. Raises FieldNotFound.
        """
        for wanted in dict.fromkeys((plain(label), plain(_NOTE.sub("", label)))):
            for names in _NAMES:
                found = [(form, control) for form, control in self.fields() if wanted in names(control)]
                if len(found) == 1:
                    return found[0]
        raise not_found(FieldNotFound, f"on page {' > '.join(self.path)}: field", label, self.labels())

    def target(self, form: Form) -> str:
        """Where a form of this page posts to."""
        return urljoin(self.url, form.action)

    def value(self, label: str) -> str:
        """The visible value of one field. Raises FieldNotFound."""
        return visible(self.find(label)[1])

    def _named(self) -> dict[str, tuple[Form, Field]]:
        named: dict[str, tuple[Form, Field]] = {}
        for form, control in self.fields():
            label = control.label or control.own or control.name
            choices = (label, *_long_names(control), f"{label} ({control.name})")
            named[next((name for name in choices if name not in named), choices[-1])] = (form, control)
        return named


def visible(control: Field) -> str:
    """What a person reads in a field: the selected choice, Enable or Disable of a check box, the text."""
    match control.kind:
        case "radio" | "select":
            return next((option.text for option in control.options if option.selected), "")
        case "checkbox":
            return "Enable" if control.checked else "Disable"
        case _:
            return control.value


def fill(control: Field, wanted: str) -> None:
    """Put a visible value into a field. Raises ChoiceNotFound when a list or radio does not offer it."""
    match control.kind:
        case "radio" | "select":
            chosen = _option(control, wanted)
            for option in control.options:
                option.selected = option is chosen
        case "checkbox":
            control.checked = wanted.casefold() in ("enable", "on", "yes", "checked", "active", "true", "1")
        case _:
            control.value = wanted


def submission(form: Form, button: str | None = None) -> Submission:
    """The names and values a browser would send when the form's (first) button is pressed.

    button: text of the button to press instead.
    """
    sent: Submission = list(form.hidden.items())
    for control in form.fields:
        if control.disabled or not control.name or control.kind == "file":
            continue
        match control.kind:
            case "radio" | "select":
                sent += [(control.name, option.value) for option in control.options if option.selected][:1]
            case "checkbox":
                sent += [(control.name, control.value)] if control.checked else []
            case _:
                sent.append((control.name, control.value))
    pressed = [entry for entry in form.buttons if button is None or plain(entry.text) == plain(button)][:1]
    return sent + [(entry.name, entry.text) for entry in pressed if entry.name]


def fill_all(page: Page, values: Mapping[str, str]) -> list[Form]:
    """Fill fields by label; returns the forms that were touched, in order. Raises FieldNotFound, ChoiceNotFound."""
    touched: list[Form] = []
    for label, wanted in values.items():
        form, control = page.find(label)
        fill(control, wanted)
        if form not in touched:
            touched.append(form)
    return touched


def _option(control: Field, wanted: str) -> Option:
    for key in (lambda option: plain(option.text), lambda option: plain(option.value)):
        for option in control.options:
            if key(option) == plain(wanted):
                return option
    label = control.label or control.name
    raise not_found(ChoiceNotFound, f"field {label!r}: choice", wanted, [option.text for option in control.options])


def _long_names(control: Field) -> list[str]:
    label = control.label or control.own
    parts = [f"{label} > {part}" for part in (control.column, control.own) if part and part != label]
    return parts + ([f"{control.section} > {label}"] if control.section else [])


def _labels(control: Field) -> list[str]:
    return [plain(control.label)] if control.label else [plain(control.own)]


def _labels_without_note(control: Field) -> list[str]:
    return [plain(_NOTE.sub("", control.label or control.own))]


def _own(control: Field) -> list[str]:
    return [plain(control.own)] if control.kind == "checkbox" and control.own else []


def _qualified(control: Field) -> list[str]:
    texts = _long_names(control)
    return [plain(text) for text in texts] + [plain(text.replace(" > ", " ")) for text in texts]


_NAMES = (_labels, _own, _qualified, _labels_without_note)
