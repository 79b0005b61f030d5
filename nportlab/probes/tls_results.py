"""What offering a TLS version or a list of suites came to."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from nportlab.probes.tls_hello import Version
from nportlab.probes.tls_suites import Suite, SuiteRule

_FINAL_ALERTS = frozenset(("handshake_failure", "insufficient_security", "protocol_version"))
"""Alerts that say "nothing of what you offer"; any other may be trouble of the server, as internal_error often is."""


class Cause(StrEnum):
    """Why an offer proved nothing."""

    NO_CONNECTION = "no connection"
    RESET = "reset"
    CLOSED = "closed without an alert"
    TIMEOUT = "no answer in time"
    NOT_TLS = "another protocol answers"
    MALFORMED = "malformed answer"


class _Shown:
    """In a failed assertion a result reads as it does elsewhere."""

    def __repr__(self) -> str:
        return f"<{self}>"


@dataclass(frozen=True, repr=False)
class Accepted(_Shown):
    """The server took the offered version. Two are equal when version and suite are.

    compression: 0 for none; extensions: those the server answered, by name; certificate: DER of the leaf, dh_bits and
    curve_bits: size of the group the server chose (each None when the server did not come to it, or encrypts it).
    """

    version: Version
    suite: Suite
    compression: int = field(default=0, compare=False)
    extensions: frozenset[str] = field(default=frozenset(), compare=False)
    certificate: bytes | None = field(default=None, compare=False)
    dh_bits: int | None = field(default=None, compare=False)
    curve_bits: int | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"{self.version} accepted, {self.suite}"


@dataclass(frozen=True, repr=False)
class Refused(_Shown):
    """The server refused with an alert: "protocol_version", "handshake_failure" ..."""

    alert: str

    def __str__(self) -> str:
        return f"refused, alert {self.alert}"


@dataclass(frozen=True, repr=False)
class Downgraded(_Shown):
    """The server answered with another version than the one offered."""

    version: Version | int
    suite: Suite = field(compare=False)

    def __str__(self) -> str:
        name = str(self.version) if isinstance(self.version, Version) else f"0x{self.version:04X}"
        return f"downgraded to {name}, {self.suite}"


@dataclass(frozen=True, repr=False)
class Inconclusive(_Shown):
    """Nothing was proved. reason: a sentence for people; cause: the last of the attempts' outcomes."""

    reason: str = field(compare=False)
    cause: Cause

    def __str__(self) -> str:
        return f"inconclusive: {self.reason}"


Offer = Accepted | Refused | Downgraded | Inconclusive


@dataclass(frozen=True)
class VersionReport:
    """What came of offering each version by itself."""

    results: dict[Version, Offer] = field(hash=False)

    @property
    def accepted(self) -> frozenset[Version]:
        """Versions the server takes (as offered, or by falling back to them)."""
        own = {version for version, result in self.results.items() if isinstance(result, Accepted)}
        lower = {result.version for result in self.results.values() if isinstance(result, Downgraded)}
        return frozenset(own | {version for version in lower if isinstance(version, Version)})

    @property
    def refused(self) -> frozenset[Version]:
        """Versions the server refused with an alert."""
        return frozenset(version for version, result in self.results.items() if isinstance(result, Refused))

    @property
    def inconclusive(self) -> frozenset[Version]:
        """Versions nothing can be said about."""
        return frozenset(version for version, result in self.results.items() if isinstance(result, Inconclusive))

    def __str__(self) -> str:
        return "; ".join(f"{version}: {result}" for version, result in self.results.items())


@dataclass(frozen=True)
class SuiteReport:
    """All suites of one version, in the order in which the server chose them.

    end: what ended the search.
    """

    version: Version
    accepted: tuple[Accepted, ...]
    end: Offer

    @property
    def complete(self) -> bool:
        """Whether everything else was refused, so that the list is known to be whole."""
        return isinstance(self.end, Refused) and self.end.alert in _FINAL_ALERTS

    @property
    def suites(self) -> frozenset[Suite]:
        """The suites as a set."""
        return frozenset(result.suite for result in self.accepted)

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in the server's order."""
        return tuple(result.suite.name for result in self.accepted)

    def violations(self, rule: SuiteRule) -> dict[str, list[str]]:
        """Suites that break the rule, each with the reasons."""
        found = {
            result.suite.name: rule.violations(result.suite, result.dh_bits, result.curve_bits)
            for result in self.accepted
        }
        return {name: reasons for name, reasons in found.items() if reasons}

    def __str__(self) -> str:
        state = "complete" if self.complete else f"incomplete ({self.end})"
        return f"{self.version}, {len(self.accepted)} suites, {state}: {', '.join(self.names)}"


@dataclass(frozen=True)
class Features:
    """What a server answers besides version and suite (TLS 1.2 and below)."""

    compression: bool
    renegotiation_info: bool
    session_ticket: bool
    extended_master_secret: bool
