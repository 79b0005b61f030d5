"""What a boot makes of a flash: seeding, factory reset, power cycle."""

from __future__ import annotations

from pathlib import Path

import pytest

from nportlab.virtual.unit.boot import Seed, prepare_flash
from nportlab.virtual.unit.flash import Flash
from selftests.virtual.core.bench import ACCOUNT, boot_device, identity


def test_a_provisioned_unit_has_its_place_and_account(flash_directory: Path) -> None:
    device = boot_device(flash_directory)
    assert device.running["network.ipv4_address"] == "192.168.127.11"
    assert device.accounts.verify(*ACCOUNT)
    assert not device.accounts.verify("admin", "moxa")


def test_a_unit_as_delivered_has_no_account(flash_directory: Path) -> None:
    assert not boot_device(flash_directory, account=None).accounts.exists()


def test_firmware_1_has_the_default_account(flash_directory: Path) -> None:
    assert boot_device(flash_directory, firmware="1.21").accounts.verify("admin", "moxa")


def test_the_server_name_carries_model_and_serial_number(flash_directory: Path) -> None:
    assert boot_device(flash_directory, account=None).running["basic.server_name"] == "NP6450_417"


def test_an_account_that_was_removed_does_not_come_back(flash_directory: Path) -> None:
    boot_device(flash_directory).accounts.remove("admin")
    assert not boot_device(flash_directory, reason="warm").accounts.exists()


@pytest.mark.parametrize("kind", ["factory-keep-ip", "factory"])
def test_a_factory_reset_is_carried_out_at_the_next_boot(flash_directory: Path, kind: str) -> None:
    device = boot_device(flash_directory)
    device.submit({"console.telnet": "enable", "network.netmask": "255.255.0.0"}, "test")
    before = device.certificate.in_use()
    device.request_restart(kind)  # type: ignore[arg-type]
    device = boot_device(flash_directory, reason="warm")
    assert device.running["console.telnet"] == "disable"
    keeps = kind == "factory-keep-ip"
    assert device.running["network.ipv4_address"] == ("192.168.127.11" if keeps else "192.168.127.254")
    assert device.running["network.netmask"] == ("255.255.0.0" if keeps else "255.255.255.0")
    assert not device.accounts.exists()
    assert device.certificate.in_use() != before
    assert any("Config Changed" in line for line in device.log.lines())


def test_a_reset_cut_short_is_finished_at_the_next_boot(flash_directory: Path) -> None:
    device = boot_device(flash_directory)
    device.submit({"console.telnet": "enable"}, "test")
    flash = Flash(flash_directory)
    flash.commit("reset", "factory")
    flash.remove("accounts")  # the power failed here
    device = boot_device(flash_directory)
    assert device.running["console.telnet"] == "disable"
    assert flash.read("reset") is None


def test_boots_are_counted(flash_directory: Path) -> None:
    seed = Seed("192.168.127.11", "255.255.255.0", None)
    counts = [prepare_flash(Flash(flash_directory), identity(), seed, "cold") for _ in range(3)]
    assert counts == [1, 2, 3]


def test_factory_values_of_a_defect_come_with_a_reset_only(flash_directory: Path) -> None:
    boot_device(flash_directory)
    device = boot_device(flash_directory, defects=("telnet-on-from-factory",))
    assert device.running["console.telnet"] == "disable"
    device.request_restart("factory-keep-ip")
    device = boot_device(flash_directory, defects=("telnet-on-from-factory",))
    assert device.running["console.telnet"] == "enable"


@pytest.mark.parametrize(("reason", "kept"), [("cold", False), ("warm", True)])
def test_power_cycle_defects_forget_at_a_cold_start_only(flash_directory: Path, reason: str, kept: bool) -> None:
    defects = ("telnet-switch-lost-at-power-cycle",)
    boot_device(flash_directory, defects=defects).submit({"console.telnet": "enable"}, "test")
    assert boot_device(flash_directory, reason=reason, defects=defects).running.on("console.telnet") is kept
