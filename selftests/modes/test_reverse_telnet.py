from __future__ import annotations

import itertools
import socket
from pathlib import Path

import pytest

from nportlab.modes.errors import NotInTime, PortRefused
from nportlab.modes.reverse_telnet import CR_NUL, ENTER, ReverseTelnet
from nportlab.modes.stream import StreamChannel
from nportlab.protocol.telnet_options import Command, Data, Negotiation, Option, Order, TelnetDecoder
from nportlab.unit.endpoint import Endpoint
from selftests.modes.foreign import LOCAL, free_port, program, ser2net, socat
from selftests.modes.test_tcp import PATTERN, through


def test_gnu_telnetd_negotiates_and_echoes(tmp_path: Path) -> None:
    """inetutils' telnetd behind socat; its login program is cat."""
    server, port = program("telnetd"), free_port()
    login = tmp_path / "login"
    login.write_text("#!/bin/sh\nexec cat\n")
    login.chmod(0o755)
    listen = f"TCP-LISTEN:{port},bind={LOCAL},reuseaddr,fork"
    with (
        socat(listen, f'EXEC:"{server} -E {login}",nofork', port),
        ReverseTelnet.connect(Endpoint(LOCAL, port), label="np6450 port 1") as client,
    ):
        client.wait_negotiated(5)
        client.send_all(b"over the line", 5)
        client.press_enter(key=CR_NUL)
        assert b"over the line\r\n" in client.receive_until(b"over the line\r\n", 5)
        assert Negotiation(Command.WILL, Option.SUPPRESS_GO_AHEAD) in client.negotiated
        assert client.options.is_performed(Option.ECHO)
        assert not client.options.performs(24)  # terminal type: declined


def test_ser2net_telnet_carries_every_byte_both_ways(tmp_path: Path) -> None:
    with ser2net(tmp_path, f"telnet,tcp,{LOCAL},PORT") as (endpoint, far), ReverseTelnet.connect(endpoint) as client:
        client.wait_negotiated(5)
        data = bytes(range(256)) * 8
        client.send_all(data, 5)
        assert far.read(len(data)) == data
        far.write(data)
        assert client.receive_exactly(len(data), 5) == data


def connected() -> tuple[ReverseTelnet, StreamChannel]:
    with socket.create_server((LOCAL, 0)) as server:
        client = ReverseTelnet.connect(Endpoint(*server.getsockname()))
        return client, StreamChannel(server.accept()[0], "unit")


def test_a_path_that_fills_up_between_the_two_halves_of_a_doubled_0xff(monkeypatch: pytest.MonkeyPatch) -> None:
    room = itertools.cycle((1, 0, 2, 3, 5, 0, 1, 4))
    write = StreamChannel.write
    client, unit = connected()
    data = (b"\xff" * 7 + b"ab" + b"\xff") * 40
    with client, unit:
        with monkeypatch.context() as narrow:
            narrow.setattr(StreamChannel, "write", lambda self, data: write(self, data[: next(room)]))
            sent = 0
            while sent < len(data):
                sent += client.write(memoryview(data)[sent : sent + 11])
                client.send_command(b"\xff\xf1")  # a command in between must not tear a pair apart
        client.send_command(b"")
        client.close()
        came = TelnetDecoder().feed(unit.wait_closed(5).received)
        assert b"".join(one.octets for one in came if isinstance(one, Data)) == data
        assert {one.code for one in came if isinstance(one, Order)} == {Command.NOP}


def test_binary_is_asked_for_and_may_be_declined() -> None:
    client, unit = connected()
    with client, unit:
        unit.send_all(bytes([255, Command.DONT, 0, 255, Command.WONT, 0]), 5)
        assert client.ask_for_binary(5) is False
        assert unit.receive_exactly(6, 5) == bytes([255, Command.WILL, 0, 255, Command.DO, 0])
    client, unit = connected()
    with client, unit:
        unit.send_all(bytes([255, Command.DO, 0, 255, Command.WILL, 0]), 5)
        assert client.ask_for_binary(5) is True
    client, unit = connected()
    with client, unit, pytest.raises(NotInTime, match="an answer about the binary option did not come"):
        client.ask_for_binary(0.1)


def test_break_enter_and_odd_options_go_out_as_they_are() -> None:
    client, unit = connected()
    with client, unit:
        client.send_break()
        client.press_enter()
        client.press_enter(key=ENTER["lf"])
        client.ask_option(Command.DO, 200)
        assert unit.receive_exactly(8, 5) == b"\xff\xf3\r\n\n\xff\xfd\xc8"
        unit.send_all(b"text\xff\xf6\xff\xfc\xc8 goes on", 5)
        assert client.receive_exactly(12, 5) == b"text goes on"
        assert client.negotiated == [Negotiation(Command.WONT, 200)]
        assert [order.code for order in client.orders] == [Command.ARE_YOU_THERE]


def test_refused() -> None:
    with pytest.raises(PortRefused) as caught:
        ReverseTelnet.connect(Endpoint(LOCAL, free_port()), label="np6150 port 1")
    assert caught.value.resource == "np6150 port 1 reverse telnet"


def test_socat_echo_of_a_megabyte() -> None:
    port = free_port()
    with (
        socat(f"TCP-LISTEN:{port},bind={LOCAL},reuseaddr", "EXEC:cat", port),
        ReverseTelnet.connect(Endpoint(LOCAL, port)) as client,
    ):
        assert through(client, PATTERN) == PATTERN
