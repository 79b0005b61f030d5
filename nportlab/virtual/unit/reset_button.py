"""The reset button: held for five seconds it loads the factory defaults (guide 3.1, Console Settings)."""

from __future__ import annotations

import asyncio

from nportlab.virtual.unit.device import Device, RestartKind

HOLD_SECONDS = 5
"""Unit seconds until Ready blinks (third-party scripts). A press that is held on over the restart does no more
(invented)."""

ALLOWED_MINUTES = 1
"""With "Disable after 60 sec" a press must begin within this time after the unit is ready (invented: it may count from
power-on)."""

EFFECT: RestartKind = "factory-keep-ip"
"""Invented: whether the button of the real unit also resets the IP settings is not public. Keeping them lets the units
of a rack be reset side by side."""


class ResetButton:
    """Watches one button."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._held: asyncio.TimerHandle | None = None
        self._ready_since: float | None = None

    def ready(self) -> None:
        """The unit has booted."""
        self._ready_since = asyncio.get_running_loop().time()

    def press(self) -> None:
        """The button goes down."""
        device = self._device
        loop = asyncio.get_running_loop()
        since = loop.time() if self._ready_since is None else self._ready_since
        late = loop.time() - since > device.clock.minutes(ALLOWED_MINUTES)
        if self._held is None and not (late and self._limited()):
            self._held = loop.call_later(device.clock.seconds(HOLD_SECONDS), device.request_restart, EFFECT)

    def release(self) -> None:
        """The button comes up."""
        if self._held is not None:
            self._held.cancel()
            self._held = None

    def _limited(self) -> bool:
        if self._device.running["console.reset_button"] == "60s":
            return not self._device.has_defect("reset-button-never-disabled")
        return self._device.has_defect("reset-button-dead-after-60s")
