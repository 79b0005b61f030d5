"""An adapter's connection to the cables of a virtual rack. Nothing here waits, except `WireLink.wait`."""

from __future__ import annotations

import json
import math
import os
import select
import socket
from collections import deque
from contextlib import suppress
from pathlib import Path

from nportlab.protocol.serial_wire import (
    Frame,
    Frames,
    Hold,
    Input,
    Kind,
    WireFrameError,
    decode_errors,
    encode,
    encode_number,
)
from nportlab.serial.line_events import BreakSeen, LineErrors, LineEvent

READ_SIZE = 256 * 1024
TX_ROOM = 4096
"""Bytes the adapter takes before it says no, as a tty does."""
MOST_EVENTS = 65536
"""Events kept for somebody to ask for; older ones go first."""


class LinkLost(Exception):
    """The adapter cannot be used (any more); the message says why."""


class WireLink:
    """The connection, and the adapter's books: bytes received, bytes not on the wire yet, lines, events.

    `fileno` is readable while there may be something to read.
    """

    def __init__(self, path: Path, end: str) -> None:
        """path: the socket of the cables. end: "unit/port". Raises LinkLost when nobody is there."""
        self._path = path
        self._end = end
        self.plugged = False
        self.lost = ""
        """Why it is over; "" while it is not."""
        self.inputs = Input(0)
        self.hold = Hold(0)
        self.unsent = 0
        self.received = bytearray()
        self.events: deque[LineEvent] = deque(maxlen=MOST_EVENTS)
        self.drops_pending = 0
        self._position = 0
        self._frames = Frames()
        self._out = b""
        self._socket = _connected(path)
        self._waiting = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._marked = False
        self._epoll = select.epoll()
        self._epoll.register(self._socket, select.EPOLLIN)
        self._epoll.register(self._waiting, select.EPOLLIN)
        self.send(encode(Kind.PLUG, 0, json.dumps({"adapter": end}).encode()))

    def fileno(self) -> int:
        """Readable while the cables have something to say or `received` is not empty."""
        return self._epoll.fileno()

    def close(self) -> None:
        """Pull the plug."""
        self._epoll.close()
        os.close(self._waiting)
        self._socket.close()

    # Out ----------------------------------------------------------------------------------------------------------

    @property
    def room(self) -> int:
        """Bytes `write` takes now."""
        return max(0, TX_ROOM - self.unsent)

    def write(self, data: memoryview) -> int:
        """Queue bytes to send; returns how many were taken."""
        piece = data[: self.room]
        if piece:
            self.unsent += len(piece)
            self.send(encode(Kind.DATA, 0, piece.tobytes()))
        return len(piece)

    def send(self, frame: bytes) -> None:
        """Give a frame to the cables."""
        self._out += frame
        self._flush()

    def _flush(self) -> None:
        while self._out and not self.lost:
            try:
                sent = self._socket.send(self._out)
            except BlockingIOError:
                return
            except OSError:
                self._over()
                return
            self._out = self._out[sent:]

    # In -----------------------------------------------------------------------------------------------------------

    def pump(self) -> None:
        """Take in what came, and send what could not be sent before."""
        if self._out:
            self._flush()
        while not self.lost:
            try:
                data = self._socket.recv(READ_SIZE)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            if not data:
                self._over()
                break
            try:
                frames = self._frames.feed(data)
            except WireFrameError as error:
                self.lost = f"{self._path} does not speak the cables' protocol: {error}"
                break
            for frame in frames:
                self._hear(frame)
            if len(data) < READ_SIZE:
                break
        self._mark()

    def take(self, size: int) -> bytes:
        """Up to `size` received bytes; makes room for as many in the receiver."""
        received = self.received
        if len(received) <= size:
            data = bytes(received)
            received.clear()
        else:
            data = bytes(received[:size])
            del received[:size]
        if data and not self.lost:
            self.send(encode_number(Kind.TAKEN, 0, len(data)))
        self._mark()
        return data

    def take_events(self) -> list[LineEvent]:
        """Events since the last call, oldest first."""
        events = list(self.events)
        self.events.clear()
        return events

    def _hear(self, frame: Frame) -> None:
        match frame.kind:
            case Kind.RECEIVED:
                self.received += frame.payload
                self._position += len(frame.payload)
            case Kind.SENT:
                self.unsent = max(0, self.unsent - frame.number)
            case Kind.STATUS:
                self.inputs, self.hold = Input(frame.payload[0]), Hold(frame.payload[1])
            case Kind.ERRORS:
                self.events.append(LineErrors(self._position, *decode_errors(frame.payload)))
            case Kind.BROKE:
                self.events.append(BreakSeen(self._position, frame.number / 1e6))
            case Kind.DROPPED:
                self.unsent = max(0, self.unsent - frame.number)
                self.drops_pending -= 1
            case Kind.PLUGGED:
                self._answered(json.loads(frame.payload))
            case _:
                pass

    def _answered(self, answer: dict[str, object]) -> None:
        if answer.get("ok"):
            self.plugged = True
        else:
            self.lost = str(answer.get("error") or "refused")

    def _over(self) -> None:
        """The cables closed the connection; whether they are still there tells why."""
        if self.lost:
            return
        try:
            _connected(self._path).close()
        except LinkLost:
            self.lost = f"the rack of {self._end} has ended"
        else:
            self.lost = f"the adapter of {self._end} was unplugged"

    # Waiting ------------------------------------------------------------------------------------------------------

    def wait(self, seconds: float | None, cancel: int, *, for_data: bool) -> bool:
        """Wait for news, at most `seconds` (None: for ever); False when descriptor `cancel` became readable instead.

        for_data: received bytes that were not taken are news.
        """
        watch = select.poll()
        watch.register(cancel, select.POLLIN)
        watch.register(self.fileno() if for_data else self._socket, select.POLLIN)
        if self._out:
            watch.register(self._socket, select.POLLIN | select.POLLOUT)
        ready = watch.poll(None if seconds is None else math.ceil(max(0.0, seconds) * 1000))
        return all(descriptor != cancel for descriptor, _ in ready)

    def _mark(self) -> None:
        """Keep `fileno` readable while there are received bytes."""
        if bool(self.received) != self._marked:
            self._marked = not self._marked
            if self._marked:
                os.eventfd_write(self._waiting, 1)
            else:
                with suppress(BlockingIOError):
                    os.eventfd_read(self._waiting)


def _connected(path: Path) -> socket.socket:
    """A non-blocking connection. Raises LinkLost."""
    channel = socket.socket(socket.AF_UNIX)
    try:
        # By way of the open folder: socket paths have at most 107 bytes, project folders have not.
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            channel.connect(f"/proc/self/fd/{folder}/{path.name}")
        finally:
            os.close(folder)
    except OSError as error:
        channel.close()
        raise LinkLost(f"no virtual rack has its cables at {path} ({error.strerror}); does it run?") from None
    channel.setblocking(False)
    return channel
