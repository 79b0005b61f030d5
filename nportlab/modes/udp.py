"""The network side of UDP mode: datagrams with sender and time of arrival, on one address or on a whole range."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import time
from collections.abc import Iterable
from types import TracebackType
from typing import NamedTuple, Self

from nportlab.modes.channel_base import READ_SIZE, ChannelBase
from nportlab.modes.errors import lost
from nportlab.unit.endpoint import Endpoint
from nportlab.verdicts.faults import HarnessBug, LabFault

PIECE = 1024
"""Payload of the datagrams a Channel sends; the unit's own buffer has this size (nport-facts 1.12)."""

_SO_TIMESTAMPNS = 35  # Linux: the kernel says when a datagram arrived, however late it is read
_TIMESPEC = struct.Struct("@ll")
_BUFFER = 4 * 1024 * 1024
_KEPT = 10_000  # datagrams of foreign senders


class Datagram(NamedTuple):
    """One datagram. at: arrival at this host (time.monotonic). to: the local address it was read on."""

    at: float
    sender: Endpoint
    to: Endpoint
    data: bytes


class UdpEnd(ChannelBase):
    """One local address and port.

    As a Channel it talks with `peer` only, in datagrams of `piece` bytes; what others send is kept in `foreign`. UDP
    has no flow control: the sender's pace must suit the line.
    """

    def __init__(
        self,
        address: str = "",
        port: int = 0,
        *,
        peer: Endpoint | None = None,
        label: str = "unit",
        piece: int = PIECE,
    ) -> None:
        """address: local one; "" for all, or a broadcast address to hear what goes there. port: 0 takes a free one.

        Raises LabFault when the address can not be had.
        """
        super().__init__(f"{label} UDP")
        self.peer = peer
        self.piece = piece
        self.foreign: list[Datagram] = []
        self._socket = _bound(address, port, self.name)
        self.endpoint = Endpoint(*self._socket.getsockname()[:2])

    def fileno(self) -> int:
        """Descriptor to watch; -1 once closed."""
        return self._socket.fileno()

    def next_datagram(self) -> Datagram | None:
        """The next one from anybody, None when there is none now. Raises ConnectionLost once closed."""
        try:
            data, ancillary, _, sender = self._socket.recvmsg(65535, 64)
        except BlockingIOError:
            return None
        except OSError:
            if self._socket.fileno() < 0:
                raise lost(self.name, "closed", "by us") from None
            return None  # an ICMP error of an earlier datagram
        return Datagram(_arrival(ancillary), Endpoint(sender[0], sender[1]), self.endpoint, data)

    def datagrams(self, seconds: float, enough: int | None = None) -> list[Datagram]:
        """What comes within `seconds`, in order; ends early at `enough` datagrams."""
        return _collect([self], seconds, enough)

    def send(self, data: bytes, to: Endpoint | None = None) -> None:
        """Send one datagram, to `peer` if not told otherwise; a broadcast address is a destination like any other.

        Raises HarnessBug without a destination, LabFault when this host can not send there.
        """
        destination = to or self.peer
        if destination is None:
            raise HarnessBug(f"{self.name}: no destination given")
        try:
            self._socket.sendto(data, destination)
        except OSError as error:
            raise LabFault(
                f"can not send {len(data)} bytes to {destination}: {error.strerror}",
                remedy="Check this host's addresses and routes.",
                resource=self.name,
            ) from None

    def write(self, data: bytes | memoryview) -> int:
        """How many bytes went out as datagrams of `piece` bytes, the last one maybe shorter."""
        if self.peer is None:
            raise HarnessBug(f"{self.name}: no peer given")
        view, sent = memoryview(data), 0
        while sent < len(view):
            try:
                sent += self._socket.sendto(view[sent : sent + self.piece], self.peer)
            except BlockingIOError:
                break
            except OSError as error:
                raise lost(self.name, "closed", error.strerror or "") from None
        return sent

    def _take(self) -> bytes:
        pieces: list[bytes] = []
        size = 0
        while size < READ_SIZE and (datagram := self.next_datagram()) is not None:
            if self.peer is None or datagram.sender.host == self.peer.host:
                pieces.append(datagram.data)
                size += len(datagram.data)
            elif len(self.foreign) < _KEPT:
                self.foreign.append(datagram)
        return b"".join(pieces)

    def close(self) -> None:
        """Free the port; may be called twice."""
        self._socket.close()


class UdpRange:
    """The same port on several local addresses, as destination of a unit that sends to a range."""

    def __init__(self, addresses: Iterable[str], port: int, *, label: str = "unit") -> None:
        """addresses: all must be this host's. Raises LabFault, with none of them left open."""
        with contextlib.ExitStack() as stack:
            self.ends = {address: stack.enter_context(UdpEnd(address, port, label=label)) for address in addresses}
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def datagrams(self, seconds: float, enough: int | None = None) -> list[Datagram]:
        """What comes to any of the addresses within `seconds`, by time of arrival; ends early at `enough`."""
        return sorted(_collect(list(self.ends.values()), seconds, enough))

    def close(self) -> None:
        """Free all; may be called twice."""
        self._stack.close()


def _collect(ends: list[UdpEnd], seconds: float, enough: int | None) -> list[Datagram]:
    end = time.monotonic() + seconds
    poll = select.poll()
    for one in ends:
        poll.register(one.fileno(), select.POLLIN)
    found: list[Datagram] = []
    while True:
        for one in ends:
            while (enough is None or len(found) < enough) and (datagram := one.next_datagram()) is not None:
                found.append(datagram)
        left = end - time.monotonic()
        if left <= 0 or (enough is not None and len(found) >= enough):
            return found
        poll.poll(left * 1000)


def _arrival(ancillary: list[tuple[int, int, bytes]]) -> float:
    """Kernel time of arrival on the clock of time.monotonic; now, when the kernel told none."""
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(data) >= _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack_from(data)
            return time.monotonic() - max(0.0, time.time() - (seconds + nanoseconds / 1e9))
    return time.monotonic()


def _bound(address: str, port: int, name: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        sock.bind((address, port))
    except OSError as error:
        sock.close()
        raise LabFault(
            f"can not use udp {address or '0.0.0.0'}:{port}: {error.strerror}",
            remedy="Choose another port, or give this host the address.",
            resource=name,
        ) from None
    return sock
