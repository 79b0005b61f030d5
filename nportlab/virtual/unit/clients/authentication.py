"""The unit's authentication servers: RADIUS and TACACS+ as ways to judge a login, and their session accounting.

The order of types and "try next type" are the Authenticator's business; this module adds the two server types to it.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

from nportlab.virtual.unit.authentication import Answer
from nportlab.virtual.unit.clients import leaks, radius, tacacs
from nportlab.virtual.unit.clients.dns import NotResolved, resolve
from nportlab.virtual.unit.clients.neighbours import local_host
from nportlab.virtual.unit.clients.server_verdict import Asker, ServerVerdict

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device

ANSWERS = {
    ServerVerdict.ACCEPTED: Answer.ACCEPT,
    ServerVerdict.DENIED: Answer.REJECT,
    ServerVerdict.UNAVAILABLE: Answer.UNREACHABLE,
}

Report = Callable[[bool], Awaitable[bool]]


class _Nothing:
    def close(self) -> None:
        """Nothing runs between logins."""


def enabled(device: Device) -> bool:
    """Always: whether a server is asked is decided at each login."""
    return True


async def serve(device: Device) -> _Nothing:
    """Teach the device's authenticator to ask the two kinds of server."""

    async def ask_radius(user: str, password: str) -> Answer:
        server = await _radius_server(device)
        if server is None:
            return Answer.UNREACHABLE
        method = device.running["radius.authentication_type"]
        return ANSWERS[await radius.authenticate(server, _asker(device), user, password, method)]

    async def ask_tacacs(user: str, password: str) -> Answer:
        server = await _tacacs_server(device)
        if server is None:
            return Answer.UNREACHABLE
        return ANSWERS[await tacacs.authenticate(server, _asker(device), user, password)]

    if leaks.planted(device):
        device.authenticator = leaks.LeakyAuthenticator(device)
    device.authenticator.servers.update(radius=ask_radius, tacacs=ask_tacacs)
    return _Nothing()


@contextlib.asynccontextmanager
async def session(device: Device, user: str, console: str, source: str) -> AsyncIterator[None]:
    """Report the session in the block to the accounting servers that are switched on: start at once, stop behind it.

    The session does not wait for the servers.
    """
    number = secrets.token_hex(4)
    types = device.running["console.authentication_type"].split("-")
    reports: list[Report] = []
    if "radius" in types and device.running.on("radius.accounting"):
        reports.append(lambda start: _account_radius(device, _asker(device, console, source), user, number, start))
    if "tacacs" in types and device.running.on("tacacs.accounting"):
        reports.append(lambda start: _account_tacacs(device, _asker(device, console, source), user, number, start))
    starting = asyncio.gather(*(report(True) for report in reports))
    try:
        yield
    finally:
        await starting
        await asyncio.gather(*(report(False) for report in reports))


async def _account_radius(device: Device, asker: Asker, user: str, number: str, start: bool) -> bool:
    server = await _radius_server(device)
    return server is not None and await radius.account(server, asker, user, number, start=start)


async def _account_tacacs(device: Device, asker: Asker, user: str, number: str, start: bool) -> bool:
    server = await _tacacs_server(device)
    return server is not None and await tacacs.account(server, asker, user, number, start=start)


async def _radius_server(device: Device) -> radius.Server | None:
    """The RADIUS server of the running settings; None if none is set or its name has no address."""
    address = await _address(device, device.running["radius.server"])
    if address is None:
        return None
    port = device.running.number("radius.port")
    authentication, accounting = device.peer(address, port), device.peer(address, port + 1)
    return radius.Server(authentication, accounting, device.running["radius.key"], local_host(device))


async def _tacacs_server(device: Device) -> tacacs.Server | None:
    address = await _address(device, device.running["tacacs.server"])
    if address is None:
        return None
    return tacacs.Server(device.peer(address, tacacs.PORT), device.running["tacacs.secret"], local_host(device))


async def _address(device: Device, host: str) -> str | None:
    if not host:
        return None
    try:
        return await resolve(device, host)
    except NotResolved:
        return None


def _asker(device: Device, console: str = "", source: str = "") -> Asker:
    return Asker(device.address, device.running["basic.server_name"], console, source)
