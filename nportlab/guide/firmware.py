"""Firmware versions of the series: their order, their flavour, and the upgrade rules that are publicly known."""

import re
from functools import cache
from typing import Literal

from nportlab.guide.rows import SourcedRow, read_yaml, unique

Flavour = Literal["1.x", "2.x"]


class Firmware(SourcedRow):
    """One version seen in the public record. build: text after the version as the unit shows it."""

    version: str
    build: str = ""
    notes: str = ""


class UpgradeRule(SourcedRow):
    """What is known about going from one version to another. way: `web`, `tool` (DSU, MCC) or `any`."""

    id: str
    models: tuple[str, ...] = ()
    from_below: str | None = None
    from_at_least: str | None = None
    to_below: str | None = None
    to_at_least: str | None = None
    way: Literal["web", "tool", "any"] = "any"
    allowed: bool
    reason: str


@cache
def versions() -> dict[str, Firmware]:
    """All versions, oldest first."""
    return unique([Firmware(**row) for row in read_yaml("firmware.yaml")["versions"]], "firmware.yaml", "version")


@cache
def upgrade_rules() -> dict[str, UpgradeRule]:
    """The known upgrade rules by id."""
    return unique([UpgradeRule(**row) for row in read_yaml("firmware.yaml")["rules"]], "firmware.yaml")


def flavour(firmware: str) -> Flavour:
    """`1.x` or `2.x`: how login, accounts and export work. Accepts `2.3` and `2.3 Build 24101817`."""
    return "1.x" if version_key(firmware) < (2,) else "2.x"


def version_key(firmware: str) -> tuple[int, ...]:
    """The version as a tuple that sorts: `2.3 Build 24101817` -> (2, 3). ValueError when it has no version."""
    found = re.match(r"\s*[vV]?(\d+(?:\.\d+)*)", firmware)
    if not found:
        raise ValueError(f"{firmware!r} is not a firmware version")
    return tuple(int(part) for part in found[1].split("."))


def in_range(firmware: str, since: str | None, until: str | None) -> bool:
    """Whether `firmware` lies within the two versions, both included; None means no limit."""
    key = version_key(firmware)
    if since is not None and key < version_key(since):
        return False
    return until is None or key[: len(version_key(until))] <= version_key(until)


def full_version(firmware: str) -> str:
    """The text a unit shows for a version: `2.3` -> `2.3 Build 24101817`; versions without known build unchanged."""
    row = versions().get(firmware)
    return f"{firmware} {row.build}" if row and row.build else firmware


def kernel_number(firmware: str) -> int:
    """The version as the Moxa service reports it (opcode 0x16): 1.6 -> 0x01060000."""
    parts = (*version_key(firmware), 0, 0, 0)[:4]
    return (parts[0] << 24) | (parts[1] << 16) | (parts[2] << 8) | parts[3]
