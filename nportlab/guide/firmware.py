"""Firmware versions of the series: their order, their flavour, and the upgrade rules that are publicly known."""

import re
from datetime import date
from functools import cache
from typing import Literal

from nportlab.guide.rows import SourcedRow, read_yaml, unique

Flavour = Literal["1.x", "2.x"]
Route = Literal["web", "tool"]
"""How an image gets into a unit: the web console, or a tool (mcc_tool, search utility)."""

ROUTES: tuple[Route, ...] = ("web", "tool")


class Firmware(SourcedRow):
    """One version seen in the public record.

    build: text after the version as the unit shows it. released: day, None when it is not public. patch_of: the version
    it is a patch of.
    """

    version: str
    build: str = ""
    notes: str = ""
    released: date | None = None
    patch_of: str | None = None


class UpgradeRule(SourcedRow):
    """What is known about going from one version to another. way: `web`, `tool` (DSU, MCC) or `any`.

    via: the version to go to first. refused_by: the unit, or already the tool.
    """

    id: str
    via: str | None = None
    refused_by: Literal["unit", "tool"] = "unit"
    models: tuple[str, ...] = ()
    from_below: str | None = None
    from_at_least: str | None = None
    to_below: str | None = None
    to_at_least: str | None = None
    way: Literal["web", "tool", "any"] = "any"
    allowed: bool
    reason: str

    def concerns(self, model: str, source: str, target: str, route: Route) -> bool:
        """Whether a step of a model from one version to another by a route is what this rule speaks of."""
        before, after = version_key(source), version_key(target)
        return (
            (not self.models or model in self.models)
            and self.way in ("any", route)
            and (self.from_below is None or before < version_key(self.from_below))
            and (self.from_at_least is None or before >= version_key(self.from_at_least))
            and (self.to_below is None or after < version_key(self.to_below))
            and (self.to_at_least is None or after >= version_key(self.to_at_least))
        )


class Change(SourcedRow):
    """What changes at a version: `up` in a step from below it to it or above, `down` in a step the other way.

    kind: accounts, export, console, downgrade or behaviour.
    """

    id: str
    at: str
    kind: Literal["accounts", "export", "console", "downgrade", "behaviour"]
    up: str
    down: str


class ProductLine(SourcedRow):
    """Models that share their images; id as in `Model.line`. page: where images, notes and hashes are published."""

    id: str
    page: str


class Tool(SourcedRow):
    """A program of the vendor. version, released: as the guide's table shows it."""

    id: str
    name: str
    version: str
    released: date


@cache
def versions() -> dict[str, Firmware]:
    """All versions, oldest first."""
    return unique([Firmware(**row) for row in read_yaml("firmware.yaml")["versions"]], "firmware.yaml", "version")


@cache
def upgrade_rules() -> dict[str, UpgradeRule]:
    """The known upgrade rules by id."""
    return unique([UpgradeRule(**row) for row in read_yaml("firmware.yaml")["rules"]], "firmware.yaml")


@cache
def changes() -> dict[str, Change]:
    """What is known to change at a version, by id."""
    return unique([Change(**row) for row in read_yaml("firmware.yaml")["changes"]], "firmware.yaml")


@cache
def product_lines() -> dict[str, ProductLine]:
    """The product lines by the name models and images give."""
    return unique([ProductLine(**row) for row in read_yaml("firmware.yaml")["lines"]], "firmware.yaml")


@cache
def tools() -> dict[str, Tool]:
    """The vendor's tools the guide shows, by id."""
    return unique([Tool(**row) for row in read_yaml("firmware.yaml")["tools"]], "firmware.yaml")


def broken_rules(model: str, source: str, target: str, route: Route) -> list[UpgradeRule]:
    """The rules that forbid a step by a route; empty when nothing known forbids it. Versions may carry their build."""
    return [
        rule for rule in upgrade_rules().values() if not rule.allowed and rule.concerns(model, source, target, route)
    ]


def changes_between(source: str, target: str) -> list[tuple[Change, str]]:
    """What a step changes, each with the text for its direction."""
    before, after = version_key(source), version_key(target)
    found = []
    for change in changes().values():
        at = version_key(change.at)
        if before < at <= after:
            found.append((change, change.up))
        elif after < at <= before and change.down:
            found.append((change, change.down))
    return found


def known_version(firmware: str) -> str | None:
    """The version of the table that a text such as `2.3 Build 24101817` or `V2.3` means; None when it is not in it."""
    try:
        key = version_key(firmware)
    except ValueError:
        return None
    return next((version for version in versions() if version_key(version) == key), None)


def flavour(firmware: str) -> Flavour:
    """`1.x` or `2.x`: how login, accounts and export work. Accepts `2.3` and `2.3 Build 24101817`."""
    return "1.x" if version_key(firmware) < (2,) else "2.x"


@cache
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
