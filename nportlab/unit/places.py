"""Menu paths of the pages that are not settings pages: those of the guide, then what similar units call them."""

from __future__ import annotations

from typing import Final

from nportlab.guide.pages import pages

_ALSO: Final = {
    "restart": ("Restart > Restart System", "Save/Restart", "System Management > Maintenance > Restart"),
    "load_factory_default": ("System Configuration > Load Factory Default", "Load Factory Default"),
    "system_log": ("System Monitoring > System Status > System Log", "System Log"),
    "backup_restore": ("System Configuration > Backup/Restore", "System Management > Maintenance > Backup/Restore"),
    "certificate": ("System Management > Certificate", "Ethernet SSL/TLS Certificate Import"),
}


def paths(page: str) -> tuple[str, ...]:
    """Every path to try for a page of the guide (`restart`, `certificate` ...), the guide's own first."""
    return (*pages()[page].paths, *_ALSO.get(page, ()))
