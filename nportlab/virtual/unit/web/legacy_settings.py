"""Settings pages of firmware 1.x: their forms go by GET to Set.htm, `setfunc` names the page (nport-facts 3.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from aiohttp import web

from nportlab.guide.pages import Page as Place
from nportlab.guide.pages import pages
from nportlab.guide.settings import Setting
from nportlab.virtual.unit.device import Device, ValueRefused
from nportlab.virtual.unit.web import apply_to, fields
from nportlab.virtual.unit.web.markup import button, hidden, link, row, tag, text
from nportlab.virtual.unit.web.texts import texts
from nportlab.virtual.unit.web.visit import Handler, Page, Visit

SET: Final = "/Set.htm"


class LegacySettingsPage(Page):
    """A settings page; its form goes by GET to Set.htm, where `setfunc` tells which page it was."""

    def __init__(self, place: Place, settings: Sequence[Setting], pages: Mapping[str, LegacySettingsPage]) -> None:
        """pages: every page by its `setfunc`."""
        super().__init__(place)
        self.port = settings[0].port
        self.function = texts().legacy_functions.get(place.id, self.title) + (f" {self.port}" if self.port else "")
        self._settings = settings
        self._pages = pages

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        """Its own page; the network page is at Set.htm itself."""
        return {("GET", self.url): self._set if self.url == SET else self.show}

    async def _set(self, visit: Visit) -> web.Response:
        function = visit.request.query.get("setfunc")
        if function is None:
            return await self.show(visit)
        page = self._pages.get(function)
        return await page.submit(visit) if page else visit.page(function, "", problem=texts()["not_found"], status=404)

    async def show(self, visit: Visit, problem: str | None = None) -> web.Response:
        """The form."""
        rows = "".join(
            row(text(setting.label), _draw(visit.device, setting), text(fields.hint(setting)))
            for setting in self._settings
        )
        targets = apply_to.targets(self.port, visit.device.model.serial_ports)
        opening = tag("FORM", method="get", action=SET) + hidden("setfunc", self.function)
        body = f"{opening}\n<TABLE border=0>\n{rows}{targets}</table>\n{button('Submit')}\n</FORM>\n"
        return visit.page(self.title, body, problem=problem)

    async def submit(self, visit: Visit) -> web.Response:
        """Take over the query's fields; fields that are missing stay as they are."""
        values: dict[str, str] = {}
        ports = apply_to.chosen(visit.device, self.port, visit.request.query)
        for setting in self._settings:
            submitted = _read(visit, setting)
            if submitted is not None:
                targets = apply_to.copied(setting, ports)
                values |= {target: submitted for target in targets if submitted != visit.device.current(target)}
        try:
            visit.device.submit(values, visit.session.user)
        except ValueRefused as refused:
            return await self.show(visit, refused.message)
        words = texts()
        restart = link(pages()["restart"].url, "Save/Restart")
        return visit.page(self.title, f"<P>{text(words['saved'])}\n<P>{text(words['saved_restart'])}\n<P>{restart}\n")


def _draw(device: Device, setting: Setting) -> str:
    field = texts().legacy_fields.get(setting.id)
    value = device.current(setting.id)
    codes = setting.configuration.codes if field and setting.configuration and setting.choices else {}
    if codes:
        choices = {codes[key]: shown for key, shown in setting.choices.items()}
        setting, value = setting.model_copy(update={"choices": choices}), codes[value]
    return fields.draw(setting, value, field)


def _read(visit: Visit, setting: Setting) -> str | None:
    field = texts().legacy_fields.get(setting.id)
    submitted = fields.read(setting, visit.request.query, visit.device.current(setting.id), field)
    codes = setting.configuration.codes if field and setting.configuration else {}
    return next((value for value, code in codes.items() if code == submitted), submitted)
