"""What a user may do on a page. Every account may do everything; user groups will decide here."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nportlab.guide.pages import Page
    from nportlab.virtual.unit.device import Device


class Access(IntEnum):
    """Rights on a page, each containing the one before (0 no display, 1 read only, 2 read write as in the export)."""

    NONE = 0
    READ = 1
    WRITE = 2


def access(device: Device, user: str, page: Page) -> Access:
    """The rights of user on a page, by the function group that governs it."""
    return Access.WRITE
