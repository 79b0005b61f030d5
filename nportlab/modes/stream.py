"""A TCP connection, plain or TLS, as a Channel."""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
import struct

from nportlab.modes.channel_base import READ_SIZE, ChannelBase
from nportlab.modes.errors import How, lost
from nportlab.modes.secure import TlsFacts, facts
from nportlab.verdicts.faults import NotApplicable

_RECORD = 16384  # payload of a full TLS record
_TCP_REPAIR = 19  # Linux: <linux/tcp.h>


class StreamChannel(ChannelBase):
    """Owns a connected socket. tls: what its handshake agreed on, None when it is plain."""

    def __init__(self, sock: socket.socket, name: str) -> None:
        super().__init__(name)
        sock.setblocking(False)
        self._socket = sock
        self._buffer = bytearray(READ_SIZE)
        self._view = memoryview(self._buffer)
        self._begun = b""  # a TLS record OpenSSL could not get rid of whole; it must be offered again
        self._ahead = 0  # bytes of such a record the caller has not offered again yet
        self._ended: How | None = None
        self.tls: TlsFacts | None = facts(sock) if isinstance(sock, ssl.SSLSocket) else None
        local = sock.getsockname()
        self.local_port: int = local[1]

    def fileno(self) -> int:
        """Descriptor to watch; -1 once closed."""
        return self._socket.fileno()

    def _take(self) -> bytes:
        sock, view = self._socket, self._view
        try:
            if not isinstance(sock, ssl.SSLSocket):
                count = sock.recv_into(view)
                if not count:
                    raise lost(self.name, "closed")
                return bytes(view[:count])
            return self._take_tls(sock)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise self._gone(error) from None

    def _take_tls(self, sock: ssl.SSLSocket) -> bytes:
        """Until OpenSSL would block: what it holds back no selector sees."""
        if self._ended is not None or sock.fileno() < 0:
            raise lost(self.name, self._ended or "closed")
        view, count = self._view, 0
        while len(view) - count >= _RECORD:
            try:
                got = sock.recv_into(view[count:])
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                break
            except OSError as error:
                if not count:
                    raise
                self._ended = _how(error)
                break
            if not got:
                if not count:
                    raise lost(self.name, "closed")
                self._ended = "closed"
                break
            count += got
        return bytes(view[:count])

    def write(self, data: bytes | memoryview) -> int:
        """How many bytes were taken; 0 when the path is full: offer the same bytes again. Raises ConnectionLost."""
        sock = self._socket
        try:
            if isinstance(sock, ssl.SSLSocket):
                if sock.fileno() < 0:
                    raise lost(self.name, "closed", "by us")
                return self._write_tls(sock, memoryview(data))
            return sock.send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise self._gone(error) from None

    def _write_tls(self, sock: ssl.SSLSocket, data: memoryview) -> int:
        # OpenSSL wants a record it could not write whole offered again, whole, even when the caller now offers less.
        taken = min(self._ahead, len(data))
        self._ahead -= taken
        while taken < len(data):
            piece = self._begun or data[taken : taken + _RECORD]
            try:
                sock.send(piece)
            except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
                self._begun = bytes(piece)
                break
            self._begun = b""
            offered = min(len(piece), len(data) - taken)
            self._ahead = len(piece) - offered
            taken += offered
        return taken

    def stop_sending(self) -> None:
        """End our direction (FIN, over TLS after close_notify); the other still works."""
        self._say_goodbye()
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_WR)  # SSLSocket's own would end TLS both ways

    def close(self) -> None:
        """End the connection (FIN, over TLS after close_notify); bytes not read make the kernel send RST instead."""
        self._say_goodbye()
        self._socket.close()

    def _say_goodbye(self) -> None:
        """Over TLS: send close_notify, without waiting for the other end's."""
        if isinstance(self._socket, ssl.SSLSocket) and self._socket.fileno() >= 0:
            with contextlib.suppress(OSError, ValueError):
                self._socket.unwrap()

    def reset(self) -> None:
        """End the connection with RST, as a client that crashed."""
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def vanish(self) -> None:
        """Be gone without a word, as a client that lost power. Probes of the unit are then answered with RST.

        Raises NotApplicable without the right to do so (CAP_NET_ADMIN).
        """
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR, 1)
        except OSError as error:
            raise NotApplicable(
                f"this host can not leave without a word ({error.strerror}): run as root, or with CAP_NET_ADMIN"
            ) from None
        self._socket.close()

    def _gone(self, error: OSError) -> Exception:
        if self._socket.fileno() < 0:
            return lost(self.name, "closed", "by us")
        return lost(self.name, _how(error))


def _how(error: OSError) -> How:
    if isinstance(error, ConnectionResetError):
        return "reset"
    if error.errno in (errno.ETIMEDOUT, errno.EHOSTUNREACH):
        return "timed out"
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return "broken"
    return "closed"
