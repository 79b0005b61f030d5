"""The lab as the harness sees it: plain, immutable objects, every name and default filled in."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import IPv4Interface
from pathlib import Path
from typing import Literal

from nportlab.inventory.secret import SecretRef
from nportlab.inventory.shapes import Permission, ProfileShape

Profile = ProfileShape


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
    """What is plugged into a port. For a crosslink, `unit` and `port` name the other end."""

    kind: Literal["none", "loopback", "adapter", "crosslink"] = "none"
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


@dataclass(frozen=True)
class Lab:
    """Everything lab.yaml says."""

    name: str
    path: Path
    profile: Profile
    racks: dict[str, Rack]

    @property
    def state_dir(self) -> Path:
        """`.nportlab` beside lab.yaml: flash of virtual units, journal, history, generated secrets."""
        return self.path.parent / ".nportlab"

    @cached_property
    def units(self) -> dict[str, UnitEntry]:
        """Every unit of every rack by name (names are unique in a lab)."""
        return {name: unit for rack in self.racks.values() for name, unit in rack.units.items()}

    def rack_of(self, unit: str) -> Rack:
        """The rack a unit is in. Raises KeyError for a name that is not in the lab."""
        return self.racks[self.units[unit].rack]
