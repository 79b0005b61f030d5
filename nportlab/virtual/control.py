"""The control socket of a rack: a UNIX socket in its directory, JSON lines, one answer per command."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from nportlab.virtual import wire
from nportlab.virtual.socket_path import listen, short_path

CONTROL_SOCKET = "control.sock"
ANSWER_SECONDS = 20.0


class NoSupervisor(Exception):
    """Nobody answers on the control socket."""


def bind_control(directory: Path) -> socket.socket:
    """Listen. The caller holds the rack's lock, so a socket file that exists is a leftover."""
    return listen(directory / CONTROL_SOCKET)


def ask(directory: Path, command: dict[str, Any], timeout: float = ANSWER_SECONDS) -> dict[str, Any]:
    """Send one command to the supervisor of the rack in `directory` and return its answer.

    Raises NoSupervisor when there is none or it does not answer within `timeout` seconds.
    """
    try:
        with socket.socket(socket.AF_UNIX) as channel, short_path(directory / CONTROL_SOCKET) as path:
            channel.settimeout(timeout)
            channel.connect(path)
            channel.sendall(wire.encode(command))
            lines = wire.Lines()
            while data := channel.recv(65536):
                for message in lines.feed(data):
                    return message
    except (OSError, wire.WireError) as error:
        raise NoSupervisor(f"{directory / CONTROL_SOCKET}: {error}") from None
    raise NoSupervisor(f"{directory / CONTROL_SOCKET}: closed without an answer")
