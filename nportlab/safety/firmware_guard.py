"""What must be true before a byte of an image goes out to a unit, and the lock that keeps its power on meanwhile.

Everything that speaks against a flash is said at once, and before anything is changed. What may be left out on purpose
(to see that a unit refuses a damaged or a foreign image) is named, and only on units lab.yaml gives up for that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from nportlab.firmware.graph import Graph, direction
from nportlab.firmware.images import Image
from nportlab.firmware.paths import missing_permissions
from nportlab.firmware.routes.route import Handed, Route
from nportlab.guide.family import model
from nportlab.guide.firmware import broken_rules, known_version
from nportlab.inventory.lab import Lab, UnitEntry
from nportlab.power import Outlet, ResetButton
from nportlab.safety.flash_lock import FlashLock
from nportlab.safety.journal import Identity
from nportlab.safety.locks import unit_lock
from nportlab.unit.bench import PowerOutlet
from nportlab.unit.identity import Identity as Seen
from nportlab.unit.unit import Unit
from nportlab.verdicts.faults import ConfigFault, LabFault

Waivable = Literal["hash", "model", "rules"]
"""Checks that may be left out: the hash of the manifest, that the image is for this model, the rules of the paths."""


class FlashRefused(ConfigFault):
    """The guard did not let a flash begin; nothing was sent. reasons: all of them, each with what to do about it."""

    reasons: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Cleared:
    """What the guard let through: the very bytes it checked, and by what they go. identity: who must still be there."""

    handed: Handed
    used: str
    identity: tuple[Seen, ...]
    waived: frozenset[Waivable] = field(default_factory=frozenset)


def flash_lock(lab: Lab, unit: UnitEntry) -> FlashLock:
    """The lock of a unit that is being written, beside the lock of the unit."""
    path = unit_lock(lab, unit).path
    return FlashLock(path.with_suffix(".flash"), unit.name)


def clear(
    unit: Unit,
    image: Image,
    route: Route,
    graph: Graph,
    *,
    allow_flash: bool,
    waived: Collection[Waivable] = (),
) -> Cleared:
    """See that this image may and can go into this unit by this route. Nothing is changed.

    graph: every step the rules leave for this unit, from the firmware it has. allow_flash: whether whoever started this
    said so (`--allow-flash`). Raises FlashRefused with everything that speaks against it; ConfigFault or LabFault when
    the unit is not the one lab.yaml describes, its power cannot be told, or the route cannot be used.
    """
    reasons = [
        *_not_permitted(unit.entry, image, graph, allow_flash, waived),
        *([] if "model" in waived else _not_for(unit.entry, image)),
        *([] if "rules" in waived else _against_rules(unit.entry, image, route)),
        *_without_power_switch(unit.entry, unit.power),
    ]
    if reasons:
        raise _refused(unit.name, reasons)
    handed = _handed(image, "hash" in waived)
    _see_power(unit)
    used = route.ready(unit)
    unit.check_identity()
    return Cleared(handed, used, tuple(unit.firmware.read().told), frozenset(waived))


def look_again(unit: Unit, cleared: Cleared, journalled: Identity) -> None:
    """Right before the first byte: the same unit still answers, on the same firmware, with power. Raises LabFault."""
    _see_power(unit)
    now = unit.firmware.read().told
    if not now:
        raise LabFault(
            f"{unit.name} does not say any more who it is; nothing was sent",
            "Check power, link and address of the unit.",
            f"unit {unit.name}",
        )
    changed = [text for old in cleared.identity for new in now for text in old.differences(new)]
    for seen in now:
        other = Identity(model=seen.model or "", mac=seen.mac or "", serial=seen.serial or "")
        changed += [text for text in [journalled.differs(other)] if text]
    if changed:
        raise LabFault(
            f"another unit answers at {unit.address} now: {'; '.join(dict.fromkeys(changed))}; nothing was sent",
            "Look for a second device at this address, or for somebody who changes the unit meanwhile.",
            f"unit {unit.name}",
        )


def _not_permitted(
    entry: UnitEntry, image: Image, graph: Graph, allow_flash: bool, waived: Collection[Waivable]
) -> list[tuple[str, str]]:
    place = f"racks.{entry.rack}.units.{entry.name}.allow"
    found: list[tuple[str, str]] = []
    if not allow_flash:
        found.append(("nobody said that units may be flashed", "Say --allow-flash."))
    source, target = _known(graph.present), _known(image.version)
    edge = graph.edges.get((source, target))
    if edge is not None:
        lacking = missing_permissions(edge, graph, entry.allow)
    else:
        lacking = tuple(word for word in _permissions(source, target) if word not in entry.allow)
    words = {
        "flash": f"{entry.name} may not get other firmware",
        "downgrade": f"{entry.name} may not get older firmware, and {target} is older than {source}",
        "one-way": f"no way leads back from {target} to {source} with the images and permissions at hand",
    }
    if edge is not None and edge.direction != "downgrade":
        words["downgrade"] = f"without downgrade no way leads back from {target} to {source}, and one-way is not there"
    found += [(words[word], f"Add {word} to {place}, if that is what you want.") for word in lacking]
    if waived and "sacrificial" not in entry.allow:
        what = ", ".join(sorted(waived))
        found.append((f"{entry.name} is not given up for images it must refuse (left out: {what})",
                      f"Add sacrificial to {place}, if the unit may be lost."))  # fmt: skip
    return found


def _permissions(source: str, target: str) -> tuple[str, ...]:
    """Of a step the rules leave no edge for, or onto the same version."""
    if source == target:
        return ("flash",)
    return ("flash", "downgrade") if direction(source, target) == "downgrade" else ("flash",)


def _not_for(entry: UnitEntry, image: Image) -> list[tuple[str, str]]:
    line = model(entry.model).line
    if image.line != line:
        what = f"{image.path.name} is for the line {image.line}, a {entry.model} is of {line}"
    elif entry.model not in image.models:
        what = f"{image.path.name} is for {', '.join(image.models)}, not for a {entry.model}"
    else:
        return []
    return [(what, "Take the image of the unit's own line from the vendor's product page.")]


def _against_rules(entry: UnitEntry, image: Image, route: Route) -> list[tuple[str, str]]:
    source, target = entry.firmware, image.version
    rules = broken_rules(entry.model, source, target, route.name)
    return [
        (
            f"{entry.model} from {source} to {target} by {route.name}: {rule.reason} ({rule.id})",
            f"Go to {rule.via} first." if rule.via else "See what is possible: nportlab firmware check.",
        )
        for rule in rules
    ]


def _without_power_switch(entry: UnitEntry, power: PowerOutlet | None) -> list[tuple[str, str]]:
    if power is not None:
        return []
    where = f"racks.{entry.rack}.units.{entry.name}.outlet"
    return [(f"{entry.name} has no outlet in lab.yaml, so nobody knows whether its power is on", f"Name it: {where}.")]


def _see_power(unit: Unit) -> None:
    """That the switch says how the power is, and that it is on. Raises LabFault."""
    if unit.power is not None and not unit.power.is_on():
        raise LabFault(
            f"the outlet of {unit.name} is off; nothing was sent", "Switch it on.", f"outlet {unit.power.name}"
        )


def _handed(image: Image, as_it_is: bool) -> Handed:
    if not as_it_is:
        return Handed(image.path.name, image.read())
    try:
        return Handed(image.path.name, image.path.read_bytes())
    except OSError as error:
        raise ConfigFault(f"{image.path} cannot be read: {error.strerror}", "Make it anew.") from None


def _refused(unit: str, reasons: list[tuple[str, str]]) -> FlashRefused:
    refused = FlashRefused(
        f"not flashed: {'; '.join(reason for reason, _ in reasons)}",
        " ".join(dict.fromkeys(remedy for _, remedy in reasons)),
        f"unit {unit}",
    )
    refused.reasons = tuple(reasons)
    return refused


def _known(version: str) -> str:
    return known_version(version) or version


class GuardedPower:
    """The outlet of a unit, which is not switched off while the unit is being written."""

    def __init__(self, outlet: Outlet, lock: FlashLock) -> None:
        self.name = outlet.name
        self.deliberate = outlet
        """The outlet itself: for who cuts the power in the middle of a flash on purpose."""
        self._lock = lock

    def on(self) -> None:
        """Switch on."""
        self.deliberate.on()

    def off(self) -> None:
        """Switch off. Raises LabFault while the unit is being written."""
        self._lock.check()
        self.deliberate.off()

    def is_on(self) -> bool:
        """State as the switch says it."""
        return self.deliberate.is_on()

    def cycle(self, off_seconds: float = 2.0) -> None:
        """Off, wait, on. Raises LabFault while the unit is being written."""
        self._lock.check()
        self.deliberate.cycle(off_seconds)


class GuardedButton(ResetButton):
    """The reset button of a unit, which is not pressed while the unit is being written."""

    def __init__(self, relay: Outlet, lock: FlashLock) -> None:
        super().__init__(relay)
        self._lock = lock

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the button while the block runs. Raises LabFault while the unit is being written."""
        self._lock.check()
        with super().held():
            yield
