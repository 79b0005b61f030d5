"""Other ends that send everything back, each a process of its own."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from benches.ptys import pty_line
from nportlab.unit.endpoint import Endpoint


@contextmanager
def forked(work: Callable[[], None]) -> Iterator[None]:
    """A process that does `work` until it is killed."""
    child = os.fork()
    if not child:
        with contextlib.suppress(OSError):
            work()
        os._exit(0)
    try:
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@contextmanager
def echo_pty() -> Iterator[str]:
    """A pty whose near end another process sends back; its path."""
    with pty_line() as (near, path):
        descriptor = near.fileno()

        def echo() -> None:
            os.set_blocking(descriptor, True)
            while data := memoryview(os.read(descriptor, 65536)):
                while data:
                    data = data[os.write(descriptor, data) :]

        with forked(echo):
            yield path


@contextmanager
def echo_server(count: int) -> Iterator[Endpoint]:
    """A process that sends back what comes on each of its connections."""
    with socket.create_server(("127.0.0.1", 0), backlog=count) as listener:

        def echo() -> None:
            clients = {}
            poll = select.epoll()
            for _ in range(count):
                client, _ = listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                clients[client.fileno()] = client
                poll.register(client, select.EPOLLIN)
            while True:
                for descriptor, _ in poll.poll():
                    if data := clients[descriptor].recv(65536):
                        clients[descriptor].sendall(data)
                    else:
                        poll.unregister(descriptor)

        with forked(echo):
            yield Endpoint(*listener.getsockname())
