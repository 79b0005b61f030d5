"""Client of reverse SSH mode: an SSH session that ends on the serial line, by paramiko."""

from __future__ import annotations

import contextlib
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

import paramiko

from nportlab.modes.channel_base import READ_SIZE, ChannelBase
from nportlab.modes.connecting import connect
from nportlab.modes.errors import How, lost
from nportlab.unit.endpoint import Endpoint
from nportlab.unit.errors import LoginRefused, UnexpectedAnswer
from nportlab.unit.ssh import begin

MODE = "reverse SSH"
_WINDOW = 2 * 1024 * 1024
_PACKET = 32 * 1024
_ROOM_TICK = 0.002  # seconds between two looks for room: paramiko has no descriptor for it


class ReverseSsh(ChannelBase):
    """One session: logged in, with a shell that is the line.

    A selector sees when something came; there is none for room to write: offer again later. server_version: the
    unit's identification line.
    """

    def __init__(self, transport: paramiko.Transport, channel: paramiko.Channel, name: str) -> None:
        super().__init__(name)
        self._transport = transport
        self._channel = channel
        self._ended = False
        self.server_version: str = transport.remote_version
        channel.setblocking(False)

    @classmethod
    def connect(
        cls, endpoint: Endpoint, username: str, password: str, *, label: str | None = None, timeout: float = 10.0
    ) -> Self:
        """Connect, log in, open the line. timeout: seconds for each of these.

        Raises PortRefused, PortSilent, NotReachable, LoginRefused, UnexpectedAnswer. Unlike the console's client it
        remembers no refusal: who logs in here is what is being tested.
        """
        name = f"{label or endpoint} {MODE}"
        transport = _transport(endpoint, name, timeout)
        try:
            transport.auth_timeout = timeout
            transport.auth_password(username, password)
            channel = transport.open_session(timeout=timeout, window_size=_WINDOW, max_packet_size=_PACKET)
            channel.get_pty(term="dumb")
            channel.invoke_shell()
        except paramiko.AuthenticationException as error:
            transport.close()
            raise LoginRefused(
                f"user {username!r} was refused: {error}",
                remedy="Check the port's authentication setting and the account.",
                resource=name,
            ) from None
        except (paramiko.SSHException, OSError, EOFError) as error:
            transport.close()
            raise UnexpectedAnswer(f"no session: {error or type(error).__name__}", resource=name) from None
        return cls(transport, channel, name)

    def fileno(self) -> int:
        """Descriptor that is readable when something came; -1 once closed."""
        return -1 if self._ended else self._channel.fileno()

    def _take(self) -> bytes:
        try:
            data = self._channel.recv(READ_SIZE)
        except TimeoutError:
            return b""
        if not data:
            self._ended = True
            raise lost(self.name, self._how())
        return data

    def write(self, data: bytes | memoryview) -> int:
        """How many bytes were taken; 0 when the path is full: offer the same bytes again. Raises ConnectionLost."""
        if self._ended or self._channel.closed:
            raise lost(self.name, self._how())
        if not self._channel.send_ready():
            return 0
        try:
            return self._channel.send(bytes(data[:_PACKET]))
        except TimeoutError:
            return 0
        except OSError:
            raise lost(self.name, self._how()) from None

    def close(self) -> None:
        """End session and connection; may be called twice."""
        self._ended = True
        self._channel.close()
        self._transport.close()

    def _how(self) -> How:
        return "reset" if isinstance(self._transport.saved_exception, ConnectionResetError) else "closed"

    def _wait(self, end: float, *, writable: bool = False) -> bool:
        if not writable:
            return self._channel.closed or super()._wait(end)
        while not (self._channel.send_ready() or self._channel.closed):
            if time.monotonic() >= end:
                return False
            time.sleep(_ROOM_TICK)
        return time.monotonic() < end


@dataclass(frozen=True)
class BeforeLogin:
    """What a unit gives to somebody who is not logged in.

    identification: its SSH line. spoken: what followed it on a connection that said nothing. opened: whether a session
    could be opened without a login. offered: the login methods it names.
    """

    identification: bytes
    spoken: bytes
    opened: bool
    offered: tuple[str, ...]


def before_login(
    endpoint: Endpoint, username: str, *, label: str | None = None, listen: float = 1.0, timeout: float = 10.0
) -> BeforeLogin:
    """Try to get at the line without a login: listen for `listen` seconds, ask for no authentication, open a session.

    Raises PortRefused, PortSilent, NotReachable, UnexpectedAnswer.
    """
    name = f"{label or endpoint} {MODE}"
    identification, spoken = _listen(endpoint, name, listen)
    with _closing(_transport(endpoint, name, timeout)) as transport:
        offered: tuple[str, ...] = ()
        try:
            transport.auth_none(username)
        except paramiko.BadAuthenticationType as refusal:
            offered = tuple(refusal.allowed_types)
        except (paramiko.SSHException, OSError, EOFError):
            pass
        opened = transport.is_authenticated() or _opens(transport, timeout)
    return BeforeLogin(identification, spoken, opened, offered)


def _listen(endpoint: Endpoint, name: str, seconds: float) -> tuple[bytes, bytes]:
    end = time.monotonic() + seconds
    came = b""
    with connect(endpoint, name, seconds + 5) as sock:
        sock.setblocking(False)
        while (left := end - time.monotonic()) > 0:
            if not select.select([sock], [], [], left)[0]:
                break
            with contextlib.suppress(BlockingIOError, ConnectionError):
                if piece := sock.recv(65536):
                    came += piece
                    continue
            break
    first, _, rest = came.partition(b"\n")
    return first.rstrip(b"\r"), rest


def _opens(transport: paramiko.Transport, timeout: float) -> bool:
    """Servers may hang up on this, or say nothing at all; both is no."""
    if not transport.is_active():
        return False
    try:
        transport.open_session(timeout=min(timeout, 2.0))
    except (paramiko.SSHException, OSError, EOFError):
        return False
    return True


@contextmanager
def _closing(transport: paramiko.Transport) -> Iterator[paramiko.Transport]:
    try:
        yield transport
    finally:
        transport.close()


def _transport(endpoint: Endpoint, name: str, timeout: float) -> paramiko.Transport:
    return begin(connect(endpoint, name, timeout), "it", name, timeout, window=_WINDOW, packet=_PACKET)
