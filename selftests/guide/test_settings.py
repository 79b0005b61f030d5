"""The settings table says what the guide prints, and is consistent in itself."""

import re
from collections import Counter

import pytest

from nportlab.guide.controls import controls
from nportlab.guide.family import models
from nportlab.guide.pages import page_at, pages
from nportlab.guide.settings import concrete_id, settings_table, table_id

# Labels of chapters 3.1 and 3.2 exactly as the guide prints them, by page.
PRINTED = {
    "Administration > Console Settings": [
        "HTTP console",
        "HTTPS console (support TLS v1.2)",
        "TLS v1.0/v1.1 for HTTPS console",
        "Reject an unrecognized host header",
        "Telnet console",
        "SSH console",
        "Moxa Service",
        "Sensitive Data Encryption",
        "Maximum Login Users For HTTP+HTTPS",
        "Auto Logout Setting (min)",
        "Console authentication type",
        "Try next type on authentication denied",
        "Reset button",
    ],
    "Administration > Authentication Server": [
        "RADIUS server",
        "RADIUS key",
        "UDP port",
        "Authentication type",
        "RADIUS accounting",
        "TACACS+ server",
        "TACACS+ secret",
        "TACACS+ accounting",
    ],
    "System Configuration > Basic Settings": [
        "Server name",
        "Server location",
        "Time zone",
        "Local time (24-hour)",
        "Time server",
        *(f"{edge} Date {part}" for edge in ("Start", "End") for part in ("Month", "Week", "Day", "Hour")),
        "Offset",
    ],
    "Remote Log Server": ["SYSLOG server", "SYSLOG facility", "SYSLOG severity"],
    "System Configuration > Secure Connection Settings > Ethernet SSL/TLS Certificate": ["High secure mode"],
}
MIB_ROOT = "1.3.6.1.4.1.8691.2.8.1."


@pytest.mark.parametrize("path", PRINTED)
def test_a_page_holds_the_labels_the_guide_prints_in_their_order(path: str) -> None:
    assert [setting.label for setting in settings_table().page(path)] == PRINTED[path]


def test_the_snmp_page_has_a_switch_communities_versions_and_two_users() -> None:
    on_page = {setting.id for setting in settings_table().page("Administration > SNMP Agent")}
    expected = {"agent", "read_community", "write_community", "v1", "v2", "v3"}
    expected |= {f"{user}_{part}" for user in ("ro", "rw") for part in ("auth", "auth_key", "privacy", "privacy_key")}
    assert {f"snmp.{name}" for name in expected} <= on_page


@pytest.mark.parametrize("model", models())
def test_factory_and_suggested_values_are_acceptable(model: str) -> None:
    table = settings_table()
    assert table.check(table.factory(model, serial_number=3938)) == []
    assert table.check(table.suggested(model)) == []


@pytest.mark.parametrize("model", ["NP6150", "NP6650-16"])
def test_labels_are_unique_on_their_page(model: str) -> None:
    counts = Counter((setting.page[0], setting.label) for _, setting in settings_table().for_model(model))
    assert [place for place, count in counts.items() if count > 1] == []


def test_ranges_are_in_order() -> None:
    for setting in settings_table():
        if setting.kind == "integer":
            assert setting.minimum is not None and setting.maximum is not None and setting.minimum < setting.maximum
        if setting.min_length is not None and setting.max_length is not None:
            assert setting.min_length <= setting.max_length, setting.id


def test_every_setting_has_its_place_in_the_configuration_file() -> None:
    without = {setting.id for setting in settings_table() if setting.configuration is None}
    assert without == {setting.id for setting in settings_table() if setting.volatile} == {"basic.local_time"}


def test_object_identifiers_are_in_the_vendors_subtree_and_used_once() -> None:
    known = [setting.snmp for setting in settings_table() if setting.snmp]
    assert all(re.fullmatch(re.escape(MIB_ROOT) + r"\d+(\.\d+)*", oid) for oid in known)
    assert [oid for oid, count in Counter(known).items() if count > 1] == []


def test_every_menu_path_belongs_to_a_page_of_settings() -> None:
    paths = {path for page in pages().values() if page.settings for path in page.paths}
    assert {path for setting in settings_table() for path in setting.page} == paths


def test_controls_named_by_settings_exist() -> None:
    named = {name for setting in settings_table() for name in setting.controls}
    assert named - set(controls()) == set()


def test_port_settings_become_concrete() -> None:
    setting = settings_table()["port.3.tcp_port"]
    assert (setting.id, setting.port, setting.factory) == ("port.3.tcp_port", 3, "4003")
    assert setting.page == ("Serial Port Settings > Port 3 > Operation Modes",)
    assert setting.configuration is not None and setting.configuration.section == "Operation Modes @Port #3"
    assert setting.table_id == table_id("port.3.tcp_port") == "port.tcp_port"
    assert concrete_id("port.alias", 16) == "port.16.alias"
    assert setting in settings_table().page("serial port settings > Port 3 > operation modes")


def test_a_unit_has_port_settings_for_its_own_ports_only() -> None:
    ids = [key for key, _ in settings_table().for_model("NP6450")]
    assert "port.4.operation_mode" in ids
    assert "port.5.operation_mode" not in ids
    assert len(ids) == len(set(ids))


def test_the_server_name_carries_model_and_serial_number() -> None:
    assert settings_table().factory("NP6150", serial_number=3938)["basic.server_name"] == "NP6150_3938"


def test_an_unknown_id_names_its_neighbours() -> None:
    with pytest.raises(KeyError, match=r"console\.telnet"):
        settings_table()["console.telnett"]
    assert settings_table().nearest("port.2.operationmode")[0] == "port.2.operation_mode"
    assert "console.telnett" not in settings_table()


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("console.max_login_users", ["1", "10"], ["0", "11", "-1", "", "many", "01", " 5", "5 ", "１"]),
        ("console.auto_logout", ["1", "1440"], ["0", "1441", "1.5"]),
        ("console.http", ["redirect", "disable"], ["enable", "", "Disable"]),
        ("snmp.read_community", ["x", "x" * 31], ["", "x" * 32, "a\nb", "ä"]),
        ("snmp.ro_auth_key", ["", "x" * 8, "x" * 31], ["x" * 7, "x" * 32]),
        ("radius.key", ["", "x" * 64], ["x" * 65]),
        ("tacacs.secret", ["", "x" * 16], ["x" * 17]),
        (
            "radius.server",
            ["", "10.0.0.1", "radius.lab.example", "2001:db8::1"],
            ["10.0.0.256", "10.0.0", "a b", "-x", "a..b"],
        ),
        ("network.ipv4_address", ["192.168.127.254"], ["", "192.168.127", "host", "::1"]),
        ("network.netmask", ["255.255.240.0", "255.255.255.255"], ["255.0.255.0", "24", ""]),
        ("acl.16.netmask", ["", "255.255.255.128", "64", "128"], ["129", "255.0.255.0", "-1"]),
        ("port.1.baud_rate", ["50", "921600", "250000"], ["49", "921601"]),
        ("message.login", ["", "<b>" + "x" * 237], ["x" * 241]),
        ("basic.local_time", ["2024/11/21 14:24:58"], ["2024/13/21 14:24:58", "2024/11/21", "2024/11/21 24:00:00"]),
        ("policy.lifetime", ["0", "1", "180"], ["181", "-1"]),
    ],
)
def test_values_are_checked(name: str, good: list[str], bad: list[str]) -> None:
    setting = settings_table()[name]
    for value in good:
        setting.check(value)
    for value in bad:
        with pytest.raises(ValueError, match=re.escape(setting.label)):
            setting.check(value)


def test_a_refusal_of_a_secret_does_not_repeat_it() -> None:
    with pytest.raises(ValueError) as refusal:
        settings_table()["tacacs.secret"].check("much-too-long-to-be-a-secret")
    assert "much-too-long" not in str(refusal.value)


def test_a_state_is_checked_as_a_whole() -> None:
    problems = settings_table().check({"console.telnet": "on", "console.tellnet": "enable", "console.ssh": "enable"})
    assert len(problems) == 2


def test_a_page_is_found_under_any_of_its_paths() -> None:
    page = page_at("System Management > Account Management > Password & Login Policy")
    assert page is not None and page.path == "Administration > Account Management > Password & Login Policy"
    port_page = page_at("Serial Port Settings > Port 12 > Operation Modes")
    assert port_page is not None and port_page.url == "/OpMode12.htm"
    assert page_at("Administration > Coffee") is None
