"""Lines in memory, paced by the clock."""

from __future__ import annotations

import os
import time
from collections import deque

from nportlab.serial.channel import Channel


class PacedLoop(Channel):
    """A loopback plug: what is written comes back at `rate` bytes per second. drop: which byte in how many is lost."""

    def __init__(self, name: str, rate: float, *, drop: int = 0) -> None:
        self.name = name
        self._rate = rate
        self._drop = drop
        self._queue: deque[int] = deque()
        self._free_at = 0.0
        self._count = 0
        self._room = 4096
        self._event = os.eventfd(1, os.EFD_NONBLOCK)  # always readable: it is asked every tick

    def fileno(self) -> int:
        return self._event

    def write(self, data: bytes | memoryview) -> int:
        taken = bytes(data[: self._room - len(self._queue)])
        if not self._queue:
            self._free_at = max(self._free_at, time.monotonic())
        self._queue.extend(taken)
        return len(taken)

    def read(self) -> bytes:
        due = int((time.monotonic() - self._free_at) * self._rate)
        came = bytearray()
        for _ in range(min(due, len(self._queue))):
            byte = self._queue.popleft()
            self._count += 1
            if not self._drop or self._count % self._drop:
                came.append(byte)
        taken = min(due, len(came)) if not self._drop else len(came)
        self._free_at += (taken if not self._drop else due) / self._rate
        return bytes(came)

    def close(self) -> None:
        if self._event >= 0:
            os.close(self._event)
            self._event = -1
