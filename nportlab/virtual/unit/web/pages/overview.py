"""Overview: what the unit is and how it does."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from nportlab.guide.pages import pages
from nportlab.virtual.unit.device import Device
from nportlab.virtual.unit.web.markup import panel
from nportlab.virtual.unit.web.visit import Handler, Page, Visit


def facts(device: Device) -> list[tuple[str, str]]:
    """The rows of the page. The first two labels: nport-facts 3.1; the others after the export's Overview section."""
    return [
        ("Model name", device.model.name),
        ("Serial No.", str(device.serial_number)),
        ("Firmware version", device.build),
        ("Server name", device.running["basic.server_name"]),
        ("IP address", device.address),
        ("MAC address", device.mac),
        ("Up time", uptime(device.clock.uptime())),
        ("Serial ports", str(device.model.serial_ports)),
    ]


def uptime(seconds: float) -> str:
    """`0 days, 00h:12m:31s`, the way the MIB's upTime reads (its exact wording is invented)."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return f"{days} days, {hour:02}h:{minute:02}m:{second:02}s"


class OverviewPage(Page):
    """The page a login leads to."""

    def __init__(self) -> None:
        super().__init__(pages()["overview"])

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        """Read only."""
        return {("GET", self.url): self._show}

    async def _show(self, visit: Visit) -> web.Response:
        return visit.page(self.title, panel(facts(visit.device)))
