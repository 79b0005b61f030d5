"""What a user may do on a page. Members of the group guest read; everybody else may do everything."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nportlab.guide.pages import Page
    from nportlab.virtual.unit.device import Device

GUEST = "guest"
"""The group of the export's second row (nport-facts 10.2)."""


class Access(IntEnum):
    """Rights on a page, each containing the one before (0 no display, 1 read only, 2 read write as in the export)."""

    NONE = 0
    READ = 1
    WRITE = 2


def access(device: Device, user: str, page: Page) -> Access:
    """The rights of user on a page. That guests read every page is invented."""
    if page.id == "firmware_upgrade":
        return Access.WRITE if may_upgrade(device, user) else Access.READ
    return Access.READ if _guest(device, user) else Access.WRITE


def may_upgrade(device: Device, user: str) -> bool:
    """Whether a user may give the unit other firmware, by whatever route."""
    return not _guest(device, user) or device.has_defect("guest-can-upgrade")


def _guest(device: Device, user: str) -> bool:
    account = device.accounts.get(user)
    return account is not None and account.group == GUEST
