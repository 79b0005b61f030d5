"""TCP client mode: whom the unit dials, from where, when, and when it hangs up."""

import time

import pytest

from fixtures.marks import BENCH, control, on_port
from tests.operation_modes._ends import A_WHILE, SOON, dialled, ended, greet, hear, hear_all, say

pytestmark = pytest.mark.opmode

NEVER = 1.2
"""Seconds in which a unit that must not dial would have: it tries about once a second."""

AGAIN = 10.0
"""Seconds a unit may take to dial again."""


def client(connection_control, **settings):
    """TCP client mode, one destination on this host."""
    return on_port(
        "tcp_client",
        {
            "destination_address": BENCH,
            "destination_port": "=4800+n",
            "connection_control": connection_control,
            **settings,
        },
    )


FOUR = {
    name: value
    for k in (2, 3, 4)
    for name, value in ((f"destination_address_{k}", BENCH), (f"destination_port_{k}", f"={4700 + 100 * k}+n"))
}

# --- at startup ---------------------------------------------------------------------------------------------------


@control("MOD-12")
@client("startup-none", **FOUR)
def test_four_destinations_are_dialled_at_startup_from_their_local_ports(port, evidence):
    numbers = [4800 + port.number, *(4700 + 100 * k + port.number for k in (2, 3, 4))]
    listeners = [port.listener(number) for number in numbers]
    adapter = port.adapter
    hosts = [dialled(listener, AGAIN) for listener in listeners]
    assert None not in hosts, f"of the destinations at {numbers}, not dialled: {hosts.index(None) + 1}"
    came_from = [host.dialling.port for host in hosts if host is not None]
    evidence.note(f"the unit dialled from its ports {came_from}")
    assert came_from == [int(port[f"local_port_{k}"]) for k in (1, 2, 3, 4)]
    for host in hosts:
        greet(host, port)
    say(adapter, b"to all")
    assert [hear(host, 6) for host in hosts] == [b"to all"] * 4


@control("MOD-12")
@client("startup-none", **FOUR)
def test_a_destination_that_hung_up_is_dialled_again(port):
    listener = port.listener()
    adapter = port.adapter
    first = dialled(listener, AGAIN)
    assert first is not None, "the destination is not dialled"
    first.close()
    second = dialled(listener, AGAIN)
    assert second is not None, "after the destination had hung up it was not dialled again"
    greet(second, port)
    say(adapter, b"back")
    assert hear(second, 4) == b"back"


@control("MOD-12")
@client("startup-none", **FOUR)
def test_a_destination_that_was_away_is_dialled_when_it_is_back(port):
    listener = port.listener()
    first = dialled(listener, AGAIN)
    assert first is not None, "the destination is not dialled"
    listener.close()
    first.close()
    assert hear_all(port.adapter) == b""
    assert dialled(port.listener(), AGAIN) is not None, "the destination is back, and not dialled"


# --- at the first character ---------------------------------------------------------------------------------------


@control("MOD-12")
@pytest.mark.parametrize(
    "hang_up",
    [
        pytest.param("none", marks=client("any-character-none", inactivity_time="1000")),
        pytest.param("inactivity", marks=client("any-character-inactivity", inactivity_time="1000")),
    ],
)
def test_the_first_character_dials_and_is_not_lost(hang_up, port):
    adapter, listener = port.adapter, port.listener()
    assert dialled(listener, NEVER) is None, "the unit dialled before any character came"
    say(adapter, b"ring")
    host = dialled(listener, AGAIN)
    assert host is not None, "characters came, and the unit did not dial"
    assert hear(host, 4) == b"ring", "the characters that made the unit dial were lost"
    used = time.monotonic()
    say(host, b"back")
    assert hear(adapter, 4) == b"back"
    if hang_up == "inactivity":
        assert ended(host, 8.0) is not None, "the idle connection is not hung up"
        seconds = time.monotonic() - used
        assert seconds > 0.9, f"it was hung up after {seconds:.2f} s, the inactivity time is 1 s"
        assert dialled(listener, NEVER) is None, "the unit dialled again without a character"
    else:
        assert ended(host, 2.0) is None, "the connection was hung up although the setting says none"


# --- at a modem line ----------------------------------------------------------------------------------------------


@control("MOD-12")
@pytest.mark.parametrize(
    ("line", "hang_up"),
    [
        pytest.param("dsr", "off", marks=client("dsr-on-off")),
        pytest.param("dsr", "none", marks=client("dsr-on-none")),
        pytest.param("dcd", "off", marks=client("dcd-on-off")),
        pytest.param("dcd", "none", marks=client("dcd-on-none")),
    ],
)
def test_a_modem_line_dials_and_hangs_up_when_it_is_to(line, hang_up, port):
    # The adapter's DTR is the unit's DSR and DCD (null modem).
    adapter, listener = port.open_adapter(port.format, dtr=False), port.listener()
    assert dialled(listener, NEVER) is None, f"the unit dialled while {line} was off"
    adapter.set_lines(dtr=True)
    host = dialled(listener, AGAIN)
    assert host is not None, f"{line} went on, and the unit did not dial"
    say(host, b"hello")
    assert hear(adapter, 5) == b"hello"
    say(adapter, b"ring")
    assert hear(host, 4) == b"ring"
    adapter.set_lines(dtr=False)
    if hang_up == "off":
        assert ended(host, SOON) is not None, f"{line} went off, and the unit did not hang up"
        assert dialled(listener, NEVER) is None, f"the unit dialled again while {line} was off"
    else:
        assert ended(host, 2 * A_WHILE) is None, f"the unit hung up when {line} went off although the setting says none"
        say(host, b"back")
        assert hear(adapter, 4) == b"back"
