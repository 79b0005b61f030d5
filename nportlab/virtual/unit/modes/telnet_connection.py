"""A data connection of a serial port that speaks Telnet: options are agreed on, 0xFF is doubled both ways."""

from __future__ import annotations

from collections import deque

from nportlab.protocol.telnet_options import (
    Data,
    Event,
    Negotiation,
    Option,
    Options,
    Order,
    Subnegotiation,
    TelnetDecoder,
    escape,
)
from nportlab.virtual.unit.port_sockets import PortConnection, PortSockets


class TelnetConnection(PortConnection):
    """What stands on it hears `negotiated`, `subnegotiated` and `ordered`, and sends commands by `write_raw`."""

    def __init__(self, sockets: PortSockets, local_port: int, options: Options) -> None:
        super().__init__(sockets, "data", local_port)
        self.options = options
        self._decoder = TelnetDecoder()
        self._events: deque[Event] = deque()
        self._paused = False
        self._working = False

    def greet(self, offered: tuple[Option, ...], asked_for: tuple[Option, ...]) -> None:
        """Say what this end wants to perform, and asks the client to perform."""
        self.write_raw(b"".join([*map(self.options.offer, offered), *map(self.options.ask, asked_for)]))

    def data_received(self, data: bytes) -> None:
        """Bytes from the network, with Telnet commands among them."""
        self._events.extend(self._decoder.feed(data))
        self._work()

    def pause(self) -> None:
        """Take no bytes from the client for now; what was read with the last ones waits too."""
        self._paused = True
        super().pause()

    def resume(self) -> None:
        """Take them again."""
        self._paused = False
        super().resume()
        self._work()

    def _work(self) -> None:
        if self._working:
            return
        self._working = True
        while self._events and not self._paused:
            event = self._events.popleft()
            match event:
                case Data(octets):
                    super().data_received(self.decoded(octets))
                case Negotiation():
                    self.write_raw(self.options.hear(event))
                    self.negotiated(event)
                case Subnegotiation():
                    self.subnegotiated(event)
                case Order():
                    self.ordered(event)
        self._working = False

    def decoded(self, octets: bytes) -> bytes:
        """What the line gets for data of the client."""
        return octets

    def negotiated(self, heard: Negotiation) -> None:
        """An option was negotiated; `options` knows the new state."""

    def subnegotiated(self, heard: Subnegotiation) -> None:
        """A subnegotiation came."""

    def ordered(self, heard: Order) -> None:
        """Another command came."""

    def write(self, data: bytes) -> None:
        """Bytes of the line."""
        super().write(escape(data))

    def write_raw(self, octets: bytes) -> None:
        """Telnet commands."""
        if octets:
            super().write(octets)
