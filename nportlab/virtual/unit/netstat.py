"""What the unit knows about its own sockets (Moxa service netstat, operation mode counters)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Socket:
    """One row. Ports are the device's own numbers, never mapped ones. serial_port 0: not a serial port's socket."""

    transport: Literal["tcp", "udp"]
    state: Literal["listen", "connected"]
    local_port: int
    local_address: str = "0.0.0.0"
    remote_address: str = "0.0.0.0"
    remote_port: int = 0
    serial_port: int = 0


class Netstat:
    """Live listeners and connections; a service adds a row when a socket opens and removes it when it closes."""

    def __init__(self) -> None:
        self._rows: dict[int, Socket] = {}
        self._next = 0

    def add(self, row: Socket) -> int:
        """Register a socket; returns the handle for `remove`."""
        self._next += 1
        self._rows[self._next] = row
        return self._next

    def remove(self, handle: int) -> None:
        """Forget a socket; no error when it is gone already."""
        self._rows.pop(handle, None)

    @contextmanager
    def showing(self, row: Socket) -> Iterator[None]:
        """Keep `row` registered while the block runs."""
        handle = self.add(row)
        try:
            yield
        finally:
            self.remove(handle)

    def rows(self) -> list[Socket]:
        """Listeners and connections in the order they appeared."""
        return [self._rows[handle] for handle in sorted(self._rows)]
