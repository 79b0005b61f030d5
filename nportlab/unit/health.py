"""From a restart (or power-on) to a unit that works again, with proof that it booted."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

from nportlab.guide.services import expected_ports
from nportlab.protocol.moxa_service import SearchRequest
from nportlab.unit.errors import DidNotRestart, NeverCameBack, NotReachable, TlsFailed, UnexpectedAnswer
from nportlab.unit.flavour import is_first_boot_page, is_login_page
from nportlab.unit.identity import Identity, check_unchanged, from_service
from nportlab.unit.management import HTTPS_PORT, is_open
from nportlab.unit.shell import SSH_PORT, TELNET_PORT
from nportlab.verdicts.faults import UnitBehaviour

if TYPE_CHECKING:
    from nportlab.unit.unit import Unit

Progress = Callable[[float, str], None]
"""Called about once a second with the seconds so far and what is being waited for."""

_T = TypeVar("_T")
_POLL: Final = 0.03  # seconds between looks while waiting for the unit to go down or come up
_CONNECT: Final = 0.2  # seconds for one connection attempt; a unit that boots drops what comes too early
_SETTLE: Final = 10.0  # seconds the other services may come up later than the console
_SETTLE_VIRTUAL: Final = 1.0
_LOOK_AT_LOG: Final = 2.0  # seconds between looks into the log of a unit that still answers
_GO_DOWN: Final = 15.0  # seconds a unit may still answer after a restart was ordered


@dataclass(frozen=True)
class Before:
    """A unit before a restart. starts: start lines of its log, None when not readable; watch: its open console port."""

    identity: Identity | None
    starts: tuple[str, ...] | None
    watch: int


@dataclass
class Health:
    """How a unit came back.

    seconds: from the order to healthy; proof: why we know that it booted; missing: TCP ports that should be open for
    the state in force and are not.
    """

    seconds: float = 0.0
    proof: str = ""
    first_boot: bool = False
    missing: frozenset[int] = frozenset()
    identity: Identity | None = None
    notes: list[str] = field(default_factory=list)


def remember(unit: Unit) -> Before:
    """Look at a unit before it restarts; whatever can not be read is left out."""
    watch = next((port for port in (HTTPS_PORT, SSH_PORT, TELNET_PORT) if is_open(unit.tcp(port))), 0)
    return Before(_quietly(lambda: unit.identity()), starts(unit) if watch == HTTPS_PORT else None, watch)


def wait_until_healthy(
    unit: Unit,
    state: Mapping[str, str],
    *,
    deadline: float,
    before: Before | None = None,
    proof: str = "",
    progress: Progress | None = None,
) -> Health:
    """Wait until the unit works as `state` (settings in force after this boot) says.

    before: from `remember`, when a restart was ordered: the boot must then be proved, by the console going away or by a
    new start line in the unit's log, and the unit must be the same one. Without it any console will do.
    proof: given when the boot is proved already (its power was cut).
    deadline: seconds for everything. Raises NeverCameBack (after power and link were found good), DidNotRestart,
    CameBackDifferent, LabFault.
    """
    wait = _Wait(unit, deadline, progress)
    health = Health(proof=proof)
    if before is not None and before.watch and not proof:
        health.proof = _seen_gone(wait, before)
    answers = _any_console_answers if before is None else _console_answers
    wait.until(lambda: answers(unit, state, health), "the console")
    if before is not None and not health.proof:
        health.proof = _proof_in_log(unit, before, health)
    health.identity = _identity(unit, state, health)
    if before is not None and before.identity is not None and health.identity is not None:
        check_unchanged(before.identity, health.identity, unit.name)
    health.missing = _missing_ports(wait, state, 0.0 if before is None else _settle(unit))
    health.seconds = wait.elapsed
    unit.recorder.note(
        f"{unit.name} healthy after {health.seconds:.1f} s"
        + (f" ({health.proof})" if health.proof else "")
        + (f"; not open: {sorted(health.missing)}" if health.missing else "")
    )
    return health


class _Wait:
    def __init__(self, unit: Unit, deadline: float, progress: Progress | None) -> None:
        self.unit = unit
        self._start = time.monotonic()
        self._deadline = deadline
        self._progress = progress
        self._told = 0.0

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._start

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Poll until the condition holds. Raises NeverCameBack or LabFault at the deadline."""
        while not condition():
            self.tell(what)
            if self.elapsed > self._deadline:
                self._blame(what)
            time.sleep(_POLL)

    def up_to(self, seconds: float, condition: Callable[[], bool], what: str) -> bool:
        """Poll for at most so many seconds; whether the condition came true."""
        end = min(self.elapsed + seconds, self._deadline)
        while not condition():
            self.tell(what)
            if self.elapsed > end:
                return False
            time.sleep(_POLL)
        return True

    def tell(self, what: str) -> None:
        if self._progress is not None and self.elapsed - self._told >= 1.0:
            self._told = self.elapsed
            self._progress(self.elapsed, f"waiting for {what}")

    def _blame(self, what: str) -> None:
        self.unit.check_bench()
        raise NeverCameBack(
            f"{what} of {self.unit.name} did not answer within {self._deadline:g} s; power and link are good",
            remedy="Look at the unit; the last answers are in the evidence.",
            resource=f"unit {self.unit.name}",
        )


def _seen_gone(wait: _Wait, before: Before) -> str:
    """How the unit was seen to restart, empty when it was not: the watched port closed, twice, because one lost packet
    proves nothing; or, for one that is back before anybody looks, a new start in its log.

    A unit may finish its answer before it goes down.
    """
    endpoint = wait.unit.tcp(before.watch)
    seen = ""
    looked = wait.elapsed

    def gone() -> bool:
        nonlocal seen, looked
        if not is_open(endpoint, _CONNECT) and not is_open(endpoint, _CONNECT):
            seen = f"TCP {before.watch} closed"
        elif before.starts is not None and wait.elapsed - looked > _LOOK_AT_LOG:
            after = starts(wait.unit)
            seen = f"log: {after[-1]}" if after and after != before.starts else ""
            looked = wait.elapsed
        return bool(seen)

    wait.up_to(_GO_DOWN, gone, "the unit to go down")
    return seen


def _any_console_answers(unit: Unit, state: Mapping[str, str], health: Health) -> bool:
    """Nothing is known of a unit that was not watched before: an earlier run may have left it without HTTPS."""
    if is_open(unit.https, _CONNECT):
        return _web_answers(unit, health)
    return is_open(unit.tcp(SSH_PORT), _CONNECT) or is_open(unit.tcp(TELNET_PORT), _CONNECT)


def _console_answers(unit: Unit, state: Mapping[str, str], health: Health) -> bool:
    if state.get("console.https", "enable") == "enable":
        return is_open(unit.https, _CONNECT) and _web_answers(unit, health)
    for setting, port in (("console.ssh", SSH_PORT), ("console.telnet", TELNET_PORT)):
        if state.get(setting) == "enable":
            return is_open(unit.tcp(port), _CONNECT)
    return unit.moxa_service.raw(SearchRequest().encode()) is not None


def _web_answers(unit: Unit, health: Health) -> bool:
    client = unit.new_session().client
    try:
        page = client.get("/").document
    except (NotReachable, TlsFailed, UnexpectedAnswer):
        return False
    finally:
        client.forget()
    health.first_boot = is_first_boot_page(page)
    return health.first_boot or is_login_page(page)


def _settle(unit: Unit) -> float:
    return _SETTLE_VIRTUAL if unit.rack.virtual else _SETTLE


def _identity(unit: Unit, state: Mapping[str, str], health: Health) -> Identity | None:
    """Asked over what is cheapest and open; a unit without an account tells nothing over its consoles."""
    if state.get("console.moxa_service", "enable") == "enable":
        said = _quietly(lambda: from_service(unit.moxa_service.identity()))
        if said is not None:
            return said
        health.notes.append("the Moxa service does not answer")
    return None if health.first_boot else _quietly(lambda: unit.management().identity())


def _proof_in_log(unit: Unit, before: Before, health: Health) -> str:
    after = None if health.first_boot else starts(unit)
    if health.first_boot:
        return "the unit has no account any more"
    if after is not None and before.starts is not None and after != before.starts and after:
        return f"log: {after[-1]}"
    unread = before.starts is None or after is None
    raise DidNotRestart(
        f"{unit.name} was ordered to restart, but it never went away and its log "
        + ("could not be read" if unread else "has no new start"),
        remedy="Restart it by hand and see whether the web console's Restart page works.",
        resource=f"unit {unit.name}",
    )


def starts(unit: Unit) -> tuple[str, ...] | None:
    """The lines of the unit's log that tell of its starts; None when the log cannot be read."""
    lines = _quietly(unit.console.system_log)
    return None if lines is None else tuple(line for line in lines if " start" in line.casefold())


def _missing_ports(wait: _Wait, state: Mapping[str, str], settle: float) -> frozenset[int]:
    """Ports that should be open and are not.

    The unit's own list of listeners is asked first: dialling a serial port would open it and show in the unit's log.
    """
    unit = wait.unit
    missing = set(expected_ports(state, unit.model).tcp)

    def all_open() -> bool:
        if state.get("console.moxa_service", "enable") == "enable":
            entries = _quietly(unit.moxa_service.netstat)
            if entries is not None:
                listening = {entry.local_port for entry in entries if entry.transport == 1 and entry.state == 1}
                missing.intersection_update(set(missing) - listening)
                return not missing
        for port in sorted(missing):
            if is_open(unit.tcp(port), _CONNECT):
                missing.discard(port)
        return not missing

    wait.up_to(settle, all_open, "the services")
    return frozenset(missing)


def _quietly(ask: Callable[[], _T]) -> _T | None:
    """The answer, or None when the unit gives none; a lab fault is not swallowed."""
    try:
        return ask()
    except UnitBehaviour:
        return None
