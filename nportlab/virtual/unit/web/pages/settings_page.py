"""A page of settings, made from the rows of the guide that name it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aiohttp import web

from nportlab.guide import pages as guide
from nportlab.guide.settings import Setting
from nportlab.virtual.unit.device import LOCAL_TIME, Device, ValueRefused
from nportlab.virtual.unit.web import apply_to, fields, layout
from nportlab.virtual.unit.web.activation import activate
from nportlab.virtual.unit.web.markup import button, form, hidden, row, tag
from nportlab.virtual.unit.web.pages.saved import saved
from nportlab.virtual.unit.web.visit import Fields, Handler, Page, Visit, field_text

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
        body += apply_to.targets(self.port, self._ports)
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
        ports = apply_to.chosen(device, self.port, posted)
        for setting in self._visible(device):
            submitted = fields.read(setting, posted, device.saved[setting.id])
            if submitted is None or (setting.id == LOCAL_TIME and submitted == field_text(posted, _WAS)):
                continue
            for target in apply_to.copied(setting, ports):
                values[target] = submitted
        return values


def _switch(name: str) -> str:
    return "".join(
        f"{tag('INPUT', type='radio', name=name, value=value, checked=value == 'enable')}{shown} "
        for value, shown in (("enable", "Enable"), ("disable", "Disable"))
    )
