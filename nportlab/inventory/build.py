"""From the shapes of lab.yaml to the objects of `lab`, with every name and default filled in."""

from __future__ import annotations

from ipaddress import IPv4Interface
from pathlib import Path

from nportlab.guide.family import models
from nportlab.inventory.lab import (
    Channel,
    Credentials,
    Firmware,
    Lab,
    Line,
    Network,
    PeerEntry,
    PortEntry,
    PortMap,
    Probes,
    Rack,
    SwitchEntry,
    UnitEntry,
    VirtualRack,
)
from nportlab.inventory.ports import parse_ports
from nportlab.inventory.secret import SecretRef
from nportlab.inventory.shapes import LabShape, LineShape, ProbesShape, RackShape, SecretShape, UnitShape
from nportlab.verdicts.located import Located
from nportlab.verdicts.problems import Place, dotted

FACTORY_PRE_SHARED_KEY = "moxa"

_REAL = Probes(sweep_rate=200.0, udp_timeout=1.0, udp_tries=3, tls_pause=0.25)
_VIRTUAL = Probes(sweep_rate=20000.0, udp_timeout=0.3, udp_tries=2, tls_pause=0.0)


def build_lab(shape: LabShape, path: Path, located: Located) -> Lab:
    """The lab of a shape without contradictions. path: absolute path of lab.yaml."""
    build = _Build(path, located)
    racks = {name: build.rack(name, rack) for name, rack in shape.racks.items()}
    firmware = Firmware.of(shape.firmware, path.parent) if shape.firmware else None
    return Lab(name=shape.lab, path=path, profile=shape.profile, racks=racks, limits=shape.limits, firmware=firmware)


class _Build:
    def __init__(self, path: Path, located: Located) -> None:
        self.folder = path.parent
        self.located = located

    def rack(self, name: str, shape: RackShape) -> Rack:
        place: Place = ("racks", name)
        units = {unit: self.unit((*place, "units", unit), name, unit, s) for unit, s in shape.units.items()}
        return Rack(
            name=name,
            units=_both_ends(units),
            network=Network(
                IPv4Interface(shape.network.harness_address),
                shape.network.interface,
                tuple(str(address) for address in shape.network.peer_addresses),
            ),
            probes=_probes(shape.probes, _VIRTUAL if shape.virtual else _REAL),
            virtual=VirtualRack(**shape.virtual.model_dump()) if shape.virtual else None,
            switches={
                key: SwitchEntry(
                    name=key,
                    driver=switch.driver,
                    channels=switch.channels,
                    url=switch.url,
                    username=switch.username,
                    password=self.secret((*place, "switches", key, "password"), switch.password),
                )
                for key, switch in shape.switches.items()
            },
            peers={
                key: PeerEntry(
                    name=key,
                    kind=peer.kind,
                    address=peer.address,
                    port=peer.port,
                    secret=self.secret((*place, "peers", key, "secret"), peer.secret),
                )
                for key, peer in shape.peers.items()
            },
        )

    def unit(self, place: Place, rack: str, name: str, shape: UnitShape) -> UnitEntry:
        password = self.secret((*place, "credentials", "password"), shape.credentials.password)
        assert password is not None  # the shape requires it
        key = self.secret((*place, "pre_shared_key"), shape.pre_shared_key)
        return UnitEntry(
            name=name,
            rack=rack,
            model=shape.model,
            firmware=shape.firmware,
            address=shape.address,
            mac=shape.mac.upper() if shape.mac else None,
            credentials=Credentials(shape.credentials.username, password),
            pre_shared_key=key or SecretRef.literal(FACTORY_PRE_SHARED_KEY),
            certificate=self.folder / shape.certificate if shape.certificate else None,
            port_map=PortMap(dict(shape.port_map.tcp), dict(shape.port_map.udp)),
            allow=shape.allow,
            outlet=Channel.parse(shape.outlet) if shape.outlet else None,
            reset_button=Channel.parse(shape.reset_button) if shape.reset_button else None,
            ports=_ports(shape),
            defects=shape.defects,
            guest=self.guest(place, shape),
        )

    def guest(self, place: Place, shape: UnitShape) -> Credentials | None:
        if shape.guest is None:
            return None
        password = self.secret((*place, "guest", "password"), shape.guest.password)
        assert password is not None  # the shape requires it
        return Credentials(shape.guest.username, password)

    def secret(self, place: Place, shape: SecretShape | None) -> SecretRef | None:
        if shape is None:
            return None
        return SecretRef(
            where=f"{self.located.file}:{self.located.line(place)}: {dotted(place)}",
            name=dotted(place[1:]),
            env=shape.env,
            file=self.folder / Path(shape.file).expanduser() if shape.file else None,
            key=shape.key,
            generated=bool(shape.generated),
        )


def _ports(shape: UnitShape) -> dict[int, PortEntry]:
    lines: dict[int, Line] = {}
    for key, port in shape.ports.items():
        lines.update(dict.fromkeys(parse_ports(key) or (), _line(port.line)))
    return {number: PortEntry(number, lines.get(number, Line())) for number in models()[shape.model].ports}


def _line(shape: LineShape) -> Line:
    if shape.loopback:
        return Line("loopback")
    if shape.adapter:
        return Line("adapter", device=shape.adapter if isinstance(shape.adapter, str) else None)
    if shape.pty:
        return Line("pty", device=shape.pty)
    if shape.crosslink:
        unit, _, port = shape.crosslink.rpartition("/")
        return Line("crosslink", unit=unit, port=int(port))
    return Line()


def _both_ends(units: dict[str, UnitEntry]) -> dict[str, UnitEntry]:
    """A crosslink that lab.yaml names at one end is known at both."""
    for unit in units.values():
        for number, port in unit.ports.items():
            if port.line.kind == "crosslink" and port.line.unit in units and port.line.port:
                units[port.line.unit].ports.setdefault(port.line.port, PortEntry(port.line.port))
                if units[port.line.unit].ports[port.line.port].line.kind == "none":
                    units[port.line.unit].ports[port.line.port] = PortEntry(
                        port.line.port, Line("crosslink", unit=unit.name, port=number)
                    )
    return units


def _probes(shape: ProbesShape, default: Probes) -> Probes:
    return Probes(
        sweep_rate=default.sweep_rate if shape.sweep_rate is None else shape.sweep_rate,
        udp_timeout=default.udp_timeout if shape.udp_timeout is None else shape.udp_timeout,
        udp_tries=default.udp_tries if shape.udp_tries is None else shape.udp_tries,
        tls_pause=default.tls_pause if shape.tls_pause is None else shape.tls_pause,
    )
