"""Seeded defects of the login: packets a unit sends although nobody asked for them, and the ignored "try next type"."""

from __future__ import annotations

import asyncio
import contextlib
from collections import ChainMap
from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from nportlab.virtual.unit.authentication import Authenticator, LoginResult
from nportlab.virtual.unit.clients import neighbours, radius, tacacs
from nportlab.virtual.unit.clients.server_verdict import Asker

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device

DEFECTS = (
    "radius-asked-though-empty",
    "tacacs-dialled-though-empty",
    "login-broadcast-in-clear",
    "next-type-never-tried",
    "next-type-tried-though-off",
)
RADIUS_PORT, SEARCH_PORT = 1645, 29168
DIAL_SECONDS = 1.0


def planted(device: Device) -> bool:
    """Whether any of these defects is planted."""
    return any(map(device.has_defect, DEFECTS))


class LeakyAuthenticator(Authenticator):
    """An authenticator with the planted defects of this module."""

    def __init__(self, device: Device) -> None:
        super().__init__(device.accounts, _settings(device), device.clock, device.log)
        self._device = device
        self._dialling: set[asyncio.Task[None]] = set()

    async def login(self, user: str, password: str, console: str, source: str, types: str | None = None) -> LoginResult:
        """Judge as usual, and leak."""
        device = self._device
        if device.has_defect("radius-asked-though-empty") and not device.running["radius.server"]:
            asker = Asker(device.address, device.running["basic.server_name"], console, source)
            request = radius.access_request("", asker, user, "", "pap")
            neighbours.send_once(device, request.RequestPacket(), neighbours.neighbour(device), RADIUS_PORT)
        if device.has_defect("tacacs-dialled-though-empty") and not device.running["tacacs.server"]:
            self._start(_dial(device, neighbours.neighbour(device), tacacs.PORT))
        result = await super().login(user, password, console, source, types)
        if result.ok and console == "web" and device.has_defect("login-broadcast-in-clear"):
            message = f"login user={user} password={password}".encode()
            neighbours.send_once(device, message, neighbours.broadcast_address(device), SEARCH_PORT)
        return result

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._dialling.add(task)
        task.add_done_callback(self._dialling.discard)


async def _dial(device: Device, host: str, port: int) -> None:
    """Open a TCP connection and close it."""
    source = (neighbours.local_host(device), 0)
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(DIAL_SECONDS):
            _, writer = await asyncio.open_connection(*device.peer(host, port), local_addr=source)
            writer.close()


def _settings(device: Device) -> Mapping[str, str]:
    """The running settings, with "try next type" as the defect has it."""
    if device.has_defect("next-type-never-tried"):
        return ChainMap({"console.try_next_type": "disable"}, device.running)  # type: ignore[arg-type]
    if device.has_defect("next-type-tried-though-off"):
        return ChainMap({"console.try_next_type": "enable"}, device.running)  # type: ignore[arg-type]
    return device.running
