"""Pair connection: two serial ports joined by the network, the master dialling the slave."""

import pytest

from fixtures.marks import BENCH, UNIT, control, on_port
from fixtures.mode_clients import network_port
from nportlab.guide.modes import default_port
from tests.operation_modes._ends import A_WHILE, dialled, hear, hear_all, let_in, refused, say, seconds_until

pytestmark = pytest.mark.opmode

AGAIN = 10.0
"""Seconds a master may take to dial again."""

slave = on_port("pair_slave", {"tcp_port": "=4700+n"})
master = on_port("pair_master", {"destination_address": BENCH, "destination_port": "=4800+n"})


# --- slave --------------------------------------------------------------------------------------------------------


@control("OPM-08")
@on_port("pair_slave", {"tcp_port": "=4700+n"}, line="any")
def test_the_slave_listens_where_it_was_set_and_carries_bytes_both_ways(port, tcp, carry):
    with port.connect() as client:
        carry(port, client, seconds=0.3)
    number = network_port(port)
    assert tcp.open_among({number, default_port(port.number)}) == {number}


@control("OPM-08", "MOD-13")
@slave
def test_the_slave_takes_one_master_and_another_after_it(port, carry):
    with port.connect() as first:
        carry(port, first, seconds=0.05)
        assert refused(port), "the slave took a second master"
        carry(port, first, seconds=0.05)
    second = let_in(port)
    assert second is not None, "the first master left, and no other gets in"
    carry(port, second, seconds=0.05)


# --- master -------------------------------------------------------------------------------------------------------


@control("MOD-13")
@master
def test_the_master_dials_its_slave_and_carries_bytes_both_ways(port, carry):
    adapter, listener = port.adapter, port.listener()
    found = dialled(listener, AGAIN)
    assert found is not None, "the master does not dial its slave"
    assert adapter
    carry(port, found, seconds=0.3)
    assert dialled(listener, A_WHILE) is None, "the master dialled twice"


@control("MOD-13")
@master
def test_the_master_dials_again_when_its_slave_hung_up(port, carry):
    listener = port.listener()
    first = dialled(listener, AGAIN)
    assert first is not None, "the master does not dial its slave"
    first.close()
    second = dialled(listener, AGAIN)
    assert second is not None, "its slave hung up, and the master did not dial again"
    carry(port, second, seconds=0.05)


@control("MOD-13")
@master
def test_the_master_dials_again_when_its_slave_was_away(port, carry):
    listener = port.listener()
    first = dialled(listener, AGAIN)
    assert first is not None, "the master does not dial its slave"
    listener.close()
    first.reset()
    hear_all(port.adapter, 1.5)  # attempts that nobody answers
    second = dialled(port.listener(), AGAIN)
    assert second is not None, "its slave was away, and the master does not dial it any more"
    carry(port, second, seconds=0.05)


# --- both ---------------------------------------------------------------------------------------------------------


def both(secure="disable"):
    """A slave on one port of the unit, its master on another."""

    def marked(test):
        joined = on_port("pair_slave", {"tcp_port": "=4700+n", "secure": secure}, name="slave")
        dialling = on_port(
            "pair_master",
            {"destination_address": UNIT, "destination_port": slave_port, "secure": secure},
            name="master",
        )
        return joined(dialling(test))

    return marked


def slave_port(numbers):
    """Where the slave listens."""
    return str(4700 + numbers["slave"])


@control("OPM-08", "MOD-13")
@both()
def test_two_ports_of_one_unit_are_joined(ports):
    check_joined(ports)


@control("MOD-13", "MOD-17")
@pytest.mark.tls
@both(secure="enable")
def test_two_ports_of_one_unit_are_joined_by_tls(ports):
    check_joined(ports)


def check_joined(ports):
    """What goes in at one adapter comes out at the other."""
    at_master, at_slave = ports["master"].adapter, ports["slave"].adapter
    data = bytes(range(256)) * 20

    def linked():
        say(at_master, b"?")
        return b"?" in hear_all(at_slave, 0.1)

    assert seconds_until(linked, AGAIN) is not None, "nothing of the master's line reaches the slave's"
    hear_all(at_slave)
    say(at_master, data)
    say(at_slave, data[::-1])
    assert hear(at_slave, len(data)) == data, "bytes from the master's line to the slave's are wrong"
    assert hear(at_master, len(data)) == data[::-1], "bytes from the slave's line to the master's are wrong"
