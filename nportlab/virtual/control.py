"""The control socket of a rack: a UNIX socket in its directory, JSON lines, one answer per command."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nportlab.virtual import wire

CONTROL_SOCKET = "control.sock"
ANSWER_SECONDS = 20.0


class NoSupervisor(Exception):
    """Nobody answers on the control socket."""


def bind_control(directory: Path) -> socket.socket:
    """Listen. The caller holds the rack's lock, so a socket file that exists is a leftover."""
    (directory / CONTROL_SOCKET).unlink(missing_ok=True)
    server = socket.socket(socket.AF_UNIX)
    with _short_path(directory) as path:
        server.bind(path)
    (directory / CONTROL_SOCKET).chmod(0o600)
    server.listen(64)
    return server


def ask(directory: Path, command: dict[str, Any], timeout: float = ANSWER_SECONDS) -> dict[str, Any]:
    """Send one command to the supervisor of the rack in `directory` and return its answer.

    Raises NoSupervisor when there is none or it does not answer within `timeout` seconds.
    """
    try:
        with socket.socket(socket.AF_UNIX) as channel, _short_path(directory) as path:
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


@contextmanager
def _short_path(directory: Path) -> Iterator[str]:
    """The socket's path by way of an open directory: socket paths have at most 107 bytes, project folders have not."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{CONTROL_SOCKET}"
    finally:
        os.close(descriptor)
