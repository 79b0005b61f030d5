"""Settings survive the way into the exported configuration file and back, and the file is laid out as a real one."""

from collections import defaultdict
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nportlab.guide.configuration_map import (
    SECRET_WORD,
    UndecodableValue,
    extra_configuration,
    from_configuration,
    owned_keys,
    to_configuration,
)
from nportlab.guide.configuration_template import blank
from nportlab.guide.family import models
from nportlab.guide.settings import Setting, settings_table

PRINTABLE = st.characters(min_codepoint=0x20, max_codepoint=0x7E)
ADDRESSES = st.integers(1, 2**32 - 2).map(lambda number: str(IPv4Address(number)))
NETMASKS = st.integers(1, 32).map(lambda bits: str(IPv4Address((0xFFFFFFFF << (32 - bits)) & 0xFFFFFFFF)))

# Sections of a real NP6650-16 export in their order, ports and LAN ports left out.
REAL_SECTIONS = [
    "NPort Configuration File",
    "Overview",
    "Basic Settings",
    "Network Settings",
    "Redundancy Settings",
    "Redundancy Settings @LAN Port",
    "GSM/GPRS Settings",
    "V.92 Modem Settings",
    "Operation Modes @Port",
    "Communication Parameters @Port",
    "Port Buffering/Logging @Port",
    "Modem Settings @Port",
    "Cipher Settings @Port",
    "Welcome Message",
    "Accessible IP List",
    "Password Login Policy",
    "SNMP Agent",
    "DDNS",
    "Host Table",
    "Route Table",
    "User Table",
    "Authentication Server",
    "Event Log Settings",
    "Event Settings",
    "E-Mail Alert",
    "SNMP Trap",
    "SMS Alert",
    "Console Settings",
    "Console Password",
    "Serial Event Settings @Port",
    "System Log Settings",
    "Remote Log Server",
    "Notification Message",
    "Group Settings",
    "User Settings",
    "SSL/TLS Configuration",
]


def acceptable(setting: Setting) -> st.SearchStrategy[str]:
    """Values the setting takes, without those the file writes for "empty" or "unchanged"."""
    if setting.kind == "choice":
        return st.sampled_from(sorted(setting.choices))
    if setting.kind == "integer":
        return st.integers(setting.minimum, setting.maximum).map(str)
    if setting.kind == "address":
        some = NETMASKS if setting.form.startswith("netmask") else ADDRESSES
    elif setting.pattern is not None:
        some = st.from_regex(setting.pattern, fullmatch=True)
    else:
        some = st.text(PRINTABLE, min_size=setting.min_length or 1, max_size=setting.max_length or 40)
        some = some.filter(lambda value: value != SECRET_WORD)
    return some | st.just("") if setting.may_be_empty else some


@st.composite
def changes(draw: st.DrawFn) -> tuple[str, dict[str, str]]:
    """A model and new values for some of its settings."""
    model = draw(st.sampled_from(["NP6150", "NP6450"]))
    stored = [(key, row) for key, row in settings_table().for_model(model) if row.configuration is not None]
    chosen = draw(st.lists(st.sampled_from(stored), max_size=8, unique_by=lambda item: item[0]))
    return model, {key: draw(acceptable(row)) for key, row in chosen}


@given(changes())
def test_settings_survive_the_round_trip(change: tuple[str, dict[str, str]]) -> None:
    model, values = change
    state = settings_table().factory(model) | values
    assert settings_table().check(values) == []
    stored = {key: value for key, value in state.items() if settings_table()[key].configuration is not None}
    assert from_configuration(to_configuration(state, model, plain_secrets=True), model) == stored


def test_the_sections_stand_in_the_order_of_a_real_export() -> None:
    kinds = [name.split(" #")[0] for name, _ in blank("NP6650-16")]
    assert list(dict.fromkeys(kinds)) == REAL_SECTIONS
    assert kinds == sorted(kinds, key=REAL_SECTIONS.index)
    assert kinds.count("Operation Modes @Port") == 16
    assert kinds.count("Redundancy Settings @LAN Port") == 3


def test_tables_have_their_rows_key_by_key() -> None:
    sections = dict(blank("NP6650-16"))
    assert [key for key, _ in sections["Host Table"]][15:18] == ["Host Name #16", "Host IP #1", "Host IP #2"]
    assert (len(sections["Route Table"]), len(sections["User Table"]), len(sections["User Settings"])) == (160, 192, 64)


def test_numbers_that_depend_on_the_port_are_those_of_a_real_export() -> None:
    port = dict(dict(blank("NP6650-16"))["Operation Modes @Port #4"])
    assert port["TCP Server Command Port"] == "969"
    assert [port[f"TCP Client Local Port #{k}"] for k in (1, 8)] == ["5040", "5047"]
    assert (port["TCP Client Dest. Port #8"], port["Reverse Terminal Port"]) == ("4004", "4004")
    assert (port["Reverse RealCOM Local Tcp Port #2"], port["Reverse RealCOM Local Cmd Port #1"]) == ("7041", "8040")
    assert len(port) == 116


@pytest.mark.parametrize("model", models())
def test_every_place_of_a_setting_is_in_the_template(model: str) -> None:
    there = {(section, key) for section, keys in blank(model) for key, _ in keys}
    assert owned_keys(model) - there == set()


def test_settings_that_share_a_key_own_different_parts_of_it() -> None:
    masks: dict[tuple[str, str], int] = defaultdict(int)
    others: set[tuple[str, str, int]] = set()
    for setting in settings_table():
        place = setting.configuration
        if place is None:
            continue
        where = (place.section, place.key)
        if place.encoding == "mask":
            assert masks[where] & place.mask == 0, setting.id
            masks[where] |= place.mask
            assert all(int(code) & ~place.mask == 0 for code in place.codes.values()), setting.id
        else:
            assert (*where, place.position) not in others, setting.id
            others.add((*where, place.position))
    assert {(section, key) for section, key, _ in others} & set(masks) == set()


def test_codes_are_used_once_in_a_setting() -> None:
    for setting in settings_table():
        if setting.configuration and setting.configuration.codes:
            codes = list(setting.configuration.codes.values())
            # Two modes can share an application, never a mode.
            assert len(codes) == len(set(codes)), setting.id


def test_pairs_of_application_and_mode_read_off_a_real_export() -> None:
    sections = [
        ("Operation Modes @Port #1", [("Application", "11"), ("Mode", "10")]),
        ("Operation Modes @Port #4", [("Application", "4"), ("Mode", "20")]),
        ("Communication Parameters @Port #2", [("Baud Rate", "16"), ("Mode", "3"), ("Interface", "2")]),
    ]
    read = from_configuration(sections, "NP6450")
    assert read == {
        "port.1.operation_mode": "tcp_server",
        "port.4.operation_mode": "rfc2217",
        "port.2.baud_rate": "115200",
        "port.2.data_bits": "8",
        "port.2.stop_bits": "1",
        "port.2.parity": "none",
        "port.2.interface": "rs-485-2w",
    }


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("SNMP Agent", "SNMP Mode", "2"),
        ("Console Settings", "Console Settings", "-1"),
        ("Console Settings", "Console Settings", "x"),
        ("Basic Settings", "Daylight Saving Time", "0,0"),
        ("Operation Modes @Port #1", "Mode", "99"),
    ],
)
def test_a_value_nobody_knows_is_named(section: str, key: str, value: str) -> None:
    with pytest.raises(UndecodableValue, match=key):
        from_configuration([(section, [(key, value)])], "NP6150")


def test_an_application_that_contradicts_the_mode_is_named() -> None:
    with pytest.raises(UndecodableValue, match="Application"):
        from_configuration([("Operation Modes @Port #1", [("Application", "11"), ("Mode", "2")])], "NP6150")


def test_secrets_are_exported_as_one_word_and_then_left_alone() -> None:
    state = settings_table().factory("NP6150") | {"radius.key": "hush", "snmp.read_community": "hush-hush"}
    exported = to_configuration(state, "NP6150")
    assert not any("hush" in value for _, keys in exported for _, value in keys)
    assert dict(dict(exported)["Authentication Server"])["RADIUS Key"] == SECRET_WORD
    read = from_configuration(exported, "NP6150")
    assert "radius.key" not in read and "snmp.read_community" not in read
    assert read["tacacs.secret"] == ""


def test_keys_behind_no_setting_are_carried_along() -> None:
    extra = {("User Settings", "User Account #1"): "lab", ("Future Section", "Some Key"): "7"}
    exported = to_configuration({}, "NP6150", identity={"serial": "3938"}, extra=extra)
    assert exported[-1] == ("Future Section", [("Some Key", "7")])
    assert dict(dict(exported)["Overview"])["Serial No."] == "3938"
    found = extra_configuration(exported, "NP6150")
    assert found.items() >= extra.items()
    assert not any(section == "Overview" or section == "Console Settings" for section, _ in found)
    assert to_configuration({}, "NP6150", identity={"serial": "3938"}, extra=found) == exported
