"""The pages of firmware 2.x. Each module makes one kind of page; `all_pages` is the menu in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nportlab.guide import pages as guide
from nportlab.guide.settings import Setting, settings_table
from nportlab.virtual.unit.device import Device
from nportlab.virtual.unit.web.pages.backup import BackupPage
from nportlab.virtual.unit.web.pages.certificate_page import CertificatePage
from nportlab.virtual.unit.web.pages.firmware_page import FirmwarePage
from nportlab.virtual.unit.web.pages.maintenance import FactoryDefaultPage, RestartPage
from nportlab.virtual.unit.web.pages.overview import OverviewPage
from nportlab.virtual.unit.web.pages.settings_page import SettingsPage
from nportlab.virtual.unit.web.pages.system_log import SystemLogPage
from nportlab.virtual.unit.web.visit import Page

_SPECIAL: Mapping[str, Callable[[], Page]] = {
    "overview": OverviewPage,
    "certificate": CertificatePage,
    "firmware_upgrade": FirmwarePage,
    "backup_restore": BackupPage,
    "load_factory_default": FactoryDefaultPage,
    "system_log": SystemLogPage,
    "restart": RestartPage,
}


def all_pages(device: Device) -> list[Page]:
    """Every entry of the unit's menu, in the order of the guide's pages; port pages once per port.

    Pages of the guide that the unit does not serve (yet) are left out.
    """
    found: list[Page] = []
    settings = settings_by_path(device)
    for row in guide.pages().values():
        if not row.settings:
            found += [_SPECIAL[row.id]()] if row.id in _SPECIAL else []
            continue
        for place in [row.for_port(n) for n in device.model.ports] if "Port #" in row.path else [row]:
            if place.path in settings:
                found.append(SettingsPage(place, settings[place.path], device.model.serial_ports))
    moved = device.effects.moves
    for page in found:
        if page.place.id in moved:
            page.place = page.place.model_copy(update={"paths": (moved[page.place.id],)})
    return found


def settings_by_path(device: Device) -> dict[str, list[Setting]]:
    """The settings of this model and firmware by the menu path of their page, in the order of the guide."""
    found: dict[str, list[Setting]] = {}
    for _, setting in settings_table().for_model(device.model, device.firmware):
        found.setdefault(setting.page[0], []).append(setting)
    return found
