"""Guide 3.1: the tables list all ports the unit uses, and the unit's own socket list agrees with what is seen."""

import pytest

from fixtures.marks import PEER, control, needs
from nportlab.guide.modes import command_port, data_port
from nportlab.guide.services import expected_ports
from nportlab.probes.udp import Outcome
from nportlab.verdicts.faults import Informational

pytestmark = pytest.mark.ports

PAGES = ("System Configuration > Network Settings", "Administration > Console Settings")
TIME_SERVER = "time.lab.example"
SAID_TO_LISTEN = (53, 137, 949)


@control("PRT-04", "SVC-04")
@pytest.mark.services
@needs({"network.dns1": PEER, "basic.time_server": TIME_SERVER})
def test_dns_is_asked_when_a_host_name_is_configured(peers, unit_minutes):
    asked = peers.dns.wait_for(lambda query: query.name == TIME_SERVER, timeout=unit_minutes.seconds(2))
    assert asked, "no DNS query came"


@control("PRT-04", "SVC-04")
@pytest.mark.services
def test_which_name_service_ports_answer_is_written_down(udp_outcome, evidence):
    found = {port: udp_outcome(port) for port in SAID_TO_LISTEN}
    evidence.note("; ".join(f"UDP {port}: {outcome}" for port, outcome in found.items()))
    answering = [port for port, outcome in found.items() if outcome is Outcome.REPLY]
    if answering:
        raise Informational(f"UDP {answering} answer, as the guide's table says")


@control("PRT-04", "SVC-04")
@pytest.mark.services
def test_no_page_offers_a_switch_for_dns(console):
    fields = [field for path in PAGES for _, field in console.page(path).fields() if "dns" in field.label.casefold()]
    assert fields, "no page speaks of DNS at all"
    switches = [field.label for field in fields if "Disable" in {option.text for option in field.options}]
    assert switches == [], "a page offers a switch"


@control("PRT-26")
@pytest.mark.opmode
@needs({"port.*.operation_mode": "disable"})
def test_a_disabled_port_opens_nothing(serial_ports, tcp):
    assert tcp.open_among(port for n in serial_ports for port in (data_port(n), command_port(n), 4000 + n)) == set()


@control("PRT-27")
@needs({"console.moxa_service": "enable"})
def test_no_port_is_open_that_the_guide_does_not_list(unit, settings, open_ports):
    expected = expected_ports(settings, unit.model)
    assert open_ports.tcp - expected.tcp == set(), "undocumented TCP listener"
    assert open_ports.udp - expected.udp - expected.optional_udp == set(), "undocumented UDP listener"


@control("PRT-28")
@needs({"console.moxa_service": "enable"})
def test_the_units_own_list_of_listeners_fits_the_sweep(unit, open_ports):
    listening = {entry.local_port for entry in unit.moxa_service.netstat() if entry.transport == 1 and entry.state == 1}
    assert listening == open_ports.tcp
