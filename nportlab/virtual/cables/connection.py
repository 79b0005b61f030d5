"""One client of the cables: a unit, an adapter, or someone who gives commands."""

from __future__ import annotations

import json
import select
import socket
from typing import Any

from nportlab.protocol.serial_wire import Frame, Frames, Kind, encode
from nportlab.virtual.cables.uart import Uart

CHUNK = 1 << 16
MOST_QUEUED = 1 << 17
"""Bytes to send a port holds before its client is not read any more; a client that keeps to what it was told never gets
there."""


class Connection:
    """A socket, what came of a frame, and what has not left yet."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.out = bytearray()
        self.ends: dict[int, Uart] = {}
        """What it speaks for, by port number."""
        self.name = ""
        """Empty until it has said what it is."""
        self.blocked = False
        """The socket took less than it was given."""
        self.watched = int(select.EPOLLIN)
        """What epoll was told to report."""
        self.closed = False
        self._frames = Frames()
        sock.setblocking(False)

    def fileno(self) -> int:
        """Descriptor to watch."""
        return self.sock.fileno()

    def read(self) -> list[Frame] | None:
        """Frames that have come; None at the end. Raises WireFrameError."""
        try:
            data = self.sock.recv(CHUNK)
        except (BlockingIOError, InterruptedError):
            return []
        except OSError:
            return None
        return self._frames.feed(data) if data else None

    def answer(self, content: dict[str, Any]) -> None:
        """Send PLUGGED."""
        self.out += encode(Kind.PLUGGED, 0, json.dumps(content).encode())

    def refuse(self, error: str) -> None:
        """Send PLUGGED with the reason why not."""
        self.answer({"ok": False, "error": error})

    def flush(self) -> bool:
        """Send what there is; False when the client is gone."""
        try:
            sent = self.sock.send(self.out)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            return False
        del self.out[:sent]
        self.blocked = bool(self.out)
        return True

    @property
    def choked(self) -> bool:
        """Whether there is so much to send, one way or the other, that nothing more may be read."""
        return len(self.out) > MOST_QUEUED or any(uart.backlog > MOST_QUEUED for uart in self.ends.values())
