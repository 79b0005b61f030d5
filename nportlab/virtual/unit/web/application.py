"""The web console of firmware 2.x as an aiohttp application: the way every request takes to its page."""

from __future__ import annotations

from aiohttp import web

from nportlab.guide.pages import pages
from nportlab.virtual.unit.device import Device
from nportlab.virtual.unit.web import login
from nportlab.virtual.unit.web.console import Console
from nportlab.virtual.unit.web.frame import document
from nportlab.virtual.unit.web.markup import error, text
from nportlab.virtual.unit.web.pages.certificate_page import EXPORT, exported
from nportlab.virtual.unit.web.permissions import Access, access
from nportlab.virtual.unit.web.texts import texts
from nportlab.virtual.unit.web.visit import MAX_UPLOAD, BadToken, Visit, html


def application(console: Console) -> web.Application:
    """The application of port 443."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return await answer(console, request)

    app = web.Application(client_max_size=MAX_UPLOAD)
    app.router.add_route("*", "/{rest:.*}", handle)
    app.on_response_prepare.append(name_server)
    return app


async def answer(console: Console, request: web.Request) -> web.StreamResponse:
    """Host check, first boot, login, login history, then the page."""
    device = console.device
    if not host_accepted(device, request):
        return host_refused()
    try:
        if not device.accounts.exists() and not device.has_defect("first-boot-skipped"):
            return await _first_boot(console, request)
        session = console.sessions.find(request.cookies.get(texts()["cookie_2"]))
        if session is None:
            return await _stranger(console, request)
        return await _visit(Visit(console, request, session))
    except web.HTTPRequestEntityTooLarge:
        return html(document(texts()["title"], error(texts()["file_too_large"])), 413)


def host_accepted(device: Device, request: web.Request) -> bool:
    """Whether the Host header names this unit, or is not looked at."""
    looked_at = device.running["console.reject_unknown_host"] == "enable"
    if device.has_defect("host-header-ignored" if looked_at else "foreign-host-always-rejected"):
        looked_at = not looked_at
    return not looked_at or device.knows_host(request.headers.get("Host", ""))


def host_refused() -> web.Response:
    """The answer to a request for somebody else."""
    return html(f"<HTML><BODY>{text(texts()['host_refused'])}</BODY></HTML>\n", 400)


async def _first_boot(console: Console, request: web.Request) -> web.StreamResponse:
    if request.path != login.FIRST_BOOT:
        return login.found(login.FIRST_BOOT)
    return await login.first_boot(console, request) if request.method == "POST" else login.first_boot_page(console)


async def _stranger(console: Console, request: web.Request) -> web.StreamResponse:
    if request.method == "POST" and request.path == "/":
        return await login.login(console, request)
    if request.path == EXPORT and console.device.has_defect("certificate-export-without-login"):
        return exported(console.device)
    return login.login_page(console)


async def _visit(visit: Visit) -> web.StreamResponse:
    console, request, session = visit.console, visit.request, visit.session
    if request.path == pages()["logout"].url:
        return login.logout(console, session)
    if request.path == login.HISTORY:
        return login.leave_history(console, session, request)
    if session.history_pending:
        return login.history_page(console, session)
    if request.path == "/":
        return login.found(pages()["overview"].url)
    method = "GET" if request.method == "HEAD" else request.method
    found = console.route(method, request.path)
    if found is None:
        return visit.page(texts()["not_found"], "", status=404)
    page, handler = found
    needed = Access.WRITE if method == "POST" else Access.READ
    if access(console.device, session.user, page.place) < needed:
        return visit.page(page.title, "", problem=texts()["no_permission"], status=403)
    try:
        return await handler(visit)
    except BadToken:
        return visit.page(page.title, "", problem=texts()["bad_token"], status=403)


async def name_server(request: web.Request, response: web.StreamResponse) -> None:
    """Give the answer the Server header of the unit instead of the library's."""
    response.headers["Server"] = texts()["server_2"]
