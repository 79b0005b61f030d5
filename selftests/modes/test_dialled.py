from __future__ import annotations

import socket
import ssl
import subprocess
import time

import pytest

from nportlab.modes.dialled import DialListener
from nportlab.modes.errors import NotInTime
from nportlab.modes.stream import StreamChannel
from nportlab.unit.errors import TlsFailed
from nportlab.verdicts.faults import LabFault
from selftests.modes.foreign import LOCAL, free_port, running, socat


def test_socat_dials_and_what_it_says_arrives() -> None:
    with DialListener(LOCAL, label="np6650 port 4") as listener:
        mine = free_port()
        before = time.monotonic()
        with socat("EXEC:cat", f"TCP:{listener.endpoint},bind={LOCAL}:{mine}"):
            connection = listener.accept(5)
            with connection:
                connection.send_all(b"ping", 5)
                assert connection.receive_exactly(4, 5) == b"ping"
    came = connection.dialling
    assert (came.host, came.port, came.local_port) == (LOCAL, mine, listener.endpoint.port)
    assert before < came.at < time.monotonic()
    assert connection.name == "np6650 port 4 TCP client"


def test_openssl_dials_over_tls() -> None:
    with DialListener(LOCAL, secure=True) as listener:
        command = ["openssl", "s_client", "-connect", str(listener.endpoint), "-quiet", "-tls1_2"]
        with running(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
            connection = listener.accept(10)
            assert connection.tls is not None
            assert connection.tls.version == "TLSv1.2"
            assert client.stdin is not None
            client.stdin.write(b"over TLS\n")
            client.stdin.flush()
            assert connection.receive_until(b"\n", 5) == b"over TLS\n"
            connection.close()


def test_one_that_speaks_plain_to_a_secure_listener_is_known_and_the_next_is_served() -> None:
    with DialListener(LOCAL, secure=True) as listener:
        silent = socket.create_connection(listener.endpoint)  # does not shake hands; must not keep others waiting
        with socket.create_connection(listener.endpoint) as plain:
            plain.sendall(b"no TLS at all\r\n")
            with pytest.raises(TlsFailed):
                listener.accept(5)
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with context.wrap_socket(socket.create_connection(listener.endpoint)), listener.accept(5) as connection:
            assert connection.tls is not None
        assert len(listener.diallings) == 3
        silent.close()


def test_nobody_dials() -> None:
    with DialListener(LOCAL, label="np6150 port 1") as listener:
        with pytest.raises(NotInTime, match=r"nobody dialled .* in 0.1 s") as caught:
            listener.accept(0.1)
        assert caught.value.resource == "np6150 port 1 TCP client"
        with pytest.raises(NotInTime, match="0 connections came"):
            listener.wait_for(lambda came: len(came) == 1, 0.05)


def test_all_who_came_are_kept_those_who_left_at_once_too() -> None:
    with DialListener(LOCAL) as listener:
        for _ in range(3):
            StreamChannel(socket.create_connection(listener.endpoint), "dialler").reset()
        assert len(listener.wait_for(lambda came: len(came) == 3, 5)) == 3


def test_a_closed_listener_refuses_and_keeps_what_it_handed_out() -> None:
    listener = DialListener(LOCAL)
    first, second = (socket.create_connection(listener.endpoint) for _ in range(2))
    with first, second, listener.accept(5) as connection:
        listener.wait_for(lambda came: len(came) == 2, 5)
        listener.close()
        listener.close()
        first.sendall(b"still here")
        assert connection.receive_exactly(10, 5) == b"still here"
        second.settimeout(5)
        assert second.recv(1) == b""
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(listener.endpoint, 1)


def test_a_port_that_is_taken_is_the_labs_fault() -> None:
    with DialListener(LOCAL) as listener, pytest.raises(LabFault, match="can not listen"):
        DialListener(LOCAL, listener.endpoint.port)
