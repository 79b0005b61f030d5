"""The first boot of another firmware: configuration and accounts of the old version become those of the new one.

Every step can be repeated, so a power cut in the middle only means that the next boot does it again. What a real unit
carries over beyond the guide's words is invented: settings both versions have keep their value, others get the factory
value; certificate, clock and log stay; accounts do not cross 2.0 in either direction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from nportlab.guide.firmware import flavour
from nportlab.guide.settings import settings_table
from nportlab.virtual.unit.accounts import Accounts
from nportlab.virtual.unit.firmware import Installed, Progress, commit, installed
from nportlab.virtual.unit.flash import Flash

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device

DEFAULT_ACCOUNT = ("admin", "moxa")
"""What the seeded defect puts in place of the accounts: the default of firmware 1.x (guide line 61)."""

_BEGUN = "migrating"

_LOST = ("port.", "basic.")
"""Settings the seeded defect firmware-upgrade-loses-settings loses, by their beginning."""


def finish_upgrade(
    flash: Flash, code: str, factory: Mapping[str, str], progress: Progress, planted: frozenset[str]
) -> None:
    """Migrate, when another version has just been switched to. code: the version that boots; factory: its values."""
    found = installed(flash, code)
    if found.migrate_from is None:
        return
    again = flash.read(_BEGUN) is not None
    flash.commit(_BEGUN, True)
    progress("migrate", 0.0)
    _migrate_configuration(flash, factory, planted, again)
    progress("migrate", 0.4)
    _migrate_accounts(flash, found, planted)
    progress("migrate", 0.7)
    certificate = flash.read("certificate")
    if "certificate-lost-by-upgrade" in planted and certificate and certificate["origin"] == "imported":
        flash.remove("certificate")
    commit(flash, replace(found, migrate_from=None))
    flash.remove(_BEGUN)
    progress("migrate", 1.0)


def log_upgrade(device: Device) -> None:
    """Write the upgrade into the log, once, also when the power fails meanwhile."""
    found = device.installed
    if not found.log_owed:
        return
    event = "Firmware Upgrade"
    written = device.log.lines()[-1:]
    if not device.has_defect("firmware-upgrade-not-logged") and not (written and written[0].endswith(event)):
        device.log.add("Config", event, found.by)
    device.installed = replace(found, log_owed=False)
    commit(device.flash, device.installed)


def _migrate_configuration(flash: Flash, factory: Mapping[str, str], planted: frozenset[str], again: bool) -> None:
    """again: an earlier boot was interrupted in the middle of it."""
    loses = "firmware-upgrade-loses-settings" in planted or (again and "settings-lost-by-power-cut" in planted)
    configuration = flash.read("configuration", {"settings": {}, "extra": {}})
    settings = dict(factory)
    for setting, value in configuration["settings"].items():
        lost = loses and setting.startswith(_LOST)
        if setting in factory and not lost and _takes(setting, value):
            settings[setting] = value
    if "upgrade-leaves-services-open" in planted:
        settings["console.telnet"] = "enable"
    flash.commit("configuration", {"settings": settings, "extra": configuration["extra"]})


def _migrate_accounts(flash: Flash, found: Installed, planted: frozenset[str]) -> None:
    assert found.migrate_from is not None
    resets = "firmware-upgrade-resets-accounts" in planted
    if resets or flavour(found.code) != flavour(found.migrate_from):
        flash.remove("accounts")
    if resets:
        Accounts(flash).create_first(*DEFAULT_ACCOUNT)


def _takes(setting: str, value: str) -> bool:
    try:
        settings_table()[setting].check(value)
    except (KeyError, ValueError):
        return False
    return True
