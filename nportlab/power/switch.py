"""One channel of a switch, and the driver that moves it."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Protocol, cast

from nportlab.inventory.lab import Channel, SwitchEntry
from nportlab.power import drivers
from nportlab.verdicts.faults import ConfigFault


@dataclass(frozen=True)
class SwitchChannel:
    """One output of a switch. url: where the switch is; number: counted from 1; timeout: seconds for one request."""

    name: str
    url: str
    number: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout: float = 5.0


class Driver(Protocol):
    """What a driver module offers. Both raise LabFault naming the channel when the switch does not answer."""

    def switch(self, channel: SwitchChannel, on: bool) -> None:
        """Close or open the channel."""
        ...

    def is_on(self, channel: SwitchChannel) -> bool:
        """What the switch says the channel is."""
        ...


def driver_names() -> list[str]:
    """Every driver there is."""
    return sorted(module.name for module in pkgutil.iter_modules(drivers.__path__))


def driver(name: str) -> Driver:
    """The driver with that name. Raises ConfigFault with the nearest name."""
    if name not in driver_names():
        close = get_close_matches(name, driver_names(), n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise ConfigFault(
            f"unknown switch driver {name!r}{hint}", remedy=f"Drivers: {', '.join(driver_names())}.", resource=None
        )
    return cast(Driver, importlib.import_module(f"nportlab.power.drivers.{name}"))


def open_channel(entry: SwitchEntry, channel: Channel, state_dir: Path, url: str | None = None) -> SwitchChannel:
    """The channel of an inventory entry with its secrets resolved.

    url: of a virtual rack's own relay, which lab.yaml can not know. Raises ConfigFault when neither names a place.
    """
    place = url or entry.url
    if place is None:
        raise ConfigFault(
            f"switch {entry.name} has no url",
            remedy="Give the switch a url in lab.yaml.",
            resource=f"switch {entry.name}",
        )
    password = entry.password.resolve(state_dir) if entry.password else None
    return SwitchChannel(str(channel), place.rstrip("/"), channel.number, entry.username, password)
