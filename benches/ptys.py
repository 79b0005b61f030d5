"""Pseudo-terminals as lines without a pace: one end for the harness, the other a path that a server opens as its serial
port."""

from __future__ import annotations

import contextlib
import os
import tty
from collections.abc import Iterator
from contextlib import contextmanager

from nportlab.serial.channel import ChannelClosed

READ_SIZE = 65536


class PtyChannel:
    """One end of a pseudo-terminal, as traffic sees it."""

    def __init__(self, descriptor: int, name: str) -> None:
        self.name = name
        self._descriptor = descriptor
        os.set_blocking(descriptor, False)

    def fileno(self) -> int:
        """Descriptor to watch; -1 once closed."""
        return self._descriptor

    def read(self) -> bytes:
        """What is there now. Raises ChannelClosed when nobody holds the other end."""
        try:
            return os.read(self._descriptor, READ_SIZE)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise ChannelClosed(f"{self.name}: {error.strerror}") from None

    def write(self, data: bytes | memoryview) -> int:
        """How many bytes were taken. Raises ChannelClosed when nobody holds the other end."""
        try:
            return os.write(self._descriptor, data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise ChannelClosed(f"{self.name}: {error.strerror}") from None

    def close(self) -> None:
        """Let go of this end; may be called twice."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


@contextmanager
def pty_line(name: str = "pty") -> Iterator[tuple[PtyChannel, str]]:
    """A raw pseudo-terminal: the harness's end, and the path of the other one.

    That one stays open here too, so that the line survives a server that opens its port only while it has a client.
    """
    near, far = os.openpty()
    try:
        tty.setraw(far)
        channel = PtyChannel(near, name)
        try:
            yield channel, os.ttyname(far)
        finally:
            channel.close()
    finally:
        with contextlib.suppress(OSError):
            os.close(far)
