"""Restart and Load Factory Default."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from nportlab.guide.pages import pages
from nportlab.virtual.unit.web.markup import button, form, row, tag, text
from nportlab.virtual.unit.web.texts import texts
from nportlab.virtual.unit.web.visit import Handler, Page, Visit

_KEEP = "KeepIP"


class RestartPage(Page):
    """Asks, then restarts the unit."""

    def __init__(self) -> None:
        super().__init__(pages()["restart"])

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        """The question and its answer."""
        return {("GET", self.url): self._show, ("POST", self.url): self._submit}

    async def _show(self, visit: Visit) -> web.Response:
        question = f"<P>{text(texts()['restart_question'])}\n"
        return visit.page(self.title, question + form(self.url, visit.token(self.url), button("Restart", "Restart")))

    async def _submit(self, visit: Visit) -> web.Response:
        await visit.posted(self.url)
        return visit.restarting(self.title)


class FactoryDefaultPage(Page):
    """Loads the factory values, keeping the IP settings when ticked (ticked from the start)."""

    def __init__(self) -> None:
        super().__init__(pages()["load_factory_default"])

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        """The question and its answer."""
        return {("GET", self.url): self._show, ("POST", self.url): self._submit}

    async def _show(self, visit: Visit) -> web.Response:
        words = texts()
        keep = tag("INPUT", type="checkbox", name=_KEEP, value="1", checked=True) + text(words["keep_ip"])
        body = f"<P>{text(words['factory_question'])}\n<TABLE>\n{row(keep)}</table>\n{button('Submit')}\n"
        return visit.page(self.title, form(self.url, visit.token(self.url), body))

    async def _submit(self, visit: Visit) -> web.Response:
        keep = _KEEP in await visit.posted(self.url)
        return visit.restarting(self.title, "factory-keep-ip" if keep else "factory")
