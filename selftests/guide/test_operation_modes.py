"""The parameters of the operation modes: every one the suites use is there, in its place on all consoles."""

import re
from collections import defaultdict

import pytest
from pydantic import ValidationError

from nportlab.guide.configuration_map import UndecodableValue, from_configuration, to_configuration
from nportlab.guide.modes import modes
from nportlab.guide.settings import Setting, settings_of, settings_table

OPERATION_MODES = "Serial Port Settings > Port # > Operation Modes"

PACKING = {"packet_length", "delimiter_1", "delimiter_1_enable", "delimiter_2", "delimiter_2_enable"}
PACKING |= {"delimiter_process", "force_transmit"}
SHARED = {"max_connection", "ignore_jammed_ip", "command_by_command", "response_timeout", "non_requested_data"}
SERVED = SHARED | {"secure", "allow_driver_control", "connection_down_rts", "connection_down_dtr"}
REVERSE = {
    "tcp_alive_check",
    "reverse_terminal_port",
    "reverse_inactivity_time",
    "reverse_authentication",
    "key_mapping",
}
DESTINATIONS = {f"destination_{part}{k}" for part in ("address", "port") for k in ("", "_2", "_3", "_4")}
RANGES = {f"udp_{part}_{k}" for part in ("begin", "end", "port") for k in range(1, 5)}

PARAMETERS = {
    "real_com": {"tcp_alive_check"} | SERVED | PACKING,
    "rfc2217": {"tcp_alive_check", "max_connection", "tcp_port"} | PACKING,
    "tcp_server": {"tcp_alive_check", "inactivity_time", "tcp_port", "command_port"} | SERVED | PACKING,
    "tcp_client": {"tcp_alive_check", "inactivity_time", "secure", "connection_control"}
    | {f"local_port_{k}" for k in range(1, 5)}
    | DESTINATIONS
    | SHARED
    | PACKING,
    "udp": {"udp_local_port", "udp_dynamic_destination", "udp_dynamic_timeout"} | RANGES | PACKING,
    "pair_master": {"tcp_alive_check", "secure", "destination_address", "destination_port"},
    "pair_slave": {"tcp_alive_check", "secure", "tcp_port"},
    "ethernet_modem": {"tcp_alive_check", "tcp_port"},
    "reverse_telnet": REVERSE,
    "reverse_ssh": REVERSE,
    "printer_raw": {"tcp_alive_check", "raw_group", "append_form_feed"},
    "printer_lpd": {"tcp_alive_check", "queue_name_raw", "queue_name_ascii", "append_form_feed"},
    "disable": set(),
}

MIB = {
    "inactivity_time": ("socketInactivityTime", "1.2.2.1.1.2"),
    "reverse_inactivity_time": ("reverseTerminalInactivityTime", "1.2.6.1.1.2"),
    "ignore_jammed_ip": ("deviceControlIgnoreJammedIp", "1.2.1.1.1.3"),
    "allow_driver_control": ("deviceControlAllowDriverControl", "1.2.1.1.1.4"),
    "command_by_command": ("deviceControlCommandByCommandOperation", "1.2.1.1.1.5"),
    "connection_down_rts": ("deviceControlConnectionDownRTS", "1.2.1.1.1.7"),
    "connection_down_dtr": ("deviceControlConnectionDownDTR", "1.2.1.1.1.8"),
    "response_timeout": ("deviceControlResponseTimeout", "1.2.1.1.1.9"),
    "non_requested_data": ("deviceControlNonRequestSerialData", "1.2.1.1.1.10"),
    "packet_length": ("portPacketLength", "1.3.1.1.1"),
    "delimiter_1_enable": ("portDelimiter1Enable", "1.3.1.1.2"),
    "delimiter_1": ("portDelimiter1", "1.3.1.1.3"),
    "delimiter_2_enable": ("portDelimiter2Enable", "1.3.1.1.4"),
    "delimiter_2": ("portDelimiter2", "1.3.1.1.5"),
    "delimiter_process": ("portDelimiterProcess", "1.3.1.1.6"),
    "force_transmit": ("portForceTransmit", "1.3.1.1.7"),
    "destination_address_2": ("socketTcpClientDestinationAddress2", "1.2.2.1.1.16"),
    "destination_port_2": ("socketTcpClientDestinationPort2", "1.2.2.1.1.17"),
    "destination_address_4": ("socketTcpClientDestinationAddress4", "1.2.2.1.1.20"),
    "destination_port_4": ("socketTcpClientDestinationPort4", "1.2.2.1.1.21"),
    "local_port_1": ("socketTcpClientDesignatedLocalPort1", "1.2.2.1.1.22"),
    "local_port_4": ("socketTcpClientDesignatedLocalPort4", "1.2.2.1.1.25"),
    "connection_control": ("socketTcpClientConnectionControl", "1.2.2.1.1.26"),
    "udp_begin_1": ("socketUdpDestinationAddress1Begin", "1.2.2.1.1.27"),
    "udp_end_1": ("socketUdpDestinationAddress1End", "1.2.2.1.1.28"),
    "udp_port_1": ("socketUdpDestinationPort1", "1.2.2.1.1.29"),
    "udp_begin_4": ("socketUdpDestinationAddress4Begin", "1.2.2.1.1.36"),
    "udp_end_4": ("socketUdpDestinationAddress4End", "1.2.2.1.1.37"),
    "udp_port_4": ("socketUdpDestinationPort4", "1.2.2.1.1.38"),
    "udp_dynamic_destination": ("socketUDPDynamicDst", "1.2.2.1.1.40"),
    "udp_dynamic_timeout": ("socketUDPDynamicDstTimeout", "1.2.2.1.1.41"),
    "reverse_authentication": ("reverseTerminalAuthenticationType", "1.2.6.1.1.4"),
    "key_mapping": ("reverseTerminalMapKeys", "1.2.6.1.1.6"),
    "queue_name_raw": ("printerQueueNameRaw", "1.2.7.1.1.4"),
    "queue_name_ascii": ("printerQueueNameASCII", "1.2.7.1.1.5"),
    "append_form_feed": ("printerAppendFormFeed", "1.2.7.1.1.6"),
    "rts_on_delay": ("portOnDelay", "2.1.1.10"),
    "rts_off_delay": ("portOffDelay", "2.1.1.11"),
    "buffering": ("portBufferingEnable", "3.1.1.1"),
}
"""Object and place below portSetting of MOXA-NP6000-MIB 1.16, copied from its listing by hand."""

BY_MODE = {
    ("secure", "tcp_server"): "1.2.2.1.1.7",
    ("secure", "pair_slave"): "1.2.3.1.1.2",
    ("tcp_port", "rfc2217"): "1.2.1.1.1.11",
    ("tcp_port", "tcp_server"): "1.2.2.1.1.8",
    ("tcp_port", "pair_slave"): "1.2.3.1.1.5",
    ("tcp_port", "ethernet_modem"): "1.2.4.1.1.2",
    ("tcp_alive_check", "real_com"): "1.2.1.1.1.1",
    ("tcp_alive_check", "tcp_client"): "1.2.2.1.1.1",
    ("tcp_alive_check", "pair_master"): "1.2.3.1.1.1",
    ("tcp_alive_check", "ethernet_modem"): "1.2.4.1.1.1",
    ("tcp_alive_check", "reverse_ssh"): "1.2.6.1.1.1",
    ("tcp_alive_check", "printer_lpd"): "1.2.7.1.1.1",
    ("max_connection", "tcp_server"): "1.2.2.1.1.3",
    ("ignore_jammed_ip", "tcp_server"): "1.2.2.1.1.4",
    ("allow_driver_control", "tcp_server"): "1.2.2.1.1.5",
    ("command_by_command", "tcp_client"): "1.2.2.1.1.6",
    ("connection_down_rts", "tcp_server"): "1.2.2.1.1.10",
    ("connection_down_dtr", "tcp_server"): "1.2.2.1.1.11",
    ("response_timeout", "tcp_server"): "1.2.2.1.1.12",
    ("non_requested_data", "tcp_server"): "1.2.2.1.1.13",
    ("destination_address", "pair_master"): "1.2.3.1.1.3",
    ("destination_port", "pair_master"): "1.2.3.1.1.4",
}
PORT_SETTING = "1.3.6.1.4.1.8691.2.8.1.4"


def test_every_mode_has_its_parameters() -> None:
    assert set(PARAMETERS) == set(modes())
    found = {mode: {row.id.removeprefix("port.") for row in settings_of(mode)} for mode in modes()}
    assert found == PARAMETERS


def test_an_unknown_mode_is_named_with_those_there_are() -> None:
    with pytest.raises(KeyError, match=r"'telnet'.*reverse_telnet"):
        settings_of("telnet")


@pytest.mark.parametrize("name", MIB)
def test_a_parameter_is_where_the_mib_has_it(name: str) -> None:
    row = settings_table()[f"port.{name}"]
    thing, place = MIB[name]
    assert row.snmp == f"{PORT_SETTING}.{place}"
    assert re.search(rf"\b{thing}\b", row.source)


def test_a_parameter_is_in_the_column_of_the_mode() -> None:
    found = {key: settings_table()[f"port.{key[0]}"].snmp_in(key[1]) for key in BY_MODE}
    assert found == {key: f"{PORT_SETTING}.{place}" for key, place in BY_MODE.items()}


def test_no_column_of_the_mib_holds_two_settings() -> None:
    owners: dict[str, set[str]] = defaultdict(set)
    for row in settings_table():
        for column in (row.snmp, *row.snmp_by_mode.values()):
            if column:
                owners[column].add(row.id)
    assert {column: ids for column, ids in owners.items() if len(ids) > 1} == {}


def test_a_column_of_a_mode_the_setting_does_not_belong_to_is_a_mistake() -> None:
    row = settings_table()["port.max_connection"].model_dump()
    with pytest.raises(ValidationError, match=r"port\.max_connection: snmp_by_mode"):
        Setting.model_validate(row | {"snmp_by_mode": {"udp": "1.3"}})


def test_a_field_is_told_from_every_other_a_unit_shows_with_it() -> None:
    """Also where a unit prints the unit of a value beside the field instead of in the label."""
    on_page = settings_table().page(OPERATION_MODES)
    for mode in modes():
        shown = [row for row in on_page if not row.modes or mode in row.modes]
        labels = [re.sub(r" \((ms|min)\)$", "", row.label.casefold()) for row in shown]
        assert len(labels) == len(set(labels)), mode


def test_every_value_of_a_parameter_comes_back_from_the_configuration_file() -> None:
    table = settings_table()
    for mode in modes():
        for row in settings_of(mode):
            for value in (*row.choices, *_borders(row)):
                state = table.factory("NP6150") | {f"port.1.{row.id.removeprefix('port.')}": value}
                assert table.check(state) == []
                found = from_configuration(to_configuration(state, "NP6150"), "NP6150")
                assert found.items() >= {key: state[key] for key in found}.items(), (row.id, value)


def _borders(row: Setting) -> list[str]:
    if row.kind == "integer":
        return [str(row.minimum), str(row.maximum)]
    return ["00", "0d", "ff"] if row.pattern else []


@pytest.mark.parametrize("text", ["256", "-1", "0d", "", "9" * 5000])
def test_a_delimiter_that_is_no_character_is_named(text: str) -> None:
    with pytest.raises(UndecodableValue, match="Delimiter Character 2"):
        from_configuration([("Operation Modes @Port #1", [("Delimiter Character 2", text)])], "NP6150")


def test_keys_of_a_real_export_read_as_factory_values() -> None:
    keys = {"Packing Mode": "1", "Packing Flag": "0", "Delimiter Character 1": "0", "TCP Client Mode": "257"}
    keys |= {"UDP Dest. IP Range Begin #4": "0.0.0.0", "TCP Client Local Port #4": "5013", "Key Mapping": "0"}
    found = from_configuration([("Operation Modes @Port #1", list(keys.items()))], "NP6150")
    factory = settings_table().factory("NP6150")
    assert len(found) == 8
    assert found == {key: factory[key] for key in found}


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("inactivity_time", ["0", "65535"], ["65536", "-1", ""]),
        ("reverse_inactivity_time", ["0", "99"], ["100"]),
        ("packet_length", ["0", "1", "1024"], ["1025"]),
        ("delimiter_1", ["00", "0d", "ff"], ["0D", "d", "0dd", "", "0x"]),
        ("queue_name_raw", ["", "x" * 16], ["x" * 17]),
        ("udp_begin_3", ["", "10.0.0.255", "2001:db8::1"], ["10.0.0.256", "lab"]),
        ("destination_address_4", ["", "lab.example", "10.0.0.1"], ["10.0.0"]),
        ("connection_control", ["dcd-on-none"], ["always"]),
    ],
)
def test_values_of_parameters_are_checked(name: str, good: list[str], bad: list[str]) -> None:
    setting = settings_table()[f"port.2.{name}"]
    for value in good:
        setting.check(value)
    for value in bad:
        with pytest.raises(ValueError, match=re.escape(setting.label)):
            setting.check(value)


def test_local_ports_of_a_client_are_those_of_a_real_export() -> None:
    table = settings_table()
    found = [table[f"port.{n}.local_port_{k}"].factory for n in (1, 16) for k in (1, 4)]
    assert found == ["5010", "5013", "5160", "5163"]


def test_a_setting_of_one_mode_is_not_a_setting_of_all() -> None:
    everywhere = {row.id for row in settings_table() if row.scope == "port" and not row.modes}
    assert everywhere >= {"port.operation_mode", "port.buffering", "port.rts_on_delay"}
    assert not everywhere & {row.id for mode in modes() for row in settings_of(mode)}
