"""The text console behind Telnet and SSH: the web console's pages as numbered menus.

Every text comes from guide/text_console.yaml; pages, fields, choices and ranges come from guide/settings.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nportlab.guide.settings import Setting, settings_table
from nportlab.guide.text_console import text_console
from nportlab.virtual.unit.device import ValueRefused
from nportlab.virtual.unit.firmware_upgrade import BUSY
from nportlab.virtual.unit.services.planted import planted
from nportlab.virtual.unit.services.terminal import Disconnected, LineTerminal
from nportlab.virtual.waiting import within

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device

SEPARATOR = " > "


@dataclass
class Page:
    """One menu: what lies below it, and the fields on it. path: empty for the main menu."""

    path: str = ""
    pages: dict[str, Page] = field(default_factory=dict)
    fields: list[str] = field(default_factory=list)

    def at(self, path: str) -> Page:
        """The page at a menu path below this one; made when it is not there yet."""
        name, _, rest = path.partition(SEPARATOR)
        page = self.pages.setdefault(name, Page(f"{self.path}{SEPARATOR}{name}" if self.path else name))
        return page.at(rest) if rest else page


def main_menu(device: Device) -> Page:
    """The menu tree of this model and firmware."""
    root = Page()
    for setting_id, setting in settings_table().for_model(device.model, device.firmware):
        root.at(setting.page[0]).fields.append(setting_id)
    return root


def idle_seconds(device: Device) -> float | None:
    """Real seconds of silence after which a session is ended; None for never."""
    if device.has_defect("ssh-never-logs-out"):
        return None
    return device.clock.minutes(device.running.number("console.auto_logout"))


class TextConsole:
    """One logged-in session. `by` names user and console in the log, such as "admin via ssh"."""

    def __init__(self, device: Device, terminal: LineTerminal, by: str) -> None:
        self._device = device
        self._terminal = terminal
        self._by = by
        self._texts = text_console()
        self._table = settings_table()
        self._main = main_menu(device)
        self._page = self._main

    async def run(self) -> None:
        """Serve menus until the user quits, has been idle too long, restarts the unit, or is gone."""
        self._say(self._texts.banner, model=self._device.model.name)
        try:
            while True:
                self._show()
                choice = (await self._ask(self._texts.selection)).lower()
                if choice == self._texts.quit_key:
                    self._say(self._texts.logged_out)
                    return
                await self._follow(choice)
        except TimeoutError:
            self._say(self._texts.idle)
        except Disconnected:
            pass

    def _say(self, text: str, **values: object) -> None:
        self._terminal.write(text.format(**values) + "\n")

    async def _ask(self, prompt: str, *, secret: bool = False) -> str:
        """A line typed at `prompt`, without blanks at its ends unless secret. Raises TimeoutError, Disconnected."""
        self._terminal.write(prompt)
        line = await within(idle_seconds(self._device), self._terminal.read_line(secret=secret))
        return line if secret else line.strip()

    def _show(self) -> None:
        texts, device = self._texts, self._device
        self._terminal.write("\n")
        if self._page is self._main:
            self._say(texts.main_menu_title)
            for line in texts.identity:
                self._say(
                    line, model=device.model.name, serial=device.serial_number, firmware=device.build, mac=device.mac
                )
        else:
            self._say(texts.page_title, path=self._page.path)
        for key, name in enumerate(self._page.pages, 1):
            self._say(texts.menu_line, key=key, label=name)
        for key, setting_id in enumerate(self._visible(self._page), len(self._page.pages) + 1):
            self._say(texts.line, key=key, label=self._table[setting_id].label, value=self._shown(setting_id))
        self._say(texts.menu_line, key=texts.view_key, label=texts.view_label)
        if self._page is self._main:
            self._say(texts.menu_line, key=texts.restart_key, label=texts.restart_label)
        else:
            self._say(texts.menu_line, key=texts.main_menu_key, label=texts.main_menu_label)
        self._say(texts.menu_line, key=texts.quit_key, label=texts.quit_label)

    async def _follow(self, choice: str) -> None:
        texts = self._texts
        fields = self._visible(self._page)
        number = int(choice) if choice.isascii() and choice.isdigit() and len(choice) < 4 else 0
        if choice == texts.main_menu_key:
            self._page = self._main
        elif choice == texts.view_key:
            self._view(self._page)
        elif choice == texts.restart_key and self._page is self._main:
            await self._restart()
        elif 1 <= number <= len(self._page.pages):
            self._page = list(self._page.pages.values())[number - 1]
        elif 1 <= number - len(self._page.pages) <= len(fields):
            await self._change(fields[number - len(self._page.pages) - 1])
        elif choice:
            self._say(texts.bad_selection)

    async def _restart(self) -> None:
        if not (await self._ask(self._texts.restart_question)).lower().startswith("y"):
            return
        if not self._device.request_restart():
            self._say(BUSY)
            return
        self._say(self._texts.restarting)
        raise Disconnected

    def _view(self, page: Page) -> None:
        """All fields of the page and of the pages below it."""
        fields = self._visible(page)
        if fields:
            self._say(self._texts.page_title, path=page.path)
        for key, setting_id in enumerate(fields, len(page.pages) + 1):
            self._say(self._texts.line, key=key, label=self._table[setting_id].label, value=self._shown(setting_id))
        for below in page.pages.values():
            self._view(below)

    def _visible(self, page: Page) -> list[str]:
        """The fields of a page; of an operation mode's fields only those of the saved mode."""
        return [setting_id for setting_id in page.fields if self._applies(self._table[setting_id])]

    def _applies(self, setting: Setting) -> bool:
        return not setting.modes or self._device.saved[f"port.{setting.port}.operation_mode"] in setting.modes

    def _shown(self, setting_id: str) -> str:
        setting, value = self._table[setting_id], self._device.current(setting_id)
        if setting.kind == "secret":
            return self._texts.secret_shown if value else ""
        return setting.choices.get(value, value)

    async def _change(self, setting_id: str) -> None:
        setting = self._table[setting_id]
        if setting.kind == "choice":
            value = await self._choose(setting)
            if value is None:
                self._say(self._texts.bad_selection)
                return
        else:
            value = await self._ask(self._texts.new_value, secret=setting.kind == "secret")
        try:
            self._device.submit({setting_id: value}, self._by)
        except ValueRefused as refused:
            self._say(self._texts.refused, message=refused.message)
            return
        self._say(self._texts.saved_at_once if setting.active == "immediate" else self._texts.saved)

    async def _choose(self, setting: Setting) -> str | None:
        """The canonical value of the choice typed, None if there is no such choice."""
        self._say(self._texts.choice_title, label=setting.label)
        lacking = planted(self._device).lacks_choices.get(setting.id, frozenset())
        offered = {str(key): value for key, value in enumerate((v for v in setting.choices if v not in lacking), 1)}
        for key, value in offered.items():
            self._say(self._texts.choice_line, key=key, choice=setting.choices[value])
        return offered.get(await self._ask(self._texts.choice_prompt))
