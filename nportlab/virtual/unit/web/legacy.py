"""The web console of firmware 1.x: MD5Password login, cookie ChallID, frames, one session (nport-facts 3.1)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from aiohttp import web

from nportlab.guide.pages import pages
from nportlab.protocol.web_login import LoginEncodingError, decode_1x
from nportlab.virtual.unit.boot import FIRMWARE_1_ACCOUNT
from nportlab.virtual.unit.device import Device
from nportlab.virtual.unit.web.application import host_accepted, host_refused
from nportlab.virtual.unit.web.console import Console
from nportlab.virtual.unit.web.frame import document, menu
from nportlab.virtual.unit.web.legacy_pages import legacy_pages, script
from nportlab.virtual.unit.web.markup import button, error, heading, hidden, row, tag, text
from nportlab.virtual.unit.web.permissions import Access, access
from nportlab.virtual.unit.web.texts import texts
from nportlab.virtual.unit.web.visit import MAX_UPLOAD, BadToken, Visit, field_text, html

_MENU = "/menu.htm"


def legacy_application(device: Device) -> web.Application:
    """The application of ports 80 and 443."""
    console = _Legacy(Console(device, legacy_pages, most_sessions=1))

    async def handle(request: web.Request) -> web.StreamResponse:
        if not host_accepted(device, request):
            return host_refused()
        try:
            return await console.answer(request)
        except web.HTTPRequestEntityTooLarge:
            return html(error(texts()["file_too_large"]), 413)

    app = web.Application(client_max_size=MAX_UPLOAD)
    app.router.add_route("*", "/{rest:.*}", handle)
    app.on_response_prepare.append(_name_server)
    return app


async def _name_server(request: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = texts()["server_1"]


@dataclass(frozen=True)
class LegacyVisit(Visit):
    """A visit whose pages are shown in a frame, without the menu."""

    def page(self, title: str, body: str, *, problem: str | None = None, status: int = 200) -> web.Response:
        """A page for the main frame."""
        return html(document(title, heading(title) + (error(problem) if problem else "") + body), status)


@dataclass
class _Legacy:
    """The way every request takes."""

    console: Console

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Login, frames, pages."""
        console = self.console
        session = console.sessions.find(request.cookies.get(texts()["cookie_1"]))
        if session is None:
            login = request.method == "POST" and request.path == "/"
            return await self._login(request) if login else self._login_page()
        if request.path == pages()["logout"].url:
            console.sessions.close(session)
            return web.Response(status=307, headers={"Location": "/"})
        if request.path == "/":
            return _frames()
        if request.path == _MENU:
            return html(f"<HTML><BODY>{menu(console.menu(session.user))}</BODY></HTML>\n")
        found = console.route("GET" if request.method == "HEAD" else request.method, request.path)
        if found is None:
            return html(f"<HTML><BODY>{text(texts()['not_found'])}</BODY></HTML>\n", 404)
        page, handler = found
        writes = request.method == "POST" or bool(request.query_string)  # its settings are submitted with GET
        if access(console.device, session.user, page.place) < (Access.WRITE if writes else Access.READ):
            return html(document(page.title, error(texts()["no_permission"])), 403)
        try:
            answer = await handler(LegacyVisit(console, request, session))
        except BadToken:
            return html(error(texts()["bad_token"]), 403)
        if request.path == pages()["overview"].url and isinstance(answer, web.Response):
            self._remind(answer)
        return answer

    def _remind(self, answer: web.Response) -> None:
        """The pop-up that asks for another password while the default one is in use (guide line 61)."""
        device = self.console.device
        due = device.accounts.verify(*FIRMWARE_1_ACCOUNT)
        if device.has_defect("no-reminder-of-default-password"):
            due = False
        if device.has_defect("reminder-of-default-password-stays"):
            due = True
        if due and answer.text is not None:
            answer.text += f"<SCRIPT>alert('{texts()['reminder_1']}')</script>\n"

    def _login_page(self, problem: str | None = None) -> web.Response:
        rows = row("Username :", tag("INPUT", type="text", name="Username", maxlength=16)) + row(
            "Password :", tag("INPUT", type="password", name="Password", maxlength=16)
        )
        body = (
            (error(problem) if problem else "")
            + tag("FORM", name="login", method="post", action="/", onsubmit="return encodeLogin(this)")
            + hidden("MD5Password", "")
            + hidden("FakeChallenge", self.console.challenges.issue())
            + f"\n<TABLE border=0>\n{rows}</table>\n{button('Login')}\n</FORM>\n"
        )
        return html(document(texts()["title"], body, head=f"<SCRIPT>\n{script()}</script>\n"))

    async def _login(self, request: web.Request) -> web.StreamResponse:
        """One attempt; a missing user name means the administrator, as old firmware asks for a password only."""
        fields = await request.post()
        challenge = field_text(fields, "FakeChallenge") or ""
        if not self.console.challenges.take(challenge):
            return self._login_page()
        try:
            password = decode_1x(field_text(fields, "MD5Password") or "", challenge)
        except LoginEncodingError:
            return self._login_page(texts()["login_failed"])
        user = field_text(fields, "Username") or FIRMWARE_1_ACCOUNT[0]
        if self.console.device.has_defect("default-account-any-case"):
            folded = (user.lower(), password.lower())
            user, password = FIRMWARE_1_ACCOUNT if folded == FIRMWARE_1_ACCOUNT else (user, password)
        source = request.remote or ""
        result = await self.console.device.authenticate(user, password, "web", source)
        if not result.ok:
            return self._login_page(result.message or texts()["login_failed"])
        session = self.console.sessions.open(user, source)
        if session is None:
            return html(f"<HTML><BODY>{text(texts()['already_login'])}</BODY></HTML>\n")
        session.password_md5 = hashlib.md5(password.encode("latin-1"), usedforsecurity=False).hexdigest()
        answer = _frames()
        answer.set_cookie(texts()["cookie_1"], session.identifier, path="/")
        return answer


def _frames() -> web.Response:
    main = pages()["overview"].url.lstrip("/")
    return html(
        f"<HTML><HEAD><TITLE>{text(texts()['title'])}</TITLE></HEAD>\n<FRAMESET cols=240,*>\n"
        f"<FRAME name=menu src={_MENU.lstrip('/')}>\n<FRAME name=main src={main}>\n</FRAMESET></HTML>\n"
    )
