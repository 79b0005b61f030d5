"""Settings of the guide as fields of a page: canonical values on one side, what is visible on the other."""

from __future__ import annotations

from nportlab.guide.settings import Setting
from nportlab.unit.document import Field, plain
from nportlab.unit.page import visible


def canonical(setting: Setting, control: Field) -> str:
    """The canonical value a field shows; what matches no choice of the guide is returned as it is visible."""
    if setting.kind != "choice":
        return visible(control)
    if control.kind == "checkbox":
        return "enable" if control.checked else "disable"
    seen = plain(visible(control))
    for value, text in setting.choices.items():
        if plain(text) == seen:
            return value
    return visible(control)


def shown(setting: Setting, value: str) -> str:
    """What to put into the field for a canonical value; values the guide does not know go in as they are."""
    if setting.kind == "choice" and setting.widget == "checkbox":
        return "Enable" if value == "enable" else "Disable"
    return setting.choices.get(value, value)
