"""Listening on the wire: an AF_PACKET capture of one interface of the current network namespace.

    with Capture("br0", source_mac=unit.mac) as capture:
        ...
        packet = capture.wait_for(lambda frame: frame.udp and frame.destination_port == 514, timeout=5)
    evidence.write("boot.pcap", capture.pcap())

Memory is bounded; what did not fit is counted, because a capture that lost packets proves no absence.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from nportlab.probes.dissect import Frame, dissect
from nportlab.verdicts.faults import LabFault

_ETH_P_ALL = 0x0003
_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, _PACKET_STATISTICS, _PACKET_MR_PROMISC = 263, 1, 6, 1
_SO_RCVBUFFORCE = 33
_SO_TIMESTAMPNS = 35
_SNAPSHOT = 65535
_PCAP_NANOSECONDS = 0xA1B23C4D


@dataclass(frozen=True)
class Packet:
    """One captured packet. time: seconds since the epoch by the harness host; data: the frame from the MACs on."""

    time: float
    data: bytes = field(repr=False)
    frame: Frame

    def __str__(self) -> str:
        return f"{time.strftime('%H:%M:%S', time.localtime(self.time))}.{int(self.time % 1 * 1000):03d} {self.frame}"


class Capture:
    """Captures while the context is open.

    interface: of the namespace the calling thread is in; source_mac, source_ip: keep only what this station sent;
    keep: a further filter; max_packets, max_bytes: after that packets are only counted, in `dropped`.
    Entering raises LabFault when the interface does not exist or the right to capture is missing.
    """

    def __init__(
        self,
        interface: str,
        *,
        source_mac: str | None = None,
        source_ip: str | None = None,
        keep: Callable[[Frame], bool] | None = None,
        max_packets: int = 100_000,
        max_bytes: int = 64 << 20,
    ) -> None:
        self.interface = interface
        self.dropped = 0
        self._source_mac = source_mac.upper() if source_mac else None
        self._source_ip = source_ip
        self._keep = keep
        self._max_packets = max_packets
        self._max_bytes = max_bytes
        self._packets: list[Packet] = []
        self._bytes = 0
        self._changed = threading.Condition()
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self._socket = stack.enter_context(self._open())
            wake, self._waker = socket.socketpair()
            stack.enter_context(wake)
            stack.enter_context(self._waker)
            thread = threading.Thread(target=self._run, args=(wake,), name=f"capture {self.interface}", daemon=True)
            thread.start()
            stack.callback(thread.join, 5)
            stack.callback(self._waker.send, b"x")
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            _, lost = struct.unpack("II", self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
            self.dropped += lost
        self._stack.close()

    @property
    def complete(self) -> bool:
        """Whether nothing was lost, so that an absent packet was really absent."""
        return self.dropped == 0

    def packets(self, matching: Callable[[Frame], bool] | None = None) -> list[Packet]:
        """What was captured so far, in order."""
        with self._changed:
            found = list(self._packets)
        return found if matching is None else [packet for packet in found if matching(packet.frame)]

    def wait_for(self, matching: Callable[[Frame], bool], timeout: float) -> Packet | None:
        """The first packet that matches, already captured or within `timeout` seconds; None when there is none."""
        deadline = time.monotonic() + timeout
        seen = 0
        with self._changed:
            while True:
                for packet in self._packets[seen:]:
                    if matching(packet.frame):
                        return packet
                seen = len(self._packets)
                left = deadline - time.monotonic()
                if left <= 0:
                    return None
                self._changed.wait(left)

    def pcap(self) -> bytes:
        """The capture as a pcap file (Ethernet, nanoseconds), for Wireshark and tcpdump."""
        parts = [struct.pack("<IHHiIII", _PCAP_NANOSECONDS, 2, 4, 0, 0, _SNAPSHOT, 1)]
        for packet in self.packets():
            seconds = int(packet.time)
            nanoseconds = int((packet.time - seconds) * 1e9)
            parts.append(struct.pack("<IIII", seconds, nanoseconds, len(packet.data), len(packet.data)) + packet.data)
        return b"".join(parts)

    def text(self) -> str:
        """One line for each packet."""
        lines = [str(packet) for packet in self.packets()]
        return "\n".join([*lines, f"{self.dropped} packets lost"] if self.dropped else lines)

    def _open(self) -> socket.socket:
        try:
            # Without a protocol nothing is received until it is bound, so no packet of another interface slips in.
            listener = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        except PermissionError:
            raise LabFault(
                "no right to capture packets",
                "Run as root, give the process CAP_NET_RAW, or use a virtual rack with namespaces.",
                f"interface {self.interface}",
            ) from None
        try:
            with contextlib.suppress(OSError):
                listener.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 8 << 20)
            listener.bind((self.interface, _ETH_P_ALL))
            index = socket.if_nametoindex(self.interface)
            membership = struct.pack("iHH8s", index, _PACKET_MR_PROMISC, 0, b"")
            listener.setsockopt(_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, membership)
            listener.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            listener.setblocking(False)
        except OSError as error:
            listener.close()
            raise LabFault(
                f"no capture on interface {self.interface}: {error.strerror}",
                "Correct the interface of the rack's network in lab.yaml (ip link lists them).",
                f"interface {self.interface}",
            ) from error
        return listener

    def _run(self, wake: socket.socket) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            selector.register(wake, selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _ in selector.select()]
                self._drain()
                if wake in ready:
                    return

    def _drain(self) -> None:
        found = []
        with contextlib.suppress(OSError):  # nothing left, or the interface went down
            while True:
                data, ancillary, _, _ = self._socket.recvmsg(_SNAPSHOT, 64)
                found.append((_stamp(ancillary), data))
        with self._changed:
            for stamp, data in found:
                frame = dissect(data)
                if self._wants(frame):
                    self._add(Packet(stamp, data, frame))
            self._changed.notify_all()

    def _wants(self, frame: Frame) -> bool:
        if self._source_mac is not None and frame.source_mac != self._source_mac:
            return False
        if self._source_ip is not None and frame.source != self._source_ip:
            return False
        return self._keep is None or self._keep(frame)

    def _add(self, packet: Packet) -> None:
        if len(self._packets) >= self._max_packets or self._bytes + len(packet.data) > self._max_bytes:
            self.dropped += 1
            return
        self._packets.append(packet)
        self._bytes += len(packet.data)


def _stamp(ancillary: list[tuple[int, int, bytes]]) -> float:
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
            seconds, nanoseconds = struct.unpack("qq", data[:16])
            return seconds + nanoseconds / 1e9
    return time.time()
