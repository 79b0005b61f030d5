"""What a unit did to us, as typed errors; nobody is blamed yet (a test or the fixtures decide that)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeVar

from nportlab.verdicts.faults import UnitBehaviour
from nportlab.verdicts.verdict import Verdict


def nearest(wanted: str, known: Iterable[str], count: int = 3) -> tuple[str, ...]:
    """The known names that look most like the wanted one, best first."""
    names = list(dict.fromkeys(known))
    folded = {name.casefold(): name for name in names}
    return tuple(folded[match] for match in get_close_matches(wanted.casefold(), folded, n=count, cutoff=0.4))


class NotReachable(UnitBehaviour):
    """Nothing answered at the unit's address and port within the deadline."""


class TlsFailed(UnitBehaviour):
    """The TCP connection stands but the TLS handshake ended with an error."""


class LoginRefused(UnitBehaviour):
    """User name or password were refused; the harness does not try again in this run."""


class LockedOut(LoginRefused):
    """The unit says that the account or the source is locked."""


class SessionLimit(UnitBehaviour):
    """The unit refuses a further session because its limit of logged-in users is reached."""


class SessionLost(UnitBehaviour):
    """A logged-in session was answered with the login page (and a second login did not help)."""


class FirstBootPending(UnitBehaviour):
    """The unit has no account yet and shows its first boot page instead of a login."""


class PageNotFound(UnitBehaviour):
    """No menu path of the page exists on this unit; nearest holds the most similar paths."""

    nearest: tuple[str, ...] = ()


class FieldNotFound(UnitBehaviour):
    """A page has no field with this label; nearest holds the most similar labels."""

    nearest: tuple[str, ...] = ()


class ChoiceNotFound(FieldNotFound):
    """A list or radio field does not offer this value; nearest holds the most similar choices."""


class ValueRefused(UnitBehaviour):
    """The unit did not take a submitted value; `said` is the unit's own message."""

    said: str = ""


class CertificateRefused(ValueRefused):
    """The unit did not take an imported certificate; `said` is the unit's own message."""


class ConfigurationRefused(ValueRefused):
    """The unit did not take an imported configuration file; `said` is the unit's own message."""


class ConfigurationUnreadable(UnitBehaviour):
    """An exported configuration file can not be opened: wrong pre-shared key, damaged, cut off, or something else."""


class UnexpectedAnswer(UnitBehaviour):
    """The unit answered something the harness can not read as what was asked for."""


class DidNotRestart(UnitBehaviour):
    """A restart was asked for and nothing shows that the unit booted."""

    verdict = Verdict.FAIL


class NeverCameBack(UnitBehaviour):
    """The unit was not healthy before the deadline; power and link were checked first."""

    verdict = Verdict.FAIL


class CameBackDifferent(UnitBehaviour):
    """After a restart the unit is not the one it was: model, MAC or serial number changed."""

    verdict = Verdict.FAIL


@dataclass(frozen=True)
class Difference:
    """One setting that reads back as something else than what was written."""

    wanted: str
    seen: str


class DidNotStick(UnitBehaviour):
    """Settings read back differently after the restart; `settings` says which."""

    verdict = Verdict.FAIL
    settings: Mapping[str, Difference] = {}


_NotFound = TypeVar("_NotFound", PageNotFound, FieldNotFound, ChoiceNotFound)


def not_found(error: type[_NotFound], what: str, wanted: str, known: Iterable[str]) -> _NotFound:
    """Build a PageNotFound, FieldNotFound or ChoiceNotFound that names the nearest match."""
    close = nearest(wanted, known)
    hint = f" (nearest: {', '.join(repr(name) for name in close)})" if close else ""
    fault = error(f"{what} {wanted!r} not found{hint}", remedy="Compare the name with the unit's web console.")
    fault.nearest = close
    return fault
