"""Long paths for UNIX sockets: an address holds at most 107 bytes, project folders are not bound to that."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def short_path(path: Path) -> Iterator[str]:
    """The socket's path by way of its open directory, short enough to bind or connect to."""
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{path.name}"
    finally:
        os.close(descriptor)


def listen(path: Path, backlog: int = 64) -> socket.socket:
    """A listening UNIX socket for this user only. A file that exists is taken for a leftover."""
    path.unlink(missing_ok=True)
    server = socket.socket(socket.AF_UNIX)
    try:
        with short_path(path) as address:
            server.bind(address)
        path.chmod(0o600)
        server.listen(backlog)
    except OSError:
        server.close()
        raise
    return server
