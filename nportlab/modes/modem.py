"""Ethernet modem mode: the AT dialogue on the serial side, and the network side that is dialled and dials.

The manual names ATD ip:port, ATD [ipv6]:port, ATA, ATH, S0, S2, +++, CONNECT <baud>, RING and NO CARRIER (nport-facts
6); how results are framed is taken from Hayes modems.
"""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

import serial

from nportlab.modes.connecting import Source
from nportlab.modes.dialled import DialledConnection, DialListener
from nportlab.modes.errors import CommandRefused, too_late
from nportlab.modes.tcp import TcpClient
from nportlab.unit.endpoint import Endpoint
from nportlab.unit.errors import UnexpectedAnswer

MODE = "Ethernet modem"
GUARD = 1.0
"""Seconds of silence before and after +++ (S12 of Hayes modems; that the unit keeps to it is an assumption)."""

ANSWER_WITHIN = 2.5
"""Seconds after RING within which ATA must come when S0 is 0 (manual)."""

_MARGIN = 0.1  # seconds added to the guard time, for the way of the bytes


class AtDialogue:
    """Expect, byte for byte: nothing is skipped, so an unexpected byte is seen where it stands.

    echo: whether the unit echoes commands; None until `synchronise` finds out. said: all that came, for evidence.
    """

    def __init__(self, port: serial.SerialBase, label: str = "unit", *, echo: bool | None = None) -> None:
        """port: the serial side, any pyserial port, open. label: what messages call the port ("np6650 port 3")."""
        self.name = f"{label} {MODE}"
        self.echo = echo
        self.said = bytearray()
        self._port = port

    def synchronise(self, timeout: float = 5.0) -> None:
        """AT until OK, and whether the command was echoed. Raises NotInTime, UnexpectedAnswer."""
        self._port.write(b"AT\r")
        came = self.expect(b"AT\r\r\nOK\r\n", b"\r\nOK\r\n", timeout=timeout)
        self.echo = came.startswith(b"AT")

    def command(self, line: str, *answers: str, timeout: float = 5.0) -> str:
        """Send a command line (with its AT) and take one of these result codes (OK if none is given); returns which.

        Raises CommandRefused when it is ERROR and that was not among them, UnexpectedAnswer, NotInTime.
        """
        self.send(line)
        wanted = answers or ("OK",)
        came = self.result(*wanted, "ERROR", timeout=timeout)
        if came not in wanted:
            raise CommandRefused(f"{line} was answered with {came}", resource=self.name)
        return came

    def send(self, line: str, timeout: float = 5.0) -> None:
        """Send a line and its CR, and take its echo if there is one. Raises UnexpectedAnswer, NotInTime."""
        if self.echo is None:
            self.synchronise(timeout)
        typed = line.encode("ascii") + b"\r"
        self._port.write(typed)
        if self.echo:
            self.expect(typed, timeout=timeout)

    def result(self, *words: str, timeout: float = 5.0) -> str:
        """Take one of these result codes, in its frame of CR LF; returns which. Raises UnexpectedAnswer, NotInTime."""
        frames = {b"\r\n" + word.encode("ascii") + b"\r\n": word for word in words}
        return frames[self.expect(*frames, timeout=timeout)]

    def expect(self, *wanted: bytes, timeout: float) -> bytes:
        """The next bytes, which must be one of `wanted`; returns which.

        Raises UnexpectedAnswer at the first byte that fits none of them, NotInTime (with what came) after `timeout` s.
        """
        end = time.monotonic() + timeout
        got = b""
        while got not in wanted:
            self._port.timeout = max(0.0, end - time.monotonic())
            octet = self._port.read(1)
            if not octet:
                expected = " or ".join(map(repr, wanted))
                raise too_late(self.name, f"{expected} did not come in {timeout:g} s", got)
            self.said += octet
            got += octet
            if not any(one.startswith(got) for one in wanted):
                expected = " or ".join(map(repr, wanted))
                raise UnexpectedAnswer(f"expected {expected}, came {got!r}", resource=self.name)
        return got

    def expect_silence(self, seconds: float) -> None:
        """Raises UnexpectedAnswer when anything comes within `seconds`."""
        self._port.timeout = seconds
        if octet := self._port.read(1):
            self.said += octet
            raise UnexpectedAnswer(f"expected {seconds:g} s of silence, came {octet!r}", resource=self.name)

    def dial(self, to: Endpoint, *answers: str, timeout: float = 30.0) -> str:
        """ATD; returns the result code among `answers` ("CONNECT 115200", "NO CARRIER" ...). Raises as `command`."""
        host = f"[{to.host}]" if ":" in to.host else to.host
        return self.command(f"ATD{host}:{to.port}", *answers, timeout=timeout)

    def answer(self, *answers: str, timeout: float = 5.0) -> str:
        """ATA after RING; returns the result code among `answers`."""
        return self.command("ATA", *answers, timeout=timeout)

    def escape(self, guard: float = GUARD, timeout: float = 5.0) -> None:
        """From the call to the command state: silence, +++, silence, OK. Data that comes meanwhile is unexpected.

        guard: seconds, as register S12 has them. Raises UnexpectedAnswer, NotInTime.
        """
        self.expect_silence(guard + _MARGIN)
        self._port.write(b"+++")
        self.result("OK", timeout=guard + timeout)

    def return_to_call(self, connect: str, timeout: float = 5.0) -> None:
        """ATO. connect: the result code, with the baud ("CONNECT 115200")."""
        self.command("ATO", connect, timeout=timeout)

    def hang_up(self, *answers: str, timeout: float = 5.0) -> str:
        """ATH in the command state; returns the result code among `answers` (OK, or NO CARRIER)."""
        return self.command("ATH", *(answers or ("OK", "NO CARRIER")), timeout=timeout)

    def register(self, number: int, value: int) -> None:
        """ATSn=value. Raises CommandRefused, UnexpectedAnswer, NotInTime."""
        self.command(f"ATS{number}={value}")


class ModemPeer:
    """The network side: somebody the unit can dial at `endpoint`, and who can dial the unit."""

    def __init__(self, address: str, port: int = 0, *, label: str = "unit") -> None:
        """address, port: where to be dialled; 0 takes a free port. Raises LabFault."""
        self._label = label
        self.listener = DialListener(address, port, label=label, mode=MODE)
        self.endpoint = self.listener.endpoint

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def accept(self, timeout: float = 10.0) -> DialledConnection:
        """The call the unit made. Raises NotInTime."""
        return self.listener.accept(timeout)

    def dial(self, unit: Endpoint, timeout: float = 5.0, source: Source | None = None) -> TcpClient:
        """Call the unit; on its serial side it rings. Raises PortRefused, PortSilent, NotReachable."""
        return TcpClient.connect(unit, label=self._label, mode=MODE, timeout=timeout, source=source)

    def close(self) -> None:
        """Be no longer there to be dialled; calls that stand stay. May be called twice."""
        self.listener.close()
