"""Send and receive with a deadline, over any channel. What an adapter can do beyond `Channel`."""

from __future__ import annotations

import select
import time
from abc import ABC, abstractmethod
from typing import NamedTuple

from nportlab.serial.channel import ChannelClosed
from nportlab.verdicts.faults import UnitBehaviour

_POLL_SECONDS = 0.001


class Arrival(NamedTuple):
    """Bytes, and when they were read (time.monotonic)."""

    at: float
    data: bytes


class NotInTime(UnitBehaviour):
    """What was waited for did not come, or was not taken, in time; `received` holds what came instead."""

    received: bytes = b""


class Conversation(ABC):
    """A Channel with conveniences. Subclasses move bytes in `_take` and `write`; neither may block.

    What a convenience read too much waits for the next `read`, so read once before watching `fileno`.
    """

    name: str
    _surplus: bytes = b""

    @abstractmethod
    def fileno(self) -> int:
        """Descriptor to watch; raises OSError when there is none."""

    @abstractmethod
    def write(self, data: bytes | memoryview) -> int:
        """How many bytes were taken."""

    @abstractmethod
    def _take(self) -> bytes:
        """What is there now."""

    def read(self) -> bytes:
        """What is there now; b"" when there is nothing. Raises ChannelClosed."""
        if self._surplus:
            surplus, self._surplus = self._surplus, b""
            return surplus
        return self._take()

    def send_all(self, data: bytes, timeout: float) -> None:
        """Send all of it. Raises NotInTime (naming how much was taken) after `timeout` seconds, ChannelClosed."""
        end = time.monotonic() + timeout
        view = memoryview(data)
        sent = 0
        while sent < len(data):
            taken = self.write(view[sent:])
            sent += taken
            if not taken and not self._wait(end, writable=True):
                raise self._late(f"took only {sent} of {len(data)} bytes in {timeout:g} s")

    def receive_exactly(self, count: int, timeout: float) -> bytes:
        """The next `count` bytes. Raises NotInTime after `timeout` seconds, ChannelClosed."""
        end = time.monotonic() + timeout
        got = bytearray()
        while len(got) < count:
            got += self._some(end, got, f"{len(got)} of {count} bytes came in {timeout:g} s")
        self._surplus = bytes(got[count:]) + self._surplus
        return bytes(got[:count])

    def receive_until(self, end_mark: bytes, timeout: float, most: int = 65536) -> bytes:
        """Up to and with `end_mark`. Raises NotInTime when it does not come in `timeout` seconds or `most` bytes."""
        end = time.monotonic() + timeout
        got = bytearray()
        while (at := got.find(end_mark)) < 0:
            if len(got) > most:
                raise self._late(f"{end_mark!r} is not in the first {len(got)} bytes", got)
            got += self._some(end, got, f"{end_mark!r} did not come in {timeout:g} s")
        at += len(end_mark)
        self._surplus = bytes(got[at:]) + self._surplus
        return bytes(got[:at])

    def receive_some(self, timeout: float) -> bytes:
        """At least one byte. Raises NotInTime after `timeout` seconds, ChannelClosed."""
        return self._some(time.monotonic() + timeout, b"", f"nothing came in {timeout:g} s")

    def collect(self, seconds: float, enough: int | None = None) -> list[Arrival]:
        """What comes within `seconds`, piece by piece with the time of each; ends early at `enough` bytes or when the
        channel closes."""
        end = time.monotonic() + seconds
        arrivals: list[Arrival] = []
        total = 0
        while enough is None or total < enough:
            try:
                data = self.read()
            except ChannelClosed:
                break
            if data:
                arrivals.append(Arrival(time.monotonic(), data))
                total += len(data)
            elif not self._wait(end):
                break
        return arrivals

    def _some(self, end: float, got: bytes | bytearray, message: str) -> bytes:
        while not (data := self.read()):
            if not self._wait(end):
                raise self._late(message, got)
        return data

    def _late(self, message: str, received: bytes | bytearray = b"") -> NotInTime:
        shown = f"; came instead: {bytes(received[:60])!r}" if received else ""
        error = NotInTime(message + shown, resource=self.name)
        error.received = bytes(received)
        return error

    def _wait(self, end: float, *, writable: bool = False) -> bool:
        """Wait for bytes, or with `writable` for room; False when the time is up."""
        left = end - time.monotonic()
        if left <= 0:
            return False
        if writable:
            time.sleep(min(left, _POLL_SECONDS))  # a descriptor may be writable although the line is held
            return True
        try:
            poll = select.poll()
            poll.register(self.fileno(), select.POLLIN)
        except OSError:
            time.sleep(min(left, _POLL_SECONDS))
        else:
            poll.poll(left * 1000)
        return True
