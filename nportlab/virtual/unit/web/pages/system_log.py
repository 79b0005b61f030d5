"""System Monitoring > System Log: the lines with Select all, Clear log and Refresh (guide 3.5)."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from nportlab.guide.pages import pages
from nportlab.virtual.unit.web.markup import button, form, tag, text
from nportlab.virtual.unit.web.visit import Handler, Page, Visit


class SystemLogPage(Page):
    """Shows and clears the local log."""

    def __init__(self) -> None:
        super().__init__(pages()["system_log"])

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        """The page and its Clear button."""
        return {("GET", self.url): self._show, ("POST", self.url): self._clear}

    async def _show(self, visit: Visit) -> web.Response:
        lines = "\n".join(text(line) for line in visit.device.log.lines())
        area = f"{tag('TEXTAREA', rows=24, cols=80, readonly=True)}\n{lines}</textarea><BR>\n"
        select = tag(
            "INPUT", type="button", value="Select all", onclick="document.getElementsByTagName('TEXTAREA')[0].select()"
        )
        refresh = tag("INPUT", type="button", value="Refresh", onclick=f"location.href='{self.url}'")
        body = f"{area}{select}\n{button('Clear log', 'Clear')}\n{refresh}\n"
        return visit.page(self.title, form(self.url, visit.token(self.url), body))

    async def _clear(self, visit: Visit) -> web.Response:
        await visit.posted(self.url)
        visit.device.log.clear()
        visit.device.log.add("Config", "Clear Log", visit.session.user)
        return await self._show(visit)
