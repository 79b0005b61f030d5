"""The bench of a rack: its running virtual rack if it is one, its switches, and a `Unit` for each entry."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nportlab.inventory.lab import Channel, Lab, Rack, UnitEntry
from nportlab.power import Outlet, open_channel
from nportlab.power.switch import driver
from nportlab.safety.firmware_guard import GuardedButton, GuardedPower, flash_lock
from nportlab.safety.target import Target
from nportlab.safety.unit_target import UnitTarget
from nportlab.unit.certificate_provider import CertificateProvider
from nportlab.unit.health import Progress
from nportlab.unit.unit import Unit
from nportlab.verdicts.faults import LabFault
from nportlab.verdicts.recorder import Recorder

if TYPE_CHECKING:
    from nportlab.virtual.client import RunningRack


@dataclass
class Bench:
    """One rack as this process reaches it. running: of a virtual rack."""

    lab: Lab
    rack: Rack
    running: RunningRack | None = None
    _outlets: dict[str, Outlet] = field(default_factory=dict)

    def enter(self) -> None:
        """Move this process into the rack's network; nothing to do for hardware. There is no way back."""
        if self.running is not None:
            self.running.enter()

    def outlet(self, channel: Channel | None, recorder: Recorder | None = None) -> Outlet | None:
        """The outlet (or relay) lab.yaml names, None when it names none."""
        if channel is None:
            return None
        if str(channel) not in self._outlets:
            switch = self.rack.switches[channel.switch]
            url = self.running.relay_urls.get(switch.name) if self.running else None
            place = open_channel(switch, channel, self.lab.state_dir, url)
            self._outlets[str(channel)] = Outlet(place, driver(switch.driver), recorder)
        return self._outlets[str(channel)]

    def unit(self, entry: UnitEntry, certificates: CertificateProvider | None = None) -> Unit:
        """The unit of an entry. Nothing is contacted yet."""
        button = self.outlet(entry.reset_button)
        outlet = self.outlet(entry.outlet)
        lock = flash_lock(self.lab, entry)
        return Unit(
            entry,
            self.rack,
            state_dir=self.lab.state_dir,
            power=GuardedPower(outlet, lock) if outlet else None,
            reset_button=GuardedButton(button, lock) if button else None,
            certificates=certificates,
            bench_check=lambda: self.look(entry),
            flash_check=lock.check,
        )

    def target(
        self, unit: Unit, certificates: CertificateProvider | None = None, progress: Progress | None = None
    ) -> Target:
        """The unit as keeping it safe sees it. progress: told how long a restart has been taking."""
        return UnitTarget(unit, certificates, progress)

    def look(self, entry: UnitEntry) -> None:
        """See that power and link of a unit are good. Raises LabFault naming what is not.

        A unit whose power is on and whose link is up but that is silent is the unit's own matter.
        """
        if self.running is not None:
            self.running.ask({"do": "describe"})
        outlet = self.outlet(entry.outlet)
        if outlet is not None and not outlet.is_on():
            raise LabFault(
                f"the outlet of {entry.name} is off",
                "Switch it on, or find out who switched it off.",
                f"outlet {outlet.name}",
            )
        if not _has_route(entry):
            raise LabFault(
                f"this host has no route to {entry.address}",
                f"Check the address of this host in rack {self.rack.name} and its cable.",
                f"rack {self.rack.name}",
            )


def _has_route(entry: UnitEntry) -> bool:
    """Whether this host can send to the unit at all: an address of its own and a link that is up."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((entry.address, 4800))
        except OSError:
            return False
    return True
