"""What traffic moves through: one end of a path, readable and writable without blocking."""

from __future__ import annotations

from typing import Protocol


class ChannelClosed(Exception):
    """The other end is gone; the message says how (end of file, reset, adapter unplugged)."""


class Channel(Protocol):
    """One end of a path: an adapter, or a client of an operation mode.

    Nothing here blocks. A selector that watches `fileno` for reading wakes when `read` may have something.
    """

    name: str
    """For messages: "np6650 port 3 TCP server", "adapter of np6650/3"."""

    def fileno(self) -> int:
        """Descriptor to watch."""
        ...

    def read(self) -> bytes:
        """What is there now; b"" when there is nothing. Raises ChannelClosed."""
        ...

    def write(self, data: bytes | memoryview) -> int:
        """How many bytes were taken; 0 when the path is full. Raises ChannelClosed."""
        ...

    def close(self) -> None:
        """Let go of the path."""
        ...
