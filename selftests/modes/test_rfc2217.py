from __future__ import annotations

import socket
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import serial
import serial.rfc2217

from nportlab.modes.errors import CommandRefused, NoReply, NotInTime, PortRefused
from nportlab.modes.rfc2217 import Rfc2217
from nportlab.modes.stream import StreamChannel
from nportlab.protocol.rfc2217 import Code, Control, LineState, Message, ModemState, Purge, message
from nportlab.protocol.telnet_options import Command, Option, negotiation
from nportlab.unit.endpoint import Endpoint
from nportlab.verdicts.faults import HarnessBug
from selftests.modes.foreign import LOCAL, free_port, ser2net
from selftests.modes.test_tcp import PATTERN, through

RFC2217 = f"telnet(rfc2217),tcp,{LOCAL},PORT"


class PortManagerServer:
    """pyserial's RFC 2217 server, put together as its example does, over a pyserial port without hardware."""

    def __init__(self) -> None:
        self.serial = serial.serial_for_url("loop://", timeout=0.05)
        self._listener = socket.create_server((LOCAL, 0))
        self.endpoint = Endpoint(*self._listener.getsockname())
        self._connection: socket.socket | None = None
        self._threads = [threading.Thread(target=self._from_network), threading.Thread(target=self._from_line)]
        self._manager: serial.rfc2217.PortManager | None = None
        self._stop = False
        self._lock = threading.Lock()
        for thread in self._threads:
            thread.start()

    def write(self, data: bytes) -> None:
        with self._lock:
            assert self._connection is not None
            self._connection.sendall(data)

    def _from_network(self) -> None:
        self._connection, _ = self._listener.accept()
        self._manager = serial.rfc2217.PortManager(self.serial, self)  # type: ignore[arg-type] - the stubs err
        while data := self._connection.recv(4096):
            self.serial.write(b"".join(self._manager.filter(data)))
        self._stop = True

    def _from_line(self) -> None:
        while not self._stop:
            if (data := self.serial.read(self.serial.in_waiting or 1)) and self._manager is not None:
                self.write(b"".join(self._manager.escape(data)))

    def close(self) -> None:
        for thread in self._threads:
            thread.join(10)
        self.serial.close()
        self._listener.close()
        if self._connection is not None:
            self._connection.close()


@contextmanager
def pyserial_server() -> Iterator[PortManagerServer]:
    server = PortManagerServer()
    try:
        yield server
    finally:
        server.close()


def test_ser2net_carries_every_byte_both_ways(tmp_path: Path) -> None:
    with ser2net(tmp_path, RFC2217) as (endpoint, far), Rfc2217.connect(endpoint, label="np6650 port 3") as client:
        assert client.name == "np6650 port 3 RFC 2217"
        data = bytes(range(256)) * 8
        client.send_all(data, 5)
        assert far.read(len(data)) == data
        far.write(data)
        assert client.receive_exactly(len(data), 5) == data


def test_ser2net_sets_what_it_is_told(tmp_path: Path) -> None:
    with ser2net(tmp_path, RFC2217) as (endpoint, far), Rfc2217.connect(endpoint) as client:
        assert client.baud() == 9600
        assert client.baud(115200) == 115200
        assert client.data_bits(7) == 7
        assert client.parity("even") == "even"
        assert client.stop_bits(2) == 2
        assert (client.data_bits(), client.parity(), client.stop_bits()) == (7, "even", 2)
        flags = termios.tcgetattr(far.descriptor)
        assert flags[5] == termios.B115200
        assert flags[2] & termios.CSTOPB
        assert client.control(Control.XON_XOFF) == Control.XON_XOFF
        assert "ser2net" in client.signature()


def test_pyserials_server_answers_settings_lines_and_break() -> None:
    with pyserial_server() as server, Rfc2217.connect(server.endpoint) as client:
        assert client.baud(57600) == server.serial.baudrate == 57600
        assert client.parity("odd") == "odd"
        assert server.serial.parity == serial.PARITY_ODD
        assert client.set_dtr(True)
        assert client.set_rts(False)
        assert not server.serial.rts
        client.send_break(0.01)
        assert client.purge(Purge.BOTH) == Purge.BOTH
        state = client.ask_modem_state()
        assert ModemState.DSR in state
        assert client.set_rts(True)
        assert ModemState.CTS in client.ask_modem_state()  # loop:// joins RTS and CTS
        assert client.modem_state is not None
        assert ModemState.CTS in client.modem_state


def test_every_byte_through_pyserials_server_and_back() -> None:
    with pyserial_server() as server:
        server.serial.timeout = 0.05
        with Rfc2217.connect(server.endpoint) as client:
            client.baud(921600)
            client.parity("none")
            assert through(client, PATTERN[: 16 << 10]) == PATTERN[: 16 << 10]


@pytest.mark.filterwarnings("ignore::DeprecationWarning:serial")
def test_both_clients_see_the_same_at_ser2net(tmp_path: Path) -> None:
    """pyserial's client is the second opinion: what ours sets, it reads."""
    with ser2net(tmp_path, RFC2217) as (endpoint, _):
        with Rfc2217.connect(endpoint) as client:
            ours = (client.baud(38400), client.data_bits(8), client.parity("none"), client.stop_bits(1))
        with serial.serial_for_url(f"rfc2217://{endpoint}?ign_set_control", baudrate=38400, timeout=1) as theirs:
            assert ours == (theirs.baudrate, theirs.bytesize, "none", theirs.stopbits)


def test_opening_waits_for_nothing_but_the_answers(tmp_path: Path) -> None:
    with ser2net(tmp_path, RFC2217) as (endpoint, _):
        begun = time.monotonic()
        Rfc2217.connect(endpoint).close()
        assert time.monotonic() - begun < 2  # some milliseconds on an idle machine; pyserial's client 3 s


# ---- a scripted unit

AGREED = b"".join(
    negotiation(verb, option)
    for verb, option in ((Command.DO, Option.COM_PORT), (Command.DO, Option.BINARY), (Command.WILL, Option.BINARY))
)


@contextmanager
def unit(first: bytes, timeout: float = 5) -> Iterator[tuple[Rfc2217, StreamChannel]]:
    with socket.create_server((LOCAL, 0)) as server:
        endpoint = Endpoint(*server.getsockname())

        def answer() -> None:
            connection, _ = server.accept()
            connection.sendall(first)
            held.append(StreamChannel(connection, "unit"))

        held: list[StreamChannel] = []
        thread = threading.Thread(target=answer)
        thread.start()
        try:
            client = Rfc2217.connect(endpoint, timeout=timeout)
        finally:
            thread.join()
        with client, held[0]:
            yield client, held[0]


def test_a_unit_without_the_option_is_no_rfc_2217_port() -> None:
    declined = AGREED.replace(negotiation(Command.DO, Option.COM_PORT), negotiation(Command.DONT, Option.COM_PORT))
    with pytest.raises(CommandRefused, match="declines the COM port option"), unit(declined):
        pass
    with pytest.raises(NotInTime, match="answers to the COM port"), unit(b"", 0.1):
        pass
    with pytest.raises(PortRefused):
        Rfc2217.connect(Endpoint(LOCAL, free_port()))


def test_no_answer_names_the_command_and_a_foreign_answer_is_refused() -> None:
    with unit(AGREED, 0.2) as (client, other):
        with pytest.raises(NoReply, match="answer to SET_BAUDRATE did not come in 0"):
            client.baud(9600)
        other.send_all(b"data meanwhile" + message(Code.SET_PARITY, 9, from_server=True).encode(), 5)
        with pytest.raises(CommandRefused, match="parity was answered with 9"):
            client.wait_until(lambda: bool(client._answers.get(Code.SET_PARITY)), 5, "it")
            client.timeout = 5
            threading.Timer(0.05, other.send_all, (message(Code.SET_PARITY, 9, from_server=True).encode(), 5)).start()
            client.parity("none")
        assert client.read() == b"data meanwhile"
        assert not client.unreadable
        other.send_all(Message(Code.SET_BAUDRATE, b"\1\2", from_server=True).encode(), 5)
        client.wait_until(lambda: bool(client.unreadable), 5, "it")


def test_reports_are_kept_with_their_time() -> None:
    with unit(AGREED) as (client, other):
        before = time.monotonic()
        changed = ModemState.CTS | ModemState.CTS_CHANGED
        other.send_all(message(Code.NOTIFY_MODEMSTATE, changed, from_server=True).encode(), 5)
        other.send_all(message(Code.NOTIFY_LINESTATE, LineState.BREAK, from_server=True).encode(), 5)
        report = client.wait_report(lambda one: one.state == LineState.BREAK and isinstance(one.state, LineState), 5)
        assert before < report.at < time.monotonic()
        assert client.modem_state == changed
        with pytest.raises(NotInTime):
            client.wait_report(lambda one: True, 0.05, after=2)


def test_a_unit_that_asks_for_a_pause_gets_one() -> None:
    with unit(AGREED) as (client, other):
        other.send_all(Message(Code.FLOWCONTROL_SUSPEND, from_server=True).encode(), 5)
        client.wait_until(lambda: client.suspended, 5, "the pause")
        assert client.write(b"not now") == 0
        with pytest.raises(NotInTime, match="took only 0 of 7"):
            client.send_all(b"not now", 0.1)
        resume = Message(Code.FLOWCONTROL_RESUME, from_server=True).encode()
        threading.Timer(0.05, other.send_all, (b"meanwhile" + resume, 5)).start()
        client.send_all(b"go on", 5)
        assert other.receive_until(b"go on", 5)
        assert client.receive_exactly(9, 5) == b"meanwhile"


def test_values_the_protocol_has_no_number_for_never_leave() -> None:
    with unit(AGREED) as (client, _):
        for wrong in (lambda: client.data_bits(9), lambda: client.stop_bits(3), lambda: client.baud(-1)):
            with pytest.raises(HarnessBug):
                wrong()
