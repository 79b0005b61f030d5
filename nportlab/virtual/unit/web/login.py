"""Before the menu: first boot, login with its challenge, login history; and logout (nport-facts 3.2, 3.3)."""

from __future__ import annotations

import functools
from pathlib import Path

from aiohttp import web

from nportlab.guide.pages import pages
from nportlab.protocol.web_login import LoginEncodingError, decode_2x
from nportlab.virtual.unit.accounts import AccountRefused
from nportlab.virtual.unit.authentication import LoginResult
from nportlab.virtual.unit.web.console import Console
from nportlab.virtual.unit.web.frame import document
from nportlab.virtual.unit.web.markup import button, error, form, heading, hidden, link, row, tag, text
from nportlab.virtual.unit.web.sessions import Session
from nportlab.virtual.unit.web.texts import texts
from nportlab.virtual.unit.web.visit import field_text, html

FIRST_BOOT = "/FirstBoot.htm"
HISTORY = "/WebLogClr"


@functools.cache
def _script() -> str:
    return Path(__file__).with_name("login.js").read_text("utf-8")


def login_page(console: Console, problem: str | None = None) -> web.Response:
    """The login form with a fresh challenge; the notification message stands above it for everybody to read."""
    words = texts()
    message = console.device.running.get("message.login", "") or ""
    rows = row("Username :", tag("INPUT", type="text", name="Username", maxlength=16)) + row(
        "Password :", tag("INPUT", type="password", name="Password", maxlength=16)
    )
    opening = tag("FORM", name="login", method="post", action="/", onsubmit="return encodeLogin(this)")
    body = (
        (f"<P>{text(message)}\n" if message and not console.device.has_defect("login-message-missing") else "")
        + (error(problem) if problem else "")
        + opening
        + hidden("FakeChallenge", console.challenges.issue())
        + hidden("EncUser", "")
        + hidden("EncPasswd", "")
        + f"\n<TABLE border=0>\n{rows}</table>\n{button('Login')}\n</FORM>\n"
    )
    return html(document(words["title"], body, head=f"<SCRIPT>\n{_script()}</script>\n"))


async def login(console: Console, request: web.Request) -> web.Response:
    """One login attempt: the session cookie and the way on, or the login page with the reason."""
    fields = await request.post()
    challenge = field_text(fields, "FakeChallenge") or ""
    if not challenge:
        return login_page(console)
    source = request.remote or ""
    if not console.challenges.take(challenge):
        return login_page(console, texts()["login_failed"])
    try:
        user = decode_2x(field_text(fields, "EncUser") or "", challenge)
        password = decode_2x(field_text(fields, "EncPasswd") or "", challenge)
    except LoginEncodingError:
        return login_page(console, texts()["login_failed"])
    result = await console.device.authenticate(user, password, "web", source)
    moment = f"{console.device.clock.now():%Y/%m/%d %H:%M:%S}"
    if not result.ok:
        console.history.add(user, f"{moment} {source} Fail")
        return login_page(console, _refusal(result))
    session = console.sessions.open(user, source)
    if session is None:
        return login_page(console, texts()["too_many_users"])
    session.history_pending = bool(console.history.of(user))
    answer = history_page(console, session) if session.history_pending else found(pages()["overview"].url)
    console.history.add(user, f"{moment} {source} Success")
    answer.set_cookie(texts()["cookie_2"], session.identifier, path="/", secure=True, httponly=True)
    return answer


def _refusal(result: LoginResult) -> str:
    """The notification message if one is set, else the unit's own words; a lock is always named."""
    locked = texts()["locked"] if result.locked else ""
    return " ".join(part for part in (locked, result.message) if part) or texts()["login_failed"]


def history_page(console: Console, session: Session) -> web.Response:
    """Earlier logins of this account, with the two ways on: keep them or clear them."""
    lines = "".join(f"<LI>{text(line)}\n" for line in console.history.of(session.user))
    body = (
        heading(texts()["history_title"])
        + f"<UL>\n{lines}</UL>\n{link(HISTORY + '?op=0', 'Continue')} {link(HISTORY + '?op=1', 'Clear and continue')}\n"
    )
    return html(document(texts()["title"], body))


def leave_history(console: Console, session: Session, request: web.Request) -> web.Response:
    """GET /WebLogClr: op=0 goes on, op=1 also forgets the history."""
    session.history_pending = False
    if request.query.get("op") == "1":
        console.history.clear(session.user)
    return found(pages()["overview"].url)


def logout(console: Console, session: Session) -> web.Response:
    """End the session and go back to the login page."""
    console.sessions.close(session)
    answer = found("/")
    answer.del_cookie(texts()["cookie_2"], path="/")
    return answer


def first_boot_page(console: Console, problem: str | None = None) -> web.Response:
    """The form that creates the first account."""
    words = texts()
    limit = {"type": "password", "maxlength": 16}
    rows = (
        row("Username :", tag("INPUT", type="text", name="NewUser", maxlength=16), "")
        + row("New Password :", tag("INPUT", name="NewPasswd", **limit), text(words["first_boot_hint"]))
        + row("Confirm Password :", tag("INPUT", name="ConfPasswd", **limit), text(words["first_boot_hint"]))
    )
    body = f"<TABLE border=0>\n{rows}</table>\n{button('Submit')}\n"
    shown = heading(words["first_boot_title"]) + (error(problem) if problem else "")
    return html(document(words["title"], shown + form(FIRST_BOOT, console.first_boot.issue(FIRST_BOOT), body)))


async def first_boot(console: Console, request: web.Request) -> web.Response:
    """Create the first account, then the login page."""
    fields = await request.post()
    if not console.first_boot.good(field_text(fields, "csrf_token") or "", FIRST_BOOT):
        return first_boot_page(console, texts()["bad_token"])
    user, password = field_text(fields, "NewUser") or "", field_text(fields, "NewPasswd") or ""
    if password != field_text(fields, "ConfPasswd"):
        return first_boot_page(console, texts()["password_mismatch"])
    device = console.device
    try:
        device.accounts.create_first(user, password, device.clock.utc().isoformat(timespec="seconds"))
    except AccountRefused as refused:
        return first_boot_page(console, str(refused))
    device.log.add("Config", "Password Changed", user)
    return found("/")


def found(url: str) -> web.Response:
    """A redirect within the console."""
    return web.Response(status=302, headers={"Location": url, "Cache-Control": "no-store"})
