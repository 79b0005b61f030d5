"""The lab as the harness sees it: plain, immutable objects, every name and default filled in."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import IPv4Interface
from pathlib import Path
from typing import Literal

from nportlab.guide.firmware import version_key
from nportlab.inventory.firmware import VIRTUAL_IMAGES, VIRTUAL_TOOL, FirmwareShape
from nportlab.inventory.limits import LimitsShape
from nportlab.inventory.secret import SecretRef
from nportlab.inventory.shapes import Permission, ProfileShape

Profile = ProfileShape
Limits = LimitsShape


@dataclass(frozen=True)
class Channel:
    """One output of a switch: an outlet, or a relay that presses a button."""

    switch: str
    number: int

    def __str__(self) -> str:
        return f"{self.switch}/{self.number}"

    @classmethod
    def parse(cls, text: str) -> Channel:
        """From `switch/number`."""
        switch, _, number = text.rpartition("/")
        return cls(switch, int(number))


@dataclass(frozen=True)
class Line:
    """What is plugged into a port.

    device: of an adapter, a serial device of this host or a pyserial URL, None for the virtual rack's own adapter; of a
    pty its path. unit, port: the other end of a crosslink.
    """

    kind: Literal["none", "loopback", "adapter", "crosslink", "pty"] = "none"
    device: str | None = None
    unit: str | None = None
    port: int | None = None


@dataclass(frozen=True)
class PortEntry:
    """One serial port; numbers count from 1."""

    number: int
    line: Line = Line()


@dataclass(frozen=True)
class PortMap:
    """Where the unit's ports are reached; a port that is not in a map is reached under its own number."""

    tcp: dict[int, int] = field(default_factory=dict)
    udp: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Credentials:
    """User name and the place of the password."""

    username: str
    password: SecretRef


@dataclass(frozen=True)
class UnitEntry:
    """One unit, as lab.yaml describes it."""

    name: str
    rack: str
    model: str
    firmware: str
    address: str
    credentials: Credentials
    pre_shared_key: SecretRef
    mac: str | None = None
    """Upper case, colons; None when lab.yaml does not name it."""
    certificate: Path | None = None
    port_map: PortMap = PortMap()
    allow: frozenset[Permission] = frozenset({"restart"})
    outlet: Channel | None = None
    reset_button: Channel | None = None
    ports: dict[int, PortEntry] = field(default_factory=dict)
    """Every port of the model, in order, also those lab.yaml does not mention (line `none`)."""
    defects: tuple[str, ...] = ()
    guest: Credentials | None = None
    """An account of the group guest that the unit has; virtual units are given one where it is needed."""

    @property
    def https_port(self) -> int:
        """Where the unit's port 443 is reached."""
        return self.port_map.tcp.get(443, 443)


@dataclass(frozen=True)
class SwitchEntry:
    """A switch of the rack. `url` is None on a virtual rack, whose own relay is used."""

    name: str
    driver: str
    channels: int
    url: str | None = None
    username: str | None = None
    password: SecretRef | None = None


@dataclass(frozen=True)
class PeerEntry:
    """A server the unit talks to."""

    name: str
    kind: str
    address: str | None = None
    port: int | None = None
    secret: SecretRef | None = None


@dataclass(frozen=True)
class VirtualRack:
    """How a virtual rack behaves."""

    network: Literal["auto", "namespaces", "user-namespaces", "loopback"] = "auto"
    boot_seconds: float = 0.5
    seconds_per_unit_minute: float = 1.0
    flash_seconds: float = 0.5


@dataclass(frozen=True)
class Network:
    """The rack's network, seen from this host."""

    harness: IPv4Interface
    interface: str | None = None
    peer_addresses: tuple[str, ...] = ()

    @property
    def harness_address(self) -> str:
        """This host's address in the rack's network."""
        return str(self.harness.ip)

    @property
    def prefix_length(self) -> int:
        """Of the rack's network."""
        return self.harness.network.prefixlen


@dataclass(frozen=True)
class Probes:
    """How hard units are probed: connects per second, seconds for each datagram, tries, seconds between handshakes."""

    sweep_rate: float
    udp_timeout: float
    udp_tries: int
    tls_pause: float


@dataclass(frozen=True)
class Rack:
    """Units that share a network."""

    name: str
    units: dict[str, UnitEntry]
    network: Network
    probes: Probes
    virtual: VirtualRack | None = None
    switches: dict[str, SwitchEntry] = field(default_factory=dict)
    peers: dict[str, PeerEntry] = field(default_factory=dict)

    @property
    def seconds_per_unit_minute(self) -> float:
        """Real seconds that pass while a unit counts one minute."""
        return self.virtual.seconds_per_unit_minute if self.virtual else 60.0


STATE = ".nportlab"
"""Folder of the lab's state, beside lab.yaml."""


@dataclass(frozen=True)
class Firmware:
    """Where images are, and how they get into units. images: folder, absolute; settings: the values of lab.yaml."""

    images: Path
    mcc_tool: Path | None
    """The vendor's tool; None when there is none, or the virtual one is meant (`virtual_tool`)."""
    virtual_tool: bool
    virtual_images: bool
    """Whether the folder is the harness's own, filled when it is first needed."""
    settings: FirmwareShape

    @property
    def has_tool(self) -> bool:
        """Whether an image can be brought into a unit by the tool route."""
        return self.virtual_tool or self.mcc_tool is not None

    def wants(self, version: str) -> bool:
        """Whether lab.yaml lets units be given that version (`oldest`, `newest`; both included)."""
        oldest, newest = self.settings.oldest, self.settings.newest
        return (oldest is None or version_key(version) >= version_key(oldest)) and (
            newest is None or version_key(version) <= version_key(newest)
        )

    @classmethod
    def of(cls, shape: FirmwareShape, folder: Path) -> Firmware:
        """From the shape; relative paths start at the folder of lab.yaml."""
        virtual, made = shape.mcc_tool == VIRTUAL_TOOL, shape.images == VIRTUAL_IMAGES
        tool = folder / Path(shape.mcc_tool).expanduser() if shape.mcc_tool and not virtual else None
        images = folder / STATE / "images" if made else folder / Path(shape.images).expanduser()
        return cls(images, tool, virtual, made, shape)


@dataclass(frozen=True)
class Lab:
    """Everything lab.yaml says."""

    name: str
    path: Path
    profile: Profile
    racks: dict[str, Rack]
    limits: Limits = field(default_factory=Limits)
    firmware: Firmware | None = None
    """None: lab.yaml names no images, and no unit gets other firmware."""

    @property
    def state_dir(self) -> Path:
        """`.nportlab` beside lab.yaml: flash of virtual units, journal, history, generated secrets."""
        return self.path.parent / STATE

    @cached_property
    def units(self) -> dict[str, UnitEntry]:
        """Every unit of every rack by name (names are unique in a lab)."""
        return {name: unit for rack in self.racks.values() for name, unit in rack.units.items()}

    def flash_seconds(self, unit: str) -> float:
        """What one flash of a unit takes until it runs again, by lab.yaml; for estimates."""
        virtual = self.rack_of(unit).virtual
        if virtual is not None:
            return virtual.flash_seconds + virtual.boot_seconds
        return (self.firmware.settings if self.firmware else FirmwareShape(images=".")).flash_seconds

    def rack_of(self, unit: str) -> Rack:
        """The rack a unit is in. Raises KeyError for a name that is not in the lab."""
        return self.racks[self.units[unit].rack]
