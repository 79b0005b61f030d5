"""pyserial's `wire://` scheme: an adapter of a virtual rack, with the semantics of a serial device of this host.

    wire://<percent-encoded path of the rack's cables.sock>?end=np6650/3[&interface=rs-422]

What pyserial says of a POSIX serial port holds here, with two differences: an adapter is always open to one program
only, and `flush` honours the write timeout. `take_events` tells what a real one does not: line errors and breaks seen.
"""

from __future__ import annotations

import os
import time
from typing import Any

from serial.serialutil import (
    SerialException,
    SerialTimeoutException,
    Timeout,
    to_bytes,  # type: ignore[attr-defined] - the stubs lack it
)

from nportlab.protocol.serial_wire import Hold
from nportlab.serial.handlers.wire_port import SLICE_SECONDS, WirePort
from nportlab.serial.line_events import LineEvent


class Serial(WirePort):
    """One adapter."""

    # Reading ------------------------------------------------------------------------------------------------------

    def fileno(self) -> int:
        """For select: readable while there may be something to read."""
        return self._connected.fileno()

    @property
    def in_waiting(self) -> int:
        """Bytes received that were not read. Raises SerialException when there are none and the adapter is gone."""
        with self._lock:
            link = self._connected
            link.pump()
            if link.lost and not link.received:
                raise SerialException(link.lost)
            return len(link.received)

    def read(self, size: int = 1, /) -> bytes:
        """`size` bytes; fewer when the timeout or the inter-byte timeout has passed, or `cancel_read` was called.

        Raises SerialException when the adapter is gone and everything it received was read.
        """
        timeout = _timeout(self._timeout)
        data = b""
        last = 0.0
        while True:
            new = self._take(size - len(data), must=not data)
            if new:
                data = data + new if data else new
                last = time.monotonic()
            if len(data) >= size or timeout.expired() or self._connected.lost:
                return data
            left = timeout.time_left()
            if data and self._inter_byte_timeout is not None:
                gap = last + self._inter_byte_timeout - time.monotonic()
                if gap <= 0:
                    return data
                left = gap if left is None else min(gap, left)
            if not self._wait(left, self._cancel_read, for_data=True):
                return data

    def read_all(self) -> bytes:
        """Everything received that was not read, at once."""
        with self._lock:
            return self._take(self.in_waiting)

    def _take(self, size: int, *, must: bool = True) -> bytes:
        """What is there, up to `size`. must: raises SerialException when nothing is, and nothing can come."""
        with self._lock:
            link = self._connected
            if len(link.received) < size:
                link.pump()
            data = link.take(size)
            if link.lost and must and size and not data:
                raise SerialException(link.lost)
            return data

    def reset_input_buffer(self) -> None:
        """Forget what was received and not read."""
        with self._talking() as link:
            link.take(len(link.received))

    def cancel_read(self) -> None:
        """Make a `read` in another thread return at once."""
        if self.is_open:
            os.eventfd_write(self._cancel_read, 1)

    def take_events(self) -> list[LineEvent]:
        """Line errors and breaks seen since the last call, oldest first."""
        with self._lock:
            link = self._connected
            link.pump()
            return link.take_events()

    # Writing ------------------------------------------------------------------------------------------------------

    @property
    def out_waiting(self) -> int:
        """Bytes written that are not on the wire yet."""
        with self._talking() as link:
            return link.unsent

    def write(self, data: Any, /) -> int:
        """Queue bytes; waits for room at most the write timeout. Returns how many were taken: all, but with a timeout
        of 0 or after `cancel_write`.

        Raises SerialTimeoutException, and SerialException when the adapter is gone.
        """
        view = memoryview(to_bytes(data))
        timeout = _timeout(self._write_timeout)
        taken = 0
        while True:
            with self._talking() as link:
                taken += link.write(view[taken:])
            if taken == len(view) or timeout.is_non_blocking:
                return taken
            if timeout.expired():
                raise SerialTimeoutException(f"Write timeout: {taken} of {len(view)} bytes taken{_why(link.hold)}")
            if not self._wait(_slice(timeout), self._cancel_write, for_data=False):
                return taken

    def flush(self) -> None:
        """Wait until everything is on the wire, at most the write timeout (raises SerialTimeoutException)."""
        timeout = _timeout(self._write_timeout or None)
        while True:
            with self._talking() as link:
                if not link.unsent:
                    return
            if timeout.expired():
                raise SerialTimeoutException(f"Write timeout: {link.unsent} bytes not sent{_why(link.hold)}")
            self._wait(_slice(timeout), self._cancel_write, for_data=False)

    def reset_output_buffer(self) -> None:
        """Forget what is not on the wire yet."""
        self._drop()

    def cancel_write(self) -> None:
        """Make a `write` in another thread return at once."""
        if self.is_open:
            os.eventfd_write(self._cancel_write, 1)


def _timeout(seconds: float | None) -> Timeout:
    return Timeout(seconds)  # type: ignore[arg-type] - None is for ever, whatever the stubs say


def _slice(timeout: Timeout) -> float:
    left = timeout.time_left()
    return SLICE_SECONDS if left is None else min(SLICE_SECONDS, left)


def _why(hold: Hold) -> str:
    """What keeps the adapter from sending, for a message."""
    words = {Hold.CTS: "CTS is low", Hold.DSR: "DSR is low", Hold.XOFF: "it sent XOFF"}
    reasons = [text for reason, text in words.items() if hold & reason]
    return f"; the other end holds the line ({', '.join(reasons)})" if reasons else ""
