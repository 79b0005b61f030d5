"""The services a virtual unit offers. Each is a module with

    def enabled(device: Device) -> bool          # by the running settings
    async def serve(device: Device) -> Closeable # listening when it returns

and is started at boot when enabled, closed at restart.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device

LISTENERS = {
    "web": "nportlab.virtual.unit.web.server",
    "ssh": "nportlab.virtual.unit.services.ssh",
    "telnet": "nportlab.virtual.unit.services.telnet",
    "moxa service": "nportlab.virtual.unit.services.moxa_service",
    "snmp": "nportlab.virtual.unit.services.snmp",
    "port modes": "nportlab.virtual.unit.services.port_modes",
    "planted listeners": "nportlab.virtual.unit.services.planted",
}
"""Services that wait to be asked, in the order they are started; they may listen before the link is up."""

CLIENTS = {
    "authentication servers": "nportlab.virtual.unit.clients.authentication",
    "syslog": "nportlab.virtual.unit.clients.syslog",
    "sntp": "nportlab.virtual.unit.clients.sntp",
    "dhcp": "nportlab.virtual.unit.clients.dhcp",
    "rip": "nportlab.virtual.unit.clients.rip",
}
"""Services that send by themselves, started when the link is up."""


class Closeable(Protocol):
    """A running service; `close` stops listening and drops its connections, without waiting."""

    def close(self) -> None:
        """Stop at once."""
        ...


class Service(Protocol):
    """What a service module provides."""

    def enabled(self, device: Device) -> bool:
        """Whether the running settings (or a seeded defect) want it."""
        ...

    async def serve(self, device: Device) -> Closeable:
        """Start it; it listens when this returns. Raises OSError when a port is taken."""
        ...


@cache
def listeners() -> dict[str, Service]:
    """The listening services by name. The supervisor loads them before it forks, so that units boot quickly."""
    return _loaded(LISTENERS)


@cache
def clients() -> dict[str, Service]:
    """The services that dial out, by name."""
    return _loaded(CLIENTS)


def _loaded(modules: dict[str, str]) -> dict[str, Service]:
    return {name: cast(Service, import_module(module)) for name, module in modules.items()}
