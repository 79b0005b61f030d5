"""Sockets of the rack's network for a process outside of it.

A socket belongs to the network namespace it was made in, wherever it is used. A forked child enters the rack, makes
sockets on demand and hands them over; forked, because a child has one thread and may enter user namespaces.
"""

from __future__ import annotations

import os
import signal
import socket
from typing import Literal

from nportlab.verdicts.faults import LabFault
from nportlab.virtual import kernel
from nportlab.virtual.client import RunningRack

KINDS = {b"tcp": socket.SOCK_STREAM, b"udp": socket.SOCK_DGRAM}


class SocketMaker:
    """Makes IPv4 sockets inside `rack`. Close it to end the child."""

    def __init__(self, rack: RunningRack) -> None:
        self._name = rack.name
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        parent = os.getpid()
        self._pid = os.fork()
        if self._pid == 0:
            _make_sockets(rack, theirs, parent)
        theirs.close()

    def make(self, kind: Literal["tcp", "udp"]) -> socket.socket:
        """A non-blocking socket, neither bound nor connected. Raises LabFault when the rack is gone."""
        try:
            self._channel.sendall(kind.encode())
            _, descriptors, _, _ = socket.recv_fds(self._channel, 16, 1)
        except OSError:
            descriptors = []
        if not descriptors:
            raise LabFault(
                "no sockets of the rack's network are to be had",
                remedy="Is the rack still running?",
                resource=f"rack {self._name}",
            )
        made = socket.socket(fileno=descriptors[0])
        made.setblocking(False)
        return made

    def close(self) -> None:
        """End the child."""
        self._channel.close()
        os.waitpid(self._pid, 0)


def _make_sockets(rack: RunningRack, channel: socket.socket, parent: int) -> None:
    """In the child; ends when the channel is closed. Never returns."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        kernel.close_all_but({0, 1, 2, channel.fileno()})
        rack.enter()
        kernel.die_with_parent(parent)
        while kind := channel.recv(16):
            with socket.socket(socket.AF_INET, KINDS[kind]) as made:
                socket.send_fds(channel, [b"socket"], [made.fileno()])
    finally:
        os._exit(0)
