"""Client of Real COM mode: a session is a data connection for the line's bytes and a command connection for the rest.

Opened, kept and reconnected as the vendor's Linux driver does it (nport-facts 1.7, 1.8). Frames and their coding are in
`nportlab.protocol.real_com`.
"""

from __future__ import annotations

import socket
import ssl
import time
from typing import Self, TypedDict, Unpack

from nportlab.modes.channel_base import ChannelBase
from nportlab.modes.connecting import connect
from nportlab.modes.errors import ConnectionLost, NotInTime, lost, too_late
from nportlab.modes.real_com_command import CommandConnection
from nportlab.modes.real_com_port import PortControl, PortSettings
from nportlab.modes.secure import TlsFacts, client_context, shake_hands
from nportlab.modes.stream import StreamChannel
from nportlab.protocol import real_com as commands
from nportlab.unit.endpoint import Endpoint
from nportlab.unit.errors import NotReachable, TlsFailed
from nportlab.verdicts.faults import UnitBehaviour

MODE = "Real COM"
COMMAND_TIMEOUT = 10.0
"""Seconds the driver waits for a reply."""

RECONNECT_EVERY = 1.0
"""Seconds between the driver's attempts after a loss."""

_IPV6_GREETING = 16  # bytes exchanged on the command port over IPv6; what they mean is not known (nport-facts 1.7)


class Options(TypedDict, total=False):
    """What `RealCom.connect` takes besides the two endpoints; see `RealCom`."""

    label: str | None
    settings: PortSettings | None
    secure: bool
    version: ssl.TLSVersion | None
    timeout: float
    command_timeout: float


class RealCom(ChannelBase, PortControl):
    """One session. As a Channel it is its data connection; `command` is the other, PortControl what it can do."""

    def __init__(
        self,
        data: Endpoint,
        command: Endpoint,
        *,
        label: str | None = None,
        settings: PortSettings | None = None,
        secure: bool = False,
        version: ssl.TLSVersion | None = None,
        timeout: float = 5.0,
        command_timeout: float = COMMAND_TIMEOUT,
    ) -> None:
        """Nothing is connected yet: see `open`.

        data, command: where the two ports are reached. label: what messages call the serial port ("np6650 port 3").
        secure: TLS on the data connection, `version` the only one offered. timeout: seconds for each connection and the
        handshake; command_timeout: seconds for a reply.
        """
        super().__init__(f"{label or data} {MODE}")
        self.settings = settings or PortSettings()
        self.command_timeout = command_timeout
        self._endpoints = data, command
        self._secure = secure
        self._version = version
        self._timeout = timeout
        self._data: StreamChannel | None = None
        self._command: CommandConnection | None = None

    @classmethod
    def connect(cls, data: Endpoint, command: Endpoint, **options: Unpack[Options]) -> Self:
        """Make a session and open it. Raises as `open`."""
        return cls(data, command, **options).open()

    # Opening ------------------------------------------------------------------------------------------------------

    def open(self) -> Self:
        """Connect the command port, then the data port (then TLS on it), and set the port; each command waits its turn.

        Raises PortRefused, PortSilent, NotReachable, TlsFailed, NoReply, CommandRefused (a baud rate), ConnectionLost;
        nothing stays open then.
        """
        try:
            self.open_connections()
            self.set_port()
        except BaseException:
            self.close()
            raise
        return self

    def open_connections(self) -> None:
        """Only the connections: no command is sent. Raises PortRefused, PortSilent, NotReachable, TlsFailed."""
        self.close()
        self.open_command()
        self.open_data()

    def open_command(self) -> None:
        """Only the command connection, as somebody has it who acts on a port without its data (CVE-2026-10831)."""
        name = f"{self.name} command port"
        sock = connect(self._endpoints[1], name, self._timeout)
        if sock.family == socket.AF_INET6:
            _greet(sock, name)
        self._command = CommandConnection(sock, name)

    def open_data(self) -> None:
        """Only the data connection, with its TLS handshake."""
        sock = connect(self._endpoints[0], self.name, self._timeout)
        if self._secure:
            sock = shake_hands(sock, self.name, self._timeout, client_context(self._version))
        self._data = StreamChannel(sock, self.name)
        self._surplus = b""

    def reconnect(self, within: float) -> float:
        """Come back after a loss as the driver does: try every second, then everything in one write, LINECTRL last.

        within: seconds until it must have worked. Returns the seconds it took. Raises what stood in the way at last.
        """
        begun = time.monotonic()
        while True:
            tried = time.monotonic()
            try:
                self.open_connections()
                wanted = [*self.settings.opening(), commands.LineControl(self.settings.dtr, self.settings.rts)]
                for reply in self.command.ask_together(wanted, self.command_timeout):
                    self._note(reply, self.settings)
            except (NotReachable, TlsFailed, ConnectionLost, NotInTime):
                self.close()
                if time.monotonic() + RECONNECT_EVERY > begun + within:
                    raise
                time.sleep(max(0.0, tried + RECONNECT_EVERY - time.monotonic()))
            except BaseException:
                self.close()
                raise
            else:
                return time.monotonic() - begun

    @property
    def command(self) -> CommandConnection:
        """The command connection. Raises ConnectionLost while there is none."""
        if self._command is None:
            raise lost(self.name, "closed", "not open")
        return self._command

    @property
    def data(self) -> StreamChannel:
        """The data connection. Raises ConnectionLost while there is none."""
        if self._data is None:
            raise lost(self.name, "closed", "not open")
        return self._data

    @property
    def tls(self) -> TlsFacts | None:
        """What the data connection's handshake agreed on, None when it is plain."""
        return self.data.tls

    # Channel ------------------------------------------------------------------------------------------------------

    def fileno(self) -> int:
        """Descriptor of the data connection; -1 once closed."""
        return -1 if self._data is None else self._data.fileno()

    def write(self, data: bytes | memoryview) -> int:
        """How many bytes were taken; 0 when the path is full: offer the same bytes again. Raises ConnectionLost."""
        return self.data.write(data)

    def _take(self) -> bytes:
        return self.data.read()

    def close(self) -> None:
        """Close both connections, data first; may be called twice."""
        data, self._data = self._data, None
        command, self._command = self._command, None
        if data is not None:
            data.close()
        if command is not None:
            command.close()

    def wait_both_closed(self, timeout: float) -> float:
        """Wait until the unit has closed both connections; returns the seconds it took. Raises NotInTime."""
        begun = time.monotonic()
        self.wait_closed(timeout)
        self.command.wait_ended(max(0.0, begun + timeout - time.monotonic()))
        return time.monotonic() - begun


def _greet(sock: socket.socket, name: str) -> None:
    """Over IPv6 the driver sends 16 bytes of any content and insists on getting 16 back. Raises UnitBehaviour."""
    got = b""
    try:
        sock.sendall(bytes(_IPV6_GREETING))
        while len(got) < _IPV6_GREETING:
            piece = sock.recv(_IPV6_GREETING - len(got))
            if not piece:
                raise lost(name, "closed", "in the IPv6 greeting")
            got += piece
    except TimeoutError:
        sock.close()
        raise too_late(name, f"the IPv6 greeting of {_IPV6_GREETING} bytes was not answered", got) from None
    except OSError:
        sock.close()
        raise lost(name, "reset", "in the IPv6 greeting") from None
    except UnitBehaviour:
        sock.close()
        raise
