"""The first boot of another firmware: what is kept and what is not, also when interrupted; and seeded defects."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nportlab.guide.family import model
from nportlab.guide.firmware import flavour
from nportlab.protocol.virtual_image import read_head
from nportlab.virtual.addressing import Addressing
from nportlab.virtual.unit.boot import Seed, prepare_flash
from nportlab.virtual.unit.certificate import CertificateSlot
from nportlab.virtual.unit.device import Device, Identity, Surroundings
from nportlab.virtual.unit.firmware import STAGES, BankWriter, Stage, choose_bank, installed
from nportlab.virtual.unit.firmware_migration import log_upgrade
from nportlab.virtual.unit.flash import Flash
from nportlab.virtual.unit.services.port_modes import modes_to_serve
from selftests.virtual.firmware.bench import ACCOUNT, image


class PowerCut(BaseException):
    """The process is gone."""


def boot(
    directory: Path, seed: str, defects: tuple[str, ...] = (), progress: Callable[[Stage, float], None] | None = None
) -> Device:
    """Power the unit in `directory`, as the rack does, without services."""
    planted = frozenset(defects)
    flash = Flash(directory)
    runs = choose_bank(flash, seed, planted)
    kind = flavour(runs.code)
    identity = Identity("np", model("NP6450"), runs.code, runs.shown, kind, "00:90:E8:01:02:03", 417, runs.reported)
    place = Seed("192.168.127.11", "255.255.255.0", ACCOUNT)
    prepare_flash(flash, identity, place, "cold", planted, progress or (lambda stage, done: None))
    device = Device(identity, flash, Surroundings(Addressing("loopback", "127.0.0.1"), 1.0, (), planted))
    device.running.update({"log.local_config": "enable"})
    log_upgrade(device)
    return device


def switch_over(device: Device, version: str, code: str | None = None) -> None:
    """What the old firmware does at the end of an upgrade."""
    data = image(version)
    bank = BankWriter(device.flash, device.installed)
    bank.erase()
    bank.write(data)
    bank.switch_over(read_head(data), "00" * 32, "admin via web", code)


SETTINGS = {
    "basic.server_location": "cellar",
    "console.telnet": "disable",
    "port.2.alias": "pump",
    "network.netmask": "255.255.0.0",
}


def upgraded(directory: Path, old: str, new: str, *defects: str) -> Device:
    """A unit with settings of its own, after an upgrade."""
    device = boot(directory, old)
    device.submit(SETTINGS, "test")
    switch_over(device, new)
    return boot(directory, old, defects)


@pytest.mark.parametrize(("old", "new"), [("2.1", "2.3"), ("1.21", "2.0"), ("2.3", "2.1"), ("2.0", "1.21")])
def test_settings_are_kept(tmp_path: Path, old: str, new: str) -> None:
    device = upgraded(tmp_path, old, new)
    assert {name: device.saved[name] for name in SETTINGS} == SETTINGS
    assert (device.firmware, device.flavour) == (new, flavour(new))
    assert (device.installed.previous, device.installed.upgrades) == (old, 1)
    assert device.log.lines()[-1].endswith("[Config] Firmware Upgrade")


@pytest.mark.parametrize(
    ("old", "new", "accounts"),
    [("2.1", "2.3", ["admin"]), ("2.3", "2.1", ["admin"]), ("1.21", "2.0", []), ("2.0", "1.21", ["admin"])],
)
def test_accounts_do_not_cross_2_0(tmp_path: Path, old: str, new: str, accounts: list[str]) -> None:
    device = upgraded(tmp_path, old, new)
    assert device.accounts.names() == accounts
    assert device.accounts.verify("admin", "moxa") == (new == "1.21")
    assert device.accounts.verify(*ACCOUNT) == (flavour(old) == flavour(new) == "2.x")


def test_later_boots_change_nothing(tmp_path: Path) -> None:
    upgraded(tmp_path, "1.21", "2.0").accounts.create_first(*ACCOUNT)
    device = boot(tmp_path, "1.21")
    assert device.accounts.names() == ["admin"]
    assert len([line for line in device.log.lines() if "Firmware Upgrade" in line]) == 1


@pytest.mark.parametrize("at", range(4))
def test_a_migration_that_is_interrupted_is_done_again(tmp_path: Path, at: int) -> None:
    device = boot(tmp_path, "1.21")
    device.submit(SETTINGS, "test")
    switch_over(device, "2.0")
    seen: list[float] = []

    def cut(stage: Stage, done: float) -> None:
        seen.append(done)
        if len(seen) > at:
            raise PowerCut

    with pytest.raises(PowerCut):
        boot(tmp_path, "1.21", progress=cut)
    device = boot(tmp_path, "1.21")
    assert {name: device.saved[name] for name in SETTINGS} == SETTINGS
    assert (device.firmware, device.accounts.names()) == ("2.0", [])
    assert len([line for line in device.log.lines() if "Firmware Upgrade" in line]) == 1


def test_an_upgrade_whose_log_was_cut_off_is_logged_once(tmp_path: Path) -> None:
    device = boot(tmp_path, "2.1")
    switch_over(device, "2.3")
    boot(tmp_path, "2.1")
    record = device.flash.read("firmware")
    device.flash.commit("firmware", {**record, "log_owed": True})  # the power failed right after the line was written
    device = boot(tmp_path, "2.1")
    assert len([line for line in device.log.lines() if "Firmware Upgrade" in line]) == 1


def test_another_version_in_lab_yaml_counts(tmp_path: Path) -> None:
    upgraded(tmp_path, "2.1", "2.3")
    assert boot(tmp_path, "2.1").firmware == "2.3"
    assert boot(tmp_path, "2.0").firmware == "2.0"
    assert installed(Flash(tmp_path), "2.0").upgrades == 0


def test_a_full_upgrade_passes_its_stages_in_order(tmp_path: Path) -> None:
    device = boot(tmp_path, "2.1")
    seen: list[Any] = []
    device.surroundings.notify = seen.append

    async def run() -> None:
        device.restart_wanted = asyncio.get_running_loop().create_future()
        upload = device.upgrade.begin("admin via web", "web")
        upload.feed(image("2.3"))
        await upload.verify()
        await upload.install()

    asyncio.run(run())
    stages = [message["firmware"]["stage"] for message in seen]
    assert sorted(stages, key=STAGES.index) == stages
    assert set(stages) == set(STAGES) - {"migrate", "cold start"}
    assert device.restart_wanted is not None
    assert device.restart_wanted.result() == "cold"
    assert device.upgrade.busy, "until the unit is gone"
    bank = tmp_path / "bank-b.rom"
    assert bank.read_bytes() == image("2.3")


def test_a_flash_that_cannot_be_written_leaves_the_old_firmware(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = boot(tmp_path, "2.1")

    def full(self: BankWriter, piece: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(BankWriter, "write", full)

    async def run() -> None:
        upload = device.upgrade.begin("admin via web", "web")
        upload.feed(image("2.3"))
        await upload.verify()
        with pytest.raises(OSError):
            await upload.install()

    asyncio.run(run())
    assert not device.upgrade.busy
    assert boot(tmp_path, "2.1").firmware == "2.1"


# Seeded defects -------------------------------------------------------------------------------------------------------


def test_loses_settings(tmp_path: Path) -> None:
    device = upgraded(tmp_path, "2.1", "2.3", "firmware-upgrade-loses-settings")
    assert (device.saved["basic.server_location"], device.saved["port.2.alias"]) == ("", "")
    assert device.saved["network.netmask"] == "255.255.0.0"


@pytest.mark.parametrize(("old", "new"), [("2.1", "2.3"), ("1.21", "2.0")])
def test_resets_accounts(tmp_path: Path, old: str, new: str) -> None:
    device = upgraded(tmp_path, old, new, "firmware-upgrade-resets-accounts")
    assert device.accounts.names() == ["admin"]
    assert device.accounts.verify("admin", "moxa")


def test_is_not_logged(tmp_path: Path) -> None:
    device = upgraded(tmp_path, "2.1", "2.3", "firmware-upgrade-not-logged")
    assert not any("Firmware Upgrade" in line for line in device.log.lines())
    assert not device.installed.log_owed


def test_leaves_services_open(tmp_path: Path) -> None:
    assert upgraded(tmp_path, "2.1", "2.3", "upgrade-leaves-services-open").saved.on("console.telnet")


def test_loses_the_certificate(tmp_path: Path) -> None:
    device = boot(tmp_path, "2.1")
    slot = CertificateSlot(device.flash)
    slot.ensure(device.clock.utc())
    own = device.flash.read("certificate")
    device.flash.commit("certificate", {**own, "origin": "imported"})
    switch_over(device, "2.3")
    assert boot(tmp_path, "2.1", ()).flash.read("certificate")["origin"] == "imported"
    switch_over(boot(tmp_path, "2.1"), "2.3")
    assert boot(tmp_path, "2.1", ("certificate-lost-by-upgrade",)).flash.read("certificate") is None


def test_lets_an_operation_mode_die(tmp_path: Path) -> None:
    planted = ("operation-mode-dead-after-upgrade",)
    assert set(modes_to_serve(boot(tmp_path, "2.1", planted))) == {1, 2, 3, 4}
    switch_over(boot(tmp_path, "2.1"), "2.3")
    assert set(modes_to_serve(boot(tmp_path, "2.1"))) == {1, 2, 3, 4}
    assert set(modes_to_serve(boot(tmp_path, "2.1", planted))) == {2, 3, 4}


def test_behaves_like_before(tmp_path: Path) -> None:
    device = boot(tmp_path, "1.21")
    switch_over(device, "2.0", code="1.21")
    device = boot(tmp_path, "1.21")
    assert (device.build, device.reported) == ("2.0", "2.0")
    assert (device.firmware, device.flavour) == ("1.21", "1.x")


def test_boots_half_an_image(tmp_path: Path) -> None:
    device = boot(tmp_path, "2.1")
    BankWriter(device.flash, device.installed).write(image("2.3")[:1000])
    half = boot(tmp_path, "2.1", ("half-written-image-boots",))
    assert (half.build, half.reported, half.firmware) == ("2.3 Build 24101817", "2.1", "2.1")
    assert not list(Flash(tmp_path).directory.glob("bank-a*"))


def test_a_sound_unit_drops_half_an_image(tmp_path: Path) -> None:
    device = boot(tmp_path, "2.1")
    BankWriter(device.flash, device.installed).write(image("2.3")[:1000])
    assert boot(tmp_path, "2.1").build == "2.1"
    assert not list(tmp_path.glob("bank-*"))
