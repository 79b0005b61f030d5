"""Commands to the cables of a rack from outside: faults on a line, and what every end is doing."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

from nportlab.protocol.serial_wire import MOST_PAYLOAD, Frames, Kind, WireFrameError, encode
from nportlab.virtual.socket_path import short_path

CABLES_SOCKET = "cables.sock"
ANSWER_SECONDS = 20.0


class NoCables(Exception):
    """Nobody answers on the cables' socket."""


def ask_cables(path: Path, command: dict[str, Any], timeout: float = ANSWER_SECONDS) -> dict[str, Any]:
    """Send one command to the cables listening at `path` and return the answer: {"ok": true, ...}, or {"ok": false,
    "error": text} when it cannot be done.

    {"do": "fault", "unit": u, "port": n, "fault": "bit-errors" | "drop-byte" | "duplicate-byte" | "cut" | "unplugged" |
    null, "every": bytes, "direction": "to-unit" | "from-unit" | "both"} and {"do": "describe"} (see
    virtual.cables.rack).
    Raises NoCables when there are none or they do not answer within `timeout` seconds.
    """
    try:
        with socket.socket(socket.AF_UNIX) as channel, short_path(path) as address:
            channel.settimeout(timeout)
            channel.connect(address)
            channel.sendall(encode(Kind.PLUG, 0, json.dumps({"control": command}).encode()))
            frames = Frames()
            answer = b""
            while data := channel.recv(65536):
                for frame in frames.feed(data):
                    answer += frame.payload
                    if frame.kind is Kind.PLUGGED and len(frame.payload) < MOST_PAYLOAD:
                        return json.loads(answer)
    except (OSError, WireFrameError, ValueError) as error:
        raise NoCables(f"{path}: {error}") from None
    raise NoCables(f"{path}: closed without an answer")
