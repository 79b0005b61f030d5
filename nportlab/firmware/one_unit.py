"""Bringing one unit to a version, over as many steps as the rules take."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from nportlab.firmware.graph import Graph
from nportlab.firmware.images import Image, load_images
from nportlab.firmware.kept import Lost
from nportlab.firmware.outcomes import Upgraded
from nportlab.firmware.paths import FlashPath, Step, shortest_path, why_not
from nportlab.firmware.routes import Route, WebRoute
from nportlab.firmware.routes.mcc_tool import ToolRoute, tool_of
from nportlab.firmware.upgrade import HARDWARE_DEADLINE, Flash, deadline_of, upgrade
from nportlab.guide.firmware import Route as RouteName
from nportlab.guide.settings import settings_table
from nportlab.inventory.lab import Lab
from nportlab.safety.bench import Bench
from nportlab.safety.firmware_guard import Waivable, flash_lock
from nportlab.safety.journal import Entry, Journal
from nportlab.safety.keeper import Keeper, Silent
from nportlab.unit.health import Progress
from nportlab.unit.unit import Unit
from nportlab.verdicts.faults import ConfigFault, HarnessError, LabFault

Say = Callable[[str], None]


@dataclass(frozen=True)
class Order:
    """What somebody wants. target: version; route: the only one to take, None for the best of each step."""

    target: str
    route: RouteName | None = None
    allow_flash: bool = False


@dataclass
class Flasher:
    """Flashes one unit that is held. home: the version it is to be left on."""

    lab: Lab
    unit: Unit
    journal: Journal
    entry: Entry
    home: str
    allow_flash: bool
    progress: Progress | None = None

    def images(self) -> dict[str, Image]:
        """Those for the unit that lab.yaml wants (`oldest`, `newest`), by version.

        Raises ConfigFault with everything that is wrong with them.
        """
        found = load_images(self.lab).for_model(self.unit.model)
        wants = self.lab.firmware.wants if self.lab.firmware is not None else lambda version: True
        return {version: image for version, image in found.items() if wants(version)}

    def graph(self, only: RouteName | None = None) -> Graph:
        """Every step the rules leave from the firmware the unit has now."""
        routes: list[RouteName] = [name for name in self._routes() if only in (None, name)]
        return Graph.build(self.unit.model, self.unit.entry.firmware, self.images(), routes)

    def path(self, target: str, only: RouteName | None = None) -> FlashPath:
        """The way to a version. Raises ConfigFault that says why there is none."""
        graph = self.graph(only)
        here = self.unit.entry.firmware
        found = shortest_path(graph.permitted(self.unit.entry.allow), here, target)
        if found is None:
            reason = why_not(graph, here, target, self.unit.entry.allow)
            raise ConfigFault(
                f"no way from {here} to {target}: {reason or 'there is no image of it'}",
                "nportlab firmware check says what can reach what.",
                f"unit {self.unit.name}",
            )
        return found

    def flash(self, step: Step) -> Upgraded:
        """One step; see `upgrade` for what it raises."""
        return self.give(self.images()[step.target], self.route(step.route))

    def give(self, image: Image, route: Route, waived: Collection[Waivable] = ()) -> Upgraded:
        """Any image. waived: checks of the guard that are left out on purpose. See `upgrade` for what it raises."""
        longest = self.lab.firmware.settings.longest_flash_seconds if self.lab.firmware else HARDWARE_DEADLINE
        return upgrade(
            Flash(
                unit=self.unit,
                image=image,
                route=route,
                graph=self.graph(),
                journal=self.journal,
                entry=self.entry,
                lock=flash_lock(self.lab, self.unit.entry),
                home=self.home,
                allow_flash=self.allow_flash,
                deadline=deadline_of(self.unit, longest),
                waived=waived,
                progress=self.progress,
            )
        )

    def route(self, name: RouteName) -> Route:
        """The way an image goes. Raises ConfigFault when lab.yaml names no tool."""
        return WebRoute() if name == "web" else ToolRoute(tool_of(self.lab.firmware, self.unit.recorder))

    def _routes(self) -> tuple[RouteName, ...]:
        has_tool = self.lab.firmware is not None and self.lab.firmware.has_tool
        return ("web", "tool") if has_tool else ("web",)


class _Told(Silent):
    def __init__(self, say: Say) -> None:
        self._say = say

    def doing(self, what: str) -> None:
        self._say(what)


def bring(
    lab: Lab, bench: Bench, name: str, order: Order, say: Say, progress: Progress | None = None
) -> list[Upgraded]:
    """Bring a unit of the bench to a version for good; returns the steps, none when it has it already.

    It is held meanwhile: nobody else uses it, and when a step fails it is left with the configuration it was found
    with. What an upgrade lost of the configuration is put back. Raises what `upgrade` raises; LabFault when the unit is
    in use, ConfigFault when there is no way.
    """
    if not order.allow_flash:
        raise ConfigFault(
            "nobody said that units may be flashed; nothing was done", "Say --allow-flash.", f"unit {name}"
        )
    entry = bench.rack.units[name]
    unit = bench.unit(entry)
    keeper = Keeper(lab, entry, bench.target(unit, progress=progress), _Told(say))
    done: list[Upgraded] = []
    try:
        keeper.open()
        flasher = Flasher(lab, unit, keeper.journal, keeper.record, order.target, order.allow_flash, progress)
        path = flasher.path(order.target, order.route)
        for step in path.steps:
            say(f"flashing {step.target} by {step.route}")
            result = flasher.flash(replace(step, route=order.route or step.route))
            keeper.flashed(step.target)
            put_back(unit, result.lost)
            keeper.adopt()
            done.append(result)
            say(str(result))
    except HarnessError:
        if keeper.half_upgraded:
            keeper.leave()  # its error says what to do; waiting for a unit that does not answer says nothing more
        raise
    finally:
        keeper.close()
    return done


def put_back(unit: Unit, lost: tuple[Lost, ...]) -> None:
    """Set again what an upgrade lost. Raises LabFault for what cannot be set, DidNotStick."""
    table = settings_table()
    values = {each.setting: each.before for each in lost if each.setting and table[each.setting].kind != "secret"}
    if values:
        unit.apply(values, "always")
    rest = [each for each in lost if each.setting not in values]
    if rest:
        raise LabFault(
            f"the upgrade lost what only a person can put back: {', '.join(map(str, rest[:5]))}",
            f"Set it by hand in the web console of {unit.name}.",
            f"unit {unit.name}",
        )
