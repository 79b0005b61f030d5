"""Guide 3.2: HTTPS uses TLS v1.2, older versions are refused, and high secure mode leaves only strong ciphers."""

import pytest

from fixtures.marks import alone, control, needs
from nportlab.probes.renegotiation import Renegotiation, client_renegotiation
from nportlab.probes.tls import SSL_2, SSL_3, TLS_1_0, TLS_1_1, TLS_1_2, TLS_1_3, Accepted, Features, Refused
from nportlab.probes.tls_suites import suite_rule
from nportlab.unit.health import starts
from nportlab.verdicts.faults import Inconclusive, Informational

pytestmark = pytest.mark.tls

OLD_TLS_OFF = {"console.tls_1_0_1_1": "disable"}
REFUSED = (Refused("protocol_version"), Refused("handshake_failure"))


@control("TLS-01")
def test_https_uses_tls_1_2(unit, tls, web):
    assert TLS_1_2 in tls.versions(unit.https).accepted
    assert web.handshake(version=TLS_1_2).version == TLS_1_2


@control("TLS-02")
@needs(OLD_TLS_OFF)
def test_tls_1_1_is_refused(unit, tls):
    assert tls.answer(unit.https, TLS_1_1) in REFUSED


@control("TLS-03")
@needs(OLD_TLS_OFF)
def test_tls_1_0_is_refused(unit, tls):
    assert tls.answer(unit.https, TLS_1_0) in REFUSED


@control("TLS-04")
@pytest.mark.parametrize("version", [SSL_3, SSL_2], ids=str)
def test_ssl_is_not_accepted_and_the_unit_goes_on(version, unit, tls, web):
    report = tls.versions(unit.https, (version, TLS_1_2))
    assert report.accepted == {TLS_1_2}
    assert isinstance(tls.offer(unit.https, TLS_1_2), Accepted), "TLS 1.2 no longer works after the SSL hello"
    assert web.asks_for_login(within=5), "the login page is gone after the SSL hello"


@control("TLS-05")
def test_a_browser_limited_to_tls_1_2_loads_the_console(unit, browser, tls, evidence):
    evidence.note(f"{TLS_1_3}: {tls.offer(unit.https, TLS_1_3)}")
    assert "FakeChallenge" in browser.page(f"https://{unit.https}/", tls="1.2")


@control("TLS-06")
@needs({"tls.high_secure_mode": "disable"})
def test_default_mode_offers_no_broken_cipher(unit, tls, evidence):
    offered = tls.all_suites(unit.https, TLS_1_2)
    evidence.write("suites.txt", str(offered))
    assert offered.suites, "no TLS 1.2 suite is offered at all"
    assert offered.violations(suite_rule("default")) == {}


@control("TLS-07")
@needs({"tls.high_secure_mode": "enable"})
def test_high_secure_mode_offers_only_strong_ciphers(unit, tls, evidence):
    offered = tls.all_suites(unit.https, TLS_1_2)
    evidence.write("suites.txt", str(offered))
    assert offered.suites, "no TLS 1.2 suite is offered at all"
    assert offered.violations(suite_rule("strong")) == {}


@control("TLS-08")
@pytest.mark.destructive
@needs(event="factory-reset")
def test_high_secure_mode_is_off_from_the_factory(unit, console, tls):
    assert console.get_setting("tls.high_secure_mode") == "disable"
    weak = tls.all_suites(unit.https, TLS_1_2).violations(suite_rule("strong"))
    assert weak, "the factory list is already the narrow one"


@control("TLS-09")
@alone(restarts=1)
@needs({"tls.high_secure_mode": "enable"})
def test_high_secure_mode_can_be_switched_back(unit, tls):
    narrow = tls.all_suites(unit.https, TLS_1_2).suites
    assert narrow, "no TLS 1.2 suite is offered in high secure mode"
    unit.apply({"tls.high_secure_mode": "disable"})
    assert tls.all_suites(unit.https, TLS_1_2).suites > narrow, "the list did not become wider again"


@control("TLS-10", "CRT-18")
@pytest.mark.cert
@needs({"certificate": "lab:p256", "port.1.operation_mode": "tcp_server", "port.1.secure": "enable"})
def test_the_certificate_serves_https_and_secure_operation_modes(unit, tls, web, evidence):
    secure_port = unit.tcp(4001)
    evidence.write("secure-port.txt", f"{tls.versions(secure_port)}\n{tls.suites(secure_port, TLS_1_2)}")
    assert web.certificate(secure_port) == web.certificate()


@control("TLS-11")
def test_high_secure_mode_is_found_by_its_menu_path(console):
    path = "System Configuration > Secure Connection Settings > Ethernet SSL/TLS Certificate"
    assert path in {entry.text for entry in console.menu()}
    assert "High secure mode" in console.read(path)


@control("TLS-12")
def test_no_compression_and_no_client_renegotiation(unit, profile, tls, web, evidence):
    features, renegotiation = tls.features(unit.https), client_renegotiation(unit.https, recorder=evidence)
    evidence.note(f"{features}; HSTS: {web.https_get().headers.get('Strict-Transport-Security', 'none')}")
    assert isinstance(features, Features), f"there is no TLS 1.2 to look at: {features}"
    if renegotiation.answer is Renegotiation.UNKNOWN:
        raise Inconclusive("the unit neither renegotiated nor refused in time")
    safe = not features.compression and features.renegotiation_info and renegotiation.answer is Renegotiation.REFUSED
    if not profile.strict and not safe:
        raise Informational(f"{features}; client renegotiation {renegotiation.answer} (a fail in profile strict)")
    assert safe, f"{features}; client renegotiation {renegotiation.answer}"


@control("TLS-13")
@needs({"log.local_system": "enable"})
def test_the_unit_survives_a_tls_scan(unit, tls, web, evidence):
    before = starts(unit)
    if not before:
        raise Inconclusive("the system log holds no start of the unit, so a further one might not show either")
    for version in (SSL_2, SSL_3, TLS_1_0, TLS_1_1):
        for _ in range(6):
            tls.offer(unit.https, version)
    tls.suites(unit.https, TLS_1_2)
    evidence.note(f"{tls.connections} connections were made")
    assert web.asks_for_login(within=5), "the login page is gone after the scan"
    assert starts(unit) == before, "the unit restarted"
