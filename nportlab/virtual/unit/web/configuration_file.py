"""The text of the configuration file: written from the saved settings, and taken over from an uploaded one."""

from __future__ import annotations

from nportlab.guide.configuration_map import (
    UndecodableValue,
    extra_configuration,
    from_configuration,
    to_configuration,
)
from nportlab.guide.configuration_template import blank
from nportlab.protocol.configuration_text import ConfigurationText, NotAConfiguration, UnknownKey, parse
from nportlab.virtual.unit.device import Device, ValueRefused
from nportlab.virtual.unit.web.texts import texts

_NETWORK = "Network Settings"
_HEAD = ("NPort Configuration File", "Check Code", "cfg1")


class ConfigurationRefused(ValueError):
    """A configuration file the unit does not take; the text is what the unit says. Nothing was changed."""


def export_text(device: Device) -> bytes:
    """The configuration as it is saved, CRLF line ends, secrets as the word `password` (nport-facts 10.2)."""
    identity = {
        "model": device.model.name,
        "serial": str(device.serial_number),
        "firmware": device.build,
        "address": device.address,
        "mac": device.mac,
    }
    extra = {(section, key): value for section, keys in device.extra.items() for key, value in keys.items()}
    plain = device.has_defect("export-holds-plain-secrets")
    sections = to_configuration(device.saved, device.model, device.firmware, identity, extra, plain)
    return ConfigurationText.build(sections).dump()


def import_text(device: Device, data: bytes, by: str, *, keep_network: bool = False) -> None:
    """Take over a configuration text, in force after a restart.

    Keys that are missing leave what the unit has, a secret given as `password` leaves the stored one, keys that nobody
    knows are kept for the next export. keep_network: leave the network settings alone.
    Raises ConfigurationRefused before anything changed.
    """
    try:
        text = parse(data)
        values = from_configuration(text.as_sections(), device.model, device.firmware)
    except (NotAConfiguration, UndecodableValue) as error:
        raise ConfigurationRefused(str(error)) from None
    _check_head(device, text)
    extra = extra_configuration(text.as_sections(), device.model, device.firmware)
    if keep_network:
        values = {setting: value for setting, value in values.items() if not setting.startswith("network.")}
        extra = {place: value for place, value in extra.items() if place[0] != _NETWORK}
    try:
        device.import_configuration(values, _merged(device, extra), by)
    except ValueRefused as refused:
        raise ConfigurationRefused(refused.message) from None


def _check_head(device: Device, text: ConfigurationText) -> None:
    """Refuse a file made for another model (invented: what real units do with one is not known)."""
    section, key, code = _HEAD
    try:
        right = text.get(section, key) == code
        model = text.get("Overview", "Model Name") if ("Overview", "Model Name") in text else device.model.name
    except UnknownKey:
        right, model = False, ""
    if not right or model != device.model.name:
        raise ConfigurationRefused(texts()["file_foreign"])


def _merged(device: Device, extra: dict[tuple[str, str], str]) -> dict[str, dict[str, str]]:
    """What the unit holds of keys behind no setting, after the import; what the layout gives anyway is not held."""
    given = {(section, key): value for section, keys in blank(device.model) for key, value in keys}
    held = {(section, key): value for section, keys in device.extra.items() for key, value in keys.items()}
    merged: dict[str, dict[str, str]] = {}
    for (section, key), value in {**held, **extra}.items():
        if given.get((section, key)) != value:
            merged.setdefault(section, {})[key] = value
    return merged
