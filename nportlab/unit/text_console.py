"""The text console of a unit: numbered menus, walked by what they show (guide/text_console.yaml holds the prompts)."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import NamedTuple, Protocol, Self

from nportlab.guide.settings import Setting, settings_table
from nportlab.guide.text_console import text_console
from nportlab.unit.document import plain
from nportlab.unit.endpoint import Account
from nportlab.unit.errors import (
    ChoiceNotFound,
    FieldNotFound,
    FirstBootPending,
    LockedOut,
    LoginRefused,
    PageNotFound,
    SessionLost,
    UnexpectedAnswer,
    ValueRefused,
    not_found,
)
from nportlab.unit.menu import steps
from nportlab.verdicts.recorder import NullRecorder, Recorder

_ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|[()][0-9A-B]|[=>78])")
_FIELD = re.compile(r"\{(\w+)\}")
_LONGEST = 262_144  # characters of one screen; more is not a menu


class Connection(Protocol):
    """Bytes to and from a text console."""

    name: str
    newline: bytes

    def send(self, data: bytes) -> None:
        """Send bytes."""
        ...

    def receive(self, end: float) -> bytes | None:
        """The next bytes before `end`; b"" once closed, None when time is up."""
        ...

    def close(self) -> None:
        """Close."""
        ...


class Entry(NamedTuple):
    """One line of a menu: the key to press, what it says, and the value of a field (None for a menu)."""

    key: str
    label: str
    value: str | None


class TextConsole:
    """A logged-in text console. Use as a context manager: leaving it closes the connection."""

    def __init__(self, connection: Connection, recorder: Recorder | None = None, *, timeout: float = 10.0) -> None:
        """timeout: seconds to wait for each prompt."""
        self._connection = connection
        self._recorder: Recorder = recorder or NullRecorder()
        self._timeout = timeout
        self._texts = text_console()
        self._screen = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the unit ends the session."""
        self._connection.close()

    def ends_within(self, seconds: float) -> bool:
        """Whether the unit closes the connection within so many seconds while nothing is sent."""
        end = time.monotonic() + seconds
        while (data := self._connection.receive(end)) is not None:
            if data == b"":
                return True
        return False

    # ---- login

    def login(self, account: Account) -> None:
        """Answer the prompts for name and password (Telnet).

        Raises LoginRefused, LockedOut, FirstBootPending, SessionLost.
        """
        account.check()
        asked = self._wait([self._texts.login, self._texts.password], first_boot=True)
        if asked.endswith(self._texts.login):
            self._send(account.username)
            self._wait([self._texts.password])
        self._send(account.password, secret=True)
        try:
            self._screen = self._wait([self._texts.selection, self._texts.login, self._texts.password])
        except SessionLost:
            if self._texts.locked not in self._screen and self._texts.login_failed not in self._screen:
                raise
        if self._screen.endswith(self._texts.selection):
            account.accepted()
            return
        self.close()
        if self._texts.locked in self._screen:
            raise LockedOut(f"the unit says user {account.username!r} is locked", resource=self._connection.name)
        account.refuse(f"at the {self._connection.name.split()[0]} console")
        raise LoginRefused(
            f"the unit refused user {account.username!r}",
            remedy="Correct the credentials of the unit in lab.yaml. It is not tried again in this run.",
            resource=self._connection.name,
        )

    def begin(self) -> None:
        """Wait for the main menu of a connection that is logged in already (SSH)."""
        self._screen = self._wait([self._texts.selection], first_boot=True)

    # ---- menus

    def screen(self) -> str:
        """The text shown last."""
        return self._screen

    def entries(self) -> list[Entry]:
        """The lines of the menu shown last."""
        line, menu_line = _pattern(self._texts.line), _pattern(self._texts.menu_line)
        found: list[Entry] = []
        for text in self._screen.splitlines():
            if match := line.fullmatch(text.rstrip()):
                found.append(Entry(match["key"], match["label"].strip(), match["value"].strip()))
            elif match := menu_line.fullmatch(text.rstrip()):
                found.append(Entry(match["key"], match["label"].strip(), None))
        return found

    def open(self, *paths: str) -> list[Entry]:
        """Walk from the main menu to a page; several paths are tried in order. Raises PageNotFound."""
        missing: PageNotFound | None = None
        for path in paths:
            self._press(self._texts.main_menu_key)
            try:
                for step in steps(path):
                    self._press(self._menu_key(step))
                return self.entries()
            except PageNotFound as error:
                missing = missing or error
        assert missing is not None
        raise missing

    def _menu_key(self, step: str) -> str:
        menus = [entry for entry in self.entries() if entry.value is None]
        for entry in menus:
            if plain(entry.label) == plain(step):
                return entry.key
        raise not_found(PageNotFound, "text console: menu", step, [entry.label for entry in menus])

    def _press(self, key: str) -> None:
        self._send(key)
        self._screen = self._wait([self._texts.selection])

    # ---- settings

    def read(self, setting_id: str) -> str:
        """The canonical value of one setting, as stored. A secret reads as it is shown, masked."""
        return self.get_settings([setting_id])[setting_id]

    def get_settings(self, ids: Iterable[str]) -> dict[str, str]:
        """Canonical values by id, opening each page once.

        Fields of another operation mode than the port has are not shown, so they are left out.
        """
        pages: dict[tuple[str, ...], list[Setting]] = {}
        for setting_id in ids:
            setting = settings_table()[setting_id]
            pages.setdefault(setting.page, []).append(setting)
        values: dict[str, str] = {}
        for paths, settings in pages.items():
            entries = self.open(*paths)
            for setting in settings:
                entry = _find(entries, setting)
                if entry is not None:
                    values[setting.id] = _canonical(setting, entry.value or "")
                elif not setting.modes:
                    raise _no_field(entries, setting)
        return values

    def set(self, setting_id: str, value: str) -> str:
        """Store one setting; returns what the unit says. Raises FieldNotFound, ChoiceNotFound, ValueRefused."""
        setting = settings_table()[setting_id]
        entries = self.open(*setting.page)
        entry = _find(entries, setting)
        if entry is None:
            raise _no_field(entries, setting)
        self._send(entry.key)
        if setting.kind == "choice":
            shown = self._wait([self._texts.choice_prompt])
            self._send(self._choice_key(shown, setting, value))
        else:
            self._wait([self._texts.new_value])
            self._send(value, secret=setting.kind == "secret")
        self._screen = self._wait([self._texts.selection])
        return self._judge(setting, value)

    def submit(self, values: Mapping[str, str]) -> None:
        """Store settings by id, one after the other; operation modes first, because they decide what else is shown.

        Fields that the port's mode does not have are passed over.
        """
        table = settings_table()
        for setting_id in sorted(values, key=lambda key: not key.endswith(".operation_mode")):
            try:
                self.set(setting_id, values[setting_id])
            except FieldNotFound as error:
                if isinstance(error, ChoiceNotFound) or not table[setting_id].modes:
                    raise

    def restart(self) -> None:
        """Save/Restart, yes; returns when the unit said so or hung up."""
        self._press(self._texts.main_menu_key)
        self._send(self._texts.restart_key)
        self._wait([self._texts.restart_question])
        self._send("y")
        try:
            self._wait([self._texts.restarting])
        except SessionLost:
            return

    def identity(self) -> dict[str, str]:
        """What the main menu says of the unit: model, serial, firmware, mac."""
        self._press(self._texts.main_menu_key)
        found: dict[str, str] = {}
        for template in self._texts.identity:
            pattern = _pattern(template)
            for text in self._screen.splitlines():
                if match := pattern.fullmatch(text.rstrip()):
                    found |= match.groupdict()
        return found

    def _choice_key(self, shown: str, setting: Setting, value: str) -> str:
        pattern = _pattern(self._texts.choice_line)
        wanted = plain(setting.choices.get(value, value))
        offered = [match for text in shown.splitlines() if (match := pattern.fullmatch(text.rstrip()))]
        for match in offered:
            if plain(match["choice"]) == wanted:
                return match["key"]
        self._press("")  # back to the menu
        raise not_found(ChoiceNotFound, f"{setting.label}: choice", value, [match["choice"] for match in offered])

    def _judge(self, setting: Setting, value: str) -> str:
        refused = re.search(_pattern(self._texts.refused).pattern, self._screen)
        if refused:
            said = refused["message"].strip()
            if setting.kind == "secret" and value:
                said = said.replace(value, "[secret]")
            error = ValueRefused(f"the unit did not take {setting.label}: {said}", resource=self._connection.name)
            error.said = said
            raise error
        for said in (self._texts.saved, self._texts.saved_at_once):
            if said in self._screen:
                return said
        raise UnexpectedAnswer(
            f"after setting {setting.label} the unit says neither saved nor refused", resource=self._connection.name
        )

    # ---- bytes

    def _send(self, text: str, secret: bool = False) -> None:
        self._recorder.exchange(self._connection.name, "typed", "[secret]" if secret else text)
        self._connection.send(text.encode() + self._connection.newline)

    def _wait(self, prompts: Sequence[str], first_boot: bool = False) -> str:
        """Everything up to one of the prompts, escape sequences taken out. Raises SessionLost, UnexpectedAnswer."""
        end = time.monotonic() + self._timeout
        raw = b""
        while True:
            text = _ESCAPES.sub("", raw.decode("utf-8", "replace")).replace("\r\n", "\n").replace("\r", "\n")
            if any(text.endswith(prompt) for prompt in prompts):
                break
            if first_boot and self._texts.first_boot in text:
                self.close()
                raise FirstBootPending("the unit has no account yet", resource=self._connection.name)
            received = self._connection.receive(end) if len(raw) < _LONGEST else None
            if received == b"":
                self._screen = text
                self._recorder.exchange(self._connection.name, "closed by the unit", None, text)
                raise SessionLost("the unit closed the text console", resource=self._connection.name)
            if received is None:
                raise UnexpectedAnswer(
                    f"no prompt {prompts[0].strip()!r} within {self._timeout:g} s; last seen: {text[-80:]!r}",
                    resource=self._connection.name,
                )
            raw += received
        self._recorder.exchange(self._connection.name, "shown", None, text)
        return text


def _pattern(template: str) -> re.Pattern[str]:
    """A line template (`  {key}. {label} : {value}`) as a pattern with a group for each name."""
    pieces = _FIELD.split(template.rstrip())
    written = ""
    for index, piece in enumerate(pieces):
        if index % 2 == 0:
            written += re.escape(piece).replace(r"\ ", r" ?" if piece.isspace() else " ")
        elif piece == "key":
            written += r"(?P<key>\w{1,4})"
        else:
            written += f"(?P<{piece}>.*?)" if index < len(pieces) - 2 else f"(?P<{piece}>.*)"
    return re.compile(written.replace(" : (?P<value>", " :(?P<value>"))


def _find(entries: list[Entry], setting: Setting) -> Entry | None:
    wanted = plain(setting.label)
    return next((entry for entry in entries if entry.value is not None and plain(entry.label) == wanted), None)


def _no_field(entries: list[Entry], setting: Setting) -> FieldNotFound:
    labels = [entry.label for entry in entries if entry.value is not None]
    return not_found(FieldNotFound, "text console: field", setting.label, labels)


def _canonical(setting: Setting, text: str) -> str:
    if setting.kind != "choice":
        return text
    return next((value for value, shown in setting.choices.items() if plain(shown) == plain(text)), text)
