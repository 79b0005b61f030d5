"""The Real COM client against a device whose bytes are written down by hand (nport-facts 1.2 to 1.8)."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from nportlab.modes.errors import CommandRefused, ConnectionLost, NoReply, NotInTime, PortRefused
from nportlab.modes.real_com import RealCom
from nportlab.modes.real_com_command import CommandConnection
from nportlab.modes.real_com_port import PortSettings
from nportlab.modes.secure import server_context
from nportlab.protocol.real_com import FlowControl, Queues, XonXoff
from nportlab.protocol.real_com_format import Format
from nportlab.protocol.real_com_replies import Event, Held, ModemLines, Unreadable
from nportlab.unit.endpoint import Endpoint
from nportlab.unit.errors import TlsFailed, UnexpectedAnswer
from selftests.modes.foreign import LOCAL, free_port, wait_until
from selftests.modes.scripted_device import ScriptedDevice
from selftests.modes.test_tcp import PATTERN, through


@pytest.fixture
def device() -> Iterator[ScriptedDevice]:
    one = ScriptedDevice()
    yield one
    one.close()


def opened(device: ScriptedDevice, settings: PortSettings | None = None, *, secure: bool = False) -> RealCom:
    return RealCom.connect(
        device.data_endpoint,
        device.command_endpoint,
        label="np6650 port 3",
        settings=settings,
        secure=secure,
        command_timeout=2,
    )


def test_it_opens_as_the_driver_does(device: ScriptedDevice) -> None:
    with opened(device) as session:
        assert [one.hex(" ") for one in device.writes] == ["2c 08 06 03 01 01 00 00 00 00", "30 01 10"]
        assert session.lines is not None
        assert (session.lines.dsr, session.lines.cts, session.lines.dcd) == (True, True, False)
        assert session.tls is None
        assert session.name == "np6650 port 3 Real COM"


def test_the_command_port_comes_first(device: ScriptedDevice) -> None:
    nowhere = Endpoint(LOCAL, free_port())
    with pytest.raises(PortRefused) as refused:
        RealCom.connect(nowhere, device.command_endpoint, label="np6650 port 3")
    assert refused.value.resource == "np6650 port 3 Real COM"
    wait_until(lambda: device.came == ["command"])
    with pytest.raises(PortRefused) as refused:
        RealCom.connect(device.data_endpoint, nowhere, label="np6650 port 3")
    assert refused.value.resource == "np6650 port 3 Real COM command port"
    assert device.came == ["command"]


def test_a_rate_without_index_and_xon_xoff_take_their_own_commands(device: ScriptedDevice) -> None:
    settings = PortSettings(
        Format(250_000, 7, "even", 2),
        dtr=False,
        flow=FlowControl(xon_out=True, xon_in=True),
        xon_xoff=XonXoff(0x21, 0x22),
        fifo=1,
        user="joe",
    )
    with opened(device, settings):
        assert [one.hex(" ") for one in device.writes] == [
            "2c 0b ff 0e 00 01 00 00 01 01 6a 6f 65",
            "17 04 90 d0 03 00",
            "18 02 21 22",
            "30 01 01",
        ]


def test_a_megabyte_as_a_channel(device: ScriptedDevice) -> None:
    with opened(device) as session:
        assert through(session, PATTERN) == PATTERN


def test_tls_on_the_data_connection_only() -> None:
    device = ScriptedDevice(server_context())
    with opened(device, secure=True) as session:
        assert through(session, PATTERN[:300_000]) == PATTERN[:300_000]
        assert session.tls is not None
        assert session.tls.version == "TLSv1.3"
        assert session.line_status().dcd  # plain
    device.close()


def test_a_secure_client_at_a_plain_port_leaves_nothing_open(device: ScriptedDevice) -> None:
    with pytest.raises(TlsFailed) as failed:
        opened(device, secure=True)
    assert failed.value.resource == "np6650 port 3 Real COM"
    assert device.command is not None
    assert device.command.recv(1) == b""


@pytest.mark.parametrize(
    ("act", "sent"),
    [
        (lambda one: one.set_format(Format(300, 5)), "10 02 00 00"),
        (lambda one: one.set_flow(FlowControl(cts=True, xon_in=True)), "11 04 01 00 00 01"),
        (lambda one: one.set_lines(dtr=False), "12 02 00 01"),
        (lambda one: one.set_lines(rts=False), "12 02 01 00"),
        (lambda one: one.flush(), "14 01 02"),
        (lambda one: one.flush(Queues.RECEIVE), "14 01 00"),
        (lambda one: one.set_baud(123_456), "17 04 40 e2 01 00"),
        (lambda one: one.set_xon_xoff(1, 2), "18 02 01 02"),
        (lambda one: one.reset_port(), "20 03 31 36 61"),
        (lambda one: one.break_on(), "21 00"),
        (lambda one: one.break_off(), "22 00"),
        (lambda one: one.send_break(250), "23 02 00 fa"),
        (lambda one: one.notify(True), "24 00"),
        (lambda one: one.notify(False), "25 00"),
        (lambda one: one.set_fifo(64), "30 01 40"),
        (lambda one: one.sense_dsr(True), "32 01 01"),
        (lambda one: one.force_xon(), "33 00"),
        (lambda one: one.force_xoff(), "34 00"),
        (lambda one: one.flush_stop(), "36 00"),
    ],
)
def test_a_command_that_is_acknowledged(device: ScriptedDevice, act: Callable[[RealCom], None], sent: str) -> None:
    with opened(device) as session:
        act(session)
        assert device.writes[-1].hex(" ") == sent


@pytest.mark.parametrize(
    ("act", "sent", "answer"),
    [
        (lambda one: one.line_status().cts, "13 00", False),
        (lambda one: one.line_status().dcd, "13 00", True),
        (lambda one: one.input_queue(), "15 00", 0x1234),
        (lambda one: one.output_queue(), "16 00", 5),
        (lambda one: one.wait_output_drained(1.0004), "2f 04 e9 03 00 00", 256),
        (lambda one: one.flush_start(Queues.BOTH, 500), "35 05 02 f4 01 00 00", 7),
        (lambda one: one.break_count(), "37 00", 0x0102),
        (lambda one: one.data_status(), "38 00", Event.PARITY_ERROR | Event.HARDWARE_OVERRUN),
    ],
)
def test_a_question(device: ScriptedDevice, act: Callable[[RealCom], object], sent: str, answer: object) -> None:
    with opened(device) as session:
        assert act(session) == answer
        assert device.writes[-1].hex(" ") == sent


def test_what_is_set_is_remembered_for_the_next_opening(device: ScriptedDevice) -> None:
    with opened(device) as session:
        session.set_lines(dtr=False)
        session.set_baud(250_000)
        session.set_flow(FlowControl(cts=True))
        session.set_xon_xoff(1, 2)
        session.set_fifo(1)
        assert session.settings == PortSettings(
            Format(250_000), dtr=False, flow=FlowControl(cts=True), xon_xoff=XonXoff(1, 2), fifo=1
        )
        session.set_port(replace(session.settings, rts=False))
        assert device.writes[-3].hex(" ") == "2c 08 ff 03 00 00 01 00 00 00"


def test_a_refused_baud_rate_changes_nothing(device: ScriptedDevice) -> None:
    with opened(device) as session:
        with pytest.raises(CommandRefused, match=r"SetBaud\(baud=49\) was answered with NA"):
            session.set_baud(49)
        device.answers[0x2C] = bytes.fromhex("2C 03 FF FF FF")
        with pytest.raises(CommandRefused, match=r"baud rate of .*19200.* is refused"):
            session.set_port(replace(session.settings, format=Format(19200)))
        assert session.settings.format == Format(9600)


def test_no_reply_names_the_command_and_a_late_one_is_not_taken_for_the_next(device: ScriptedDevice) -> None:
    with opened(device) as session:
        session.command_timeout = 0.2
        device.mute.add(0x15)
        with pytest.raises(NoReply, match=r"IQUEUE was not answered in 0\.2 s") as late:
            session.input_queue()
        assert late.value.resource == "np6650 port 3 Real COM command port"
        device.say("15 02 99 99")
        device.mute.clear()
        wait_until(lambda: bool(session.command._waiting[0x15]))
        assert session.input_queue() == 0x1234
        with pytest.raises(NoReply, match="BREAKSEND"):
            session.send_break(9)


def test_replies_and_notifications_in_one_segment_are_told_apart(device: ScriptedDevice) -> None:
    with opened(device) as session:
        before = time.monotonic()
        device.answers[0x13] = bytes.fromhex("26 20 33 80  13 03 01 01 00  26 11 80 88  27 01 07  16 4F 4B")
        status = session.line_status()
        assert (status.dsr, status.cts, status.dcd) == (True, True, False)
        first = session.wait_notification(lambda told: Event.MODEM_STATUS in told.events, 5)
        assert before < first.at < time.monotonic()
        assert first.told.lines == first.told.changed == ModemLines.CTS | ModemLines.DSR
        second = session.wait_notification(lambda told: True, 5, after=1)
        assert second.told.events == Event.PARITY_ERROR | Event.BREAK
        assert second.told.lines == ModemLines.DCD
        assert Held.XOFF in second.told.held
        assert [one.number for one in session.polls] == [7]
        wait_until(lambda: device.answered_polls == [7])
        with pytest.raises(NotInTime, match="notification waited for"):
            session.wait_notification(lambda told: True, 0.05, after=2)


def test_a_notification_cut_by_the_network_is_put_together(device: ScriptedDevice) -> None:
    with opened(device) as session:
        device.say("26 20")
        device.say("33 80")
        assert session.wait_notification(lambda told: ModemLines.DSR in told.lines, 5)
        assert not session.command.unexpected


def test_alive_polls_are_answered_while_nobody_waits_and_not_when_told_so(device: ScriptedDevice) -> None:
    with opened(device) as session:
        device.say("27 01 05")
        wait_until(lambda: device.answered_polls == [5])
        session.command.answers_polls = False
        device.say("27 01 06")
        assert session.command.wait_poll(5, after=1).number == 6
        session.command.answers_polls = True
        device.say("27 01 07")
        wait_until(lambda: device.answered_polls == [5, 7])
        with pytest.raises(NotInTime, match="no alive poll"):
            session.command.wait_poll(0.05, after=3)


def test_draining_is_waited_for_while_another_thread_works(device: ScriptedDevice) -> None:
    device.mute.add(0x2F)
    with opened(device) as session:
        result: list[int] = []
        thread = threading.Thread(target=lambda: result.append(session.wait_output_drained(5)))
        thread.start()
        device.wait_writes(3)
        session.break_on()
        device.say("2F 02 00 00")
        thread.join()
        assert result == [0]


def test_bytes_that_are_no_reply_are_kept(device: ScriptedDevice) -> None:
    with opened(device) as session:
        assert session.command.exchange(bytes.fromhex("29 00"), 0.1) == []
        device.answers[0x29] = bytes.fromhex("29 58 59")
        assert session.command.exchange(bytes.fromhex("29 00"), 5) == [Unreadable(b"\x29\x58\x59")]
        device.answers[0x15] = b"\x15NA"
        with pytest.raises(NoReply):
            session.command_timeout = 0.1
            session.input_queue()
        assert isinstance(session.command.unexpected[-1], Unreadable)


def test_an_answer_of_another_kind_is_unexpected(device: ScriptedDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(device) as session:
        monkeypatch.setattr(CommandConnection, "ask", lambda self, command, timeout: Unreadable(b"?"))
        with pytest.raises(UnexpectedAnswer, match="expected Lines"):
            session.line_status()


def test_after_a_loss_one_write_brings_the_port_back(device: ScriptedDevice) -> None:
    settings = PortSettings(Format(250_000), flow=FlowControl(xon_in=True))
    with opened(device, settings) as session:
        device.drop_connections()
        assert session.wait_both_closed(5) < 5
        with pytest.raises(ConnectionLost):
            session.line_status()
        device.writes.clear()
        session.reconnect(5)
        assert [one.hex(" ") for one in device.writes] == [
            "2c 08 ff 03 01 01 00 00 00 01 17 04 90 d0 03 00 18 02 11 13 30 01 10 12 02 01 01"
        ]
        assert through(session, PATTERN[:5000]) == PATTERN[:5000]


def test_reconnecting_tries_every_second_until_the_unit_is_back(device: ScriptedDevice) -> None:
    with opened(device) as session:
        device.drop_connections()
        device.stop_listening()
        with pytest.raises(PortRefused):
            session.reconnect(0.5)
        back = threading.Timer(0.3, device.listen_again)
        back.start()
        assert 0.9 < session.reconnect(5) < 3


def test_a_command_connection_that_ends_is_noticed(device: ScriptedDevice) -> None:
    with opened(device) as session:
        with pytest.raises(NotInTime, match="still stands"):
            session.command.wait_ended(0.05)
        assert device.command is not None
        device.command.shutdown(socket.SHUT_RDWR)
        assert session.command.wait_ended(5) == "closed"
        for act in (session.line_status, lambda: session.wait_notification(lambda told: True, 5)):
            with pytest.raises(ConnectionLost):
                act()


def test_a_session_that_is_not_open_says_so() -> None:
    session = RealCom(Endpoint(LOCAL, free_port()), Endpoint(LOCAL, free_port()), label="np6150 port 1")
    for act in (session.read, session.line_status, lambda: session.write(b"x")):
        with pytest.raises(ConnectionLost, match="not open"):
            act()
    with pytest.raises(PortRefused) as refused:
        session.open()
    assert refused.value.resource == "np6150 port 1 Real COM command port"
    session.close()


def test_the_command_port_alone(device: ScriptedDevice) -> None:
    session = RealCom(device.data_endpoint, device.command_endpoint, command_timeout=2)
    session.open_command()
    session.break_on()
    assert device.came == ["command"]
    session.close()


@pytest.mark.parametrize(("answer", "error"), [(b"\0" * 16, None), (b"\0" * 15, NotInTime)])
def test_the_greeting_over_ipv6(answer: bytes, error: type[Exception] | None) -> None:
    try:
        server = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 here")
    got: list[bytes] = []
    connections: list[socket.socket] = []

    def greet() -> None:
        sock, _ = server.accept()
        got.append(sock.recv(100))
        sock.sendall(answer)
        connections.append(sock)

    thread = threading.Thread(target=greet)
    thread.start()
    endpoint = Endpoint("::1", server.getsockname()[1])
    session = RealCom(endpoint, endpoint, timeout=0.5)
    if error is None:
        session.open_command()
    else:
        with pytest.raises(error, match="IPv6 greeting"):
            session.open_command()
    thread.join()
    assert len(got[0]) == 16
    session.close()
    for one in (server, *connections):
        one.close()
