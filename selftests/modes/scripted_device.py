"""A Real COM port as nport-facts 1.2 to 1.8 has it, its bytes written by hand: it shares no codec with the client."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable

from nportlab.unit.endpoint import Endpoint
from selftests.modes.foreign import LOCAL

OK = {0x10: 2, 0x11: 4, 0x12: 2, 0x14: 1, 0x18: 2, 0x20: 3, 0x21: 0, 0x22: 0, 0x24: 0, 0x25: 0, 0x30: 1, 0x32: 1}
OK |= {0x33: 0, 0x34: 0, 0x36: 0}
"""Commands answered `code O K`, and the length of their payload."""

ANSWERS = {
    0x2C: "2C 03 01 01 00",
    0x13: "13 03 01 00 01",
    0x15: "15 02 34 12",
    0x16: "16 02 05 00",
    0x2F: "2F 02 00 01",
    0x35: "35 04 07 00 00 00",
    0x37: "37 02 01 02",
    0x38: "38 01 05",
}


class ScriptedDevice:
    """Listens on a data and a command port, echoes data, answers commands; keeps what it was sent.

    came: which connections came. writes: each read of the command connection, as the vendor's daemon parses them.
    """

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.answers = {code: bytes.fromhex(text) for code, text in ANSWERS.items()}
        self.mute: set[int] = set()
        self.came: list[str] = []
        self.writes: list[bytes] = []
        self.answered_polls: list[int] = []
        self._context = context
        self._connections: list[socket.socket] = []
        self.command: socket.socket | None = None
        self._news = threading.Condition()
        self._listeners: list[socket.socket] = []
        self.data_endpoint, self.command_endpoint = (self._listen(one) for one in (self._echo, self._obey))

    def _listen(self, serve: Callable[[socket.socket], None]) -> Endpoint:
        listener = socket.create_server((LOCAL, 0))
        self._listeners.append(listener)
        threading.Thread(target=self._accept, args=(listener, serve), daemon=True).start()
        return Endpoint(*listener.getsockname())

    def _accept(self, listener: socket.socket, serve: Callable[[socket.socket], None]) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            with self._news:
                self._connections.append(sock)
                self._news.notify_all()
            threading.Thread(target=self._serve, args=(sock, serve), daemon=True).start()

    @staticmethod
    def _serve(sock: socket.socket, serve: Callable[[socket.socket], None]) -> None:
        with contextlib.suppress(OSError):
            serve(sock)

    def _echo(self, sock: socket.socket) -> None:
        self.came.append("data")
        if self._context is not None:
            sock = self._context.wrap_socket(sock, server_side=True)
            self._connections.append(sock)
        while data := sock.recv(65536):
            sock.sendall(data)

    def _obey(self, sock: socket.socket) -> None:
        self.came.append("command")
        self.command = sock
        while data := sock.recv(1024):
            with self._news:
                self.writes.append(data)
                self._news.notify_all()
            while len(data) >= 2:
                code, length = data[0], data[1]
                self._answer(sock, code, data[2 : 2 + length])
                data = data[2 + length :]

    def _answer(self, sock: socket.socket, code: int, payload: bytes) -> None:
        if code in self.mute:
            return
        if code == 0x28:
            self.answered_polls.append(payload[0])
        elif code == 0x17:
            good = 50 <= int.from_bytes(payload, "little") <= 921_600
            sock.sendall(b"\x17OK" if good else b"\x17NA")
        elif code == 0x23:
            if 10 <= int.from_bytes(payload, "big") <= 1000:
                sock.sendall(b"\x23OK")
        elif code in self.answers:
            sock.sendall(self.answers[code])
        elif OK.get(code) == len(payload):
            sock.sendall(bytes([code]) + b"OK")

    def say(self, hexadecimal: str) -> None:
        """Send on the command connection unasked."""
        assert self.command is not None
        self.command.sendall(bytes.fromhex(hexadecimal))

    def wait_writes(self, count: int) -> list[bytes]:
        with self._news:
            assert self._news.wait_for(lambda: len(self.writes) >= count, 5)
            return list(self.writes)

    def drop_connections(self, both: bool = True) -> None:
        """Hang up. both: data and command connection have been opened by a client, and are waited for."""
        with self._news:
            assert self._news.wait_for(lambda: len(self._connections) >= (2 if both else 0), 5)
            connections, self._connections = self._connections, []
        for sock in connections:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for sock in connections:
            sock.close()

    def stop_listening(self) -> None:
        for listener in self._listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def listen_again(self) -> None:
        self._listeners.clear()
        for endpoint, serve in ((self.data_endpoint, self._echo), (self.command_endpoint, self._obey)):
            listener = socket.create_server(endpoint)
            self._listeners.append(listener)
            threading.Thread(target=self._accept, args=(listener, serve), daemon=True).start()

    def close(self) -> None:
        self.stop_listening()
        self.drop_connections(both=False)
