"""Guide 3.1, table of suggested settings: what is off once a unit is hardened, and what stays on."""

import pytest

from fixtures.marks import control, needs
from fixtures.web import browser
from nportlab.guide.services import expected_ports, known_ports
from nportlab.verdicts.faults import NotApplicable

pytestmark = pytest.mark.services

HARDENED = {
    "console.moxa_service": "disable",
    "snmp.agent": "disable",
    "network.routing_protocol": "none",
    "console.http": "disable",
    "console.https": "enable",
    "console.ssh": "disable",
    "console.telnet": "disable",
    "network.ipv4_configuration": "static",
}
hardened = needs(HARDENED)


@control("SVC-01")
@hardened
def test_only_what_the_settings_claim_is_open(unit, settings, tcp):
    expected = expected_ports(settings, unit.model).tcp
    assert tcp.open_among(known_ports(unit.model) | expected) == expected


@control("SVC-02")
@hardened
def test_a_management_session_shows_no_credential(unit, packets):
    with packets() as seen:
        console = browser(unit)
        console.login()
        console.overview()
        console.logout()
    assert seen.of_tcp(443), "the capture holds no HTTPS session, so it proves nothing"
    for secret in (unit.account.username, unit.account.password):
        assert not seen.containing(secret.encode()), "a credential was sent in clear"


@control("SVC-03")
@hardened
def test_moxa_service_is_closed(tcp):
    assert tcp.open_among((4900, 14900)) == set()


@control("SVC-03")
@pytest.mark.parametrize("way", ["unicast", "directed-broadcast", "limited-broadcast"])
@hardened
def test_moxa_service_is_silent_to_a_search(way, silent):
    silent.expect("moxa", way)


@control("SVC-05")
@pytest.mark.parametrize("version", ["snmp-v1", "snmp-v2c", "snmp-v3"])
@hardened
def test_snmp_agent_is_silent(version, silent):
    silent.expect(version)


@control("SVC-06")
@pytest.mark.parametrize("request_", ["rip-1", "rip-2", "ripng"])
@hardened
def test_rip_answers_no_request(request_, console, silent):
    assert console.get_setting("network.routing_protocol") == "none"
    silent.expect(request_)


@control("SVC-06")
@hardened
def test_rip_announces_nothing(watch):
    watch.minutes(1).expect_none("RIP", udp=(520, 521))


@control("SVC-07")
@hardened
def test_http_is_closed(profile, tcp):
    if profile.http == "redirect":
        raise NotApplicable("the site's profile wants HTTP to redirect; CON-02 judges that")
    assert tcp.is_closed(80)


@control("SVC-08")
@needs({"certificate": "lab:p256"})
def test_https_has_a_trusted_certificate(web, ca):
    assert web.handshake(trust=ca.root_file).verify_error is None


@control("SVC-09")
@hardened
def test_ssh_is_closed(profile, tcp):
    if profile.ssh == "enable":
        raise NotApplicable("the site's profile needs remote SSH access")
    assert tcp.is_closed(22)


@control("SVC-10")
@hardened
def test_telnet_is_closed(tcp):
    assert tcp.is_closed(23)


@control("SVC-14")
@pytest.mark.needs_power
@needs({"network.ipv4_configuration": "static"}, event="power-cycle")
def test_dhcp_client_is_off(unit, console, boot):
    boot.expect_none("DHCP", udp=(67, 68))
    assert console.get_setting("network.ipv4_address") == unit.address
