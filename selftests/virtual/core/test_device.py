from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from nportlab.guide.settings import settings_table
from nportlab.virtual.unit.device import Device, Surroundings, ValueRefused
from selftests.virtual.core.bench import boot_device


def test_a_submitted_value_is_in_force_after_the_restart_only(device: Device, flash_directory: Path) -> None:
    device.submit({"console.telnet": "enable"}, "test")
    assert device.saved["console.telnet"] == "enable"
    assert device.running["console.telnet"] == "disable"
    assert boot_device(flash_directory, reason="warm").running["console.telnet"] == "enable"


def test_settings_that_need_no_restart_are_in_force_at_once(device: Device) -> None:
    immediate = [row for row in settings_table() if row.active == "immediate" and row.id in device.factory]
    for row in immediate:
        value = next((choice for choice in row.choices if choice != device.running[row.id]), None)
        if value is not None:
            device.submit({row.id: value}, "test")
            assert device.running[row.id] == value


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("console.max_login_users", "11", "1 to 10"),
        ("console.http", "enable", "choose one"),
        ("network.netmask", "255.0.255.0", "netmask"),
        ("port.5.alias", "x", "no such setting"),
    ],
)
def test_a_bad_value_is_refused_with_words_and_nothing_is_saved(
    device: Device, setting: str, value: str, words: str
) -> None:
    with pytest.raises(ValueRefused, match=words) as refused:
        device.submit({"console.telnet": "enable", setting: value}, "test")
    assert refused.value.setting == setting
    assert device.saved["console.telnet"] == "disable"


def test_an_unchanged_submit_leaves_no_trace(device: Device) -> None:
    before = device.log.lines()
    device.submit({"console.telnet": "disable"}, "test")
    assert device.log.lines() == before


def test_changes_are_logged(device: Device) -> None:
    device.submit({"network.gateway": "192.168.127.1"}, "test")
    assert [line.split("] ")[1] for line in device.log.lines()[-2:]] == ["Config Changed", "IP Changed"]


def test_an_import_keeps_foreign_keys(device: Device, flash_directory: Path) -> None:
    device.import_configuration({"console.telnet": "enable"}, {"DDNS": {"Enable": "1"}}, "test")
    again = boot_device(flash_directory, reason="warm")
    assert again.extra == {"DDNS": {"Enable": "1"}}
    assert again.running.on("console.telnet")
    assert device.log.lines()[-1].endswith("[Config] Config Import")


def test_the_local_time_is_set_at_once_and_kept(device: Device, flash_directory: Path) -> None:
    device.submit({"basic.local_time": "2031/05/06 07:08:09"}, "test")
    for booted in (device, boot_device(flash_directory)):
        assert abs(booted.clock.now() - datetime(2031, 5, 6, 7, 8, 9)) < timedelta(seconds=5)
    assert device.current("basic.local_time").startswith("2031/05/06 07:08")


def test_the_time_zone_shifts_local_time(device: Device, flash_directory: Path) -> None:
    device.submit({"basic.time_zone": "41"}, "test")
    clock = boot_device(flash_directory).clock
    assert abs(clock.now() - clock.utc() - timedelta(hours=5, minutes=30)) < timedelta(seconds=1)


def test_unit_minutes_follow_the_rack(device: Device) -> None:
    assert device.clock.minutes(5) == 5.0
    assert device.clock.seconds(30) == 0.5


@pytest.mark.parametrize(
    ("host", "known"),
    [("{address}", True), ("{address}:10443", True), ("np6450_417", True), ("evil.example", False), ("", False)],
)
def test_own_names_are_known(device: Device, host: str, known: bool) -> None:
    assert device.knows_host(host.format(address=device.address)) is known


def test_names_given_by_the_rack_are_known(device: Device) -> None:
    device.surroundings.host_names = ("desk.example",)
    assert device.knows_host("desk.example:443")


def test_planted_defects_are_seen_at_once(device: Device) -> None:
    device.surroundings = Surroundings(device.surroundings.addressing, defects=frozenset({"max-login-users-unchecked"}))
    device.submit({"console.max_login_users": "many"}, "test")
    assert device.saved["console.max_login_users"] == "many"


def test_a_missing_choice_is_not_taken(flash_directory: Path) -> None:
    device = boot_device(flash_directory, defects=("encryption-lacks-aes128",))
    with pytest.raises(ValueRefused, match="not offered"):
        device.submit({"console.sensitive_data_encryption": "aes128"}, "test")
