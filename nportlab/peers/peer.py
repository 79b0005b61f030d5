"""What all peers share: a bound socket, one thread, a list of what came in."""

from __future__ import annotations

import errno
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import Generic, Self, TypeVar

from nportlab.peers.port_owner import owner
from nportlab.verdicts.faults import HarnessBug, LabFault
from nportlab.verdicts.recorder import NullRecorder, Recorder

_TICK = 0.1  # seconds between two looks at the stop order
_STOP = 5.0  # seconds the thread has to end
_KEPT = 10_000  # messages; a unit that floods a peer must not eat the harness's memory
R = TypeVar("R")

Address = tuple[str, int]


class Peer(ABC, Generic[R]):
    """A server in a thread of its own.

    The socket is bound by `start`, in the caller's thread, so that it lies in the caller's network namespace.
    """

    kind = "peer"
    transport: socket.SocketKind = socket.SOCK_DGRAM

    def __init__(self, address: str, port: int, recorder: Recorder | None = None) -> None:
        """address: local address to serve on; port: 0 takes a free one (see `port` once started)."""
        self.address = address
        self.port = port
        self._recorder: Recorder = recorder or NullRecorder()
        self._received: list[R] = []
        self._news = threading.Condition()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._socket: socket.socket | None = None
        self._problem: BaseException | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Bind and serve. Raises LabFault, naming the port and who has it, when it can not be bound."""
        if self._thread is not None:
            raise HarnessBug(f"peer {self.kind} is started already")
        self._socket = self._bound()
        self.port = self._socket.getsockname()[1]
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name=f"peer-{self.kind}-{self.port}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and free the port; may be called twice. Raises HarnessBug when the peer itself had failed."""
        self._stop.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(_STOP)
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if thread is not None and thread.is_alive():
            raise HarnessBug(f"peer {self.kind} did not stop within {_STOP:g} s")
        problem, self._problem = self._problem, None
        if problem is not None:
            raise HarnessBug(f"peer {self.kind} failed: {type(problem).__name__}: {problem}") from problem

    @property
    def received(self) -> list[R]:
        """Everything that came in since the start or the last `clear`, in order."""
        with self._news:
            return list(self._received)

    def clear(self) -> None:
        """Forget what came in."""
        with self._news:
            self._received.clear()

    def wait_for(self, wanted: Callable[[R], bool], timeout: float) -> R | None:
        """The first message, received already or yet to come, that is wanted; None after timeout seconds."""
        end = time.monotonic() + timeout
        with self._news:
            while True:
                found = next((message for message in self._received if wanted(message)), None)
                left = end - time.monotonic()
                if found is not None or left <= 0:
                    return found
                self._news.wait(left)

    def _keep(self, message: R) -> None:
        with self._news:
            if len(self._received) < _KEPT:
                self._received.append(message)
            self._news.notify_all()

    def _run(self) -> None:
        assert self._socket is not None
        self._socket.settimeout(_TICK)
        try:
            while not self._stop.is_set():
                self._serve_once(self._socket)
        except Exception as error:
            self._problem = error

    @abstractmethod
    def _serve_once(self, sock: socket.socket) -> None:
        """Serve what comes within one tick."""

    def _bound(self) -> socket.socket:
        sock = socket.socket(socket.AF_INET, self.transport)
        try:
            self._prepare(sock)
            sock.bind((self.address, self.port))
            if self.transport == socket.SOCK_STREAM:
                sock.listen(16)
        except OSError as error:
            sock.close()
            raise self._bind_fault(error) from None
        return sock

    def _prepare(self, sock: socket.socket) -> None:
        """Set socket options before the bind."""

    def _bind_fault(self, error: OSError) -> LabFault:
        word = "udp" if self.transport == socket.SOCK_DGRAM else "tcp"
        place = f"{word} {self.address or '0.0.0.0'}:{self.port}"
        resource = f"peer {self.kind}"
        match error.errno:
            case errno.EADDRINUSE:
                who = owner(word, self.port)
                return LabFault(
                    f"{place} is in use" + (f" by {who}" if who else ""),
                    remedy="Stop that program, or give the peer another port in lab.yaml.",
                    resource=resource,
                )
            case errno.EACCES | errno.EPERM:
                return LabFault(
                    f"no permission to serve on {place}",
                    remedy="Ports below 1024 need root, a namespace, or a mapped port.",
                    resource=resource,
                )
            case errno.EADDRNOTAVAIL:
                return LabFault(
                    f"this host has no address {self.address}",
                    remedy="Check harness_address of the rack in lab.yaml.",
                    resource=resource,
                )
        return LabFault(f"can not serve on {place}: {error.strerror}", resource=resource)


class UdpPeer(Peer[R]):
    """A peer that answers datagrams, or only listens."""

    def _serve_once(self, sock: socket.socket) -> None:
        try:
            data, sender = sock.recvfrom(65535)
        except TimeoutError:
            return
        except ConnectionError:
            return  # an earlier reply went to a closed port
        reply = self._handle(data, sender)
        self._recorder.exchange(f"peer {self.kind}", f"from {sender[0]}:{sender[1]}", reply, data)
        if reply is not None:
            self._send(sock, reply, sender)

    def _send(self, sock: socket.socket, reply: bytes, sender: Address) -> None:
        try:
            sock.sendto(reply, sender)
        except OSError as error:
            self._recorder.note(f"peer {self.kind}: reply to {sender[0]} not sent: {error.strerror}")

    @abstractmethod
    def _handle(self, data: bytes, sender: Address) -> bytes | None:
        """Keep what came, return what to answer."""
