"""What every route offers, and the image it is handed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from nportlab.guide.firmware import Route as RouteName
from nportlab.unit.sending import Sent
from nportlab.unit.unit import Unit


@dataclass(frozen=True)
class Handed:
    """The bytes that were checked, so that what is sent is what was checked. name: as the unit sees it."""

    name: str
    data: bytes = field(repr=False)

    @cached_property
    def sha512(self) -> str:
        """Of the bytes, in lower case."""
        return hashlib.sha512(self.data).hexdigest()


class Route(Protocol):
    """One way into a unit."""

    @property
    def name(self) -> RouteName:
        """`web` or `tool`."""
        ...

    @property
    def watched(self) -> bool:
        """Whether `send` may return after the unit went away and came back, so that its going has to be watched."""
        ...

    def ready(self, unit: Unit) -> str:
        """See that the route can be used for this unit; returns what is used, in words. Nothing is sent to the unit.

        Raises ConfigFault or LabFault.
        """
        ...

    def send(self, unit: Unit, image: Handed, deadline: float, lock: int, progress: Sent | None = None) -> str:
        """Bring the image into the unit; returns what the unit (or the tool) says. deadline: seconds.

        lock: descriptor of the flash lock, for a process that may outlive this one. Raises FirmwareRefused;
        TransferBroken or a ToolError whose `touched` is true when the unit may have got something.
        """
        ...
