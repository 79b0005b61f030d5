"""Reverse Telnet mode: a terminal at the serial device, with the Enter key it wants, and a login in front of it."""

import time

import pytest

from fixtures.marks import control, on_port
from fixtures.mode_clients import network_port
from nportlab.guide.modes import default_port
from nportlab.modes.reverse_telnet import CR_NUL, ENTER
from nportlab.protocol.telnet_options import Command, Negotiation, Option
from tests.operation_modes._ends import A_WHILE, Pace, ended, hear, hear_all, let_in, linked, say
from tests.operation_modes._terminal import USER_PROMPT, agrees_to_binary, enter, log_in, performs, prompted, terminal

pytestmark = pytest.mark.opmode

PLAIN = {"reverse_terminal_port": "=4600+n", "key_mapping": "cr-lf"}
WITH_LOGIN = {"reverse_terminal_port": "=4600+n", "key_mapping": "cr", "reverse_authentication": "local"}
SHORT = {"reverse_terminal_port": "=4600+n", "key_mapping": "lf", "reverse_inactivity_time": "2"}

NO_OPTION = 200
"""A number no Telnet option has."""

# --- data and options ---------------------------------------------------------------------------------------------


@control("OPM-10")
@on_port("reverse_telnet", PLAIN)
def test_data_crosses_on_the_tcp_port_that_was_set_and_no_more_on_the_one_before(port, tcp):
    new = network_port(port)
    assert tcp.open_among({new, default_port(port.number)}) == {new}
    client = let_in(port)  # the probe may hold the only session for an instant
    assert client is not None, "no terminal is let in on the port that was set"
    say(port.adapter, b"from the line")
    assert hear(client, 13) == b"from the line"


@control("OPM-10")
@on_port("reverse_telnet", PLAIN)
def test_the_unit_echoes_nothing_and_works_character_by_character(port):
    client = terminal(port)
    say(client, b"x")
    assert hear(port.adapter, 1) == b"x", "a character without Enter does not reach the line"
    assert performs(client, Option.SUPPRESS_GO_AHEAD), "the unit does not ask the client for single characters"
    assert performs(client, Option.ECHO), "the client is not told to leave the echo to the serial device"
    assert hear_all(client) == b"", "the unit echoes, which is the serial device's affair"
    say(port.adapter, b"y")
    assert hear(client, 1) == b"y"


@control("OPM-10")
@on_port("reverse_telnet", PLAIN)
def test_an_unknown_option_is_declined_and_data_goes_on(port):
    client = terminal(port)
    for asked, declined in ((Command.DO, Command.WONT), (Command.WILL, Command.DONT)):
        answer = Negotiation(declined, NO_OPTION)
        client.ask_option(asked, NO_OPTION)
        say(client, b"?")
        assert hear(port.adapter, 1) == b"?", "data behind a negotiation does not reach the line"
        say(port.adapter, b"!")
        assert hear(client, 1) == b"!"
        assert answer in client.negotiated, f"{asked.name} {NO_OPTION} was answered with {client.negotiated}"


@control("OPM-10")
@on_port("reverse_telnet", PLAIN)
def test_every_byte_value_passes_unchanged_when_binary_is_agreed_on(port):
    client = terminal(port)
    assert agrees_to_binary(client), "the unit does not agree to eight clean bits"
    every = bytes(range(256)) + b"\r\n\r\0\xff\xff"
    say(client, every)
    assert hear(port.adapter, len(every)) == every, "to the line"
    say(port.adapter, every)
    assert hear(client, len(every)) == every, "from the line"


# --- the Enter key ------------------------------------------------------------------------------------------------


def check_enter(port, client):
    """Each way of sending the key gives the line what the setting says."""
    wanted = ENTER[port["key_mapping"]]
    for name, key in (("CR LF", b"\r\n"), ("CR NUL", CR_NUL)):
        say(client, b"a" + key + b"b")
        line = b"a" + wanted + b"b"
        heard = hear(port.adapter, len(line)) + hear_all(port.adapter)
        assert heard == line, f"Enter sent as {name}, map keys set to {port['key_mapping']}"


@control("OPM-10")
@on_port("reverse_telnet", PLAIN)
def test_enter_is_cr_lf(port):
    check_enter(port, terminal(port))


@control("OPM-10")
@on_port("reverse_telnet", WITH_LOGIN)
def test_enter_is_cr(port):
    check_enter(port, enter(port))


@control("OPM-10")
@on_port("reverse_telnet", SHORT)
def test_enter_is_lf(port):
    check_enter(port, terminal(port))


# --- login --------------------------------------------------------------------------------------------------------


@control("OPM-10")
@on_port("reverse_telnet", WITH_LOGIN)
def test_a_local_user_gets_the_line_after_login_and_not_before(port):
    client = terminal(port)
    assert prompted(client, USER_PROMPT), "the unit does not ask for a user name"
    say(port.adapter, b"before the login")
    say(client, b"typed ahead\r\n")
    assert hear_all(port.adapter) == b"", "what is typed at the prompt reaches the line"
    assert b"before" not in hear_all(client), "the line is heard before the login"
    client.close()
    client = enter(port)
    say(port.adapter, b"after the login")
    assert hear(client, 15) == b"after the login"


@control("OPM-10")
@on_port("reverse_telnet", WITH_LOGIN)
def test_a_wrong_password_is_refused(port):
    client = terminal(port)
    log_in(client, port.unit.account.username, "not-" + port.unit.account.password)
    say(port.adapter, b"secret")
    assert b"secret" not in hear_all(client, 3 * A_WHILE), "the line is heard after a wrong password"
    assert hear_all(port.adapter) == b""
    client.close()
    client = enter(port)
    say(port.adapter, b"secret")
    assert hear(client, 6) == b"secret"


@control("OPM-10")
@on_port("reverse_telnet", WITH_LOGIN)
def test_a_user_the_unit_does_not_know_is_refused(port):
    client = terminal(port)
    log_in(client, "nobody-at-all", port.unit.account.password)
    say(port.adapter, b"secret")
    assert b"secret" not in hear_all(client, 3 * A_WHILE), "the line is heard by somebody without an account"
    client.close()
    client = enter(port)
    say(port.adapter, b"secret")
    assert hear(client, 6) == b"secret"


# --- inactivity ---------------------------------------------------------------------------------------------------


def inactivity(port, unit_minutes):
    """Seconds without a byte after which a terminal is closed."""
    return unit_minutes.seconds(int(port["reverse_inactivity_time"]))


@control("MOD-02")
@on_port("reverse_telnet", SHORT)
def test_an_idle_terminal_is_closed_after_the_inactivity_time(port, unit_minutes, evidence):
    idle = inactivity(port, unit_minutes)
    begun = time.monotonic()
    assert ended(linked(port), 3 * idle + 10) is not None, (
        "an idle terminal is still open after three times the inactivity time"
    )
    lasted = time.monotonic() - begun
    evidence.note(f"closed after {lasted:.2f} s; the inactivity time is {idle:g} s here")
    assert lasted > 0.9 * idle, "the terminal was closed before its time"


@control("MOD-02")
@on_port("reverse_telnet", SHORT)
@pytest.mark.parametrize("direction", ["typed", "shown"])
def test_a_terminal_in_use_stays_open(port, unit_minutes, direction):
    idle = inactivity(port, unit_minutes)
    client = linked(port)
    source, sink = (client, port.adapter) if direction == "typed" else (port.adapter, client)
    within = Pace(0.9 * idle)
    for _ in range(6):
        say(source, b"x")
        heard = hear(sink, 1)
        within.step()
        assert heard == b"x", "a terminal in use was closed"
        hear_all(client, 0.25 * idle)
