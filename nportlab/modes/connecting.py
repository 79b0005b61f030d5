"""Connect to a network port of a unit; what goes wrong is an error that names the port's mode."""

from __future__ import annotations

import errno
import socket

from nportlab.modes.errors import PortRefused, PortSilent
from nportlab.unit.endpoint import Endpoint
from nportlab.unit.errors import NotReachable
from nportlab.verdicts.faults import LabFault

Source = tuple[str, int]
"""A local address ("" for any) and port (0 for any)."""


def connect(
    endpoint: Endpoint,
    name: str,
    timeout: float,
    *,
    source: Source | None = None,
    receive_buffer: int | None = None,
) -> socket.socket:
    """A connected TCP socket, still blocking with `timeout`, without Nagle's delay and with keep-alive.

    name: what errors name as their resource. source: local end. receive_buffer: bytes the kernel holds for us, small
    for a reader that is to jam soon. Raises PortRefused, PortSilent, NotReachable; LabFault for a local end taken.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(*endpoint, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise NotReachable(
            f"the name {endpoint.host!r} can not be resolved: {error.strerror or error}",
            remedy="Correct the unit's address in lab.yaml.",
            resource=name,
        ) from None
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(timeout)
        if source is not None:
            _bind(sock, source, name)
        sock.connect(address)
    except OSError as error:
        sock.close()
        raise _failed(error, endpoint, name, timeout) from None
    except BaseException:
        sock.close()
        raise
    return sock


def _bind(sock: socket.socket, source: Source, name: str) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(source)
    except OSError as error:
        raise LabFault(
            f"can not connect from {source[0] or '*'}:{source[1]}: {error.strerror}",
            remedy="Use another local address or port.",
            resource=name,
        ) from None


def _failed(error: OSError, endpoint: Endpoint, name: str, timeout: float) -> NotReachable:
    remedy = "Check the port's operation mode, and that the unit has restarted since it was set."
    if isinstance(error, ConnectionRefusedError):
        return PortRefused(f"{endpoint} refuses the connection", remedy=remedy, resource=name)
    if isinstance(error, TimeoutError) or error.errno == errno.ETIMEDOUT:
        return PortSilent(f"{endpoint} does not answer within {timeout:g} s", remedy=remedy, resource=name)
    return NotReachable(f"no connection to {endpoint}: {error.strerror or error}", remedy=remedy, resource=name)
