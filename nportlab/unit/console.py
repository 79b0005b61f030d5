"""The web console of a unit: pages by menu path, fields by visible label, settings by id."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from nportlab.guide.settings import Setting, settings_table
from nportlab.unit import maintenance, web_settings
from nportlab.unit.answers import judge
from nportlab.unit.document import Document, Form
from nportlab.unit.errors import FieldNotFound, PageNotFound, UnexpectedAnswer
from nportlab.unit.menu import MenuEntry, find
from nportlab.unit.page import Page, fill, submission
from nportlab.unit.web_session import Files, WebSession

_ROUNDS = 4


@dataclass(frozen=True)
class Saved:
    """A form the unit took: the page it was on and what the unit said."""

    page: str
    said: str


class WebConsole:
    """What a person does in a browser, with typed errors instead of surprises."""

    def __init__(self, session: WebSession, on_saved: Callable[[], None] | None = None) -> None:
        """session: need not be logged in; the first page asked for logs in. on_saved: called when a form was taken."""
        self.session = session
        self._on_saved = on_saved

    # ---- session

    def login(self) -> None:
        """Log in; see WebSession.login for what it raises."""
        self.session.login()

    def logout(self) -> None:
        """Log out and forget the session."""
        self.session.logout()

    def alive(self) -> bool:
        """Whether the unit still knows this login; never logs in again."""
        return self.session.alive()

    def needs_first_boot(self) -> bool:
        """Whether the unit has no account yet."""
        return maintenance.needs_first_boot(self.session)

    def first_boot(self, username: str, password: str) -> str:
        """Create the first account; returns what the unit says. Raises UnexpectedAnswer, ValueRefused."""
        return maintenance.first_boot(self.session, username, password)

    def change_password_1x(self, old: str, new: str) -> str:
        """Firmware 1.x: give the logged-in user another password, at once. Raises ValueRefused, UnexpectedAnswer."""
        return maintenance.change_password_1x(self, old, new)

    # ---- pages

    def menu(self) -> list[MenuEntry]:
        """Every page of the menu with its path."""
        return self.session.menu()

    def page(self, *paths: str) -> Page:
        """Open a page by menu path; further arguments are other paths the guide uses for it.

        The path that was found is in `Page.path`. Raises PageNotFound with the nearest paths.
        """
        entry = find(self.menu(), paths)
        return Page(entry.path, entry.url, self._open(entry.url))

    def read(self, *paths: str) -> dict[str, str]:
        """Labels and visible values of a page's fields."""
        return self.page(*paths).read()

    def set(self, path: str | Iterable[str], values: Mapping[str, str]) -> Saved:
        """Fill fields of a page by label and submit it; saved, not yet active.

        path: menu path, or several the guide uses. values: label -> visible value.
        Raises PageNotFound, FieldNotFound, ChoiceNotFound, ValueRefused.
        """
        paths = (path,) if isinstance(path, str) else tuple(path)
        return self.session.retrying(lambda: self._set(paths, dict(values)))

    def submit_form(self, page: Page, form: Form, files: Files | None = None, button: str | None = None) -> Saved:
        """Press a form's button. button: text of the one to press when there are several. Raises ValueRefused."""
        secrets = [control.value for control in form.fields if control.kind == "password"]
        target, fields = page.target(form), submission(form, button)
        if form.method == "get":  # firmware 1.x
            answer = self.session.checked(self.session.client.get(f"{target}?{urlencode(fields)}"))
        else:
            answer = self.session.post(target, fields, files)
        saved = Saved(" > ".join(page.path), judge(answer, page.document, form, secrets))
        if self._on_saved is not None:
            self._on_saved()
        return saved

    def _open(self, url: str) -> Document:
        answer = self.session.get(url)
        if answer.status == 404:
            raise PageNotFound(f"the menu leads to {url}, but the unit has no such page", resource="web console")
        if answer.status >= 400:
            raise UnexpectedAnswer(f"{url} answered with status {answer.status}", resource="web console")
        return answer.document

    def _set(self, paths: tuple[str, ...], wanted: dict[str, str]) -> Saved:
        """Some fields only appear once another one is saved (Application, then TCP port): go on while that helps."""
        said: list[str] = []
        while True:
            page = self.page(*paths)
            missing: list[FieldNotFound] = []
            form = _fill(page, wanted, missing)
            if form is None or len(said) == _ROUNDS:
                raise missing[0]
            saved = self.submit_form(page, form)
            said.append(saved.said)
            if not wanted:
                return Saved(saved.page, " ".join(dict.fromkeys(said)))

    # ---- settings of the guide

    def get_setting(self, setting_id: str) -> str:
        """The canonical value of one setting, as the unit has it stored."""
        return self.get_settings([setting_id])[setting_id]

    def get_settings(self, ids: Iterable[str]) -> dict[str, str]:
        """Canonical values by id, opening each page once. A stored secret reads as it is shown, masked."""
        values: dict[str, str] = {}
        for paths, settings in _by_page(ids).items():
            page = self.page(*paths)
            values |= {setting.id: web_settings.canonical(setting, page.find(setting.label)[1]) for setting in settings}
        return values

    def submit(self, values: Mapping[str, str]) -> list[Saved]:
        """Store settings by id, one form per page; active after a restart unless the setting says otherwise."""
        return [
            self.set(paths, {setting.label: web_settings.shown(setting, values[setting.id]) for setting in settings})
            for paths, settings in _by_page(values).items()
        ]

    # ---- the unit itself

    def overview(self) -> dict[str, str]:
        """The table of the Overview page: model name, serial number, firmware version, addresses."""
        return maintenance.overview(self)

    def restart(self) -> None:
        """Ask for a restart; returns when the unit took the order, not when it is back."""
        maintenance.restart(self)

    def load_factory_default(self, keep_ip: bool = True) -> None:
        """Ask for factory settings; the unit restarts by itself. keep_ip: keep address, mask and gateway."""
        maintenance.load_factory_default(self, keep_ip)

    def system_log(self) -> list[str]:
        """The lines of the system log, oldest first as shown: `YYYY/MM/DD hh:mm:ss [Group] Event`."""
        return maintenance.system_log(self)

    def clear_system_log(self) -> None:
        """Empty the system log."""
        maintenance.clear_system_log(self)

    def export_configuration(self, pre_shared_key: str | None = None) -> bytes:
        """The exported configuration file as the unit sends it (encrypted from firmware 2.x on)."""
        return maintenance.export_configuration(self, pre_shared_key)

    def import_configuration(self, data: bytes, pre_shared_key: str | None = None) -> str:
        """Send a configuration file; returns what the unit says. Raises ConfigurationRefused."""
        return maintenance.import_configuration(self, data, pre_shared_key)


def _by_page(ids: Iterable[str]) -> dict[tuple[str, ...], list[Setting]]:
    pages: dict[tuple[str, ...], list[Setting]] = {}
    for setting_id in ids:
        setting = settings_table()[setting_id]
        pages.setdefault(setting.page, []).append(setting)
    return pages


def _fill(page: Page, wanted: dict[str, str], missing: list[FieldNotFound]) -> Form | None:
    """Fill what one form of the page has, taking it out of `wanted`; None when nothing could be filled."""
    chosen: Form | None = None
    for label, value in list(wanted.items()):
        try:
            form, control = page.find(label)
        except FieldNotFound as error:
            missing.append(error)
            continue
        if chosen is None or form is chosen:
            chosen = form
            fill(control, value)
            del wanted[label]
    return chosen
