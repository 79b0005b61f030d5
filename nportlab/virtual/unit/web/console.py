"""What all requests to the web console of one unit share: sessions, tokens, the menu, and the way a request takes."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Iterable

from nportlab.guide import pages as guide
from nportlab.virtual.unit.device import Device
from nportlab.virtual.unit.web.permissions import Access, access
from nportlab.virtual.unit.web.sessions import Sessions, Tokens
from nportlab.virtual.unit.web.visit import Handler, Page

_CHALLENGES_KEPT = 256


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
        return self._open.pop(challenge, self) is None


class Console:
    """The web console of one unit.

    first_boot: tokens of the first boot form, which is shown before there are sessions. pages: the menu in order.
    """

    def __init__(self, device: Device, pages: Iterable[Page] = ()) -> None:
        self.device = device
        self.challenges = Challenges()
        self.first_boot = Tokens()
        self.sessions = Sessions(self._limit, self._idle, time.monotonic)
        self.history = LoginHistory()
        self._pages = list(pages)
        self._routes = {place: (page, handler) for page in self._pages for place, handler in page.routes().items()}

    def menu(self, user: str) -> list[guide.Page]:
        """The pages user may see, and the way out."""
        seen = [page.place for page in self._pages if access(self.device, user, page.place) >= Access.READ]
        return [*seen, guide.pages()["logout"]]

    def route(self, method: str, url: str) -> tuple[Page, Handler] | None:
        """The page and handler of a URL, None when there is none."""
        return self._routes.get((method, url))

    def _limit(self) -> int:
        return (
            99
            if self.device.has_defect("login-user-limit-ignored")
            else int(self.device.running["console.max_login_users"])
        )

    def _idle(self) -> float:
        if self.device.has_defect("auto-logout-never"):
            return float("inf")
        return self.device.clock.minutes(int(self.device.running["console.auto_logout"]))


class LoginHistory:
    """Earlier logins by account since the boot or since somebody cleared them, shown once after each login."""

    def __init__(self) -> None:
        self._lines: dict[str, list[str]] = {}

    def add(self, user: str, line: str) -> None:
        """Note an attempt; the last 20 of an account are kept, for at most 64 names."""
        if user not in self._lines and len(self._lines) >= 64:
            return
        self._lines[user] = [*self._lines.get(user, []), line][-20:]

    def of(self, user: str) -> list[str]:
        """The noted attempts of an account, oldest first."""
        return list(self._lines.get(user, []))

    def clear(self, user: str) -> None:
        """Forget them."""
        self._lines.pop(user, None)
