"""Guide 3.1, Console Settings: which consoles listen, with what protection, and who may stay logged in."""

import pytest

from fixtures.marks import control, needs
from fixtures.web import browser, logs_in, one_session, stranger
from nportlab.guide.settings import settings_table
from nportlab.probes.tls import TLS_1_0, TLS_1_1, TLS_1_2, Accepted, Refused
from nportlab.verdicts.faults import Informational, NotApplicable

pytestmark = pytest.mark.console

PAGE = "Administration > Console Settings"
REFUSED = (Refused("protocol_version"), Refused("handshake_failure"))


@control("CON-01")
def test_the_page_holds_the_thirteen_items(console):
    wanted = {setting.label for setting in settings_table() if setting.id.startswith("console.")}
    assert len(wanted) == 13
    assert wanted - set(console.read(PAGE)) == set(), "items are missing from the page"


@control("CON-02")
@needs({"console.http": "redirect"})
def test_http_redirects_to_https_and_serves_nothing(unit, web):
    answer = web.http_get("/")
    if one_session(unit) and not answer.is_redirect:
        raise Informational("firmware 1.x serves its console over plain HTTP, too; switch the HTTP console off")
    assert answer.is_redirect, f"TCP 80 answers {answer.status} instead of a redirect"
    assert answer.headers["Location"].startswith(f"https://{unit.address}")
    assert "Set-Cookie" not in answer.headers
    assert not answer.holds_a_form


@control("CON-03")
@needs({"console.http": "disable"})
def test_http_can_be_switched_off(tcp):
    assert tcp.is_closed(80)


@control("CON-04")
def test_https_speaks_tls_1_2_when_switched_on(unit, tls):
    assert isinstance(tls.offer(unit.https, TLS_1_2), Accepted)


@control("CON-04")
@needs({"console.https": "disable", "console.ssh": "enable"})
def test_https_is_closed_when_switched_off(tcp):
    assert tcp.is_closed(443)


@control("CON-05")
@pytest.mark.tls
@needs({"console.tls_1_0_1_1": "enable", "tls.high_secure_mode": "disable"})
def test_old_tls_is_offered_when_switched_on(unit, tls):
    assert {TLS_1_0, TLS_1_1} <= tls.versions(unit.https).accepted


@control("CON-05")
@pytest.mark.tls
@needs({"console.tls_1_0_1_1": "disable"})
def test_old_tls_is_refused_when_switched_off(unit, tls):
    for version in (TLS_1_0, TLS_1_1):
        assert tls.answer(unit.https, version) in REFUSED


@control("CON-06")
@needs({"console.reject_unknown_host": "enable"})
def test_an_unrecognized_host_header_is_rejected(web):
    assert web.https_get("/").holds_a_form, "the unit's own address is rejected"
    foreign = web.https_get("/", host="evil.example")
    assert not foreign.holds_a_form, "the login form is served under a foreign host name"
    assert "evil.example" not in foreign.headers.get("Location", "")


@control("CON-07")
@needs({"console.reject_unknown_host": "disable"})
def test_a_foreign_host_header_is_served_when_allowed(web):
    assert web.https_get("/", host="evil.example").holds_a_form


@control("CON-08")
@needs({"console.telnet": "enable"})
def test_telnet_prompts_when_switched_on(tcp, shell):
    assert tcp.is_open(23)
    with shell.telnet() as session:
        assert session.entries(), "no menu after the login"


@control("CON-08")
@needs({"console.telnet": "disable"})
def test_telnet_is_closed_when_switched_off(tcp):
    assert tcp.is_closed(23)


@control("CON-08")
@pytest.mark.needs_power
@needs({"console.telnet": "enable"}, event="power-cycle")
def test_telnet_stays_on_over_a_power_cycle(tcp):
    assert tcp.is_open(23)


@control("CON-09")
@needs({"console.ssh": "enable"})
def test_ssh_logs_in_when_switched_on(tcp, shell):
    assert tcp.is_open(22)
    with shell.ssh() as session:
        assert session.entries(), "no menu after the login"


@control("CON-09")
@needs({"console.ssh": "disable"})
def test_ssh_is_closed_when_switched_off(tcp):
    assert tcp.is_closed(22)


@control("CON-09")
@pytest.mark.needs_power
@needs({"console.ssh": "disable"}, event="power-cycle")
def test_ssh_stays_off_over_a_power_cycle(tcp):
    assert tcp.is_closed(22)


@control("CON-10")
@needs({"console.moxa_service": "enable"})
def test_moxa_service_answers_when_switched_on(unit, tcp):
    assert tcp.open_among((4900, 14900)) == {4900, 14900}
    assert unit.moxa_service.search().address == unit.address


@control("CON-10")
@needs({"console.moxa_service": "disable"})
def test_moxa_service_is_gone_when_switched_off(tcp, silent):
    assert tcp.open_among((4900, 14900)) == set()
    silent.expect("moxa")


READABLE, KEY, PASSWORD = "location-of-the-lab", "radius-key-of-the-lab", "snmp-password-of-the-lab"
MARKED = {"basic.server_location": READABLE, "radius.key": KEY, "snmp.ro_auth_key": PASSWORD}


@control("CON-11")
@pytest.mark.parametrize(
    "encryption",
    [
        pytest.param(value, marks=needs({"console.sensitive_data_encryption": value, **MARKED}))
        for value in ("md5", "aes128")
    ],
)
def test_the_export_holds_no_readable_secret(encryption, unit, console):
    assert console.get_setting("console.sensitive_data_encryption") == encryption
    text = unit.configuration.export().dump()
    assert READABLE.encode() in text, "the export lacks what is no secret, so it proves nothing about secrets"
    for secret in (KEY, PASSWORD, unit.account.password):
        assert secret.encode() not in text, "a secret is readable in the exported configuration"


@control("CON-12")
@pytest.mark.parametrize("value", ["1", "10"])
def test_maximum_login_users_takes_its_borders(value, pending):
    pending.accepts("console.max_login_users", value)


@control("CON-12")
@pytest.mark.parametrize("value", ["0", "11", "-1", "many"])
def test_maximum_login_users_refuses_what_is_beyond(value, pending):
    pending.refuses("console.max_login_users", value)


@control("CON-13")
@needs({"console.max_login_users": "2"})
def test_the_login_limit_holds(unit, console):
    if one_session(unit):
        raise NotApplicable("firmware 1.x lets one user in at a time, whatever the limit says")
    console.logout()
    first, second, third, fourth = (stranger(unit) for _ in range(4))
    assert logs_in(first), "not even one user can log in"
    assert logs_in(second), "two users may log in, but the second is refused"
    assert not logs_in(third), "two users may log in, and so does a third"
    first.logout()
    assert logs_in(fourth), "one user has left, but no other can log in"
    assert fourth.alive()
    second.logout()
    fourth.logout()


@control("CON-14")
@pytest.mark.destructive
@needs(event="factory-reset")
def test_maximum_login_users_is_10_from_the_factory(console):
    assert console.get_setting("console.max_login_users") == "10"


@control("CON-15")
@pytest.mark.parametrize("value", ["1", "1440"])
def test_auto_logout_takes_its_borders(value, pending):
    pending.accepts("console.auto_logout", value)


@control("CON-15")
@pytest.mark.parametrize("value", ["0", "1441"])
def test_auto_logout_refuses_what_is_beyond(value, pending):
    pending.refuses("console.auto_logout", value)


@control("CON-16")
@needs({"console.auto_logout": "1"})
def test_a_busy_web_session_lives_and_an_idle_one_ends(unit, unit_minutes):
    session = browser(unit)
    session.login()
    for _ in range(5):
        unit_minutes(0.4)
        assert session.alive(), "a session in use was ended"
    unit_minutes(1.5)
    assert not session.alive(), "an idle session outlived the logout time"


@control("CON-16")
@pytest.mark.parametrize("way", ["ssh", "telnet"])
@needs({"console.auto_logout": "1", "console.ssh": "enable", "console.telnet": "enable"})
def test_an_idle_text_session_ends(way, shell, unit_minutes):
    with getattr(shell, way)() as session:
        assert not session.ends_within(unit_minutes.seconds(0.5)), "the session ended before the logout time"
        assert session.ends_within(unit_minutes.seconds(1.5)), "an idle session outlived the logout time"


@control("CON-17")
@pytest.mark.destructive
@needs(event="factory-reset")
def test_auto_logout_is_5_minutes_from_the_factory(console):
    assert console.get_setting("console.auto_logout") == "5"


@control("CON-18")
def test_all_authentication_types_are_offered(console):
    setting = settings_table()["console.authentication_type"]
    _, field = console.page(PAGE).find(setting.label)
    assert set(setting.choices.values()) - {option.text for option in field.options} == set()


@control("CON-18")
@pytest.mark.destructive
@needs(event="factory-reset")
def test_authentication_is_local_from_the_factory(console):
    assert console.get_setting("console.authentication_type") == "local"
