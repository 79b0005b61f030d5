"""The seeded defect settings-active-at-once: what was submitted is in force before the restart."""

from __future__ import annotations

from collections.abc import Mapping

from nportlab.virtual.unit.device import Device
from nportlab.virtual.unit.services import listeners


async def activate(device: Device, values: Mapping[str, str]) -> None:
    """Put values into force and start the services they switch on (those switched off go on until the restart)."""
    idle = [service for service in listeners().values() if not service.enabled(device)]
    device.running.update(values)
    for service in idle:
        if service.enabled(device):
            device.services.append(await service.serve(device))
