"""What the web console offers besides settings: first account, restart, factory default, log, backup."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from nportlab.protocol.web_login import LoginEncodingError
from nportlab.unit import places
from nportlab.unit.answers import judge
from nportlab.unit.document import Field, Form
from nportlab.unit.errors import ConfigurationRefused, NotReachable, UnexpectedAnswer, ValueRefused
from nportlab.unit.flavour import is_first_boot_page
from nportlab.unit.flavour_1x import Flavour1x
from nportlab.unit.page import Page, fill, submission
from nportlab.unit.web_session import WebSession
from nportlab.verdicts.faults import ConfigFault

if TYPE_CHECKING:
    from nportlab.unit.console import WebConsole

_LOG_LINE = re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[[^\]]+\] .+")


def needs_first_boot(session: WebSession) -> bool:
    """Whether the unit shows its first boot page. Somebody who is logged in need not ask."""
    if session.alive():
        return False
    session.forget()
    return is_first_boot_page(session.client.get("/").document)


def first_boot(session: WebSession, username: str, password: str) -> str:
    """Create the first account on the first boot page."""
    session.forget()
    document = session.client.get("/").document
    if not is_first_boot_page(document):
        raise UnexpectedAnswer("the unit shows no first boot page: it has an account", resource="web console")
    form = next(form for form in document.forms if any(control.kind == "password" for control in form.fields))
    for control in form.fields:
        fill(control, username if control.kind == "text" else password)
    answer = session.client.post(form.action or "/", submission(form))
    said = judge(answer, document, form, [password])
    if session.account.username == username:
        session.account.accepted()
    return said


def change_password_1x(console: WebConsole, old: str, new: str) -> str:
    """Give the user that is logged in another password, on the page ChPassword of firmware 1.x; in force at once.

    Returns what the unit says. Raises ValueRefused, ConfigFault for a password no unit takes.
    """
    flavour = console.session.flavour
    if not isinstance(flavour, Flavour1x):
        raise UnexpectedAnswer("the unit has firmware 2.x; its accounts are on another page", resource="web console")

    def act() -> str:
        page = console.page(*places.paths("user_account"))
        form = _form_with(page, lambda control: control.kind == "password")
        try:
            fields = flavour.change_password(form, old, new)
        except LoginEncodingError as error:
            raise ConfigFault(f"the new password: {error}", "Correct the credentials in lab.yaml.") from None
        return judge(console.session.post(page.target(form), fields), page.document, form, [old, new])

    return console.session.retrying(act)


def overview(console: WebConsole) -> dict[str, str]:
    """Label and value of every row of the Overview page."""
    rows = console.page(*places.paths("overview")).document.rows
    pairs = [(row.cells[i].text, row.cells[i + 1].text) for row in rows for i in range(0, len(row.cells) - 1, 2)]
    return {label.rstrip(": "): value for label, value in pairs if label}


def restart(console: WebConsole) -> None:
    """Press Restart. A connection that breaks after the order was sent is what a restart looks like."""
    path = console.session.flavour.restart_path
    if path is not None:
        console.session.retrying(lambda: _order(lambda: console.session.get(path)))
    else:
        console.session.retrying(lambda: _restart_by_page(console))
    console.session.forget()


def _restart_by_page(console: WebConsole) -> None:
    page = console.page(*places.paths("restart"))
    form = _form_with(page, lambda _: True)
    _order(lambda: console.session.post(page.target(form), submission(form)))


def load_factory_default(console: WebConsole, keep_ip: bool) -> None:
    """Tick or clear "Keep IP settings" and submit."""

    def act() -> None:
        page = console.page(*places.paths("load_factory_default"))
        form = _form_with(page, lambda control: control.kind in ("checkbox", "radio"))
        for control in form.fields:
            if "keep" in f"{control.label} {control.own}".casefold():
                fill(control, "Enable" if keep_ip else "Disable")
        _order(lambda: console.session.post(page.target(form), submission(form)))

    console.session.retrying(act)
    console.session.forget()


def system_log(console: WebConsole) -> list[str]:
    """Every line of the log page that looks like a log line."""
    document = console.page(*places.paths("system_log")).document
    texts = [line for form in document.forms for control in form.fields for line in control.value.splitlines()]
    lines = (line.strip() for line in [*document.lines, *texts])
    return [line for line in lines if _LOG_LINE.fullmatch(line)]


def clear_system_log(console: WebConsole) -> None:
    """Press the button that clears the log."""

    def act() -> None:
        page = console.page(*places.paths("system_log"))
        for form in page.document.forms:
            for button in form.buttons:
                if "clear" in button.text.casefold():
                    for control in form.fields:
                        fill(control, "Enable")
                    console.session.post(page.target(form), submission(form, button.text))
                    return
        raise UnexpectedAnswer("the system log page has no button to clear it", resource="web console")

    console.session.retrying(act)


def export_configuration(console: WebConsole, pre_shared_key: str | None) -> bytes:
    """The bytes of the exported file."""
    session = console.session
    answer = session.retrying(lambda: session.checked(session.flavour.export(session.client, pre_shared_key)))
    if answer.status != 200 or answer.body.lstrip()[:1] == b"<":
        raise UnexpectedAnswer(f"the export answered with a page (status {answer.status})", resource="web console")
    return answer.body


def import_configuration(console: WebConsole, data: bytes, pre_shared_key: str | None) -> str:
    """Choose the file, fill in the pre-shared key where the page asks for one, submit."""

    def act() -> str:
        page = console.page(*places.paths("backup_restore"))
        form = _form_with(page, lambda control: control.kind == "file")
        return upload(console, page, form, "Config.txt", data, pre_shared_key)

    try:
        return console.session.retrying(act)
    except ValueRefused as error:
        refused = ConfigurationRefused(f"the unit refused the configuration file: {error.said}", resource="web console")
        refused.said = error.said
        raise refused from None


def upload(console: WebConsole, page: Page, form: Form, name: str, data: bytes, key: str | None = None) -> str:
    """Submit a form with a file in its file field; a password field of the form takes the key."""
    file_field = next(control for control in form.fields if control.kind == "file")
    for control in form.fields:
        if control.kind == "password" and key is not None:
            fill(control, key)
    return console.submit_form(page, form, {file_field.name: (name, data)}).said


def _form_with(page: Page, fits: Callable[[Field], bool]) -> Form:
    """The form that has such a field; when none has, the first that has a button."""
    for form in page.document.forms:
        if any(fits(control) for control in form.fields):
            return form
    for form in page.document.forms:
        if form.buttons:
            return form
    raise UnexpectedAnswer(f"page {' > '.join(page.path)} has no form to submit", resource="web console")


def _order(send: Callable[[], object]) -> None:
    with suppress(NotReachable):
        send()
