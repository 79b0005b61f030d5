"""What a page handler is given (`Visit`) and what it may raise; a page is a set of routes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web
from multidict import MultiMapping

from nportlab.guide import pages as guide
from nportlab.virtual.unit.firmware_upgrade import BUSY
from nportlab.virtual.unit.web import frame
from nportlab.virtual.unit.web.markup import error, heading, text
from nportlab.virtual.unit.web.sessions import Session
from nportlab.virtual.unit.web.texts import texts

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device, RestartKind
    from nportlab.virtual.unit.web.console import Console

MAX_UPLOAD = 1 << 20
"""Largest request body in bytes; a configuration file or certificate is far smaller. Invented."""

Fields = MultiMapping[str | bytearray | bytes | web.FileField]


@dataclass(frozen=True)
class Visit:
    """One request of somebody who is logged in."""

    console: Console
    request: web.Request
    session: Session

    @property
    def device(self) -> Device:
        """The unit."""
        return self.console.device

    def token(self, action: str) -> str:
        """A csrf token for a form that posts to action."""
        return self.session.tokens.issue(action)

    def page(self, title: str, body: str, *, problem: str | None = None, status: int = 200) -> web.Response:
        """A page with menu; problem is a refusal to show above the body."""
        shown = heading(title) + (error(problem) if problem else "") + body
        name = self.device.running["basic.server_name"]
        return html(frame.framed(texts()["title"], name, self.console.menu(self.session.user), shown), status)

    def restarting(self, title: str, kind: RestartKind = "warm") -> web.Response:
        """The last page before a restart, which begins with it; a refusal while firmware is upgraded."""
        if not self.device.request_restart(kind):
            return self.page(title, "", problem=BUSY)
        answer = self.page(title, f"<P>{text(texts()['restarting'])}\n")
        answer.force_close()
        return answer

    async def posted(self, action: str) -> Fields:
        """The form fields of this POST. Raises BadToken unless the form was made for this session and action."""
        fields = await self.request.post()
        if not self.session.tokens.good(str(fields.get("csrf_token", "")), action):
            raise BadToken
        return fields


class BadToken(Exception):
    """A form came without a csrf token of this session."""


Handler = Callable[[Visit], Awaitable[web.StreamResponse]]


class Page(ABC):
    """One entry of the menu. place: its row in the guide."""

    def __init__(self, place: guide.Page) -> None:
        self.place = place

    @property
    def url(self) -> str:
        """Where the page is."""
        return self.place.url

    @property
    def title(self) -> str:
        """The last step of its menu path."""
        return self.place.path.rsplit(" > ", 1)[-1]

    @abstractmethod
    def routes(self) -> Mapping[tuple[str, str], Handler]:
        """Handlers by method and URL; holds at least GET of the page's own."""


def html(body: str, status: int = 200) -> web.Response:
    """An HTML answer that no cache keeps."""
    return web.Response(
        text=body, status=status, content_type="text/html", charset="utf-8", headers={"Cache-Control": "no-store"}
    )


def field_text(fields: Fields, name: str) -> str | None:
    """The last value of a form field as text, None when the form did not hold it."""
    values = [value for value in fields.getall(name, []) if isinstance(value, str)]
    return values[-1] if values else None


def field_file(fields: Fields, name: str) -> bytes:
    """The content of an uploaded file, b"" when none was chosen."""
    uploaded = fields.get(name)
    return uploaded.file.read() if isinstance(uploaded, web.FileField) else b""
