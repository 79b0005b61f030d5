"""A line terminal over a byte stream: what the Telnet and the SSH console put between the client and the menu."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

LINE_LIMIT = 2000
"""Characters a line may have; the longest setting is 1280. More are dropped, with a bell."""

BELL, BACKSPACE, DELETE, LINE_FEED, CARRIAGE_RETURN, ESCAPE = 7, 8, 127, 10, 13, 27
INTERRUPT, END_OF_TRANSMISSION = 3, 4


class Disconnected(Exception):
    """The client is gone, or said so (Ctrl-C, Ctrl-D)."""


class LineTerminal:
    """Reads lines as a person types them and writes text with CR LF line ends.

    read: returns the next octets, empty at the end of the stream. write: queues octets. drain: waits until the client
    has room. echo: whether typed characters are shown by this end.
    """

    def __init__(
        self,
        read: Callable[[], Awaitable[bytes]],
        write: Callable[[bytes], None],
        drain: Callable[[], Awaitable[None]],
        *,
        echo: bool,
    ) -> None:
        self._read = read
        self._write = write
        self._drain = drain
        self._echo = echo
        self._pending = bytearray()
        self._after_return = False

    def write(self, text: str) -> None:
        """Queue text; line feeds become CR LF."""
        self._write(text.replace("\r\n", "\n").replace("\n", "\r\n").encode())

    async def read_line(self, *, secret: bool = False) -> str:
        """The next line without its end; nothing is echoed for a secret. Raises Disconnected.

        CR, LF, CR LF and CR NUL end a line; backspace and delete take a character back.
        """
        await self._drain()
        line = bytearray()
        while True:
            octet = await self._next()
            if octet in (LINE_FEED, 0) and self._after_return:
                self._after_return = False
                continue
            self._after_return = octet == CARRIAGE_RETURN
            if octet in (CARRIAGE_RETURN, LINE_FEED):
                self._write(b"\r\n" if self._echo else b"")
                return line.decode(errors="replace")
            if octet in (INTERRUPT, END_OF_TRANSMISSION):
                raise Disconnected
            self._edit(line, octet, self._echo and not secret)

    def rest(self) -> bytes:
        """What was typed after the last line, without the rest of its end."""
        pending, self._pending = bytes(self._pending), bytearray()
        if self._after_return and pending[:1] in (b"\n", b"\0"):
            self._after_return = False
            pending = pending[1:]
        return pending

    @property
    def after_return(self) -> bool:
        """Whether the last line ended with a CR whose LF or NUL may still come."""
        return self._after_return

    def _edit(self, line: bytearray, octet: int, echo: bool) -> None:
        if octet in (BACKSPACE, DELETE):
            if line:
                line.pop()
                self._write(b"\b \b" if echo else b"")
        elif octet < 32:
            return
        elif len(line) >= LINE_LIMIT:
            self._write(bytes([BELL]) if echo else b"")
        else:
            line.append(octet)
            self._write(bytes([octet]) if echo else b"")

    async def _next(self) -> int:
        if not self._pending:
            await self._drain()
            self._pending += await self._read()
            if not self._pending:
                raise Disconnected
        return self._pending.pop(0)
