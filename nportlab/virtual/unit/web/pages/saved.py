"""The page after a successful Submit: saved, not active yet, with the Restart button."""

from __future__ import annotations

from aiohttp import web

from nportlab.guide.pages import pages
from nportlab.virtual.unit.web.markup import button, form, text
from nportlab.virtual.unit.web.texts import texts
from nportlab.virtual.unit.web.visit import Visit


def saved(visit: Visit, title: str, *first: str) -> web.Response:
    """Say that the changes are stored and offer the restart. first: sentences before that."""
    words = texts()
    if visit.device.has_defect("saved-page-offers-no-restart"):
        return visit.page(title, "".join(f"<P>{text(sentence)}\n" for sentence in [*first, words["saved"]]))
    sentences = [*first, words["saved"], words["saved_restart"], words["saved_more"]]
    body = "".join(f"<P>{text(sentence)}\n" for sentence in sentences)
    restart = pages()["restart"].url
    return visit.page(title, body + form(restart, visit.token(restart), button("Restart", "Restart")))
