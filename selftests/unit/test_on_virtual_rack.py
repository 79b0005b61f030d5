"""The unit facade against running virtual units: transactions, restarts, power, identity, files."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from nportlab.inventory import Lab, load_lab
from nportlab.power import Outlet, open_channel
from nportlab.power.switch import driver
from nportlab.unit import health
from nportlab.unit import unit as unit_module
from nportlab.unit.endpoint import Account
from nportlab.unit.errors import (
    CertificateRefused,
    ConfigurationRefused,
    ConfigurationUnreadable,
    DidNotRestart,
    DidNotStick,
    LoginRefused,
    NeverCameBack,
    NotReachable,
    SessionLimit,
    ValueRefused,
)
from nportlab.unit.management import WebManagement
from nportlab.unit.pki import LabAuthority
from nportlab.unit.snmp import Community
from nportlab.unit.unit import Unit
from nportlab.verdicts.faults import ConfigFault, LabFault
from nportlab.virtual.client import RunningRack, start_rack


def unit_entry(model: str, address: int, firmware: str = "2.3", **more: object) -> dict[str, object]:
    return {
        "model": model,
        "firmware": firmware,
        "address": f"192.168.127.{address}",
        "credentials": {"username": "admin", "password": {"generated": True}},
        "allow": ["restart", "power-cycle", "factory-reset"],
        **more,
    }


LAB = {
    "lab": "selftest",
    "racks": {
        "desk": {
            "virtual": {"network": "loopback", "boot_seconds": 0.02},
            "switches": {"relay": {"driver": "http_relay", "channels": 4}},
            "units": {
                "one": unit_entry("NP6150", 11, outlet="relay/1"),
                "four": unit_entry("NP6450", 12, outlet="relay/2"),
                "old": unit_entry("NP6150", 13, "1.17", allow=["restart"]),
            },
        }
    },
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    path = tmp_path_factory.mktemp("lab") / "lab.yaml"
    path.write_text(yaml.safe_dump(LAB))
    return load_lab(path)


@pytest.fixture(scope="module")
def rack(lab: Lab) -> Iterator[RunningRack]:
    running = start_rack(lab, "desk")
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def authority(lab: Lab) -> LabAuthority:
    return LabAuthority(lab.state_dir)


def connect(lab: Lab, rack: RunningRack, name: str, authority: LabAuthority | None = None, **changes: object) -> Unit:
    info = rack.unit(name)
    entry = dataclasses.replace(lab.units[name], address=info.address, port_map=info.port_map, **changes)  # type: ignore[arg-type]
    unit = Unit(entry, lab.racks["desk"], state_dir=lab.state_dir, certificates=authority)
    if entry.outlet is not None:
        switch = lab.racks["desk"].switches[entry.outlet.switch]
        channel = open_channel(switch, entry.outlet, lab.state_dir, rack.relay_urls[switch.name])
        unit.power = Outlet(channel, driver(switch.driver))
    if name == "old":
        unit.account.password = "moxa"  # firmware 1.x starts with its default account
    return unit


@pytest.fixture
def one(lab: Lab, rack: RunningRack, authority: LabAuthority) -> Iterator[Unit]:
    unit = connect(lab, rack, "one", authority)
    yield unit
    unit.console.logout()


@pytest.fixture
def four(lab: Lab, rack: RunningRack, authority: LabAuthority) -> Iterator[Unit]:
    unit = connect(lab, rack, "four", authority)
    yield unit
    unit.console.logout()


def listening(unit: Unit) -> set[int]:
    return {entry.local_port for entry in unit.moxa_service.netstat() if entry.transport == 1}


# ---- transaction


def test_few_settings_go_over_forms_with_one_restart_and_no_second_time(one: Unit, rack: RunningRack) -> None:
    booted = rack.restarts("one")
    wanted = {"console.telnet": "enable", "console.auto_logout": "7"}
    applied = one.apply(wanted)
    assert (applied.routes, applied.restarted) == ({"web console": 2}, True)
    assert applied.health is not None
    assert not applied.health.missing
    assert applied.health.proof
    again = one.apply(wanted)
    assert (again.changed, again.restarted) == ({}, False)
    assert rack.restarts("one") == booted + 1
    assert 23 in listening(one)


def test_many_pages_go_by_configuration_file_and_unproven_keys_by_form(four: Unit, rack: RunningRack) -> None:
    booted = rack.restarts("four")
    wanted = {f"port.{n}.operation_mode": "tcp_server" for n in range(1, 5)}
    wanted |= {f"port.{n}.tcp_port": str(5000 + n) for n in range(1, 5)}
    wanted |= {"basic.server_location": "attic", "console.telnet": "enable"}
    applied = four.apply(wanted)
    assert applied.routes["configuration import"] >= 5
    assert applied.routes["web console"] >= 1
    assert rack.restarts("four") == booted + 1
    assert {5001, 5002, 5003, 5004, 23} <= listening(four)


def test_secrets_are_written_once_and_never_shown(one: Unit) -> None:
    first = one.apply({"snmp.agent": "enable", "snmp.read_community": "Xyz-secret"})
    assert first.changed["snmp.read_community"] == "[secret]"
    assert "Xyz-secret" not in repr(first)
    assert not one.apply({"snmp.read_community": "Xyz-secret"}).restarted
    assert one.snmp(Community("Xyz-secret")).identity()["model"] == "NP6150"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"console.telnt": "enable"}, "console.telnet"),
        ({"console.auto_logout": "0"}, "1 to 1440"),
        ({"console.https": "disable", "console.ssh": "disable", "console.telnet": "disable"}, "no console"),
        ({"console.authentication_type": "radius"}, "nobody could log in"),
        ({"certificate": "lab:rsa1024"}, "rsa1024"),
        ({"certificate": "nonsense"}, "nonsense"),
    ],
)
def test_values_that_make_no_sense_change_nothing(
    one: Unit, rack: RunningRack, values: dict[str, str], words: str
) -> None:
    booted, before = rack.restarts("one"), one.console.read("Administration > Console Settings")
    with pytest.raises(ConfigFault, match=words):
        one.apply(values)
    assert rack.restarts("one") == booted
    assert one.console.read("Administration > Console Settings") == before


def test_a_setting_that_does_not_stick_is_named_and_the_rest_is_in_force(
    one: Unit, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit = WebManagement.submit

    def forgetful(self: WebManagement, values: Mapping[str, str]) -> None:
        submit(self, {key: value for key, value in values.items() if key != "console.auto_logout"})

    monkeypatch.setattr(WebManagement, "submit", forgetful)
    with pytest.raises(DidNotStick, match=r"console\.auto_logout is '\d+', was set to '99'") as caught:
        one.apply({"console.auto_logout": "99", "console.max_login_users": "9"})
    assert list(caught.value.settings) == ["console.auto_logout"]
    assert one.console.get_setting("console.max_login_users") == "9"


def test_a_restart_is_only_needed_for_settings_that_wait_for_it(one: Unit) -> None:
    assert not one.apply({"policy.retry_threshold": "9"}).restarted
    one.console.submit({"console.auto_logout": "11"})
    assert one.apply({"policy.retry_threshold": "9"}).restarted, "the form above waits for a restart"


def test_stored_without_a_restart_comes_into_force_with_the_next_one(one: Unit) -> None:
    one.apply({"console.telnet": "disable"})
    one.apply({"console.telnet": "enable"}, restart="never")
    assert one.state["console.telnet"] == "disable"
    assert 23 not in listening(one)
    one.restart()
    assert one.state["console.telnet"] == "enable"
    assert 23 in listening(one)


def test_a_unit_left_without_https_by_an_earlier_run_is_found(lab: Lab, rack: RunningRack, four: Unit) -> None:
    four.apply({"console.https": "disable", "console.ssh": "enable"})
    stranger = connect(lab, rack, "four")
    stranger.wait_until_healthy(5)
    assert stranger.management().name == "SSH console"
    four.apply({"console.https": "enable"})


def test_without_https_the_ssh_console_is_used_and_a_certificate_brings_https_back(four: Unit) -> None:
    four.apply({"console.https": "disable", "console.ssh": "enable"})
    with pytest.raises(NotReachable):
        four.console.overview()
    applied = four.apply({"port.2.operation_mode": "udp", "port.2.udp_local_port": "4999", "basic.server_name": "four"})
    assert applied.routes == {"SSH console": 3}
    four.apply({"certificate": "lab:p384"})
    assert four.certificate.state(four._certificates) == "lab:p384"
    four.apply({"certificate": "self-signed"})
    assert four.certificate.panel().issued_to


# ---- certificate


def test_certificates_are_imported_recognised_and_regenerated(one: Unit, authority: LabAuthority) -> None:
    one.apply({"certificate": "lab:rsa2048"})
    assert one.certificate.state(authority) == "lab:rsa2048"
    assert not one.apply({"certificate": "lab:rsa2048"}).restarted
    one.apply({"certificate": "regenerated"})
    first = one.certificate.served()
    assert not one.apply({"certificate": "regenerated"}).restarted
    assert not one.apply({"certificate": "self-signed"}).restarted
    assert first == one.certificate.served()
    with pytest.raises(CertificateRefused):
        one.certificate.import_pem(b"hello")


# ---- files


def test_files_that_are_cut_off_tampered_with_or_of_another_key(one: Unit, lab: Lab, rack: RunningRack) -> None:
    file = one.configuration.export_file()
    tampered = file[:-1] + bytes((file[-1] ^ 1,))
    for damaged, words in (
        (file[:50], "cut off"),
        (tampered, "pre-shared key, or the file"),
        (b"GIF89a", "not a config"),
    ):
        with pytest.raises(ConfigurationUnreadable, match=words):
            one.configuration.open(damaged)
        with pytest.raises(ConfigurationRefused):
            one.configuration.import_file(damaged)


def test_unknown_keys_survive_a_round_trip(one: Unit) -> None:
    text = one.configuration.export()
    text.add("Basic Settings", "Some Future Key", " kept  as=it is ")
    one.configuration.import_(text)
    assert one.configuration.export().dump() == text.dump()


# ---- restart, power


def test_an_order_that_does_nothing_is_noticed(one: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WebManagement, "restart", lambda self: None)
    monkeypatch.setattr(health, "_GO_DOWN", 0.3)
    with pytest.raises(DidNotRestart, match="never went away"):
        one.restart()


def test_a_unit_that_is_back_before_anybody_looks_is_proved_by_its_log(
    one: Unit, rack: RunningRack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "is_open", lambda *_: True)  # nobody ever sees it closed
    monkeypatch.setattr(health, "_LOOK_AT_LOG", 0.1)
    monkeypatch.setattr(health, "_GO_DOWN", 60.0)
    booted = rack.restarts("one")
    assert "System Warm Start" in one.restart().proof
    assert rack.restarts("one") == booted + 1


def test_a_power_cycle_is_proved_by_the_switch(one: Unit, rack: RunningRack) -> None:
    booted = rack.restarts("one")
    seen: list[str] = []
    result = one.power_cycle(0, progress=lambda seconds, what: seen.append(what))
    assert rack.restarts("one") == booted + 1
    assert "relay/1" in result.proof


def test_an_outlet_that_feeds_another_unit(one: Unit, four: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit_module, "_POWER_GONE", 0.3)
    one.power = four.power
    with pytest.raises(LabFault, match="still answers") as caught:
        one.power_cycle(0)
    assert caught.value.resource == "outlet relay/2"
    assert one.power is not None
    assert one.power.is_on()
    four.wait_until_healthy(10)


def test_a_silent_unit_without_power_is_a_lab_fault_and_with_power_its_own(one: Unit, rack: RunningRack) -> None:
    assert one.power is not None
    one.power.off()
    with pytest.raises(LabFault, match="its outlet is off"):
        one.wait_until_healthy(0.2)
    rack.power("one", False)
    one.power = None
    with pytest.raises(NeverCameBack):
        one.wait_until_healthy(0.2)
    rack.power("one", True)
    one.wait_until_healthy(10)


def test_factory_reset_takes_everything_and_gives_the_account_back(one: Unit) -> None:
    one.apply({"console.telnet": "enable", "certificate": "lab:p256"})
    result = one.factory_reset()
    assert result.first_boot
    assert one.state["console.telnet"] == "disable"
    assert one.console.get_setting("console.telnet") == "disable"
    assert one.certificate.state(None) == "self-signed"


def test_what_lab_yaml_does_not_allow_is_not_done(lab: Lab, rack: RunningRack) -> None:
    booted = rack.restarts("old")
    old = connect(lab, rack, "old")
    with pytest.raises(ConfigFault, match="does not allow factory-reset"):
        old.factory_reset()
    with pytest.raises(ConfigFault, match="does not allow power-cycle"):
        old.power_cycle()
    assert rack.restarts("old") == booted


# ---- who is it


def test_identity_over_every_channel(one: Unit) -> None:
    assert len(one.identities()) == 3
    assert one.check_identity().model == "NP6150"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": "NP6450"}, "lab.yaml says model NP6450, the unit says NP6150"),
        ({"firmware": "2.2"}, "lab.yaml says firmware 2.2"),
        ({"mac": "00:90:E8:00:00:00"}, "lab.yaml says MAC 00:90:E8:00:00:00"),
    ],
)
def test_another_unit_than_lab_yaml_describes(lab: Lab, rack: RunningRack, changes: dict[str, str], words: str) -> None:
    booted = rack.restarts("one")
    unit = connect(lab, rack, "one", None, **changes)
    with pytest.raises(ConfigFault, match=words):
        unit.check_identity()
    assert rack.restarts("one") == booted


# ---- logins


def test_a_wrong_password_reaches_the_unit_once_over_all_consoles(one: Unit) -> None:
    wrong = Account("admin", "not it at all")
    one.apply({"console.telnet": "enable", "log.local_config": "enable"})
    before = sum("Login Fail" in line for line in one.console.system_log())
    for attempt in (one.new_console(wrong).login, lambda: one.shell.ssh(wrong), lambda: one.shell.telnet(wrong)):
        with pytest.raises(LoginRefused):
            attempt()
    assert sum("Login Fail" in line for line in one.console.system_log()) == before + 1


def test_the_limit_of_logged_in_users(one: Unit) -> None:
    one.apply({"console.max_login_users": "2"})
    one.console.logout()
    first, second, third = (one.new_console() for _ in range(3))
    first.login()
    second.login()
    with pytest.raises(SessionLimit):
        third.login()
    first.logout()
    third.login()
    second.logout()
    third.logout()
    one.apply({"console.max_login_users": "10"})


def test_the_units_words_for_a_refused_value_over_web_and_text(one: Unit) -> None:
    with pytest.raises(ValueRefused) as web:
        one.console.submit({"console.auto_logout": "1441"})
    with one.shell.ssh() as console, pytest.raises(ValueRefused) as text:
        console.set("console.auto_logout", "1441")
    assert web.value.said == text.value.said != ""


# ---- firmware 1.x


def test_firmware_1_has_the_same_face(lab: Lab, rack: RunningRack) -> None:
    old = connect(lab, rack, "old")
    try:
        assert old.check_identity().version == "1.17"
        assert old.console.session.flavour.name == "1.x"
        text = old.configuration.export()
        text.set("Basic Settings", "Server Location", "cellar")
        old.configuration.import_(text)
        old.restart()
        assert old.apply({"console.telnet": "enable"}).restarted
        assert old.console.get_settings(["basic.server_location", "console.telnet"]) == {
            "basic.server_location": "cellar",
            "console.telnet": "enable",
        }
        with pytest.raises(SessionLimit, match="Already login"):
            old.new_console().login()
    finally:
        old.console.logout()


def test_reading_a_whole_unit_is_quick(four: Unit) -> None:
    begin = time.monotonic()
    state = four.read_state()
    assert len(state) > 150
    assert time.monotonic() - begin < 5


def test_progress_is_told(one: Unit, rack: RunningRack) -> None:
    rack.power("one", False)
    told: list[tuple[float, str]] = []
    with pytest.raises((NeverCameBack, LabFault)):
        one.wait_until_healthy(1.3, lambda seconds, what: told.append((seconds, what)))
    rack.power("one", True)
    one.wait_until_healthy(10)
    assert told
    assert told[0][1] == "waiting for the console"


def test_no_secret_in_what_a_unit_shows_of_itself(one: Unit, lab: Lab) -> None:
    password = lab.units["one"].credentials.password.resolve(Path(lab.state_dir))
    assert password not in repr(vars(one))
