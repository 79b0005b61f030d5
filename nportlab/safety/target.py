"""What keeping a unit safe asks of it; the fixtures adapt `nportlab.unit.Unit` to this."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from nportlab.plan.need import Event
from nportlab.protocol.configuration_text import ConfigurationText
from nportlab.safety.journal import Identity


class Target(Protocol):
    """One unit. Every method raises UnitBehaviour or LabFault when the unit or the bench does not play along."""

    def ready(self, saved: bool) -> None:
        """Wait until it answers and the web console is open to the harness.

        saved: whether the baseline is saved, so that the console may be switched on for that. The first account is made
        when there is none and that is allowed.
        """
        ...

    def identity(self) -> Identity:
        """Who answers."""
        ...

    def export(self) -> ConfigurationText:
        """The stored configuration."""
        ...

    def certificate(self) -> str:
        """The certificate in use: self-signed, imported, or lab:<key> of this run's authority."""
        ...

    def apply(self, values: Mapping[str, str], event: Event) -> None:
        """Store settings (and the pseudo-setting certificate), then go through `event`: everything stored is in force
        and read back when it returns. `event` is "restart" or "power-cycle"."""
        ...

    def factory_reset(self) -> None:
        """Load factory values, keep the IP settings, create the first account; returns when the unit is healthy."""
        ...

    def load(self, text: ConfigurationText, secrets: Mapping[str, str], certificate: str | None) -> None:
        """Import a whole configuration, set the secrets it cannot hold, and bring back a self-signed or the lab's kept
        certificate when one is named; restart; returns when the unit is healthy."""
        ...

    def close(self) -> None:
        """Log out."""
        ...
