"""An SSH connection to a unit's console, by paramiko: password login and an interactive shell."""

from __future__ import annotations

import logging
import socket
import time

import paramiko
from paramiko.common import DEFAULT_MAX_PACKET_SIZE, DEFAULT_WINDOW_SIZE

from nportlab.unit.endpoint import Account, Endpoint
from nportlab.unit.errors import LoginRefused, NotReachable, UnexpectedAnswer

_CHUNK = 4096
_LOG = "nportlab.unit.ssh"


class SshConnection:
    """One shell at an SSH server. The host key is recorded, not verified: a unit makes its own."""

    newline = b"\r"

    def __init__(self, endpoint: Endpoint, account: Account, *, timeout: float = 10.0) -> None:
        """Connect, log in, open a shell.

        timeout: seconds for each of these steps. Raises NotReachable, UnexpectedAnswer, LoginRefused (remembered by the
        account, which is then not tried again).
        """
        account.check()
        self.name = f"ssh {endpoint}"
        self._transport = _connect(endpoint, timeout)
        self.server_version = self._transport.remote_version
        self.host_key = self._transport.get_remote_server_key()
        try:
            self._transport.auth_timeout = timeout
            self._transport.auth_password(account.username, account.password)
            account.accepted()
            self._channel = self._transport.open_session(timeout=timeout)
            self._channel.get_pty(term="vt100", width=132, height=60)
            self._channel.invoke_shell()
        except paramiko.AuthenticationException as error:
            self._transport.close()
            account.refuse(str(error))
            raise LoginRefused(
                f"the SSH console refused user {account.username!r}: {error}",
                remedy="Correct the credentials of the unit in lab.yaml. It is not tried again in this run.",
                resource="ssh console",
            ) from None
        except (paramiko.SSHException, OSError, EOFError) as error:
            self._transport.close()
            raise UnexpectedAnswer(
                f"{endpoint} gave no shell: {error or type(error).__name__}", resource="ssh console"
            ) from None

    def send(self, data: bytes) -> None:
        """Send data. A connection the unit closed is noticed by the next receive."""
        try:
            self._channel.sendall(data)
        except OSError:
            return

    def receive(self, end: float) -> bytes | None:
        """The next data before `end` (time.monotonic): b"" once the unit closed, None when time is up."""
        left = end - time.monotonic()
        if left <= 0:
            return None
        self._channel.settimeout(left)
        try:
            return self._channel.recv(_CHUNK)
        except TimeoutError:
            return None
        except OSError:
            return b""

    def close(self) -> None:
        """Close the shell and the connection."""
        self._channel.close()
        self._transport.close()


def _connect(endpoint: Endpoint, timeout: float) -> paramiko.Transport:
    try:
        sock = socket.create_connection(endpoint, timeout)
    except OSError as error:
        raise NotReachable(
            f"no connection to {endpoint}: {error.strerror or error}",
            remedy="Check that the SSH console is enabled.",
            resource="ssh console",
        ) from None
    return begin(sock, str(endpoint), "ssh console", timeout)


def begin(
    sock: socket.socket,
    who: str,
    resource: str,
    timeout: float,
    *,
    window: int = DEFAULT_WINDOW_SIZE,
    packet: int = DEFAULT_MAX_PACKET_SIZE,
) -> paramiko.Transport:
    """SSH over a connected socket, up to the login; takes the socket over and closes it on failure.

    who, resource: what errors call the server. window, packet: sizes of a channel in bytes.
    Raises UnexpectedAnswer.
    """
    _quiet()
    transport = paramiko.Transport(sock, default_window_size=window, default_max_packet_size=packet)
    transport.set_log_channel(_LOG)
    transport.banner_timeout = timeout
    try:
        transport.start_client(timeout=timeout)
        transport.get_remote_server_key()  # start_client returns in silence when its time is up
    except (paramiko.SSHException, OSError, EOFError) as error:
        transport.close()
        raise UnexpectedAnswer(
            f"{who} does not speak SSH with us: {error or 'it closed the connection'}", resource=resource
        ) from None
    return transport


def _quiet() -> None:
    """Paramiko logs a trace when a unit restarts under it; the errors raised here say the same in one line."""
    logger = logging.getLogger(_LOG)
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
        logger.propagate = False
