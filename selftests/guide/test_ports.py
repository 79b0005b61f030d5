"""Modes, services and models: which ports a unit must have open in a given state."""

import pytest

from nportlab.guide.controls import controls
from nportlab.guide.family import model, models
from nportlab.guide.modes import command_port, data_port, listening, modes, raw_printer_port
from nportlab.guide.pages import pages
from nportlab.guide.services import expected_ports, known_ports, services
from nportlab.guide.settings import settings_table

OFF = {
    "console.moxa_service": "disable",
    "console.ssh": "disable",
    "console.https": "enable",
    "console.http": "disable",
    "console.telnet": "disable",
    "snmp.agent": "disable",
    "network.routing_protocol": "none",
}


def test_real_com_ports_are_those_of_the_driver() -> None:
    assert [(data_port(n), command_port(n)) for n in (1, 16, 17, 32)] == [
        (950, 966),
        (965, 981),
        (982, 998),
        (997, 1013),
    ]
    numbers = [port for n in range(1, 33) for port in (data_port(n), command_port(n))]
    assert len(set(numbers)) == 64


def test_a_factory_unit_opens_what_the_first_table_says() -> None:
    state = settings_table().factory("NP6450")
    expected = expected_ports(state, "NP6450")
    assert expected.tcp == {14900, 4900, 443, 22, 950, 951, 952, 953, 966, 967, 968, 969}
    assert expected.udp == {4800}
    assert expected.optional_udp == {53, 137, 949}
    assert expected.users["tcp", 951] == ("port 2 data",)


def test_a_hardened_unit_opens_https_only() -> None:
    expected = expected_ports({**OFF, "port.1.operation_mode": "disable"}, "NP6150")
    assert (expected.tcp, expected.udp) == ({443}, set())


@pytest.mark.parametrize(
    ("mode", "tcp", "udp"),
    [
        ("real_com", {951, 967}, set()),
        ("rfc2217", {4002}, set()),
        ("tcp_server", {4002, 967}, set()),
        ("tcp_client", set(), set()),
        ("udp", set(), {4002}),
        ("pair_master", set(), set()),
        ("pair_slave", {4002}, set()),
        ("ethernet_modem", {4002}, set()),
        ("reverse_telnet", {4002}, set()),
        ("reverse_ssh", {4002}, set()),
        ("printer_raw", {2048}, set()),
        ("printer_lpd", {515}, set()),
        ("disable", set(), set()),
    ],
)
def test_a_mode_listens_where_the_second_table_says(mode: str, tcp: set[int], udp: set[int]) -> None:
    state = settings_table().factory("NP6450") | {"port.2.operation_mode": mode}
    heard = listening(2, state)
    assert (set(heard.tcp), set(heard.udp)) == (tcp, udp)
    assert expected_ports(state, "NP6450").tcp >= tcp


def test_user_defined_ports_are_followed() -> None:
    state = {"port.1.operation_mode": "tcp_server", "port.1.tcp_port": "7001", "port.1.command_port": "7101"}
    assert set(listening(1, state).tcp) == {7001, 7101}
    assert set(listening(1, {"port.1.operation_mode": "printer_raw", "port.1.raw_group": "32"}).tcp) == {2079}
    assert raw_printer_port(1) == 2048


def test_client_services_need_a_server() -> None:
    on = services()["sntp"]
    assert not on.is_on({"basic.time_server": ""})
    assert on.is_on({"basic.time_server": "10.0.0.1"})
    assert expected_ports({**OFF, "basic.time_server": "10.0.0.1"}, "NP6150").optional_udp >= {123}


@pytest.mark.parametrize("name", models())
def test_whatever_is_expected_from_the_factory_is_a_known_port(name: str) -> None:
    assert expected_ports(settings_table().factory(name), name).tcp <= known_ports(name)


def test_modes_are_the_choices_of_the_setting_with_the_same_codes() -> None:
    setting = settings_table()["port.operation_mode"]
    assert setting.choices == {mode.id: mode.choice for mode in modes().values()} | setting.choices
    assert set(setting.choices) == set(modes())
    place = setting.configuration
    assert place is not None and place.companion is not None
    for mode in modes().values():
        assert (place.companion.codes[mode.id], place.codes[mode.id]) == (str(mode.application), str(mode.mode))


def test_fields_of_a_mode_name_existing_modes() -> None:
    assert {name for setting in settings_table() for name in setting.modes} <= set(modes())
    secure = {mode.id for mode in modes().values() if mode.secure}
    assert set(settings_table()["port.secure"].modes) == secure


def test_services_name_existing_settings_values_and_controls() -> None:
    for service in services().values():
        assert set(service.controls) <= set(controls())
        if service.setting is None:
            continue
        setting = settings_table()[service.setting]
        assert set(service.running_when) <= set(setting.choices), service.id
        assert service.is_on({service.setting: setting.factory}) == (service.factory == "enable"), service.id


def test_models_are_those_of_the_series() -> None:
    assert model("NP6650-16").serial_ports == 16
    assert model("NP6250").hw_id == 0x6250
    with pytest.raises(KeyError, match="NP6650-16"):
        model("NP6651-16")


def test_pages_have_their_own_addresses() -> None:
    urls = [page.url for page in pages().values()]
    assert len(urls) == len(set(urls))
