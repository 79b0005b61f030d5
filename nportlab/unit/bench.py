"""What a unit needs of the bench around it; nportlab.power has both."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol


class PowerOutlet(Protocol):
    """What the unit needs of the outlet that feeds it."""

    name: str

    def on(self) -> None:
        """Switch on."""
        ...

    def off(self) -> None:
        """Switch off."""
        ...

    def is_on(self) -> bool:
        """State as the switch says it."""
        ...

    def cycle(self, off_seconds: float = 2.0) -> None:
        """Off, wait, on."""
        ...


class PressableButton(Protocol):
    """What the unit needs of its reset button."""

    def press(self, seconds: float) -> None:
        """Hold the button so long."""
        ...

    def held(self) -> AbstractContextManager[None]:
        """Hold the button while the block runs."""
        ...
