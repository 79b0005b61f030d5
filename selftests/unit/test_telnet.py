"""The Telnet codec, and the text console against a scripted menu."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nportlab.guide.text_console import text_console
from nportlab.unit.endpoint import Account, Address, Endpoint
from nportlab.unit.errors import (
    FieldNotFound,
    FirstBootPending,
    LockedOut,
    LoginRefused,
    NotReachable,
    PageNotFound,
    SessionLost,
    UnexpectedAnswer,
    ValueRefused,
)
from nportlab.unit.shell import Shell
from nportlab.unit.telnet import DO, DONT, IAC, SB, SE, WILL, WONT, TelnetCodec
from nportlab.verdicts.recorder import NullRecorder

# ---- codec


def fed(chunks: list[bytes]) -> tuple[bytes, bytes]:
    codec = TelnetCodec()
    data = answers = b""
    for chunk in chunks:
        more, answer = codec.feed(chunk)
        data, answers = data + more, answers + answer
    return data, answers


@given(st.binary(max_size=200), st.lists(st.integers(1, 20), max_size=20))
def test_where_the_stream_is_cut_does_not_matter(stream: bytes, cuts: list[int]) -> None:
    chunks, place = [], 0
    for cut in cuts:
        chunks.append(stream[place : place + cut])
        place += cut
    assert fed([*chunks, stream[place:]]) == fed([stream])


@given(st.binary(max_size=200).map(lambda data: data.replace(b"\0", b"")))
def test_escaped_data_arrives_whole(data: bytes) -> None:
    assert fed([data.replace(b"\xff", b"\xff\xff")]) == (data, b"")


@pytest.mark.parametrize(
    ("received", "answer"),
    [
        (bytes((IAC, WILL, 1)), bytes((IAC, DO, 1))),
        (bytes((IAC, WILL, 34)), bytes((IAC, DONT, 34))),
        (bytes((IAC, DO, 24)), bytes((IAC, WONT, 24))),
        (bytes((IAC, DO, 3)), bytes((IAC, WILL, 3))),
        (bytes((IAC, DO, 24)) * 3, bytes((IAC, WONT, 24))),
        (bytes((IAC, WONT, 1)), b""),
        (bytes((IAC, SB, 24, 1, IAC, IAC, IAC, SE)), b""),
    ],
)
def test_negotiation(received: bytes, answer: bytes) -> None:
    assert fed([b"a" + received + b"b"]) == (b"ab", answer)


# ---- console

T = text_console()
MAIN = (
    "\r\n<<Main menu>>\r\nModel name : NP6150\r\nSerial No. : 17\r\nFirmware version : 2.3\r\n"
    "MAC address : 00:90:E8:00:00:01\r\n  1. Administration\r\n  s. Save/Restart\r\n  q. Quit\r\n" + T.selection
)
GROUP = "\r\n<<Administration>>\r\n  1. Console Settings\r\n  m. Main menu\r\n" + T.selection
PAGE = (
    "\r\n<<Administration > Console Settings>>\r\n  1. Telnet console : Disable\r\n"
    "  2. Auto Logout Setting (min) : 5\r\n  3. RADIUS key : \r\n  m. Main menu\r\n" + T.selection
)
CHOICE = "Telnet console:\r\n  1. Enable\r\n  2. Disable\r\n" + T.choice_prompt


@contextmanager
def unit(script: list[tuple[str, str]], hold: bool = False) -> Iterator[tuple[Endpoint, list[str]]]:
    """Says the first text, then each further one when the line before it was typed; closes at the end unless `hold`."""
    heard: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            client, _ = server.accept()
            with client, suppress(OSError):
                client.settimeout(5)
                lines = client.makefile("r", newline="\r\n")
                for wait_for_line, text in script:
                    if wait_for_line:
                        heard.append(lines.readline().rstrip("\r\n"))
                    client.sendall(text.encode())
                if hold:
                    lines.readline()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield Endpoint("127.0.0.1", server.getsockname()[1]), heard
        thread.join(6)


def shell(endpoint: Endpoint, account: Account | None = None, timeout: float = 2.0) -> Shell:
    address = Address(endpoint.host, {23: endpoint.port})
    return Shell(address, account or Account("admin", "password"), NullRecorder(), timeout=timeout)


LOGIN = [("", "\xff\xfb\x01Welcome\r\n" + T.login), ("user", "admin\r\n" + T.password), ("password", "\r\n" + MAIN)]


def test_identity_settings_and_what_was_typed() -> None:
    script = [*LOGIN, ("m", MAIN), ("m", MAIN), ("1", GROUP), ("1", PAGE)]
    with unit(script) as (endpoint, heard), shell(endpoint).telnet() as console:
        assert console.identity() == {"model": "NP6150", "serial": "17", "firmware": "2.3", "mac": "00:90:E8:00:00:01"}
        assert console.get_settings(["console.telnet", "console.auto_logout"]) == {
            "console.telnet": "disable",
            "console.auto_logout": "5",
        }
    assert heard == ["admin", "password", "m", "m", "1", "1"]


def test_set_a_choice_and_a_number() -> None:
    walk = [("m", MAIN), ("1", GROUP), ("1", PAGE)]
    script = [
        *LOGIN,
        *walk,
        ("1", CHOICE),
        ("1", f"{T.saved}\r\n{PAGE}"),
        *walk,
        ("2", T.new_value),
        ("7", f"{T.saved}\r\n{PAGE}"),
    ]
    with unit(script) as (endpoint, heard), shell(endpoint).telnet() as console:
        assert console.set("console.telnet", "enable") == T.saved
        assert console.set("console.auto_logout", "7") == T.saved
    assert heard[5:7] == ["1", "1"]
    assert heard[-2:] == ["2", "7"]


def test_a_refused_value_with_the_units_words() -> None:
    refused = T.refused.format(message="1 to 1440, please")
    script = [*LOGIN, ("m", MAIN), ("1", GROUP), ("1", PAGE), ("2", T.new_value), ("0", f"{refused}\r\n{PAGE}")]
    with unit(script) as (endpoint, _), shell(endpoint).telnet() as console, pytest.raises(ValueRefused) as caught:
        console.set("console.auto_logout", "0")
    assert caught.value.said == "1 to 1440, please"


def test_pages_and_fields_that_are_not_there() -> None:
    with unit([*LOGIN, ("m", MAIN)]) as (endpoint, _), shell(endpoint).telnet() as console:
        with pytest.raises(PageNotFound) as caught:
            console.open("Adminstration > Console Settings")
        assert caught.value.nearest[0] == "Administration"
    script = [*LOGIN, ("m", MAIN), ("1", GROUP), ("1", PAGE)]
    with (
        unit(script) as (endpoint, _),
        shell(endpoint).telnet() as console,
        pytest.raises(FieldNotFound, match="SSH console"),
    ):
        console.read("console.ssh")


@pytest.mark.parametrize(
    ("answer", "error", "remembered"),
    [
        (f"{T.login_failed}\r\n{T.login}", LoginRefused, True),
        (f"{T.login_failed}\r\n", LoginRefused, True),
        (f"{T.locked}\r\n", LockedOut, False),
    ],
)
def test_a_refused_login_is_not_repeated(answer: str, error: type[Exception], remembered: bool) -> None:
    account = Account("admin", "password")
    with unit([*LOGIN[:2], ("password", answer)]) as (endpoint, heard):
        with pytest.raises(error):
            shell(endpoint, account).telnet()
        assert (account.refused is not None) is remembered
        if remembered:
            with pytest.raises(LoginRefused, match="not tried again"):
                shell(endpoint, account).telnet()
    assert heard == ["admin", "password"]


def test_no_account_yet() -> None:
    with unit([("", T.first_boot + "\r\n")]) as (endpoint, _), pytest.raises(FirstBootPending):
        shell(endpoint).telnet()


def test_a_console_that_hangs_up_and_one_that_says_nothing() -> None:
    with unit([("", "hello\r\n")]) as (endpoint, _), pytest.raises(SessionLost):
        shell(endpoint).telnet()
    with (
        unit([("", "hello\r\n")], hold=True) as (endpoint, _),
        pytest.raises(UnexpectedAnswer, match=r"no prompt 'login:' .*hello"),
    ):
        shell(endpoint, timeout=0.2).telnet()


def test_a_closed_telnet_port() -> None:
    with pytest.raises(NotReachable, match="refused"):
        shell(Endpoint("127.0.0.1", 9)).telnet()


def test_restart_answers_the_question() -> None:
    script = [*LOGIN, ("m", MAIN), ("s", T.restart_question), ("y", T.restarting)]
    with unit(script) as (endpoint, heard), shell(endpoint).telnet() as console:
        console.restart()
    assert heard[-2:] == ["s", "y"]


def test_escape_sequences_are_not_part_of_the_menu() -> None:
    coloured = MAIN.replace("<<Main menu>>", "\x1b[2J\x1b[1;1H\x1b[7m<<Main menu>>\x1b[0m")
    with unit([*LOGIN[:2], ("password", coloured)]) as (endpoint, _), shell(endpoint).telnet() as console:
        assert [entry.label for entry in console.entries()] == [
            "Administration",
            "Save/Restart",
            "Quit",
        ]
