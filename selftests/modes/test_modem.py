"""The AT dialogue over a pty, whose far end says what the manual says a unit says."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import serial

from nportlab.modes.errors import CommandRefused, NotInTime, PortRefused
from nportlab.modes.modem import AtDialogue, ModemPeer
from nportlab.unit.endpoint import Endpoint
from nportlab.unit.errors import UnexpectedAnswer
from selftests.modes.foreign import LOCAL, Line, free_port, line, socat


class Modem(threading.Thread):
    """Reads lines up to CR, echoes them, and says what the script has for each."""

    def __init__(self, far: Line, script: dict[str, bytes], echo: bool) -> None:
        super().__init__(daemon=True)
        self._far, self._script, self._echo = far, script, echo
        self.heard: list[str] = []
        self.stopped = False

    def run(self) -> None:
        typed = b""
        while not self.stopped:
            octet = self._far.read(1, 0.1)
            typed += octet
            if self._echo and octet != b"+":
                self._far.write(octet)
            if typed.endswith((b"\r", b"+++")):
                word, typed = typed.strip(b"\r").decode(), b""
                self.heard.append(word)
                self._far.write(self._script.get(word, b"\r\nERROR\r\n"))


@contextmanager
def modem(script: dict[str, bytes] | None = None, *, echo: bool = True) -> Iterator[tuple[AtDialogue, Modem, Line]]:
    known = {"AT": b"\r\nOK\r\n", "+++": b"\r\nOK\r\n"} | (script or {})
    with line() as far, serial.Serial(far.path, 115200) as port:
        other = Modem(far, known, echo)
        other.start()
        try:
            yield AtDialogue(port, "np6650 port 3"), other, far
        finally:
            other.stopped = True
            other.join()


@pytest.mark.parametrize("echo", [True, False])
def test_echo_is_found_out_and_then_expected(echo: bool) -> None:
    with modem({"ATS0=1": b"\r\nOK\r\n"}, echo=echo) as (at, other, _):
        at.register(0, 1)
        assert at.echo is echo
        assert other.heard == ["AT", "ATS0=1"]
        at.expect_silence(0.05)


def test_dial_answer_hang_up_and_what_was_said() -> None:
    script = {
        "ATD192.168.127.20:4001": b"\r\nCONNECT 115200\r\n",
        "ATD[fd00::1]:4001": b"\r\nNO CARRIER\r\n",
        "ATA": b"\r\nCONNECT 9600\r\n",
        "ATO": b"\r\nCONNECT 9600\r\n",
        "ATH": b"\r\nNO CARRIER\r\n",
    }
    with modem(script) as (at, other, far):
        answers = ("CONNECT 115200", "NO CARRIER")
        assert at.dial(Endpoint("192.168.127.20", 4001), *answers) == "CONNECT 115200"
        assert at.dial(Endpoint("fd00::1", 4001), *answers) == "NO CARRIER"
        far.write(b"\r\nRING\r\n")
        assert at.result("RING") == "RING"
        assert at.answer("CONNECT 9600") == "CONNECT 9600"
        begun = time.monotonic()
        at.escape(guard=0.1)
        assert time.monotonic() - begun > 0.1
        at.return_to_call("CONNECT 9600")
        assert at.hang_up() == "NO CARRIER"
        assert other.heard[-4:] == ["ATA", "+++", "ATO", "ATH"]
        assert at.said.endswith(b"ATH\r\r\nNO CARRIER\r\n")


def test_nothing_is_skipped() -> None:
    """A result like the one expected, with a byte too many or another number, is not it."""
    for said in (b"\r\nCONNECT 1152000\r\n", b"?\r\nCONNECT 115200\r\n", b"\r\nCONNECT 9600\r\n"):
        with modem({"ATA": said}) as (at, _, _):
            with pytest.raises(UnexpectedAnswer, match="came ") as caught:
                at.answer("CONNECT 115200")
            assert caught.value.resource == "np6650 port 3 Ethernet modem"


def test_error_is_a_refusal_unless_it_is_expected() -> None:
    with modem() as (at, _, _):
        with pytest.raises(CommandRefused, match="ATX9 was answered with ERROR"):
            at.command("ATX9")
        assert at.command("ATX9", "ERROR") == "ERROR"


def test_silence_where_a_result_should_be_and_the_other_way_round() -> None:
    with modem({"ATA": b"\r\nCONN"}) as (at, _, far):
        with pytest.raises(NotInTime, match=r"CONNECT 9600.* did not come in 0") as caught:
            at.answer("CONNECT 9600", timeout=0.2)
        assert caught.value.received == b"\r\nCONN"
        far.write(b"\r\nRING\r\n")
        with pytest.raises(UnexpectedAnswer, match="of silence"):
            at.expect_silence(5)


def test_the_network_side_is_dialled_and_dials() -> None:
    port = free_port()
    with ModemPeer(LOCAL, label="np6650 port 3") as peer:
        with socat("EXEC:cat", f"TCP:{peer.endpoint}"), peer.accept(5) as call:
            call.send_all(b"hello", 5)
            assert call.receive_exactly(5, 5) == b"hello"
            assert call.name == "np6650 port 3 Ethernet modem"
        listen = f"TCP-LISTEN:{port},bind={LOCAL},reuseaddr"
        with socat(listen, "EXEC:cat", port), peer.dial(Endpoint(LOCAL, port)) as call:
            call.send_all(b"hello", 5)
            assert call.receive_exactly(5, 5) == b"hello"
        with pytest.raises(PortRefused, match="refuses"):
            peer.dial(Endpoint(LOCAL, free_port()))
        with pytest.raises(NotInTime, match="nobody dialled"):
            peer.accept(0.05)
