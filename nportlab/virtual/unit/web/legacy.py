"""placeholder"""

from aiohttp import web

from nportlab.virtual.unit.device import Device


def legacy_application(device: Device) -> web.Application:
    return web.Application()
