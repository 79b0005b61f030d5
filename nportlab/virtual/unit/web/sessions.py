"""Who is logged in: sessions with their idle limit, and the csrf tokens of the forms they were shown."""

from __future__ import annotations

import secrets
import string
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

_TOKEN_ALPHABET = string.ascii_letters + string.digits
_TOKENS_KEPT = 512


class Tokens:
    """The csrf tokens handed out with forms: 16 alphanumeric characters, good for the one action they were made for.

    The oldest are forgotten first, so that a client that only reads pages cannot grow the unit's memory.
    """

    def __init__(self) -> None:
        self._actions: OrderedDict[str, str] = OrderedDict()

    def issue(self, action: str) -> str:
        """A new token for the form that posts to action."""
        token = "".join(secrets.choice(_TOKEN_ALPHABET) for _ in range(16))
        self._actions[token] = action
        while len(self._actions) > _TOKENS_KEPT:
            self._actions.popitem(last=False)
        return token

    def good(self, token: str, action: str) -> bool:
        """Whether token was handed out for this action."""
        return self._actions.get(token) == action


@dataclass
class Session:
    """One login over HTTPS (or HTTP on firmware 1.x).

    active: monotonic seconds of the last request. history_pending: the login history page has yet to be passed.
    password_md5: hex, firmware 1.x proves knowledge of the old password with it.
    """

    identifier: str
    user: str
    source: str
    active: float
    history_pending: bool = False
    password_md5: str = ""
    tokens: Tokens = field(default_factory=Tokens)


@dataclass(frozen=True)
class Limits:
    """Asked anew for every request: how many sessions may live, seconds until an idle one ends, whether use counts."""

    most: Callable[[], int]
    idle: Callable[[], float]
    use_counts: Callable[[], bool] = lambda: True


class Sessions:
    """The live sessions of the unit. clock: monotonic seconds."""

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self._limits, self._clock = limits, clock
        self._live: dict[str, Session] = {}

    def open(self, user: str, source: str) -> Session | None:
        """A session for user, None when as many as allowed are live."""
        self._expire()
        if len(self._live) >= self._limits.most():
            return None
        session = Session(secrets.token_hex(16), user, source, self._clock())
        self._live[session.identifier] = session
        return session

    def find(self, identifier: str | None) -> Session | None:
        """The live session of that identifier, its idle time started anew."""
        self._expire()
        session = self._live.get(identifier or "")
        if session is not None and self._limits.use_counts():
            session.active = self._clock()
        return session

    def close(self, session: Session) -> None:
        """End a session; ending it twice is fine."""
        self._live.pop(session.identifier, None)

    def live(self) -> list[Session]:
        """The sessions that have not idled out."""
        self._expire()
        return list(self._live.values())

    def _expire(self) -> None:
        deadline = self._clock() - self._limits.idle()
        for session in [session for session in self._live.values() if session.active < deadline]:
            del self._live[session.identifier]
