"""UDP mode: datagrams become bytes of the line, and what the line says goes to every address of the ranges set, or to
the host that sent last."""

from ipaddress import IPv4Address

import pytest

from fixtures.marks import BROADCAST, SPARE, control, on_port
from fixtures.mode_clients import network_port
from nportlab.guide.modes import default_port
from nportlab.modes.udp import UdpEnd, UdpRange
from nportlab.verdicts.faults import NotApplicable
from tests.operation_modes._ends import A_WHILE, SOON, Pace, hear, hear_all, say

pytestmark = pytest.mark.opmode

BEFORE, FIRST, MIDDLE, LAST, OTHER_FIRST, OTHER_LAST = SPARE

RANGES = {
    "udp_local_port": "=4400+n",
    "udp_begin_1": FIRST,
    "udp_end_1": LAST,
    "udp_port_1": "=5300+n",
    "udp_begin_2": OTHER_FIRST,
    "udp_end_2": OTHER_LAST,
    "udp_port_2": "=5350+n",
    "udp_begin_3": BROADCAST,
    "udp_end_3": BROADCAST,
    "udp_port_3": "=5400+n",
}

TIMEOUT = 2.5
"""Seconds a sender stays the destination."""

DYNAMIC = {
    "udp_local_port": "=4400+n",
    "udp_dynamic_destination": "enable",
    "udp_dynamic_timeout": str(round(TIMEOUT * 1000)),
    "packet_length": "64",
    "force_transmit": "100",
}

# --- from the network ---------------------------------------------------------------------------------------------


@control("OPM-07")
@on_port("udp", DYNAMIC)
def test_data_crosses_on_the_local_port_that_was_set_and_no_more_on_the_one_before(port):
    host = port.connect()
    say(host, b"to the new number")
    assert hear(port.adapter, 17) == b"to the new number", f"a datagram to UDP {network_port(port)} did not come out"
    host.send(b"to the old number", port.unit.udp(default_port(port.number)))
    assert hear_all(port.adapter) == b"", "the port still takes datagrams on the number it has from the factory"
    say(host, b"to the new number")
    assert hear(port.adapter, 17) == b"to the new number"


@control("OPM-07")
@on_port("udp", DYNAMIC)
def test_datagrams_of_any_size_come_out_whole_and_in_order(port):
    host = port.connect()
    datagrams = [bytes([number]) * size for number, size in enumerate((1, 1472, 2, 700, 256, 1))]
    for datagram in datagrams:
        host.send(datagram)
    heard = hear(port.adapter, sum(map(len, datagrams)))
    assert heard == b"".join(datagrams)


@control("OPM-07")
@on_port("udp", DYNAMIC)
def test_every_byte_value_passes_unchanged(port):
    host = port.connect()
    every = bytes(range(256))
    say(host, every)
    assert hear(port.adapter, 256) == every
    say(port.adapter, every)
    assert hear(host, 256) == every


# --- ranges -------------------------------------------------------------------------------------------------------


def ends(port, which, *others):
    """Both ends of a range and what is between, and other addresses, all on the range's port."""
    first, last = IPv4Address(port[f"udp_begin_{which}"]), IPv4Address(port[f"udp_end_{which}"])
    here = [str(first + step) for step in range(int(last) - int(first) + 1)]
    return port.stack.enter_context(UdpRange([*here, *others], int(port[f"udp_port_{which}"]), label=port.label))


@control("OPM-07", "MOD-16")
@on_port("udp", RANGES)
def test_every_address_of_every_range_gets_what_the_line_says_on_the_port_of_its_range(port):
    _ = port.adapter
    first, second = ends(port, 1), ends(port, 2)
    say(port.adapter, b"to all")
    for which, hosts in ((1, first), (2, second)):
        heard = {address: hear(end, 6) for address, end in hosts.ends.items()}
        assert heard == dict.fromkeys(hosts.ends, b"to all"), f"range {which}, {list(hosts.ends)}"


@control("OPM-07", "MOD-16")
@on_port("udp", RANGES)
def test_no_address_outside_of_a_range_gets_it(port):
    before = str(IPv4Address(port["udp_begin_1"]) - 1)
    after = str(IPv4Address(port["udp_end_1"]) + 1)
    _ = port.adapter
    hosts = ends(port, 1, before, after)
    say(port.adapter, b"to some")
    assert hear(hosts.ends[port["udp_end_1"]], 7) == b"to some"
    outside = {address: hear_all(hosts.ends[address]) for address in (before, after)}
    assert outside == {before: b"", after: b""}, f"the range is {port['udp_begin_1']} to {port['udp_end_1']}"


@control("MOD-16")
@on_port("udp", RANGES)
def test_a_destination_that_ends_in_255_is_a_broadcast(port):
    if not port["udp_begin_3"]:
        raise NotApplicable("the network of the rack has no broadcast address that ends in 255, or none is heard here")
    _ = port.adapter
    everybody = port.stack.enter_context(
        UdpEnd(port["udp_begin_3"], int(port["udp_port_3"]), peer=port.unit.udp(network_port(port)), label=port.label)
    )
    say(port.adapter, b"to everybody")
    assert hear(everybody, 12) == b"to everybody"


@control("MOD-16")
@on_port("udp", RANGES)
def test_a_sender_outside_of_the_ranges_is_no_destination_without_dynamic_destination(port):
    stranger = port.connect()
    say(stranger, b"hello")
    assert hear(port.adapter, 5) == b"hello"
    hosts = ends(port, 1)
    say(port.adapter, b"answer")
    assert hear(hosts.ends[port["udp_begin_1"]], 6) == b"answer"
    assert hear_all(stranger) == b"", "a host that no range holds is answered"


# --- dynamic destination ------------------------------------------------------------------------------------------


@control("MOD-16")
@on_port("udp", DYNAMIC)
def test_the_host_that_sent_last_is_the_destination(port):
    one, other = port.connect(), port.connect()
    for host, silent in ((one, other), (other, one), (one, other)):
        within = Pace(0.8 * TIMEOUT)
        say(host, b"it is me")
        assert hear(port.adapter, 8) == b"it is me"
        say(port.adapter, b"whom?")
        within.step()
        assert hear(host, 5) == b"whom?", "the last sender gets nothing"
        assert hear_all(silent) == b"", "a former sender still gets what the line says"


@control("MOD-16")
@on_port("udp", DYNAMIC)
def test_a_sender_is_the_destination_until_the_timeout(port):
    host = port.connect()
    say(host, b"hello")
    assert hear(port.adapter, 5) == b"hello"
    assert hear_all(host, TIMEOUT + A_WHILE) == b""
    say(port.adapter, b"too late")
    assert hear_all(host) == b"", f"{TIMEOUT:g} s after its last datagram the host still gets what the line says"
    within = Pace(0.8 * TIMEOUT)
    say(host, b"again")
    assert hear(port.adapter, 5) == b"again"
    say(port.adapter, b"in time")
    within.step()
    assert hear(host, 7) == b"in time", "a host that sent again is no destination"


# --- packing ------------------------------------------------------------------------------------------------------


@control("MOD-16")
@on_port("udp", DYNAMIC)
def test_a_datagram_has_the_packet_length_and_the_rest_follows_by_itself(port):
    host = port.connect()
    within = Pace(0.8 * TIMEOUT)
    say(host, b"hello")
    assert hear(port.adapter, 5) == b"hello"
    said = bytes(range(150))
    say(port.adapter, said)
    within.step()
    datagrams = host.datagrams(SOON, 3)
    assert [len(one.data) for one in datagrams] == [64, 64, 22]
    assert b"".join(one.data for one in datagrams) == said
