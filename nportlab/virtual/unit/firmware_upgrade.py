"""An upgrade while the old firmware still runs: receive, verify, erase, write, switch over; then the unit restarts."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from nportlab.guide.firmware import Route
from nportlab.protocol.virtual_dsci import Code
from nportlab.protocol.virtual_image import LARGEST_IMAGE, ImageHead
from nportlab.virtual.unit.firmware import SHARES, BankWriter, Stage
from nportlab.virtual.unit.firmware_rules import FirmwareRefused, judge

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device

STEPS = 16
"""Into which a stage is cut; the power may fail between any two."""

IDLE_MINUTES = 1
"""Unit minutes after which an upload that stands still is given up (invented)."""

MOST_DRAINED = 64 * LARGEST_IMAGE
"""Bytes of a far too large upload that are read, so that its sender gets to see the answer."""

_FORM = 4096
"""Bytes an upload in a form may have besides the image."""

BUSY = "A firmware upgrade is in progress. Do not switch off."

Report = Callable[[Stage, int], Awaitable[None]]
"""Told how far an upgrade is: stage, percent of it."""


async def _nobody(stage: Stage, percent: int) -> None:
    """Nobody wants to know."""


class FirmwareUpgrade:
    """The upgrade a unit is in, if it is in one. stage: None when it is not; percent: of the stage."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.stage: Stage | None = None
        self.percent = 0
        self._uploads: set[Upload] = set()

    @property
    def busy(self) -> bool:
        """Whether an upload or upgrade is going on; no other one, and no restart, is taken then."""
        return bool(self._uploads)

    def begin(self, by: str, route: Route) -> Upload:
        """Somebody begins to send an image. Raises FirmwareRefused while another upgrade is going on."""
        if self.busy and not self.device.has_defect("second-upload-accepted-meanwhile"):
            raise FirmwareRefused(BUSY, Code.BLOCKED)
        upload = Upload(self, by, route)
        self._uploads.add(upload)
        self.reached("receive", 0.0)
        return upload

    def ended(self, upload: Upload) -> None:
        """The upload came to nothing."""
        self._uploads.discard(upload)
        if not self._uploads:
            self.stage, self.percent = None, 0
            self.device.surroundings.notify({"firmware": None})

    def reached(self, stage: Stage, done: float) -> None:
        """Say how far it is. The power may be cut in here."""
        self.stage, self.percent = stage, int(100 * done)
        self.device.surroundings.reached(stage, done)


class Upload:
    """One image on its way into a unit. by: who sends it; route: how.

    After `verify` succeeded, `install` ends in a restart; in every other case `abandon` has to be called.
    """

    def __init__(self, upgrade: FirmwareUpgrade, by: str, route: Route) -> None:
        self._upgrade = upgrade
        self._device = upgrade.device
        self._by = by
        self._route: Route = route
        self._data = bytearray()
        self._received = 0
        self._announced = 0
        self._head: ImageHead | None = None
        self._installing: asyncio.Task[None] | None = None

    @property
    def idle_seconds(self) -> float:
        """Real seconds this upload may stand still."""
        return self._device.clock.minutes(IDLE_MINUTES)

    def announce(self, size: int) -> None:
        """How many bytes will come, for the progress."""
        self._announced = size

    def feed(self, piece: bytes) -> None:
        """Take a piece. What no bank holds is not kept; `verify` says so. Raises FirmwareRefused when it never ends."""
        self._received += len(piece)
        if self._received > MOST_DRAINED:
            raise FirmwareRefused("The file is too large.", Code.UPGRADE_FAILED)
        if self._received <= LARGEST_IMAGE:
            self._data += piece
        total = max(self._announced, self._received, 1)
        self._upgrade.reached("receive", min(1.0, self._received / total))

    async def verify(self, report: Report = _nobody) -> ImageHead:
        """All has come: look at it, as long as that takes. Raises FirmwareRefused."""
        device = self._device
        self._upgrade.reached("receive", 1.0)
        if not self._received:
            raise FirmwareRefused("Choose a file first.", Code.UPGRADE_FAILED)
        if self._received > LARGEST_IMAGE:
            raise FirmwareRefused("The file is too large.", Code.UPGRADE_FAILED)
        await self._pass("verify", report)
        self._head = judge(bytes(self._data), device.model, device.installed.version, self._route, device.has_defect)
        return self._head

    async def install(self, report: Report = _nobody) -> None:
        """Erase, write, switch over, and restart cold. Nothing the caller does ends it any more.

        Raises OSError when the flash cannot be written; the old firmware stays.
        """
        self._installing = asyncio.ensure_future(self._install(report))
        await asyncio.shield(self._installing)

    def install_alone(self) -> None:
        """The same with nobody waiting for it."""
        self._installing = asyncio.ensure_future(self._install(_nobody))

    def abandon(self) -> None:
        """It is not installed. Does nothing once it is being installed."""
        broken = self._received < self._announced - _FORM
        if broken and self._device.has_defect("aborted-transfer-wedges-upload"):
            return
        if self._installing is None:
            self._upgrade.ended(self)

    async def _install(self, report: Report) -> None:
        device, head = self._device, self._head
        assert head is not None, "verified first"
        bank = BankWriter(device.flash, device.installed)
        data = bytes(self._data)
        try:
            await self._pass("erase", report, lambda step: bank.erase() if step == 0 else None)
            size = -(-len(data) // STEPS)
            await self._pass("write", report, lambda step: bank.write(data[step * size : (step + 1) * size]))
            code = device.installed.code if device.has_defect("firmware-version-changes-but-not-behaviour") else None
            digest = hashlib.sha256(data).hexdigest()
            await self._pass(
                "switch-over",
                report,
                lambda step: bank.switch_over(head, digest, self._by, code) if step == STEPS // 2 else None,
            )
        except OSError:
            self._upgrade.ended(self)
            raise
        device.restart_cold()

    async def _pass(self, stage: Stage, report: Report, work: Callable[[int], None] = lambda step: None) -> None:
        """Go through a stage in steps, doing their work and letting their time pass."""
        pause = SHARES[stage] * self._device.surroundings.flash_seconds / STEPS
        self._upgrade.reached(stage, 0.0)
        for step in range(STEPS):
            work(step)
            self._upgrade.reached(stage, (step + 1) / STEPS)
            await report(stage, 100 * (step + 1) // STEPS)
            await asyncio.sleep(pause)
