"""The services of the guide's tables, and which ports must be open for a given state."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from nportlab.guide.family import Model, model, models
from nportlab.guide.modes import (
    LPD_PORT,
    PRINTER_GROUPS,
    command_port,
    data_port,
    default_port,
    listening,
    raw_printer_port,
)
from nportlab.guide.rows import SourcedRow, read_yaml, unique


class Service(SourcedRow):
    """One row of the service tables.

    role: `listens` (the unit answers there) or `client` (the unit sends; ports are then those it uses or talks to).
    option, factory, suggested: as the tables say. setting: id of the switch, None when there is none; running_when: its
    values that mean on; running_when_set: on when the field is not empty.
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
    running_when: tuple[str, ...] = ()
    running_when_set: bool = False
    controls: tuple[str, ...] = ()

    def is_on(self, state: Mapping[str, str]) -> bool:
        """Whether the service runs in `state` (concrete ids; a missing setting counts as its factory value)."""
        if self.setting is None:
            return True
        value = state.get(self.setting)
        if value is None:
            return self.factory == "enable"
        return value != "" if self.running_when_set else value in self.running_when


@dataclass(frozen=True)
class ExpectedPorts:
    """What must be open for a state, and what may.

    tcp, udp: must answer. optional_udp: may be bound without being a finding (client functions the guide lists,
    contradiction C6). users: who holds each required port, by (transport, port).
    """

    tcp: frozenset[int]
    udp: frozenset[int]
    optional_udp: frozenset[int]
    users: Mapping[tuple[str, int], tuple[str, ...]] = field(default_factory=dict, compare=False)


@cache
def services() -> dict[str, Service]:
    """All services by id."""
    return unique([Service(**row) for row in read_yaml("services.yaml")["services"]], "services.yaml")


def expected_ports(state: Mapping[str, str], name: str | Model) -> ExpectedPorts:
    """Ports a unit of that model must have open in `state` (concrete setting ids)."""
    users: dict[tuple[str, int], tuple[str, ...]] = {}
    optional: set[int] = set()

    def needed(transport: str, port: int, user: str) -> None:
        users[transport, port] = (*users.get((transport, port), ()), user)

    for service in services().values():
        if service.is_on(state) and service.role == "listens":
            for port in service.ports:
                needed(service.transport, port, service.name)
        elif service.is_on(state) and service.transport == "udp":
            optional |= set(service.ports)
    for n in model(name).ports:
        heard = listening(n, state)
        for transport, ports in (("tcp", heard.tcp), ("udp", heard.udp)):
            for port, role in ports.items():
                needed(transport, port, f"port {n} {role}")
    tcp = frozenset(port for transport, port in users if transport == "tcp")
    udp = frozenset(port for transport, port in users if transport == "udp")
    return ExpectedPorts(tcp, udp, frozenset(optional - udp), users)


def known_udp_ports(name: str | Model) -> frozenset[int]:
    """Every UDP port the guide's tables give a unit of that model, with factory port numbers for UDP mode."""
    listed = {port for service in services().values() if service.transport == "udp" for port in service.ports}
    return frozenset(listed | {default_port(n) for n in model(name).ports})


def known_ports(name: str | Model) -> frozenset[int]:
    """Every TCP port the guide's tables give a unit of that model in any configuration with factory port numbers.

    Also those of serial ports the series has but this model lacks, and all raw printer groups.
    """
    listed = {port for service in services().values() if service.transport == "tcp" for port in service.ports}
    numbers = range(1, max(row.serial_ports for row in models().values()) + 1)
    real_com = {port for n in numbers for port in (data_port(n), command_port(n))}
    user_defined = {default_port(n) for n in model(name).ports}
    raw = {raw_printer_port(group) for group in range(1, PRINTER_GROUPS + 1)}
    return frozenset(listed | real_com | user_defined | raw | {LPD_PORT})
