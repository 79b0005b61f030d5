"""The text of the configuration file: written from the saved settings, and taken over from an uploaded one."""

from __future__ import annotations

from nportlab.virtual.unit.device import Device


class ConfigurationRefused(ValueError):
    """A configuration file the unit does not take; the text is what the unit says. Nothing was changed."""


def export_text(device: Device) -> bytes:
    """The configuration as it is saved, secrets as the word `password`."""
    raise NotImplementedError


def import_text(device: Device, data: bytes, by: str, *, keep_network: bool = False) -> None:
    """Take over a configuration text, in force after a restart."""
    raise NotImplementedError
