"""JSON lines between the processes of a rack: supervisor and units, supervisor and its clients."""

from __future__ import annotations

import json
import socket
from typing import Any

LONGEST = 1 << 20


class WireError(Exception):
    """The other side does not speak JSON lines."""


class Lines:
    """Cuts a byte stream into messages."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """The messages completed by `data`; raises WireError for anything but JSON objects, one a line."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST:
            raise WireError("line too long")
        return [_decode(line) for line in whole if line.strip()]


def encode(message: dict[str, Any]) -> bytes:
    """One line."""
    return json.dumps(message).encode() + b"\n"


def send(channel: socket.socket, message: dict[str, Any]) -> bool:
    """Send on a blocking or non-blocking socket; False when the other side is gone or does not read."""
    try:
        channel.sendall(encode(message))
    except OSError:
        return False
    return True


def _decode(line: bytes) -> dict[str, Any]:
    try:
        message = json.loads(line)
    except ValueError as error:
        raise WireError(f"not JSON: {error}") from None
    if not isinstance(message, dict):
        raise WireError("not a JSON object")
    return message
