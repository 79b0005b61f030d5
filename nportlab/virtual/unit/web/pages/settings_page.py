"""A page of settings, made from the rows of the guide that name it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from aiohttp import web

from nportlab.guide import pages as guide
from nportlab.guide.settings import Setting, concrete_id
from nportlab.virtual.unit.device import Device, ValueRefused
from nportlab.virtual.unit.web import fields, layout
from nportlab.virtual.unit.web.markup import button, form, hidden, row, tag
from nportlab.virtual.unit.web.pages.saved import saved
from nportlab.virtual.unit.web.visit import Fields, Handler, Page, Visit, field_text

_ALL_PORTS = "AllPorts"
_CLOCK = "basic.local_time"
_CLOCK_FORM = "%Y/%m/%d %H:%M:%S"


class SettingsPage(Page):
    """One page of settings. port: the serial port it is about, None for unit pages."""

    def __init__(self, place: guide.Page, settings: Sequence[Setting], ports: int) -> None:
        """ports: how many serial ports the unit has."""
        super().__init__(place)
        self.port = settings[0].port
        self._settings = settings
        self._ports = ports

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        """The page and its form."""
        return {("GET", self.url): self._show, ("POST", self.url): self._submit}

    async def _show(self, visit: Visit, problem: str | None = None) -> web.Response:
        shown = _shown(visit.device, self._settings)
        body = "".join(hidden(_was(key), shown[key]) for key in shown if key == _CLOCK)
        body += "<TABLE border=0 cellpadding=2>\n" + layout.rows(self._settings, shown)
        if self.port is not None and self._ports > 1:
            body += row("Apply the above settings to", self._targets())
        body += f"</table>\n{button('Submit')}\n"
        title = self.title if self.port is None else f"Port {self.port}"
        return visit.page(title, form(self.url, visit.token(self.url), body), problem=problem)

    def _targets(self) -> str:
        """The tick boxes `P1 P2 ... All ports`, the port itself ticked."""
        boxes = [
            f"{tag('INPUT', type='checkbox', name=f'P{number}', value=1, checked=number == self.port)}P{number} "
            for number in range(1, self._ports + 1)
        ]
        return "".join(boxes) + f"{tag('INPUT', type='checkbox', name=_ALL_PORTS, value=1)}All ports"

    async def _submit(self, visit: Visit) -> web.Response:
        posted = await visit.posted(self.url)
        try:
            visit.device.submit(self._values(visit.device, posted), visit.session.user)
        except ValueRefused as refused:
            return await self._show(visit, refused.message)
        return saved(visit, self.title)

    def _values(self, device: Device, posted: Fields) -> dict[str, str]:
        """The submitted settings by concrete id, copied to every port that was ticked."""
        values: dict[str, str] = {}
        for setting in self._settings:
            submitted = fields.read(setting, posted, device.saved[setting.id])
            if submitted is None or submitted == field_text(posted, _was(setting.id)):
                continue
            for port in self._chosen(posted):
                values[setting.id if port is None else concrete_id(setting.table_id, port)] = submitted
        return values

    def _chosen(self, posted: Fields) -> Sequence[int | None]:
        if self.port is None:
            return [None]
        if _ALL_PORTS in posted:
            return range(1, self._ports + 1)
        return [number for number in range(1, self._ports + 1) if f"P{number}" in posted] or [self.port]


def _was(setting: str) -> str:
    """Name of the hidden field with what was shown: a clock that merely ran on is not a change."""
    return f"{setting}.was"


def _shown(device: Device, settings: Iterable[Setting]) -> dict[str, str]:
    """Stored values by concrete id; the clock as it stands now."""
    values = {setting.id: device.saved[setting.id] for setting in settings}
    if _CLOCK in values:
        values[_CLOCK] = datetime.strftime(device.clock.now(), _CLOCK_FORM)
    return values
