"""A Real COM port with pyserial's face, so that any program that knows `serial.Serial` can use it.

    nportlab.modes.handlers.register()
    serial.serial_for_url("realcom://192.168.127.254:950:966?tls", baudrate=115200, timeout=1)

What pyserial says of a POSIX port holds here. Settings are set by PORT_INIT as the vendor's driver does; lines are
asked for each time. Two threads may use a port, one reading and one writing.
"""

from __future__ import annotations

import fcntl
import os
import select
import struct
import termios
import threading
import time
from functools import partial
from typing import Any, Literal

from serial.serialutil import (
    SerialException,
    SerialTimeoutException,
    Timeout,
    to_bytes,  # type: ignore[attr-defined] - the stubs lack it
)

from nportlab.modes.errors import ConnectionLost
from nportlab.modes.real_com_serial_base import RealComSerialBase
from nportlab.protocol.real_com import Queues

_MOST = 1024 * 1024  # bytes held here for a reader that only asks how many there are; the network holds the rest
_DRAIN_STEP = 1.0  # seconds the unit may take for one answer about its queue
_TICK = 0.002  # seconds between two looks at what the network still carries

News = Literal["ready", "cancelled", "late"]


class RealComSerial(RealComSerialBase):
    """One port."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._received = bytearray()
        self._moving = threading.Lock()  # OpenSSL can not be read and written at once
        super().__init__(*args, **kwargs)

    def open(self) -> None:
        """Open with the current settings. Raises SerialException; ValueError for settings that are refused."""
        super().open()
        self._received.clear()

    # Reading ------------------------------------------------------------------------------------------------------

    def fileno(self) -> int:
        """For select: readable when the unit sent something; what `in_waiting` took already is not seen there."""
        return self.session.fileno()

    @property
    def in_waiting(self) -> int:
        """Bytes that came and were not read. Raises SerialException when there are none and the connection is gone."""
        self._pump(_MOST, must=True)
        return len(self._received)

    def read(self, size: int = 1, /) -> bytes:
        """`size` bytes; fewer when the timeout or the inter-byte timeout has passed, or `cancel_read` was called.

        Raises SerialException when the connection is gone and everything that came was read.
        """
        timeout = _timeout(self._timeout)
        while True:
            standing = self._pump(size, must=True)
            if len(self._received) >= size or timeout.expired() or not standing:
                break
            left, gap = timeout.time_left(), self._inter_byte_timeout
            between = gap is not None and self._received and (left is None or gap < left)
            news = self._news(gap if between else left, self._cancel_read, select.POLLIN)
            if news == "cancelled" or (between and news == "late"):
                break
        return self._take(size)

    def read_all(self) -> bytes:
        """Everything that came and was not read, at once."""
        return self._take(self.in_waiting)

    def _take(self, size: int) -> bytes:
        with self._moving:
            taken = bytes(self._received[:size])
            del self._received[:size]
        return taken

    def _pump(self, enough: int, *, must: bool) -> bool:
        """Take what came until there is enough; whether the connection still stands. must: raises SerialException when
        it does not and nothing is left."""
        session = self.session
        try:
            with self._moving:
                while len(self._received) < enough and (data := session.read()):
                    self._received += data
        except ConnectionLost as gone:
            if must and not self._received:
                raise SerialException(gone.message) from gone
            return False
        return True

    def reset_input_buffer(self) -> None:
        """Forget what the unit received, and what came and was not read. What is under way still comes."""
        self._ordered(lambda: self.session.flush(Queues.RECEIVE))
        self._pump(_MOST, must=False)
        self._take(len(self._received))

    def cancel_read(self) -> None:
        """Make a `read` in another thread return at once."""
        if self.is_open:
            os.eventfd_write(self._cancel_read, 1)

    # Writing ------------------------------------------------------------------------------------------------------

    @property
    def out_waiting(self) -> int:
        """Bytes written that are not on the wire yet: those the network carries, and the unit's queue (at most 65,535
        of that are told)."""
        return self._under_way() + self._ordered(self.session.output_queue)

    def write(self, data: Any, /) -> int:
        """Send; waits for room at most the write timeout. Returns how many were taken: all, but with a timeout of 0 or
        after `cancel_write`.

        Raises SerialTimeoutException, and SerialException when the connection is gone.
        """
        view = memoryview(to_bytes(data))
        timeout = _timeout(self._write_timeout)
        taken = 0
        while True:
            with self._moving:
                taken += self._ordered(partial(self.session.write, view[taken:]))
            if taken == len(view) or timeout.is_non_blocking:
                return taken
            news = self._news(timeout.time_left(), self._cancel_write, select.POLLOUT)
            if news == "cancelled":
                return taken
            if news == "late":
                raise SerialTimeoutException(f"Write timeout: {taken} of {len(view)} bytes taken")

    def flush(self) -> None:
        """Wait until everything is on the wire, at most the write timeout (raises SerialTimeoutException)."""
        timeout = _timeout(self._write_timeout or None)
        while self._under_way():
            # The command port would overtake it.
            if timeout.expired():
                raise SerialTimeoutException(f"Write timeout: {self._under_way()} bytes not taken by the unit")
            time.sleep(_TICK)
        while True:
            left = timeout.time_left()
            step = _DRAIN_STEP if left is None else min(_DRAIN_STEP, left)
            waiting = self._ordered(partial(self.session.wait_output_drained, step))
            if not waiting:
                return
            if timeout.expired():
                raise SerialTimeoutException(f"Write timeout: {waiting} bytes not sent by the unit")

    def reset_output_buffer(self) -> None:
        """Forget what is not on the wire yet."""
        self._ordered(lambda: self.session.flush(Queues.TRANSMIT))

    def cancel_write(self) -> None:
        """Make a `write` in another thread return at once."""
        if self.is_open:
            os.eventfd_write(self._cancel_write, 1)

    def _under_way(self) -> int:
        """Bytes of the data connection the unit has not acknowledged (over TLS: with their framing)."""
        answer = fcntl.ioctl(self.session.fileno(), termios.TIOCOUTQ, b"\0" * 4)
        return struct.unpack("i", answer)[0]

    def _news(self, left: float | None, cancel: int, event: int) -> News:
        """Wait for the data connection or a cancellation, at most `left` seconds (None: for ever)."""
        poll = select.poll()
        poll.register(self.session.fileno(), event)
        poll.register(cancel, select.POLLIN)
        ready = dict(poll.poll(None if left is None else max(0.0, left) * 1000))
        if cancel in ready:
            os.eventfd_read(cancel)
            return "cancelled"
        return "ready" if ready else "late"


def _timeout(seconds: float | None) -> Timeout:
    return Timeout(seconds)  # type: ignore[arg-type] - None is for ever, whatever the stubs say
