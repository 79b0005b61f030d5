"""What all mode clients can do beyond `Conversation`: see a connection end, and say what had come until then."""

from __future__ import annotations

import select
import time
from abc import abstractmethod
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from nportlab.modes.errors import ConnectionLost, How, too_late
from nportlab.serial.conversation import Arrival, Conversation

__all__ = ["READ_SIZE", "Arrival", "ChannelBase", "Ending"]

READ_SIZE = 256 * 1024
"""Bytes one read takes at most: fewer system calls per megabyte; larger ones gained nothing."""


@dataclass(frozen=True)
class Ending:
    """How a connection ended, how many seconds after the waiting began, and what still came before."""

    how: How
    seconds: float
    received: bytes


class ChannelBase(Conversation):
    """A connection of a mode. What a Channel raises as ChannelClosed is ConnectionLost here, and says how."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @abstractmethod
    def fileno(self) -> int:
        """Descriptor that is readable when something came; -1 once closed."""

    @abstractmethod
    def write(self, data: bytes | memoryview) -> int:
        """How many bytes were taken; 0 when the path is full: offer the same bytes again. Raises ConnectionLost."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the connection; may be called twice."""

    def wait_closed(self, timeout: float) -> Ending:
        """Wait until the unit ends the connection. Raises NotInTime, with what came, when it is still open then."""
        begun = time.monotonic()
        got = bytearray()
        while True:
            try:
                data = self.read()
            except ConnectionLost as ended:
                return Ending(ended.how, time.monotonic() - begun, bytes(got))
            got += data
            if not data and not self._wait(begun + timeout):
                raise too_late(self.name, f"the connection is still open after {timeout:g} s", bytes(got))

    def _some(self, end: float, got: bytes | bytearray, message: str) -> bytes:
        try:
            return super()._some(end, got, message)
        except ConnectionLost as gone:
            gone.received = bytes(got)
            raise

    def _wait(self, end: float, *, writable: bool = False) -> bool:
        """Wait for bytes, or with `writable` for room; False when the time is up."""
        left = end - time.monotonic()
        if left <= 0:
            return False
        poll = select.poll()
        poll.register(self.fileno(), select.POLLOUT if writable else select.POLLIN)
        poll.poll(left * 1000)
        return True
