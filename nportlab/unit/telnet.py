"""A Telnet connection (RFC 854): the bytes without the negotiation. Python's own telnetlib is gone."""

from __future__ import annotations

import socket
import time

from nportlab.unit.endpoint import Endpoint
from nportlab.unit.errors import NotReachable

IAC, DONT, DO, WONT, WILL, SB, SE = 255, 254, 253, 252, 251, 250, 240
ECHO, SUPPRESS_GO_AHEAD = 1, 3
_CHUNK = 4096


class TelnetCodec:
    """Takes received bytes apart: data on one side, answers to negotiations on the other.

    The unit may echo and suppress go-ahead; everything else is declined. Each option is answered once, so that two
    stubborn ends do not negotiate for ever.
    """

    def __init__(self) -> None:
        self._state = ""
        self._command = 0
        self._answered: set[tuple[int, int]] = set()

    def feed(self, received: bytes) -> tuple[bytes, bytes]:
        """(data, bytes to send back)."""
        data, answers = bytearray(), bytearray()
        for octet in received:
            match self._state:
                case "":
                    if octet == IAC:
                        self._state = "iac"
                    elif octet != 0:
                        data.append(octet)
                case "iac":
                    self._state = ""
                    if octet == IAC:
                        data.append(IAC)
                    elif octet in (DO, DONT, WILL, WONT):
                        self._state, self._command = "option", octet
                    elif octet == SB:
                        self._state = "sb"
                case "option":
                    self._state = ""
                    answers += self._answer(self._command, octet)
                case "sb":
                    self._state = "sb-iac" if octet == IAC else "sb"
                case _:
                    self._state = "" if octet == SE else "sb"
        return bytes(data), bytes(answers)

    def _answer(self, command: int, option: int) -> bytes:
        if (command, option) in self._answered or command in (DONT, WONT):
            return b""
        self._answered.add((command, option))
        if command == WILL:
            return bytes((IAC, DO if option in (ECHO, SUPPRESS_GO_AHEAD) else DONT, option))
        return bytes((IAC, WILL if option == SUPPRESS_GO_AHEAD else WONT, option))


class TelnetConnection:
    """One connection to a Telnet server."""

    newline = b"\r\n"

    def __init__(self, endpoint: Endpoint, *, timeout: float = 5.0) -> None:
        """timeout: seconds to connect and to send. Raises NotReachable."""
        self.name = f"telnet {endpoint}"
        self._codec = TelnetCodec()
        try:
            self._socket = socket.create_connection(endpoint, timeout)
        except OSError as error:
            raise NotReachable(
                f"no connection to {endpoint}: {error.strerror or error}",
                remedy="Check that the Telnet console is enabled.",
                resource="telnet console",
            ) from None

    def send(self, data: bytes) -> None:
        """Send data; bytes 255 are escaped. A connection the unit closed is noticed by the next receive."""
        try:
            self._socket.sendall(data.replace(b"\xff", b"\xff\xff"))
        except OSError:
            return

    def receive(self, end: float) -> bytes | None:
        """The next data before `end` (time.monotonic): b"" once the unit closed, None when time is up."""
        while (left := end - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                received = self._socket.recv(_CHUNK)
            except TimeoutError:
                return None
            except OSError:
                return b""
            if not received:
                return b""
            data, answers = self._codec.feed(received)
            if answers:
                self._socket.sendall(answers)
            if data:
                return data
        return None

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()
