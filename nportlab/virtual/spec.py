"""What the client tells the supervisor to build: a rack as plain data, handed over as JSON on standard input."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from nportlab.guide.family import MAC_PREFIX, models
from nportlab.guide.firmware import version_key
from nportlab.virtual.cables.plan import CablePlan, LineSpec


class Shape(BaseModel):
    """Strict and immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PlugSpec(Shape):
    """What is plugged into a serial port; a port without one has nothing in it.

    kind "adapter": one end of the rack's own adapters, opened by its URL. other: unit and port at the far end of a
    crosslink. path: of the pty or tty of this host that is the port, past the cables and unpaced.
    """

    kind: Literal["loopback", "adapter", "crosslink", "pty"]
    other: tuple[str, int] | None = None
    path: str | None = None

    @model_validator(mode="after")
    def _whole(self) -> PlugSpec:
        if (self.kind == "pty") != (self.path is not None):
            raise ValueError("a pty, and nothing else, has a path")
        return self


class UnitSpec(Shape):
    """One unit.

    mac, serial_number: engraved. address: its IPv4 address when new; later its flash says. username, password: account
    a new unit is provisioned with; None leaves it as delivered, without. outlet, reset_button: (switch, channel).
    lines: by serial port.
    """

    name: str
    model: str
    firmware: str
    address: str
    netmask: str = "255.255.255.0"
    mac: str
    serial_number: int
    username: str | None = None
    password: str | None = Field(None, repr=False)
    defects: tuple[str, ...] = ()
    outlet: tuple[str, int] | None = None
    reset_button: tuple[str, int] | None = None
    lines: dict[int, PlugSpec] = {}

    @model_validator(mode="after")
    def _known(self) -> UnitSpec:
        if self.model not in models():
            raise ValueError(f"{self.name}: unknown model {self.model!r}")
        for port in self.lines:
            if port not in models()[self.model].ports:
                raise ValueError(f"{self.name}: a {self.model} has no serial port {port}")
        version_key(self.firmware)
        return self


class SwitchSpec(Shape):
    """A relay board of the rack: `channels` relays counted from 1. username None: it asks for no authentication."""

    name: str
    channels: int = 16
    username: str | None = None
    password: str | None = Field(None, repr=False)


class RackSpec(Shape):
    """A whole rack.

    directory: where flash, lock, control socket and rack log are. network: "auto" for the best possible. harness:
    address and prefix length of the harness in the lab network. boot_seconds: of a unit, cold and warm start alike.
    flash_seconds: of a firmware upgrade, from the last byte of the image to the cold start.
    """

    name: str
    directory: Path
    network: Literal["auto", "namespaces", "user-namespaces", "loopback"] = "auto"
    harness: str = "192.168.127.1/24"
    boot_seconds: float = 0.5
    flash_seconds: float = 0.5
    seconds_per_unit_minute: float = 1.0
    units: tuple[UnitSpec, ...]
    switches: tuple[SwitchSpec, ...] = ()

    @model_validator(mode="after")
    def _possible(self) -> RackSpec:
        _unique(self.units, "address", "address")
        _unique(self.units, "mac", "MAC address")
        _unique(self.units, "name", "name")
        for unit in self.units:
            if unit.address == self.harness.split("/")[0]:
                raise ValueError(f"unit {unit.name} has the harness's own address {unit.address}")
        cable_plan(self)
        return self


def _unique(units: tuple[UnitSpec, ...], attribute: str, what: str) -> None:
    seen: dict[str, str] = {}
    for unit in units:
        value = str(getattr(unit, attribute)).lower()
        if value in seen:
            raise ValueError(f"units {seen[value]} and {unit.name} have the same {what} {value}")
        seen[value] = unit.name


def cable_plan(rack: RackSpec) -> CablePlan:
    """What the rack's cables connect; a port that is a pty is past them. Raises PlanError (a ValueError)."""
    return CablePlan(
        {unit.name: models()[unit.model].serial_ports for unit in rack.units},
        tuple(
            LineSpec(unit.name, port, plug.kind, plug.other)
            for unit in rack.units
            for port, plug in unit.lines.items()
            if plug.kind != "pty"
        ),
    )


def derived_mac(rack: str, unit: str) -> str:
    """A MAC address with the vendor's prefix that stays the same from run to run."""
    tail = hashlib.sha256(f"{rack}/{unit}".encode()).digest()[:3]
    return ":".join([MAC_PREFIX, *(f"{byte:02X}" for byte in tail)])


def derived_serial(rack: str, unit: str) -> int:
    """A serial number (1 to 9999, as seen on real units) that stays the same from run to run."""
    return int.from_bytes(hashlib.sha256(f"serial {rack}/{unit}".encode()).digest()[:4], "big") % 9999 + 1
