"""HTTP port 80 of firmware 2.x: every request is sent to the HTTPS console of this unit, whatever host it asked for."""

from __future__ import annotations

import secrets

from aiohttp import web

from nportlab.virtual.unit.device import Device
from nportlab.virtual.unit.web.application import host_accepted, host_refused, name_server
from nportlab.virtual.unit.web.console import Console
from nportlab.virtual.unit.web.login import login_page
from nportlab.virtual.unit.web.texts import texts


def redirect(console: Console) -> web.Application:
    """The application of port 80."""
    device = console.device

    async def handle(request: web.Request) -> web.StreamResponse:
        if not host_accepted(device, request):
            return host_refused()
        if device.has_defect("http-serves-login-page"):
            return login_page(console)
        answer = web.Response(status=302, headers={"Location": location(device, request)})
        if device.has_defect("http-redirect-sets-cookie"):
            answer.set_cookie(texts()["cookie_2"], secrets.token_hex(16), path="/")
        return answer

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", handle)
    app.on_response_prepare.append(name_server)
    return app


def location(device: Device, request: web.Request) -> str:
    """The HTTPS console under the name the client used, if that is one of ours, else under the unit's address."""
    asked = request.headers.get("Host", "")
    host = asked.rsplit(":", 1)[0] if device.knows_host(asked) else device.address
    port = device.tcp(443)[1]
    return f"https://{host}{'' if port == 443 else f':{port}'}/"
