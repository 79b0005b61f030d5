"""Time client: asks the time server over SNTP from a random port, at boot and then periodically, and sets the clock."""

from __future__ import annotations

import asyncio
import secrets
from datetime import datetime
from typing import TYPE_CHECKING

from nportlab.virtual.unit.clients import ntp_codec
from nportlab.virtual.unit.clients.dns import NotResolved, resolve
from nportlab.virtual.unit.clients.neighbours import local_host, neighbour, send_once
from nportlab.virtual.unit.clients.udp_exchange import NoAnswer, ask
from nportlab.virtual.unit.services.listening import Background

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device

PORT = 123
BUILT_IN_SERVER = "ntp-built-in-server"
TIMEOUT, TRIES = 1.0, 3
INTERVAL_MINUTES, RETRY_MINUTES = 10, 1
"""Unit minutes between questions after an answer and after silence (invented)."""


def enabled(device: Device) -> bool:
    """Whether a time server is set; an empty field is the way to switch the client off (guide 3.1)."""
    return device.running["basic.time_server"] != "" or device.has_defect(BUILT_IN_SERVER)


async def serve(device: Device) -> Background:
    """Keep the clock at the server's time."""
    if device.running["basic.time_server"] == "":
        return Background(_ask_built_in_server(device))
    return Background(_follow(device))


async def _ask_built_in_server(device: Device) -> None:
    """The seeded defect: questions nobody wants answered."""
    while True:
        send_once(device, ntp_codec.request(secrets.randbits(64)), neighbour(device), PORT)
        await asyncio.sleep(device.clock.minutes(1))


async def _follow(device: Device) -> None:
    failing = False
    while True:
        server = device.running["basic.time_server"]
        moment = await ask_time(device, server)
        if moment is not None:
            device.clock.set(moment + device.clock.zone)
        elif not failing:
            device.log.add("Network", "NTP Connect Fail", server)
        failing = moment is None
        await asyncio.sleep(device.clock.minutes(RETRY_MINUTES if failing else INTERVAL_MINUTES))


async def ask_time(device: Device, server: str) -> datetime | None:
    """The server's time in UTC; None if it cannot be found or does not answer."""
    mark = secrets.randbits(64)
    try:
        address = await resolve(device, server)
        return await ask(
            device.peer(address, PORT),
            ntp_codec.request(mark),
            lambda data: ntp_codec.read_answer(data, mark),
            local_host=local_host(device),
            timeout=TIMEOUT,
            tries=TRIES,
        )
    except (NotResolved, NoAnswer):
        return None
