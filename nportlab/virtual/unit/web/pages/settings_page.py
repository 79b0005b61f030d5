"""A page of settings, made from the rows of the guide that name it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aiohttp import web

from nportlab.guide import pages as guide
from nportlab.guide.settings import Setting, concrete_id
from nportlab.virtual.unit.device import LOCAL_TIME, Device, ValueRefused
from nportlab.virtual.unit.web import fields, layout
from nportlab.virtual.unit.web.activation import activate
from nportlab.virtual.unit.web.markup import button, form, hidden, row, tag
from nportlab.virtual.unit.web.pages.saved import saved
from nportlab.virtual.unit.web.visit import Fields, Handler, Page, Visit, field_text

_ALL_PORTS = "AllPorts"
_WAS = "BasicLocalTimeWas"


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
        if visit.request.query and visit.device.has_defect("saved-without-submit"):
            visit.device.submit(self._values(visit.device, visit.request.query), visit.session.user)
        settings = self._visible(visit.device)
        shown = {setting.id: visit.device.current(setting.id) for setting in settings}
        body = hidden(_WAS, shown[LOCAL_TIME]) if LOCAL_TIME in shown else ""
        body += "<TABLE border=0 cellpadding=2>\n" + layout.rows(settings, shown)
        if self.place.id == "network" and visit.device.has_defect("dns-switch-appears"):
            body += row("DNS_wins", _switch("DnsWins"))
        if self.port is not None and self._ports > 1:
            body += row("Apply the above settings to", self._targets())
        body += f"</table>\n{button('Submit')}\n"
        title = self.title if self.port is None else f"Port {self.port}"
        return visit.page(title, form(self.url, visit.token(self.url), body), problem=problem)

    def _visible(self, device: Device) -> list[Setting]:
        """The settings of the page; seeded defects may hide some, or choices of them."""
        found = device.effects
        visible: list[Setting] = []
        for setting in self._settings:
            if setting.table_id in found.hides:
                continue
            lacking = found.lacks_choices.get(setting.table_id, frozenset())
            choices = {value: text for value, text in setting.choices.items() if value not in lacking}
            visible.append(setting.model_copy(update={"choices": choices}) if lacking else setting)
        return visible

    def _targets(self) -> str:
        """The tick boxes `P1 P2 ... All ports`, the port itself ticked."""
        boxes = [
            f"{tag('INPUT', type='checkbox', name=f'P{number}', value=1, checked=number == self.port)}P{number} "
            for number in range(1, self._ports + 1)
        ]
        return "".join(boxes) + f"{tag('INPUT', type='checkbox', name=_ALL_PORTS, value=1)}All ports"

    async def _submit(self, visit: Visit) -> web.Response:
        device = visit.device
        posted = await visit.posted(self.url)
        if "Submit" not in posted:
            return await self._show(visit)
        values = self._values(device, posted)
        try:
            device.submit(values, visit.session.user)
        except ValueRefused as refused:
            return await self._show(visit, refused.message)
        if self.place.id == "console" and device.has_defect("settings-active-at-once"):
            await activate(device, values)
        return saved(visit, self.title)

    def _values(self, device: Device, posted: Fields) -> dict[str, str]:
        """The submitted settings by concrete id, copied to every port that was ticked.

        A clock that merely ran on since the page was shown is not a change.
        """
        values: dict[str, str] = {}
        for setting in self._visible(device):
            submitted = fields.read(setting, posted, device.saved[setting.id])
            if submitted is None or (setting.id == LOCAL_TIME and submitted == field_text(posted, _WAS)):
                continue
            for port in self._chosen(device, posted):
                values[setting.id if port is None else concrete_id(setting.table_id, port)] = submitted
        return values

    def _chosen(self, device: Device, posted: Fields) -> Sequence[int | None]:
        if self.port is None:
            return [None]
        everywhere = range(1, self._ports + 1)
        if _ALL_PORTS in posted:
            return everywhere[:-1] if device.has_defect("apply-to-all-skips-the-last-port") else everywhere
        ticked = [number for number in everywhere if f"P{number}" in posted]
        if ticked and device.has_defect("apply-to-chosen-changes-all"):
            return everywhere
        return ticked or [self.port]


def _switch(name: str) -> str:
    return "".join(
        f"{tag('INPUT', type='radio', name=name, value=value, checked=value == 'enable')}{shown} "
        for value, shown in (("enable", "Enable"), ("disable", "Disable"))
    )
