"""TACACS+ client: ASCII logins and accounting over TCP.

Not public and chosen here: the ASCII login type, and how long the unit waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from dataclasses import dataclass

from nportlab.protocol import tacacs as codec
from nportlab.virtual.unit.clients.server_verdict import Asker, ServerVerdict

PORT = codec.PORT
TIMEOUT = 3.0
"""Seconds for a whole login or accounting record."""

MOST_STEPS = 6


@dataclass(frozen=True)
class Server:
    """Where to ask. address: numeric address and port."""

    address: tuple[str, int]
    secret: str
    local_host: str | None = None


async def authenticate(server: Server, asker: Asker, user: str, password: str) -> ServerVerdict:
    """Ask whether `user` may log in. A reply hidden with another secret is no reply."""
    try:
        async with asyncio.timeout(TIMEOUT), _Conversation(server) as conversation:
            body = codec.login_start(user, asker.console, asker.source)
            for _ in range(MOST_STEPS):
                reply = codec.read_login_reply(await conversation.ask(codec.Kind.AUTHENTICATION, body))
                if reply.status == codec.Status.PASS:
                    return ServerVerdict.ACCEPTED
                if reply.status == codec.Status.GET_USER:
                    body = codec.login_continue(user)
                elif reply.status == codec.Status.GET_PASSWORD:
                    body = codec.login_continue(password)
                elif reply.status == codec.Status.ERROR:
                    return ServerVerdict.UNAVAILABLE
                else:
                    return ServerVerdict.DENIED
    except (OSError, TimeoutError, asyncio.IncompleteReadError, codec.TacacsError):
        return ServerVerdict.UNAVAILABLE
    return ServerVerdict.DENIED


async def account(server: Server, asker: Asker, user: str, session: str, *, start: bool) -> bool:
    """Report that a session began or ended; True if the server confirmed it."""
    flag = codec.AccountingFlag.START if start else codec.AccountingFlag.STOP
    arguments = [f"task_id={session}", "service=shell"]
    body = codec.accounting_request(flag, user, asker.console, asker.source, arguments)
    try:
        async with asyncio.timeout(TIMEOUT), _Conversation(server) as conversation:
            reply = codec.read_accounting_reply(await conversation.ask(codec.Kind.ACCOUNTING, body))
    except (OSError, TimeoutError, asyncio.IncompleteReadError, codec.TacacsError):
        return False
    return reply.status == codec.ACCOUNTING_SUCCESS


class _Conversation:
    """One TCP connection with one TACACS+ session on it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._session = secrets.randbits(32)
        self._sequence = 1

    async def __aenter__(self) -> _Conversation:
        local = (self._server.local_host, 0) if self._server.local_host else None
        self._reader, self._writer = await asyncio.open_connection(*self._server.address, local_addr=local)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def ask(self, kind: codec.Kind, body: bytes) -> bytes:
        """Send a body and return the body of the reply. Raises TacacsError for a reply of another session."""
        self._writer.write(codec.packet(kind, self._sequence, self._session, body, self._server.secret))
        await self._writer.drain()
        header = codec.Header.decode(await self._reader.readexactly(codec.HEADER_SIZE))
        answer = await self._reader.readexactly(header.length)
        # A server may only talk in the clear where no secret is set.
        hidden = not header.flags & codec.UNENCRYPTED
        expected = (self._session, self._sequence + 1, bool(self._server.secret))
        if (header.session, header.sequence, hidden) != expected:
            raise codec.TacacsError("reply of another session")
        self._sequence += 2
        return codec.hide(header, answer, self._server.secret)
