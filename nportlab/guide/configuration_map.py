"""Settings to and from the exported configuration file."""

import re
from collections.abc import Iterable, Mapping

from nportlab.guide.configuration_template import Sections, blank
from nportlab.guide.family import Model, model
from nportlab.guide.settings import Setting, settings_table

SECRET_WORD = "password"
"""What an export shows in place of a secret that is set; read back it means "leave the secret as it is"."""

GivenSections = Iterable[tuple[str, Iterable[tuple[str, str]]]]


class UndecodableValue(ValueError):
    """A key of a configuration file holds something no setting can have."""

    def __init__(self, section: str, key: str, value: str) -> None:
        """Name the place and the value."""
        super().__init__(f"[{section}] {key}: {value!r} is not a known value")
        self.section = section
        self.key = key


def to_configuration(
    values: Mapping[str, str],
    name: str | Model,
    firmware: str = "2.3",
    identity: Mapping[str, str] | None = None,
    extra: Mapping[tuple[str, str], str] | None = None,
    plain_secrets: bool = False,
) -> Sections:
    """The configuration file of a unit, all sections and keys in the order of a real export.

    values: concrete setting ids; what is missing keeps the template's value. identity: model, serial, firmware,
    address, mac for the Overview section. extra: (section, key) -> value of keys behind no setting, such as accounts;
    unknown ones are appended to their section, or as new sections. plain_secrets: write secrets as they are (for a file
    to be imported) instead of the word `password`.
    """
    unit = model(name)
    places = {section: dict(keys) for section, keys in blank(unit, dict(identity or {}))}
    for setting_id, setting in settings_table().for_model(unit, firmware):
        if setting_id in values and setting.configuration is not None:
            _write(places[setting.configuration.section], setting, values[setting_id], plain_secrets)
    for (section, key), value in (extra or {}).items():
        places.setdefault(section, {})[key] = value
    return [(section, list(keys.items())) for section, keys in places.items()]


def from_configuration(sections: GivenSections, name: str | Model, firmware: str = "2.3") -> dict[str, str]:
    """The settings a configuration file holds, by concrete id.

    Keys that are missing give no entry; nor does a secret shown as `password`. Values are decoded, not range-checked:
    `Setting.check` does that. Raises UndecodableValue.
    """
    places = {section: dict(keys) for section, keys in sections}
    found: dict[str, str] = {}
    for setting_id, setting in settings_table().for_model(name, firmware):
        value = _read(places, setting)
        if value is not None:
            found[setting_id] = value
    return found


def extra_configuration(
    sections: GivenSections, name: str | Model, firmware: str = "2.3"
) -> dict[tuple[str, str], str]:
    """The keys behind no setting, by (section, key), without the Overview and the file's head; in file order."""
    owned = owned_keys(name, firmware)
    skipped = ("Overview", "NPort Configuration File")
    return {
        (section, key): value
        for section, keys in sections
        if section not in skipped
        for key, value in keys
        if (section, key) not in owned
    }


def owned_keys(name: str | Model, firmware: str = "2.3") -> set[tuple[str, str]]:
    """All (section, key) a setting stands behind."""
    owned: set[tuple[str, str]] = set()
    for _, setting in settings_table().for_model(name, firmware):
        place = setting.configuration
        if place is not None:
            owned.add((place.section, place.key))
            if place.companion:
                owned.add((place.section, place.companion.key))
    return owned


def encoded(setting: Setting, value: str, current: str = "", plain_secrets: bool = False) -> str:
    """The text of the setting's key for `value`; `current`: what the key holds now (mask and item share a key)."""
    place = setting.configuration
    assert place is not None
    if place.encoding == "secret":
        return value if plain_secrets or value == "" else SECRET_WORD
    if place.encoding == "codes":
        return value if place.pass_through and value not in place.codes else place.codes[value]
    if place.encoding == "mask":
        return str((int(current or "0") & ~place.mask) | int(place.codes[value]))
    if place.encoding == "item":
        items = current.split(",")
        items[place.position] = value
        return ",".join(items)
    if place.encoding == "hex":
        return str(int(value, 16))
    return value


def _write(keys: dict[str, str], setting: Setting, value: str, plain_secrets: bool) -> None:
    place = setting.configuration
    assert place is not None
    keys[place.key] = encoded(setting, value, keys[place.key], plain_secrets)
    if place.companion:
        keys[place.companion.key] = place.companion.codes[value]


def _read(places: Mapping[str, Mapping[str, str]], setting: Setting) -> str | None:
    place = setting.configuration
    if place is None:
        return None
    keys = places.get(place.section, {})
    text = keys.get(place.key)
    if text is None or (place.encoding == "secret" and text == SECRET_WORD):
        return None
    wrong = UndecodableValue(place.section, place.key, text)
    if place.encoding == "codes":
        value = next((value for value, code in place.codes.items() if code == text), None)
        if value is None and place.pass_through:
            value = text
    elif place.encoding == "mask":
        if not (text.isascii() and text.isdecimal()):
            raise wrong
        value = next((value for value, code in place.codes.items() if int(code) == int(text) & place.mask), None)
    elif place.encoding == "item":
        items = text.split(",")
        value = items[place.position] if place.position < len(items) else None
    elif place.encoding == "hex":
        value = f"{int(text):02x}" if re.fullmatch(r"[0-9]{1,3}", text) and int(text) <= 0xFF else None
    else:
        value = text
    if value is None:
        raise wrong
    if place.companion and keys.get(place.companion.key) != place.companion.codes[value]:
        raise UndecodableValue(place.section, place.companion.key, keys.get(place.companion.key, ""))
    return value
