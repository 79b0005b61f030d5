"""One question over UDP: send, wait, send again; whatever did not come from the server asked is not an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")
Address = tuple[str, int]

LINK_PAUSE = 0.1
"""Seconds until a datagram that found no route is sent once more."""


class NoAnswer(Exception):
    """The server did not answer within all tries."""


class _Inbox(asyncio.DatagramProtocol):
    """Keeps what arrived from one address, and None for a datagram that could not be sent."""

    def __init__(self, server: Address) -> None:
        self._server = server
        self.datagrams: asyncio.Queue[bytes | None] = asyncio.Queue(64)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        if addr[:2] == self._server and not self.datagrams.full():
            self.datagrams.put_nowait(data)

    def error_received(self, exc: Exception) -> None:
        if not self.datagrams.full():
            self.datagrams.put_nowait(None)


async def ask(
    server: Address,
    question: bytes,
    read: Callable[[bytes], Answer | None],
    *,
    local_host: str,
    timeout: float,
    tries: int,
) -> Answer:
    """The first datagram from `server` for which `read` gives something, as `read` gave it.

    server: numeric address and port. local_host: address to send from; the port is a random one. timeout: seconds per
    try. Raises NoAnswer.
    """
    loop = asyncio.get_running_loop()
    try:
        transport, inbox = await loop.create_datagram_endpoint(lambda: _Inbox(server), local_addr=(local_host, 0))
    except OSError as error:
        raise NoAnswer(str(error)) from error
    try:
        for _ in range(tries):
            transport.sendto(question, server)
            try:
                async with asyncio.timeout(timeout):
                    while True:
                        datagram = await inbox.datagrams.get()
                        if datagram is None:  # no route: the link is not up yet, or down
                            await asyncio.sleep(LINK_PAUSE)
                            transport.sendto(question, server)
                            continue
                        answer = read(datagram)
                        if answer is not None:
                            return answer
            except TimeoutError:
                continue
    finally:
        transport.close()
    raise NoAnswer(f"no answer from {server[0]}:{server[1]} in {tries} tries of {timeout:g} s")
