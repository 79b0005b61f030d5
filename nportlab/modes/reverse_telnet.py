"""Client of reverse telnet mode: a Telnet connection that ends on the serial line."""

from __future__ import annotations

from typing import Final, Self

from nportlab.modes.connecting import Source, connect
from nportlab.modes.telnet_stream import TelnetStream
from nportlab.protocol.telnet_options import Command, Option, negotiation
from nportlab.unit.endpoint import Endpoint

ENTER: Final = {"cr-lf": b"\r\n", "cr": b"\r", "lf": b"\n"}
"""What the line gets for the Enter key, by the value of port.key_mapping."""

CR_NUL = b"\r\0"
"""How a terminal sends a carriage return alone (RFC 854)."""

_PERFORMS = (Option.SUPPRESS_GO_AHEAD, Option.BINARY)
_ACCEPTS = (Option.ECHO, Option.SUPPRESS_GO_AHEAD, Option.BINARY)


class ReverseTelnet(TelnetStream):
    """One session. Carriage returns go and come as they are; `press_enter` sends what a terminal sends for the key."""

    @classmethod
    def connect(
        cls,
        endpoint: Endpoint,
        *,
        label: str | None = None,
        timeout: float = 5.0,
        source: Source | None = None,
    ) -> Self:
        """Connect; options are answered as they come. Raises PortRefused, PortSilent, NotReachable."""
        name = f"{label or endpoint} reverse telnet"
        return cls(connect(endpoint, name, timeout, source=source), name, _PERFORMS, _ACCEPTS)

    def wait_negotiated(self, timeout: float) -> None:
        """Wait until the unit has said anything about options. Raises NotInTime when it does not."""
        self.wait_until(lambda: bool(self.negotiated), timeout, "an option negotiation")

    def ask_for_binary(self, timeout: float) -> bool:
        """Ask for eight clean bits both ways (RFC 856); whether the unit agrees to both. Raises NotInTime."""
        before = len(self.negotiated)
        self.send_command(self.options.offer(Option.BINARY) + self.options.ask(Option.BINARY))

        def answered() -> bool:
            heard = [one for one in self.negotiated[before:] if one.option == Option.BINARY]
            ours = any(one.verb in (Command.DO, Command.DONT) for one in heard)
            theirs = any(one.verb in (Command.WILL, Command.WONT) for one in heard)
            return (ours or self.options.performs(Option.BINARY)) and (
                theirs or self.options.is_performed(Option.BINARY)
            )

        self.wait_until(answered, timeout, "an answer about the binary option")
        return self.options.performs(Option.BINARY) and self.options.is_performed(Option.BINARY)

    def press_enter(self, timeout: float = 5.0, key: bytes = b"\r\n") -> None:
        """The Enter key: CR LF as most clients send it, or CR_NUL. Raises NotInTime, ConnectionLost."""
        self.send_all(key, timeout)

    def send_break(self) -> None:
        """The Break key (IAC BRK)."""
        self.send_command(bytes((0xFF, Command.BREAK)))

    def ask_option(self, verb: Command, option: int) -> None:
        """Send any negotiation, known or not; what the unit says to it appears in `negotiated`."""
        self.send_command(negotiation(verb, option))
