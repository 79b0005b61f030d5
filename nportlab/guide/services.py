"""The services of the guide's tables, and which ports must be open for a given state."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from nportlab.guide.family import Model, model
from nportlab.guide.modes import listening
from nportlab.guide.rows import SourcedRow, read_yaml, unique


class Service(SourcedRow):
    """One row of the service tables.

    role: `listens` (the unit answers there) or `client` (the unit sends; ports are then those it uses or talks to).
    option, factory, suggested: as the tables say. setting: id of the switch, None when there is none; on: its values
    that mean on; on_when_set: on when the field is not empty.
    """

    id: str
    name: str
    role: Literal["listens", "client"]
    transport: Literal["tcp", "udp"]
    ports: tuple[int, ...]
    option: str
    factory: Literal["enable", "disable"]
    suggested: Literal["enable", "disable"]
    setting: str | None
    on: tuple[str, ...] = ()
    on_when_set: bool = False
    controls: tuple[str, ...] = ()

    def is_on(self, state: Mapping[str, str]) -> bool:
        """Whether the service runs in `state` (concrete ids; a missing setting counts as its factory value)."""
        if self.setting is None:
            return True
        value = state.get(self.setting)
        if value is None:
            return self.factory == "enable"
        return value != "" if self.on_when_set else value in self.on


@dataclass(frozen=True)
class ExpectedPorts:
    """What must be open for a state, and what may.

    tcp, udp: must answer, each port with the names of its users. optional_udp: may be bound without being a finding
    (client functions the guide lists, contradiction C6).
    """

    tcp: dict[int, tuple[str, ...]] = field(default_factory=dict)
    udp: dict[int, tuple[str, ...]] = field(default_factory=dict)
    optional_udp: frozenset[int] = frozenset()


@cache
def services() -> dict[str, Service]:
    """All services by id."""
    return unique([Service(**row) for row in read_yaml("services.yaml")["services"]], "services.yaml")


def expected_ports(state: Mapping[str, str], name: str | Model) -> ExpectedPorts:
    """Ports a unit of that model must have open in `state` (concrete setting ids).

    Membership tests and iteration work on `tcp` and `udp` as on sets of port numbers.
    """
    tcp: dict[int, tuple[str, ...]] = {}
    udp: dict[int, tuple[str, ...]] = {}
    optional: set[int] = set()
    for service in services().values():
        if not service.is_on(state):
            continue
        if service.role == "client":
            optional |= set(service.ports) if service.transport == "udp" else set()
            continue
        target = tcp if service.transport == "tcp" else udp
        for port in service.ports:
            target[port] = (*target.get(port, ()), service.name)
    for n in model(name).ports:
        heard = listening(n, state)
        for target, ports in ((tcp, heard.tcp), (udp, heard.udp)):
            for port, role in ports.items():
                target[port] = (*target.get(port, ()), f"port {n} {role}")
    return ExpectedPorts(tcp, udp, frozenset(optional - set(udp)))
