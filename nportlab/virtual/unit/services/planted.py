"""How seeded defects reach the services: which run although off, which never run, and what else listens."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from nportlab.guide.defects import Effects, effects
from nportlab.virtual.unit.services import Closeable
from nportlab.virtual.unit.services.listening import TcpListener, open_all
from nportlab.virtual.waiting import within

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device

IDLE_MINUTES = 1


def planted(device: Device) -> Effects:
    """The effects of all defects of this unit."""
    return effects(device.surroundings.defects)


def runs(device: Device, service: str, *, wanted: bool) -> bool:
    """Whether `service` (id of guide/services.yaml) runs. wanted: what the running settings say."""
    effect = planted(device)
    return (wanted and service not in effect.dead) or service in effect.runs_though_off


# As a service of its own: the listeners nobody asked for.


def enabled(device: Device) -> bool:
    """Whether a defect opens further TCP ports."""
    return bool(planted(device).extra_tcp)


async def serve(device: Device) -> Closeable:
    """Listen on them; clients get no answer."""

    async def swallow(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while await within(device.clock.minutes(IDLE_MINUTES), reader.read(4096)):
            pass

    return await open_all(*(TcpListener.open(device, port, swallow) for port in sorted(planted(device).extra_tcp)))
