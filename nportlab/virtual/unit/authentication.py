"""Who may log in: local accounts, authentication servers in the order of the console type, lockout after failures."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from nportlab.virtual.unit.accounts import Accounts
from nportlab.virtual.unit.clock import UnitClock
from nportlab.virtual.unit.event_log import EventLog


@dataclass(frozen=True)
class LoginResult:
    """ok: logged in. locked: refused because of earlier failures. message: what the console may show. user: who."""

    ok: bool
    locked: bool
    message: str
    user: str


class Answer(Enum):
    """What one authentication type says."""

    ACCEPT = auto()
    REJECT = auto()
    UNREACHABLE = auto()


Check = Callable[[str, str], Awaitable[Answer]]


class Authenticator:
    """Judges login attempts of every console of one unit.

    servers: "radius" and "tacacs" checks, added by their clients; a type without a check counts as unreachable.
    """

    def __init__(self, accounts: Accounts, settings: Mapping[str, str], clock: UnitClock, log: EventLog) -> None:
        self.servers: dict[str, Check] = {}
        self._accounts = accounts
        self._settings = settings
        self._clock = clock
        self._log = log
        self._failures: dict[str, int] = {}
        self._locked_until: dict[str, float] = {}

    async def login(self, user: str, password: str, console: str, source: str, types: str | None = None) -> LoginResult:
        """One attempt; a failure is logged and counts towards the lockout of that account.

        types: "local", "radius-local" ...; None: those of the console type.
        """
        if time.monotonic() < self._locked_until.get(user, 0.0):
            self._log.add("Config", "Login Fail", f"{user} from {source} by {console}: locked")
            return LoginResult(False, True, self._setting("message.failure"), user)
        if await self._accepted(user, password, types):
            self._failures.pop(user, None)
            self._locked_until.pop(user, None)
            return LoginResult(True, False, "", user)
        self._log.add("Config", "Login Fail", f"{user} from {source} by {console}")
        return LoginResult(False, self._count_failure(user), self._setting("message.failure"), user)

    async def _accepted(self, user: str, password: str, types: str | None) -> bool:
        for kind in (types or self._setting("console.authentication_type", "local")).split("-"):
            answer = await self._ask(kind, user, password)
            if answer is Answer.ACCEPT:
                return True
            if answer is Answer.REJECT and self._setting("console.try_next_type", "disable") != "enable":
                return False
        return False

    async def _ask(self, kind: str, user: str, password: str) -> Answer:
        if kind == "local":
            right = await asyncio.to_thread(self._accounts.verify, user, password)
            return Answer.ACCEPT if right else Answer.REJECT
        check = self.servers.get(kind)
        return await check(user, password) if check else Answer.UNREACHABLE

    def _count_failure(self, user: str) -> bool:
        if self._setting("policy.lockout", "disable") != "enable":
            return False
        self._failures[user] = self._failures.get(user, 0) + 1
        if self._failures[user] < int(self._setting("policy.retry_threshold", "5")):
            return False
        self._failures[user] = 0
        lockout = self._clock.minutes(float(self._setting("policy.lockout_time", "5")))
        self._locked_until[user] = time.monotonic() + lockout
        return True

    def _setting(self, setting: str, default: str = "") -> str:
        return self._settings.get(setting, default)
