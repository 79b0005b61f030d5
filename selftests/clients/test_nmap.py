"""nmap at whole units: which ports are open, what answers the search, which suites are offered."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from nportlab.guide.services import expected_ports
from nportlab.probes.tls_suites import Suite, suites
from nportlab.protocol.moxa_service import SearchReply, decode_reply
from selftests.clients.desk import Desk

SEARCH_SCRIPT = Path(__file__).with_name("moxa_search.nse")


def nmap(desk: Desk, unit: str, *options: str) -> ElementTree.Element:
    """What nmap found out about a unit."""
    done = desk.run("nmap", "-n", "-Pn", "-T4", "--noninteractive", "-oX", "-", *options, desk.host(unit))
    assert done.returncode == 0, done.stderr
    return ElementTree.fromstring(done.stdout)


def states(found: ElementTree.Element) -> dict[int, str]:
    """State of each port that is listed one by one."""
    listed = {int(port.get("portid", "")): port.find("state") for port in found.iter("port")}
    return {number: state.get("state", "") for number, state in listed.items() if state is not None}


@pytest.mark.parametrize("unit", ["plain", "open_unit", "strict"])
def test_every_tcp_port_that_is_open_is_one_the_guide_names(
    desk: Desk, unit: str, request: pytest.FixtureRequest
) -> None:
    if desk.rack.mode == "loopback":
        pytest.skip("without namespaces other programs of this host listen on the unit's address too")
    name = request.getfixturevalue(unit)
    found = nmap(desk, name, "-sT", "-p-", "--min-rate", "20000")
    opened = {number for number, state in states(found).items() if state.startswith("open")}
    assert opened == expected_ports(desk.state(name), desk.lab.units[name].model).tcp


def test_udp_services_are_open_or_closed_as_set(desk: Desk, plain: str, open_unit: str, strict: str) -> None:
    for unit in (plain, open_unit, strict):
        expected = expected_ports(desk.state(unit), desk.lab.units[unit].model).udp
        for number in (161, 4800):
            payload = ("--data", "0100000800000000") if number == 4800 else ()
            seen = states(nmap(desk, unit, "-sU", "-p", str(desk.port(unit, number, "udp")), *payload))
            assert [*seen.values()] == ["open" if number in expected else "closed"], (unit, number)


def test_the_search_is_answered_from_port_4800(desk: Desk, plain: str) -> None:
    port = desk.port(plain, 4800, "udp")
    found = nmap(desk, plain, "-sU", "-p", str(port), "--script", f"+{SEARCH_SCRIPT}")
    output = next(found.iter("script")).get("output", "")
    reply = decode_reply(bytes.fromhex(output.removeprefix("answer ")))
    assert isinstance(reply, SearchReply)
    unit = desk.rack.unit(plain)
    assert (reply.device.mac, reply.address) == (unit.mac, unit.address)


def test_suites_offered_with_and_without_high_secure_mode(desk: Desk, plain: str, strict: str) -> None:
    usual, secure = offered_suites(desk, plain), offered_suites(desk, strict)
    assert secure < usual
    assert all(suite.aead and suite.forward_secret for suite in secure)
    assert not all(suite.aead for suite in usual)


def offered_suites(desk: Desk, unit: str) -> set[Suite]:
    found = nmap(desk, unit, "-sT", "-p", str(desk.port(unit, 443)), "--script", "+ssl-enum-ciphers")
    names = set(re.findall(r"^\s+(TLS_\w+)", next(found.iter("script")).get("output", ""), re.MULTILINE))
    by_name = {suite.name: suite for suite in suites().values()}
    return {by_name[name] for name in names}
