"""Which network interface of this host has an address."""

from __future__ import annotations

import fcntl
import socket
import struct

_SIOCGIFADDR = 0x8915
_NAME_BYTES = 16


def interface_with(address: str) -> str | None:
    """The interface whose (first) IPv4 address this is; None when there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        for _, name in socket.if_nameindex():
            request = struct.pack(f"{_NAME_BYTES}s{_NAME_BYTES}x", name.encode())
            try:
                answer = fcntl.ioctl(asker, _SIOCGIFADDR, request)
            except OSError:  # an interface without an address
                continue
            if socket.inet_ntoa(answer[20:24]) == address:
                return name
    return None
