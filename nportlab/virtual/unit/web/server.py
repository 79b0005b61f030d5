"""The listeners of the web console."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

from nportlab.virtual.unit.device import Device
from nportlab.virtual.unit.netstat import Socket
from nportlab.virtual.unit.tls import listen_tls
from nportlab.virtual.unit.web.application import application
from nportlab.virtual.unit.web.console import Console
from nportlab.virtual.unit.web.legacy import legacy_application
from nportlab.virtual.unit.web.pages import all_pages
from nportlab.virtual.unit.web.redirect import redirect

if TYPE_CHECKING:
    from nportlab.virtual.unit.services import Closeable

HTTP, HTTPS = 80, 443


def enabled(device: Device) -> bool:
    """Whether HTTP or HTTPS is on."""
    return _https(device) or _http(device)


def _https(device: Device) -> bool:
    return device.running["console.https"] == "enable" or "https" in device.effects.runs_though_off


def _http(device: Device) -> bool:
    return device.running["console.http"] != "disable" or "http" in device.effects.runs_though_off


async def serve(device: Device) -> Closeable:
    """Listen as the running settings say. Raises OSError when a port is taken; nothing stays open then."""
    listeners = _Listeners(device)
    try:
        if device.flavour == "1.x":
            # Serves the console itself without TLS, too.
            secure = plain = await listeners.run(legacy_application(device))
        else:
            console = Console(device, all_pages)
            secure = await listeners.run(application(console))
            plain = await listeners.run(redirect(console))
        if _https(device):
            listeners.parts.append(await listen_tls(device, HTTPS, secure))
        if _http(device):
            await listeners.listen_plain(plain)
    except BaseException:
        listeners.close()
        raise
    return listeners


class _Listeners:
    """Listeners and the applications behind them, closed together."""

    def __init__(self, device: Device) -> None:
        self.parts: list[Closeable] = []
        self._device = device
        self._runners: list[web.AppRunner] = []
        self._plain: list[tuple[asyncio.Server, int]] = []
        self._ending: list[asyncio.Task[None]] = []

    async def run(self, app: web.Application) -> web.Server:
        """Make an application ready; the result makes the protocol of one connection."""
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.1)
        await runner.setup()
        self._runners.append(runner)
        assert runner.server is not None
        return runner.server

    async def listen_plain(self, console: web.Server) -> None:
        """HTTP without TLS."""
        server = await asyncio.get_running_loop().create_server(console, *self._device.tcp(HTTP))
        self._plain.append((server, self._device.netstat.add(Socket("tcp", "listen", HTTP))))

    def close(self) -> None:
        """Stop listening and drop all connections."""
        for part in self.parts:
            part.close()
        for server, row in self._plain:
            server.close()
            self._device.netstat.remove(row)
        self._ending = [asyncio.ensure_future(runner.cleanup()) for runner in self._runners]
        self.parts, self._plain, self._runners = [], [], []
