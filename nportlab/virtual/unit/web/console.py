"""What all requests to the web console of one unit share: sessions, challenges, login history, and the menu."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

from nportlab.guide import pages as guide
from nportlab.virtual.unit.device import Device
from nportlab.virtual.unit.web.permissions import Access, access
from nportlab.virtual.unit.web.sessions import Limits, Sessions, Tokens
from nportlab.virtual.unit.web.visit import Handler, Page

_CHALLENGES_KEPT = 256
_HISTORY_LINES, _HISTORY_NAMES = 20, 64
_NO_LIMIT = 1000


class Console:
    """The web console of one unit.

    first_boot: tokens of the first boot form, which is shown before there are sessions. make_pages: the menu in order;
    called again when the unit's seeded defects change, as these may move pages.
    """

    def __init__(
        self, device: Device, make_pages: Callable[[Device], Sequence[Page]], most_sessions: int | None = None
    ) -> None:
        """most_sessions: a fixed limit instead of the setting."""
        self.device = device
        self.challenges = Challenges()
        self.first_boot = Tokens()
        self.sessions = Sessions(Limits(self._most, self._idle, self._use_counts), time.monotonic)
        self.history = LoginHistory()
        self._most_sessions = most_sessions
        self._make_pages = make_pages
        self._made_for: frozenset[str] | None = None
        self._pages: list[Page] = []
        self._routes: dict[tuple[str, str], tuple[Page, Handler]] = {}

    def menu(self, user: str) -> list[guide.Page]:
        """The pages user may see, and the way out."""
        self._arrange()
        seen = [page.place for page in self._pages if access(self.device, user, page.place) >= Access.READ]
        return [*seen, guide.pages()["logout"]]

    def route(self, method: str, url: str) -> tuple[Page, Handler] | None:
        """The page and handler of a URL path, None when there is none."""
        self._arrange()
        return self._routes.get((method, url))

    def _arrange(self) -> None:
        defects = self.device.surroundings.defects
        if defects != self._made_for:
            self._made_for = defects
            self._pages = list(self._make_pages(self.device))
            self._routes = {place: (page, handler) for page in self._pages for place, handler in page.routes().items()}

    def _most(self) -> int:
        if self.device.has_defect("login-user-limit-ignored"):
            return _NO_LIMIT
        return self._most_sessions or _number(self.device, "console.max_login_users")

    def _idle(self) -> float:
        if self.device.has_defect("auto-logout-never"):
            return float("inf")
        return self.device.clock.minutes(_number(self.device, "console.auto_logout"))

    def _use_counts(self) -> bool:
        return not self.device.has_defect("auto-logout-ignores-activity")


def _number(device: Device, setting: str) -> int:
    """A numeric setting in force; a value that is none (a seeded defect lets it in) counts as the factory value."""
    value = device.running[setting]
    return int(value if value.isdecimal() else device.factory[setting])


class Challenges:
    """The FakeChallenge values handed out with login pages, each good for one login. The oldest are forgotten first."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, None] = OrderedDict()

    def issue(self) -> str:
        """A new challenge, 32 hex digits."""
        challenge = secrets.token_hex(16).upper()
        self._open[challenge] = None
        while len(self._open) > _CHALLENGES_KEPT:
            self._open.popitem(last=False)
        return challenge

    def take(self, challenge: str) -> bool:
        """Whether challenge was handed out and not used yet; it is used now."""
        known = challenge in self._open
        self._open.pop(challenge, None)
        return known


class LoginHistory:
    """Logins by account since the boot or since somebody cleared them, shown once after each login."""

    def __init__(self) -> None:
        self._lines: dict[str, list[str]] = {}

    def add(self, user: str, line: str) -> None:
        """Note an attempt; only the last ones of an account are kept, and no more than some names."""
        if user in self._lines or len(self._lines) < _HISTORY_NAMES:
            self._lines[user] = [*self._lines.get(user, []), line][-_HISTORY_LINES:]

    def of(self, user: str) -> list[str]:
        """The noted attempts of an account, oldest first."""
        return list(self._lines.get(user, []))

    def clear(self, user: str) -> None:
        """Forget them."""
        self._lines.pop(user, None)
