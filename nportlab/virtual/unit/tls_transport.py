"""One TLS connection, server side, over a plain transport; alerts of failed handshakes reach the client."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nportlab.virtual.unit.tls_gate import Gate

HANDSHAKE_SECONDS = 10.0
CHUNK = 64 * 1024


class TlsConnection(asyncio.Protocol):
    """What the plain transport talks to.

    factory: makes the application protocol once the handshake is done. closed: called with this connection at its end.
    gate: looks at the first bytes before the TLS library does.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        factory: Callable[[], asyncio.Protocol],
        closed: Callable[[TlsConnection], None],
        gate: Gate,
    ) -> None:
        self._factory = factory
        self._closed = closed
        self._gate = gate
        self._first: bytes | None = b""
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.object = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.transport: asyncio.Transport | None = None
        self._application: asyncio.Protocol | None = None
        self._application_transport: TlsTransport | None = None
        self._unwritten: list[bytes] = []
        self._reading = True
        self._pumping = False
        self._deadline: asyncio.TimerHandle | None = None

    # The plain side -----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client connected."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._deadline = asyncio.get_running_loop().call_later(HANDSHAKE_SECONDS, self.abort)

    def data_received(self, data: bytes) -> None:
        """Records came in."""
        if self._first is not None:
            self._first += data
            self._ask_gate()
            return
        self._incoming.write(data)
        self.pump()

    def _ask_gate(self) -> None:
        assert self._first is not None and self.transport is not None
        decision = self._gate.judge(self._first)
        if decision is None:
            return
        if decision.answer is not None:
            self.transport.write(decision.answer)
            self.transport.close()
        elif decision.delay:
            self.transport.pause_reading()
            asyncio.get_running_loop().call_later(decision.delay, self._let_in)
        else:
            self._let_in()

    def _let_in(self) -> None:
        data, self._first = self._first, None
        if data and self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()
            self._incoming.write(data)
            self.pump()

    def eof_received(self) -> bool:
        """The client sends no more; without a closing alert before, the data may be cut short, which is its affair."""
        self._incoming.write_eof()
        if self._application is not None and self._reading:
            self._application.eof_received()
        return False

    def pause_writing(self) -> None:
        """The client is slow."""
        if self._application is not None:
            self._application.pause_writing()

    def resume_writing(self) -> None:
        """The client caught up."""
        if self._application is not None:
            self._application.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._closed(self)
        application, self._application = self._application, None
        if application is None:
            self._gate.failed()
        else:
            application.connection_lost(exc)

    # TLS ----------------------------------------------------------------------------------------------------------

    def pump(self) -> None:
        """Go on with the handshake or hand decrypted bytes to the application, then send what TLS has to say."""
        if self._pumping or self.transport is None:
            return
        self._pumping = True
        try:
            if self._application is not None or self._shake_hands():
                self._write_pending()
                self._read()
        except ssl.SSLError:
            self._flush()  # the alert
            self.transport.close()
        finally:
            self._pumping = False
            self._flush()

    def _shake_hands(self) -> bool:
        try:
            self.object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        self._flush()
        if self._deadline is not None:
            self._deadline.cancel()
        self._application = self._factory()
        self._application_transport = TlsTransport(self)
        self._application.connection_made(self._application_transport)
        return True

    def _read(self) -> None:
        while self._reading and self._application is not None:
            try:
                data = self.object.read(CHUNK)
            except ssl.SSLWantReadError:
                return
            except ssl.SSLZeroReturnError:
                data = b""
            if not data:
                self._application.eof_received()
                self.close()
                return
            self._application.data_received(data)

    def _write_pending(self) -> None:
        while self._unwritten:
            try:
                self.object.write(self._unwritten[0])
            except ssl.SSLWantReadError:
                return
            del self._unwritten[0]

    def _flush(self) -> None:
        if self._outgoing.pending and self.transport is not None and not self.transport.is_closing():
            self.transport.write(self._outgoing.read())

    # The application side -----------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Encrypt and send."""
        if not data or self.transport is None or self.transport.is_closing():
            return
        self._unwritten.append(data)
        try:
            self._write_pending()
        except ssl.SSLError:
            self.abort()
            return
        self._flush()

    def set_application(self, protocol: asyncio.BaseProtocol) -> None:
        """Hand what follows to another protocol."""
        assert isinstance(protocol, asyncio.Protocol)
        self._application = protocol

    def get_application(self) -> asyncio.Protocol | None:
        """The protocol that gets the plain bytes."""
        return self._application

    def pause(self) -> None:
        """Deliver nothing until `resume`."""
        self._reading = False
        if self.transport is not None:
            self.transport.pause_reading()

    def resume(self) -> None:
        """Deliver again."""
        if not self._reading and self.transport is not None and not self.transport.is_closing():
            self._reading = True
            self.transport.resume_reading()
            asyncio.get_running_loop().call_soon(self.pump)

    @property
    def reading(self) -> bool:
        """Whether bytes are delivered."""
        return self._reading

    def close(self) -> None:
        """Send what is buffered and the closing alert, then close."""
        if self.transport is None or self.transport.is_closing():
            return
        with contextlib.suppress(ssl.SSLError):  # nobody waits for the client's own closing alert
            self.object.unwrap()
        self._flush()
        self.transport.close()

    def abort(self) -> None:
        """Drop the connection."""
        if self.transport is not None:
            self.transport.abort()


class TlsTransport(asyncio.Transport):
    """The transport the application protocol sees."""

    def __init__(self, connection: TlsConnection) -> None:
        super().__init__({"ssl_object": connection.object, "sslcontext": connection.object.context})
        self._connection = connection

    def _plain(self) -> asyncio.Transport:
        assert self._connection.transport is not None
        return self._connection.transport

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """TLS objects, or what the plain transport knows (peername, sockname, socket)."""
        own = super().get_extra_info(name)
        return own if own is not None else self._plain().get_extra_info(name, default)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """The application protocol."""
        protocol = self._connection.get_application()
        assert protocol is not None
        return protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Replace the application protocol."""
        self._connection.set_application(protocol)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send, encrypted."""
        self._connection.write(bytes(data))

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        """Send, encrypted, in as few records as possible."""
        self._connection.write(b"".join(bytes(part) for part in list_of_data))

    def can_write_eof(self) -> bool:
        """TLS has no half-closed connections."""
        return False

    def is_reading(self) -> bool:
        """Whether bytes are delivered."""
        return self._connection.reading

    def pause_reading(self) -> None:
        """Deliver nothing for now."""
        self._connection.pause()

    def resume_reading(self) -> None:
        """Deliver again."""
        self._connection.resume()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Limits of the plain transport's buffer."""
        self._plain().set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        """Encrypted bytes waiting."""
        return self._plain().get_write_buffer_size()

    def is_closing(self) -> bool:
        """Whether the connection is closing or closed."""
        return self._plain().is_closing()

    def close(self) -> None:
        """Close after sending what is buffered."""
        self._connection.close()

    def abort(self) -> None:
        """Drop the connection."""
        self._connection.abort()
