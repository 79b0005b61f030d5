"""URLs of Real COM ports: realcom://host:data port[:command port][?tls]."""

from __future__ import annotations

import re
from typing import NamedTuple

from nportlab.unit.endpoint import Endpoint

_URL = re.compile(r"realcom://(?:\[([^]]+)]|([^:/?\[\]]+)):(\d{1,5})(?::(\d{1,5}))?/?(?:\?(tls)?)?", re.IGNORECASE)
_COMMAND_DISTANCE = 16
"""Of a serial port's command port from its data port (nport-facts 1.1)."""


class Address(NamedTuple):
    """What a URL says."""

    data: Endpoint
    command: Endpoint
    secure: bool


def parse_url(url: str) -> Address:
    """The command port is the data port + 16 when not named; IPv6 stands in brackets. Raises ValueError."""
    found = _URL.fullmatch(url)
    if found is not None:
        host, data = found[1] or found[2], int(found[3])
        command = int(found[4] or data + _COMMAND_DISTANCE)
        if 0 < data < 65536 and 0 < command < 65536:
            return Address(Endpoint(host, data), Endpoint(host, command), bool(found[5]))
    raise ValueError(f"{url!r} is not realcom://host:data port[:command port][?tls]")


def make_url(data: Endpoint, command: Endpoint, *, secure: bool = False) -> str:
    """The URL of a port whose two network ports are at one host. Raises ValueError when they are not."""
    if data.host != command.host:
        raise ValueError(f"data at {data} and commands at {command}: a URL has one host")
    host = f"[{data.host}]" if ":" in data.host else data.host
    return f"realcom://{host}:{data.port}:{command.port}{'?tls' if secure else ''}"
