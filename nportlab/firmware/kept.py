"""Whether an upgrade kept the configuration: exports before and after, compared by what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from nportlab.guide.configuration_map import SECRET_WORD, extra_configuration, from_configuration
from nportlab.guide.firmware import changes_between
from nportlab.guide.settings import Setting, settings_table
from nportlab.protocol.configuration_text import ConfigurationText

_ACCOUNTS: Final = ("User Settings", "Console Password", "Group Settings")
"""Sections of an export that hold accounts (nport-facts 10.2)."""


@dataclass(frozen=True)
class Lost:
    """One thing that is not as before. setting: its id, None for a key behind no setting; place: `[Section] Key`."""

    place: str
    before: str
    after: str | None
    setting: str | None = None

    def __str__(self) -> str:
        return f"{self.place} is {'gone' if self.after is None else repr(self.after)}, was {self.before!r}"


def lost(before: ConfigurationText, after: ConfigurationText, model: str, source: str, target: str) -> tuple[Lost, ...]:
    """What a step from version `source` to `target` changed although nothing known says so.

    Left out: what only one of the versions knows, what a unit changes by itself (overview, clock), and accounts in a
    step that is known to change them. Raises UndecodableValue when an export is not understood.
    """
    found = [*_settings(before, after, model, source, target), *_secrets(before, after, model, source, target)]
    accounts = any(change.kind == "accounts" for change, _ in changes_between(source, target))
    return (*found, *_others(before, after, model, source, target, skip=_ACCOUNTS if accounts else ()))


def _settings(before: ConfigurationText, after: ConfigurationText, model: str, source: str, target: str) -> list[Lost]:
    old = from_configuration(before.as_sections(), model, source)
    new = from_configuration(after.as_sections(), model, target)
    known = dict(settings_table().for_model(model, target))
    return [
        Lost(_place(known[key]), value, new.get(key), key)
        for key, value in old.items()
        if key in known and not known[key].volatile and known[key].kind != "secret" and new.get(key) != value
    ]


def _secrets(before: ConfigurationText, after: ConfigurationText, model: str, source: str, target: str) -> list[Lost]:
    """An export shows only whether a secret is set."""
    known = dict(settings_table().for_model(model, target))
    found = []
    for key, setting in settings_table().for_model(model, source):
        place = setting.configuration
        if setting.kind != "secret" or place is None or key not in known:
            continue
        there = (place.section, place.key)
        if there in before and before.get(*there) == SECRET_WORD and (there not in after or not after.get(*there)):
            found.append(Lost(_place(setting), SECRET_WORD, None, key))
    return found


def _others(
    before: ConfigurationText,
    after: ConfigurationText,
    model: str,
    source: str,
    target: str,
    skip: tuple[str, ...],
) -> list[Lost]:
    old = extra_configuration(before.as_sections(), model, source)
    new = extra_configuration(after.as_sections(), model, target)
    return [
        Lost(f"[{section}] {key}", value, new[section, key])
        for (section, key), value in old.items()
        if section not in skip and (section, key) in new and new[section, key] != value
    ]


def _place(setting: Setting) -> str:
    return f"[{setting.configuration.section}] {setting.configuration.key}" if setting.configuration else setting.label
