"""Channels over a descriptor, for tests: sockets and pseudo terminals."""

from __future__ import annotations

import os
import socket
import tty
from collections import deque

from nportlab.serial.channel import ChannelClosed


class End:
    """One end of a socket pair or pseudo terminal."""

    def __init__(self, descriptor: int, name: str) -> None:
        self.name = name
        self._descriptor = descriptor
        os.set_blocking(descriptor, False)

    def fileno(self) -> int:
        return self._descriptor

    def read(self) -> bytes:
        try:
            data = os.read(self._descriptor, 65536)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise ChannelClosed(error.strerror) from error
        if not data:
            raise ChannelClosed("end of file")
        return data

    def write(self, data: bytes | memoryview) -> int:
        try:
            return os.write(self._descriptor, data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise ChannelClosed(error.strerror) from error

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class Wire:
    """What is written comes back, changed by `fault(position, data)`; has no descriptor, takes `room` bytes a read."""

    def __init__(self, name: str = "wire", room: int = 100_000) -> None:
        self.name = name
        self.room = room
        self.written = 0
        self.closed: str | None = None
        self._queue: deque[bytes] = deque()
        self._fill = 0

    def fileno(self) -> int:
        raise OSError("a wire has no descriptor")

    def fault(self, position: int, data: bytes) -> bytes:
        return data

    def read(self) -> bytes:
        if self.closed:
            raise ChannelClosed(self.closed)
        if not self._queue:
            return b""
        data = self._queue.popleft()
        self._fill -= len(data)
        return data

    def write(self, data: bytes | memoryview) -> int:
        if self.closed:
            raise ChannelClosed(self.closed)
        taken = bytes(data[: self.room - self._fill])
        if taken:
            out = self.fault(self.written, taken)
            self.written += len(taken)
            self._queue.append(out)
            self._fill += len(out)
        return len(taken)

    def close(self) -> None:
        self.closed = "closed here"


def socket_ends(name: str = "") -> tuple[End, End]:
    """Two ends of a stream."""
    one, other = socket.socketpair()
    return End(one.detach(), f"{name}one"), End(other.detach(), f"{name}other")


def datagram_ends() -> tuple[End, End]:
    """Two ends that keep what is written together."""
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    return End(one.detach(), "one"), End(other.detach(), "other")


def pty_ends() -> tuple[End, End]:
    """Master and slave of a pseudo terminal that changes nothing."""
    master, slave = os.openpty()
    tty.setraw(slave)
    return End(master, "master"), End(slave, "slave")
