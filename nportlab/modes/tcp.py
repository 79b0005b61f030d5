"""Client of the modes that listen on TCP and move bytes as they are: TCP server, pair slave, printer RAW."""

from __future__ import annotations

import ssl
from typing import Self

from nportlab.modes.connecting import Source, connect
from nportlab.modes.secure import client_context, shake_hands
from nportlab.modes.stream import StreamChannel
from nportlab.unit.endpoint import Endpoint


class TcpClient(StreamChannel):
    """One connection to such a port. Of a pair slave this end plays the master."""

    @classmethod
    def connect(
        cls,
        endpoint: Endpoint,
        *,
        label: str | None = None,
        mode: str = "TCP server",
        secure: bool = False,
        version: ssl.TLSVersion | None = None,
        timeout: float = 5.0,
        source: Source | None = None,
        receive_buffer: int | None = None,
    ) -> Self:
        """Connect, and with `secure` shake hands (`version`: offer only this one).

        label: what messages call the serial port ("np6650 port 3"; the endpoint when absent); mode: how they call its
        mode. timeout: seconds for each of the two steps. source: local address and port. receive_buffer: bytes the
        kernel holds for us. Raises PortRefused, PortSilent, NotReachable, TlsFailed.
        """
        name = f"{label or endpoint} {mode}"
        sock = connect(endpoint, name, timeout, source=source, receive_buffer=receive_buffer)
        if secure:
            sock = shake_hands(sock, name, timeout, client_context(version))
        return cls(sock, name)
