"""A timer one can wait for like for a socket, to the microsecond; epoll's own waits are whole milliseconds."""

from __future__ import annotations

import ctypes
import os
import time

from nportlab.virtual.cables.transmitter import NEVER, SECOND

_NONBLOCK_CLOEXEC = os.O_NONBLOCK | os.O_CLOEXEC
_ABSOLUTE = 1
_libc = ctypes.CDLL(None, use_errno=True)


class _Setting(ctypes.Structure):
    _fields_ = [("every", ctypes.c_long * 2), ("first", ctypes.c_long * 2)]


class Timer:
    """Linux's timerfd on the monotonic clock. Raises OSError where there is none."""

    def __init__(self) -> None:
        self._descriptor = _libc.timerfd_create(time.CLOCK_MONOTONIC, _NONBLOCK_CLOEXEC)
        if self._descriptor < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._setting = _Setting()
        self._set = NEVER

    def fileno(self) -> int:
        """Readable when the time has come."""
        return self._descriptor

    def set(self, moment: int) -> None:
        """Go off at that time of time.monotonic_ns(), once; NEVER: not at all."""
        if moment == self._set:
            return
        self._set = moment
        self._setting.first[:] = (0, 0) if moment >= NEVER else divmod(max(moment, 1), SECOND)
        _libc.timerfd_settime(self._descriptor, _ABSOLUTE, ctypes.byref(self._setting), None)

    def heard(self) -> None:
        """It went off; the next `set` makes it quiet again."""
        self._set = 0

    def close(self) -> None:
        """Give it back."""
        os.close(self._descriptor)
