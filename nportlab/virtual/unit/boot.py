"""What a unit does with its flash before anything else: seeding, a pending factory reset, the boot counter."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from nportlab.virtual.unit.accounts import Accounts
from nportlab.virtual.unit.device import ADDRESS_SETTINGS, UNTOUCHED, Identity, factory_values
from nportlab.virtual.unit.firmware import Progress
from nportlab.virtual.unit.firmware_migration import finish_upgrade
from nportlab.virtual.unit.flash import Flash

BootReason = Literal["cold", "warm"]

FIRMWARE_1_ACCOUNT = ("admin", "moxa")
"""Default account of firmware 1.x (guide line 61)."""

ERASED_BY_RESET = ("accounts", "certificate", "own-certificate", "signing-key", "was-high-secure")
"""Files a factory reset removes. Log, clock, boot counter and SSH host keys stay (invented: the guide does not say)."""


@dataclass(frozen=True)
class Seed:
    """What a new unit's flash holds. account: (name, password) to provision it with, None leaves it as delivered."""

    address: str
    netmask: str
    account: tuple[str, str] | None


def prepare_flash(
    flash: Flash,
    identity: Identity,
    seed: Seed,
    reason: BootReason,
    defects: frozenset[str] = frozenset(),
    progress: Progress = lambda stage, done: None,
) -> int:
    """Bring the flash into a state a device can be made from; returns how often the unit has booted, this one included.

    A new unit gets its place in the rack (IP settings) and, if provisioned, its account; one whose firmware was
    upgraded migrates, with `progress` told of it. Interrupted at any point, it does the rest at the next boot.
    """
    if flash.read("seeded") is None:
        load_factory_values(flash, identity, defects)
        settings = flash.read("configuration")["settings"]
        settings |= {"network.ipv4_address": seed.address, "network.netmask": seed.netmask}
        flash.commit("configuration", {"settings": settings, "extra": {}})
        if seed.account and identity.flavour == "2.x" and not Accounts(flash).exists():
            Accounts(flash).create_first(*seed.account)
        flash.commit("seeded", {"model": identity.model.name})
    pending = flash.read("reset")
    if pending is not None:
        load_factory_values(flash, identity, defects, ADDRESS_SETTINGS if pending == "factory-keep-ip" else ())
        flash.remove("reset")
    finish_upgrade(flash, identity.firmware, factory_values(identity, defects), progress, defects)
    if identity.flavour == "1.x" and not Accounts(flash).exists():
        Accounts(flash).create_first(*FIRMWARE_1_ACCOUNT)
    if reason == "cold":
        _forget_at_power_cycle(flash, identity, defects)
    boots = int(flash.read("boots", 0)) + 1
    flash.commit("boots", boots)
    return boots


def load_factory_values(
    flash: Flash, identity: Identity, defects: frozenset[str] = frozenset(), keep: Iterable[str] = ()
) -> None:
    """Erase accounts and certificate, set every setting but those named in `keep` to its factory value.

    Safe to repeat when it was interrupted.
    """
    saved = flash.read("configuration", {"settings": {}})["settings"]
    kept = {setting: saved[setting] for setting in keep if setting in saved}
    for name in ERASED_BY_RESET:
        if name != "accounts" or "reset-keeps-the-password" not in defects:
            flash.remove(name)
    flash.commit(UNTOUCHED, True)
    flash.commit("configuration", {"settings": {**factory_values(identity, defects), **kept}, "extra": {}})


def _forget_at_power_cycle(flash: Flash, identity: Identity, defects: frozenset[str]) -> None:
    """What a sound unit keeps."""
    lost = [name for name in ("telnet", "ssh") if f"{name}-switch-lost-at-power-cycle" in defects]
    if lost:
        configuration = flash.read("configuration")
        factory = factory_values(identity, defects)
        configuration["settings"] |= {f"console.{name}": factory[f"console.{name}"] for name in lost}
        flash.commit("configuration", configuration)
    certificate = flash.read("certificate")
    if "certificate-lost-at-power-cycle" in defects and certificate and certificate["origin"] == "imported":
        flash.remove("certificate")
