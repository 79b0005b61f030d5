"""The serial device in front of the Ethernet modem: what the modem does not say, or says instead, is a fail."""

from __future__ import annotations

from typing import Any, cast

from fixtures.serial_lines import PortUnderTest
from nportlab.modes.dialled import DialledConnection
from nportlab.modes.errors import CommandRefused, NotInTime
from nportlab.modes.modem import AtDialogue, ModemPeer
from nportlab.serial.adapter import Adapter
from nportlab.unit.errors import UnexpectedAnswer
from tests.operation_modes._ends import SOON, dialled, hear, hear_all, say

OK = b"\r\nOK\r\n"


class Modem(AtDialogue):
    """An AT dialogue over the port's adapter, which begins with the modem in its command state.

    Registers keep what an earlier test set them to, so a test sets those it is about.
    """

    def __init__(self, port: PortUnderTest) -> None:
        super().__init__(cast("Any", _Typing(port.adapter)), port.label)
        self.connect = f"CONNECT {port.format.baud}"
        say(port.adapter, b"AT\r")
        heard = b""
        while not heard.endswith(OK) and (more := hear(port.adapter, 1)):
            heard += more
        # An earlier test's call may still end: what comes before the answer is not judged here.
        assert heard.endswith(OK), f"AT was answered with {heard!r}"
        self.echo = b"AT\r" in heard

    def expect(self, *wanted: bytes, timeout: float) -> bytes:
        """As AtDialogue. Asserts that it comes, and nothing else before."""
        try:
            return super().expect(*wanted, timeout=timeout)
        except (NotInTime, UnexpectedAnswer) as other:
            raise AssertionError(other.message) from other

    def expect_silence(self, seconds: float) -> None:
        """As AtDialogue. Asserts that nothing comes."""
        try:
            super().expect_silence(seconds)
        except UnexpectedAnswer as other:
            raise AssertionError(other.message) from other

    def command(self, line: str, *answers: str, timeout: float = SOON) -> str:
        """As AtDialogue. Asserts that one of the answers comes."""
        try:
            return super().command(line, *answers, timeout=timeout)
        except CommandRefused as other:
            raise AssertionError(other.message) from other


def caller(port: PortUnderTest) -> ModemPeer:
    """The network side, to be dialled and to dial."""
    return port.stack.enter_context(ModemPeer(port.bench_address, label=port.label))


def called(host: ModemPeer) -> DialledConnection:
    """The call the unit made. Asserts that it did."""
    call = dialled(host.listener)
    assert call is not None, f"the modem says CONNECT, and nobody has called {host.endpoint}"
    return call


def exchange(port: PortUnderTest, host: object) -> None:
    """Bytes cross a call, both ways."""
    say(port.adapter, b"from the line")
    heard = hear(host, 13)
    assert heard == b"from the line", f"the other end of the call heard {heard!r}"
    say(host, b"to the line")
    heard = hear(port.adapter, 11)
    assert heard == b"to the line", f"the serial device heard {heard!r}"


def last_words(adapter: Adapter) -> bytes:
    """What the modem still says, until it has nothing more to say."""
    return hear_all(adapter)


class _Typing:
    """An adapter as the port an AtDialogue types on."""

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter
        self.timeout = SOON

    def write(self, data: bytes) -> None:
        say(self._adapter, data)

    def read(self, size: int) -> bytes:
        try:
            return self._adapter.receive_exactly(size, self.timeout)
        except NotInTime:
            return b""
