"""Operation modes of serial ports, met by programs nobody here wrote; the serial devices are adapters of the rack."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from selftests.clients.desk import USER, Desk, wait_until
from selftests.clients.serial_desk import (
    LPD,
    MODEM,
    NETWORK_PORT,
    OTHER_LPD,
    RAW,
    RFC2217,
    SSH,
    TELNET,
    UDP,
    UNIT,
    end_of_line,
    line,
    place,
    program_at_work,
    pyserial,
    serial_desk,
)
from selftests.virtual.services.test_text_consoles import Screen, terminal

ALL = bytes(range(256)) * 40


@pytest.fixture(scope="module")
def serials(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The rack, for all tests of this module."""
    with serial_desk(tmp_path_factory.mktemp("modes")) as desk:
        yield desk


# RFC 2217: pyserial ---------------------------------------------------------------------------------------------------


def test_pyserial_opens_sets_and_moves_every_byte(serials: Desk) -> None:
    with line(serials, RFC2217) as wire, pyserial(serials, f"rfc2217://{place(serials, RFC2217)}") as client:
        assert client.opened < 2
        client.do(f"port.write(bytes(range(256)) * {len(ALL) // 256})")
        wire.hears(ALL)
        wire.say(ALL)
        assert client.do(f"port.read({len(ALL)}) == bytes(range(256)) * {len(ALL) // 256}") == "True"


@pytest.mark.parametrize(
    ("setting", "value", "name", "in_force"),
    [
        ("baudrate", 921600, "baud", 921600),
        ("baudrate", 12345, "baud", 12345),
        ("bytesize", 7, "data_bits", 7),
        ("parity", "'M'", "parity", "mark"),
        ("parity", "'E'", "parity", "even"),
        ("stopbits", 2, "stop_bits", 2),
        ("stopbits", 1.5, "stop_bits", 1.5),
        ("rtscts", True, "flow", 3),
        ("xonxoff", True, "flow", 12),
    ],
)
def test_pyserial_sets(serials: Desk, setting: str, value: object, name: str, in_force: object) -> None:
    with pyserial(serials, f"rfc2217://{place(serials, RFC2217)}") as client:
        assert client.do(f"setattr(port, {setting!r}, {value})") == "None"
        assert end_of_line(serials, f"{UNIT}/1")["format"][name] == in_force


def test_pyserial_refuses_what_the_port_cannot_do(serials: Desk) -> None:
    with pyserial(serials, f"rfc2217://{place(serials, RFC2217)}") as client:
        assert "remote rejected value" in client.do("setattr(port, 'baudrate', 2000000)")


def test_pyserial_reads_and_drives_lines_and_sends_breaks(serials: Desk) -> None:
    with line(serials, RFC2217) as wire, pyserial(serials, f"rfc2217://{place(serials, RFC2217)}") as client:
        wire.port.dtr = wire.port.rts = False
        wait_until(lambda: client.do("(port.dsr, port.cd, port.cts)") == "(False, False, False)", "lines off")
        wire.port.dtr = True
        wait_until(lambda: client.do("(port.dsr, port.cd, port.cts)") == "(True, True, False)", "DTR on")
        wire.port.rts = True
        wait_until(lambda: client.do("(port.dsr, port.cd, port.cts)") == "(True, True, True)", "RTS on")
        client.do("setattr(port, 'dtr', False)")
        wait_until(lambda: not wire.port.dsr, "DTR off")
        assert wire.port.cts
        client.do("setattr(port, 'rts', False)")
        wait_until(lambda: not wire.port.cts, "RTS off")
        adapter = next(one["line"] for one in serials.rack.cables()["ends"] if one["end"] == f"{UNIT}/1")
        before = end_of_line(serials, adapter)["breaks"]
        client.do("port.send_break(0.1)")
        wait_until(lambda: end_of_line(serials, adapter)["breaks"] == before + 1, "a break")


def test_pyserial_purges(serials: Desk) -> None:
    with line(serials, RFC2217) as wire, pyserial(serials, f"rfc2217://{place(serials, RFC2217)}") as client:
        wire.port.rts = False
        client.do("setattr(port, 'rtscts', True)")
        client.do("port.write(b'x' * 20000)")
        assert client.do("port.reset_output_buffer()") == "None"
        wire.port.rts = True
        client.do("port.write(b'end')")
        wire.hears(b"end")
        assert client.do("port.reset_input_buffer()") == "None"


# UDP, Ethernet modem, RAW: socat --------------------------------------------------------------------------------------


def read(process: subprocess.Popen[bytes], count: int) -> bytes:
    assert process.stdout is not None
    return process.stdout.read(count)


def write(process: subprocess.Popen[bytes], data: bytes) -> None:
    assert process.stdin is not None
    process.stdin.write(data)
    process.stdin.flush()


def test_socat_by_udp(serials: Desk) -> None:
    with (
        line(serials, UDP) as wire,
        program_at_work(serials, "socat", "-", f"UDP:{place(serials, UDP, 'udp')}") as socat,
    ):
        write(socat, b"a datagram")
        wire.hears(b"a datagram")
        wire.say(b"an answer")
        assert read(socat, 9) == b"an answer"


def test_socat_calls_the_modem_and_is_called(serials: Desk) -> None:
    with line(serials, MODEM) as wire:
        wire.port.dtr = True
        wire.say(b"ATE0S0=1\r")
        wire.hears(b"\r\nOK\r\n")
        with program_at_work(serials, "socat", "-", f"TCP:{place(serials, MODEM)}") as socat:
            wire.hears(b"\r\nRING\r\n\r\nCONNECT 115200\r\n")
            wait_until(lambda: wire.port.cd, "the carrier")
            write(socat, ALL)
            wire.hears(ALL)
            wire.say(ALL)
            assert read(socat, len(ALL)) == ALL
        wire.hears(b"\r\nNO CARRIER\r\n")
        wait_until(lambda: not wire.port.cd, "no carrier")
        wire.say(b"ATS0=0\r")
        wire.hears(b"\r\nOK\r\n")


def test_the_modem_dials_socat(serials: Desk) -> None:
    host = serials.rack.harness_address
    with line(serials, MODEM) as wire, program_at_work(serials, "socat", "-", "TCP-LISTEN:5099,reuseaddr") as socat:
        wire.port.dtr = True

        def connected() -> bool:
            wire.say(b"ATE0D%s:5099\r" % host.encode())
            wire.hears(b"\r\n")  # BUSY as long as socat does not listen yet
            result = wire.next_line()
            return result == b"CONNECT 115200"

        wait_until(connected, "socat listens")
        wire.say(b"hello")
        assert read(socat, 5) == b"hello"
        wire.port.dtr = False
        assert read(socat, 1) == b""
        wire.hears(b"\r\nNO CARRIER\r\n")


def test_socat_prints_raw(serials: Desk, tmp_path: Path) -> None:
    document = tmp_path / "document"
    document.write_bytes(ALL)
    with line(serials, RAW) as wire:
        done = serials.run("socat", "-u", f"OPEN:{document}", f"TCP:{place(serials, RAW)}")
        assert done.returncode == 0, done.stderr
        wire.hears(ALL)


# LPD: rlpr ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def with_port_515(serials: Desk) -> None:
    """rlpr knows no other port."""
    if serials.port(UNIT, NETWORK_PORT[LPD]) != NETWORK_PORT[LPD]:
        pytest.skip("port 515 is mapped in this rack")


@pytest.mark.usefixtures("with_port_515")
@pytest.mark.parametrize("first", [(), ("--send-data-first",)])
@pytest.mark.parametrize(
    ("queue", "port", "printed"),
    [("raw", LPD, b"one\ntwo\r\n"), ("text", LPD, b"one\r\ntwo\r\n"), ("other", OTHER_LPD, b"one\ntwo\r\n\f")],
)
def test_rlpr_prints(serials: Desk, tmp_path: Path, queue: str, port: int, printed: bytes, first: tuple[str]) -> None:
    document = tmp_path / "document"
    document.write_bytes(b"one\ntwo\r\n")
    with line(serials, port) as wire:
        done = serials.run("rlpr", "-N", "-h", *first, "-H", serials.host(UNIT), "-P", queue, str(document))
        assert done.returncode == 0, done.stderr
        wire.hears(printed)


@pytest.mark.usefixtures("with_port_515")
def test_rlpr_is_told_that_there_is_no_such_queue(serials: Desk, tmp_path: Path) -> None:
    document = tmp_path / "document"
    document.write_bytes(b"lost")
    done = serials.run("rlpr", "-N", "-H", serials.host(UNIT), "-P", "nobody", str(document))
    assert done.returncode != 0
    assert "no entries" in serials.run("rlpq", "-N", "-H", serials.host(UNIT), "-P", "raw").stdout


# Reverse Telnet and SSH -----------------------------------------------------------------------------------------------


def test_telnet_logs_in_to_the_line(serials: Desk) -> None:
    host, _, port = place(serials, TELNET).partition(":")
    with line(serials, TELNET) as wire, terminal(serials.command("telnet", host, port)) as screen:
        screen.wait("login: ")
        screen.type(USER)
        screen.wait("password: ")
        screen.type(serials.password(UNIT))
        with_login(screen, wire.say)
        screen.type("show version")
        wire.hears(b"show version\n")
        assert serials.password(UNIT) not in screen.seen


def with_login(screen: Screen, say: object) -> None:
    """Wait until the line is the client's: what it says before is lost."""
    assert callable(say)

    def welcomed() -> bool:
        say(b"welcome\r\n")
        try:
            screen.wait("welcome", 0.2)
        except AssertionError:
            return False
        return True

    wait_until(welcomed, "the line's welcome")


def test_openssh_logs_in_to_the_line(serials: Desk, tmp_path: Path) -> None:
    host, _, port = place(serials, SSH).partition(":")
    helper = tmp_path / "askpass"
    helper.write_text(f"#!/bin/sh\necho '{serials.password(UNIT)}'\n")
    helper.chmod(0o700)
    options = {
        "UserKnownHostsFile": tmp_path / "known_hosts",
        "StrictHostKeyChecking": "accept-new",
        "NumberOfPasswordPrompts": 1,
        "PubkeyAuthentication": "no",
        "EscapeChar": "none",
    }
    command = serials.command(
        "ssh", "-F", "none", "-T", "-p", port, *(f"-o{name}={value}" for name, value in options.items())
    )
    environment = {**os.environ, "SSH_ASKPASS": str(helper), "SSH_ASKPASS_REQUIRE": "force"}
    with (
        line(serials, SSH) as wire,
        subprocess.Popen(
            [*command, f"{USER}@{host}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        ) as ssh,
    ):
        try:
            write(ssh, ALL)
            wire.hears(ALL)
            wire.say(ALL)
            assert read(ssh, len(ALL)) == ALL
        finally:
            ssh.kill()
