"""The listener a unit dials: TCP client mode, pair master, Ethernet modem. Who came when, and from which port."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from nportlab.modes.errors import too_late
from nportlab.modes.secure import server_context, shake_hands
from nportlab.modes.stream import StreamChannel
from nportlab.unit.endpoint import Endpoint
from nportlab.unit.errors import TlsFailed
from nportlab.verdicts.faults import LabFault

_HANDSHAKE = 10.0  # seconds
_PAUSE = 0.05  # seconds
_STOP = 5.0  # seconds the threads have to end


@dataclass(frozen=True)
class Dialling:
    """One connection that came. at: time.monotonic. host, port: its other end; port is the unit's "local port" setting.

    local_port: ours.
    """

    at: float
    host: str
    port: int
    local_port: int


class DialledConnection(StreamChannel):
    """A connection that came, as a Channel."""

    def __init__(self, sock: socket.socket, name: str, dialling: Dialling) -> None:
        super().__init__(sock, name)
        self.dialling = dialling


class DialListener:
    """Listens on one local port until closed; a thread takes what comes at once, so that times are true.

    It is bound where it is made, in the caller's network namespace.
    """

    def __init__(
        self,
        address: str,
        port: int = 0,
        *,
        label: str = "unit",
        mode: str = "TCP client",
        secure: bool = False,
        context: ssl.SSLContext | None = None,
    ) -> None:
        """address, port: where to listen; 0 takes a free port (see `endpoint`). label, mode: as messages call the
        serial port that dials. secure: speak TLS, with `context` or a throw-away certificate. Raises LabFault."""
        self.name = f"{label} {mode}"
        self._context = (context or server_context()) if secure else None
        self._news = threading.Condition()
        self._came: list[Dialling] = []
        self._waiting: list[DialledConnection | TlsFailed] = []
        self._shaking: list[threading.Thread] = []
        self._closed = False
        self._socket = _listen(address, port, self.name)
        self.endpoint = Endpoint(*self._socket.getsockname()[:2])
        self._thread = threading.Thread(target=self._run, name=f"dialled-{self.endpoint.port}", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def diallings(self) -> list[Dialling]:
        """Everyone who came, in order, those whose TLS handshake failed too."""
        with self._news:
            return list(self._came)

    def accept(self, timeout: float) -> DialledConnection:
        """The next connection that was not handed out yet.

        Raises NotInTime when nobody dials in `timeout` seconds, TlsFailed when the next one's handshake failed.
        """
        with self._news:
            if not self._news.wait_for(lambda: self._waiting, timeout):
                raise too_late(self.name, f"nobody dialled {self.endpoint} in {timeout:g} s")
            first = self._waiting.pop(0)
        if isinstance(first, TlsFailed):
            raise first
        return first

    def wait_for(self, wanted: Callable[[list[Dialling]], bool], timeout: float) -> list[Dialling]:
        """Wait until those who came are as wanted; returns them. Raises NotInTime after `timeout` seconds."""
        with self._news:
            if not self._news.wait_for(lambda: wanted(list(self._came)), timeout):
                raise too_late(self.name, f"{len(self._came)} connections came to {self.endpoint} in {timeout:g} s")
            return list(self._came)

    def close(self) -> None:
        """Stop listening, and close the connections nobody accepted. Those handed out stay. May be called twice."""
        self._closed = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread
        self._thread.join(_STOP)
        self._socket.close()
        for thread in self._shaking:
            thread.join(_STOP)
        with self._news:
            waiting, self._waiting = self._waiting, []
        for connection in waiting:
            if isinstance(connection, DialledConnection):
                connection.close()

    def _run(self) -> None:
        while not self._closed:
            try:
                sock, address = self._socket.accept()
            except OSError:
                time.sleep(0 if self._closed else _PAUSE)  # the one who came is gone again, or descriptors are short
                continue
            dialling = Dialling(time.monotonic(), address[0], address[1], self.endpoint.port)
            with self._news:
                self._came.append(dialling)
                self._news.notify_all()
            if self._context is None:
                self._hand_over(sock, dialling)
            else:
                # In a thread of its own: one that does not shake hands must not keep the others waiting.
                thread = threading.Thread(target=self._shake, args=(sock, dialling, self._context), daemon=True)
                self._shaking = [*(one for one in self._shaking if one.is_alive()), thread]
                thread.start()

    def _shake(self, sock: socket.socket, dialling: Dialling, context: ssl.SSLContext) -> None:
        try:
            secured = shake_hands(sock, self.name, _HANDSHAKE, context, server=True)
        except TlsFailed as failed:
            with self._news:
                self._waiting.append(failed)
                self._news.notify_all()
        else:
            self._hand_over(secured, dialling)

    def _hand_over(self, sock: socket.socket, dialling: Dialling) -> None:
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = DialledConnection(sock, self.name, dialling)
        except OSError:
            sock.close()  # it is gone already; that it came is kept
            return
        with self._news:
            self._waiting.append(connection)
            self._news.notify_all()


def _listen(address: str, port: int, name: str) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return socket.create_server((address, port), family=family, backlog=64)
    except OSError as error:
        raise LabFault(
            f"can not listen on {address}:{port} for the unit to dial: {error.strerror or error}",
            remedy="Choose another port, or check harness_address of the rack in lab.yaml.",
            resource=name,
        ) from None
