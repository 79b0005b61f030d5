"""The control responder: a small server that answers every probe rightly, so that silence elsewhere means something."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from nportlab.probes.control import Endpoint
from nportlab.probes.udp_queries import UdpQuery, queries
from nportlab.verdicts.faults import LabFault


class ControlResponder:
    """Answers UDP queries and accepts TCP connections on one address while the context is open.

    address: a lab address of the harness host, best one of its own, or 127.0.0.1;
    well_known: use the services' own ports (needs the right to bind below 1024), else any free ones;
    udp: ids of the queries to answer, all when None; tcp: ports to accept connections on, 0 for any free one;
    broadcast: also hear broadcasts (binds to all addresses of the namespace, so needs `well_known` to make sense).
    """

    def __init__(
        self,
        address: str = "127.0.0.1",
        *,
        well_known: bool = False,
        udp: Iterable[str] | None = None,
        tcp: Iterable[int] = (0,),
        broadcast: bool = False,
    ) -> None:
        self.address = address
        self._well_known = well_known
        self._wanted = {name: queries()[name] for name in (queries() if udp is None else udp)}
        self._tcp_ports = tuple(tcp)
        self._bind_address = "" if broadcast else address
        self._broadcast = broadcast
        self._endpoints: dict[str, Endpoint] = {}
        self._tcp_endpoints: list[Endpoint] = []
        self._stack = contextlib.ExitStack()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            selector = stack.enter_context(selectors.DefaultSelector())
            sockets: dict[int, list[UdpQuery]] = {}
            for query in self._wanted.values():
                sockets.setdefault(query.port if self._well_known else 0, []).append(query)
            groups = sockets.items() if self._well_known else [(0, [query]) for query in self._wanted.values()]
            for port, served in groups:
                listener = stack.enter_context(self._listen(socket.SOCK_DGRAM, port))
                selector.register(listener, selectors.EVENT_READ, served)
                for query in served:
                    self._endpoints[query.id] = (self.address, listener.getsockname()[1])
            for port in self._tcp_ports:
                listener = stack.enter_context(self._listen(socket.SOCK_STREAM, port))
                listener.listen(128)
                selector.register(listener, selectors.EVENT_READ, None)
                self._tcp_endpoints.append((self.address, listener.getsockname()[1]))
            wake, waker = socket.socketpair()
            stack.enter_context(wake)
            stack.enter_context(waker)
            selector.register(wake, selectors.EVENT_READ, wake)
            self._thread = threading.Thread(target=_serve, args=(selector,), name="control responder", daemon=True)
            self._thread.start()
            self._stack = stack.pop_all()
            self._waker = waker
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._waker.send(b"x")
        if self._thread is not None:
            self._thread.join(5)
        self._stack.close()

    def endpoint(self, query: UdpQuery | str) -> Endpoint:
        """Where a query is answered. Raises KeyError for one this responder was not asked to answer."""
        return self._endpoints[query if isinstance(query, str) else query.id]

    @property
    def tcp(self) -> Endpoint:
        """The first endpoint that accepts connections."""
        return self._tcp_endpoints[0]

    def _listen(self, kind: socket.SocketKind, port: int) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._bind_address else socket.AF_INET
        listener = socket.socket(family, kind)
        try:
            listener.setblocking(False)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if self._broadcast and kind is socket.SOCK_DGRAM:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            listener.bind((self._bind_address, port))
        except OSError as error:
            listener.close()
            name = "UDP" if kind is socket.SOCK_DGRAM else "TCP"
            raise LabFault(
                f"the control responder cannot use {name} port {port} of {self.address}: {error.strerror}",
                "Free the port (ss -lnp), or give the harness host that address.",
                f"control responder {self.address}:{port}",
            ) from error
        return listener


def _serve(selector: selectors.BaseSelector) -> None:
    while True:
        for key, _ in selector.select():
            if isinstance(key.data, socket.socket):
                return
            listener = key.fileobj
            assert isinstance(listener, socket.socket)
            with contextlib.suppress(OSError):
                if key.data is None:
                    listener.accept()[0].close()
                else:
                    data, source = listener.recvfrom(65535)
                    listener.sendto(_answer(data, key.data), source)


def _answer(data: bytes, served: list[UdpQuery]) -> bytes:
    """The right answer to a question that is known; an echo for anything else."""
    return next((answer for query in served if (answer := query.respond(data)) is not None), data)
