"""One setting as a form field: how it is drawn, named, and read back from a submitted form."""

from __future__ import annotations

import re

from nportlab.guide.settings import Setting
from nportlab.virtual.unit.web.markup import MASK, tag, text
from nportlab.virtual.unit.web.visit import Fields, field_text

_ON = "enable"


def name(setting: Setting) -> str:
    """The field name of a setting (invented): its table id in capitals, `console.telnet` -> `ConsoleTelnet`."""
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[._]", setting.table_id))


def widget(setting: Setting) -> str:
    """How the setting is drawn: readonly, radio, select, checkbox, password or text."""
    if setting.kind == "readonly":
        return "readonly"
    if setting.kind == "choice":
        return setting.widget if setting.widget in ("radio", "checkbox") else "select"
    return "password" if setting.kind == "secret" else "text"


def draw(setting: Setting, value: str, field: str | None = None) -> str:
    """The field with its stored value. field: its name, if not the usual one."""
    kind, field = widget(setting), field or name(setting)
    if kind == "readonly":
        return text(value)
    if kind == "radio":
        return "".join(
            f"{tag('INPUT', type='radio', name=field, value=key, checked=key == value)}{text(shown)} "
            for key, shown in setting.choices.items()
        )
    if kind == "select":
        options = "".join(
            f"{tag('OPTION', value=key, selected=key == value)}{text(shown)}" for key, shown in setting.choices.items()
        )
        return f"{tag('SELECT', name=field)}{options}</select>"
    if kind == "checkbox":
        return tag("INPUT", type="checkbox", name=field, value=_ON, checked=value == _ON)
    shown = value if kind == "text" else MASK if value else ""
    length = setting.max_length if kind == "text" else None
    return tag("INPUT", type=kind, name=field, value=shown, maxlength=length, size=min(length or 20, 40))


def hint(setting: Setting) -> str:
    """What stands beside the field: the guide's hint, else the range as the unit prints it."""
    if setting.hint:
        return setting.hint if setting.hint.startswith("(") else f"({setting.hint})"
    if setting.minimum is not None and setting.maximum is not None:
        return f"({setting.minimum}~{setting.maximum})"
    if setting.min_length and setting.max_length:
        return f"({setting.min_length}-{setting.max_length} characters)"
    limited = setting.max_length and setting.kind in ("text", "secret")
    return f"(max: {setting.max_length} characters)" if limited else ""


def read(setting: Setting, fields: Fields, stored: str, field: str | None = None) -> str | None:
    """The submitted value; None when the form did not hold the field or leaves the stored secret alone.

    An empty tick box is not submitted by browsers, so a missing one means "not ticked".
    """
    kind = widget(setting)
    if kind == "readonly":
        return None
    submitted = field_text(fields, field or name(setting))
    if kind == "checkbox":
        return _ON if submitted == _ON else "disable"
    if submitted is None or (kind == "password" and submitted == MASK and stored):
        return None
    return submitted
