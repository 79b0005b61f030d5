"""A serial port served over RFC 2217 by pyserial's PortManager: what our unit is compared with.

    python -m benches.pyserial_server /dev/pts/3 [--port 0]

Prints the TCP port it listens on. A client at a time, a thread each way, as everyone builds it: the serial port is read
with what is waiting there, and written with what a receive brings.
"""

from __future__ import annotations

import argparse
import contextlib
import socket
import threading

import serial
import serial.rfc2217

_RECEIVE = 65536


class _Line(serial.Serial):
    """A pty has no modem lines, and its driver refuses them; here they are on, or no session would be kept."""

    cts = dsr = cd = property(lambda _: True)  # type: ignore[assignment] - of the class they replace
    ri = property(lambda _: False)  # type: ignore[assignment]

    def _update_dtr_state(self) -> None:
        """Nothing to drive."""

    def _update_rts_state(self) -> None:
        """Nothing to drive."""

    def _update_break_state(self) -> None:
        """Nothing to drive."""


class _Sender:
    """What PortManager writes its answers to."""

    def __init__(self, client: socket.socket) -> None:
        self._client = client
        self._lock = threading.Lock()

    def write(self, data: bytes) -> None:
        """Send all of it."""
        with self._lock:
            self._client.sendall(data)


def serve(device: str, port: int) -> None:
    """Serve clients, one after another, until killed."""
    line = _Line(device, timeout=0.1)
    listener = socket.create_server(("127.0.0.1", port))
    print(listener.getsockname()[1], flush=True)
    while True:
        client, _ = listener.accept()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with client, contextlib.suppress(OSError):
            _session(client, line)


def _session(client: socket.socket, line: serial.Serial) -> None:
    sender = _Sender(client)
    manager = serial.rfc2217.PortManager(line, sender)  # type: ignore[arg-type] - the stubs name the wrong classes
    over = threading.Event()

    def to_network() -> None:
        with contextlib.suppress(OSError):
            while not over.is_set():
                if data := line.read(line.in_waiting or 1):
                    sender.write(b"".join(manager.escape(data)))

    reader = threading.Thread(target=to_network, daemon=True)
    reader.start()
    try:
        while data := client.recv(_RECEIVE):
            if wanted := b"".join(manager.filter(data)):
                line.write(wanted)
    finally:
        over.set()
        reader.join()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("device")
    parser.add_argument("--port", type=int, default=0)
    arguments = parser.parse_args()
    serve(arguments.device, arguments.port)


if __name__ == "__main__":
    main()
