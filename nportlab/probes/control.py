"""The positive control: the proof that a probe which found nothing would have found something."""

from __future__ import annotations

from dataclasses import dataclass

from nportlab.verdicts.faults import LabFault

Endpoint = tuple[str, int]
"""Address and port to talk to, as the unit's port map gives it."""


@dataclass(frozen=True)
class PositiveControl:
    """Something that is known to answer was asked in the same way as the unit.

    probe: what was asked ("snmp-v3 discovery", "TCP connect"); responder: who was asked; answered: whether it did;
    detail: what it answered.
    """

    probe: str
    responder: Endpoint
    answered: bool
    detail: str = ""

    def require(self) -> None:
        """Raise LabFault when the control stayed silent: the probe or the network is broken, not the unit."""
        if not self.answered:
            address, port = self.responder
            raise LabFault(
                f"the positive control did not answer the probe '{self.probe}' ({self.detail or 'no answer'})",
                "Check that the control responder runs and that the lab network reaches it; nothing can be said about "
                "the unit until it answers.",
                f"control responder {address}:{port}",
            )

    def __str__(self) -> str:
        address, port = self.responder
        return (
            f"{self.probe} to {address}:{port}: {'answered' if self.answered else 'no answer'} {self.detail}".rstrip()
        )
