"""Contradictions in lab.yaml: values that are fine by themselves and impossible together."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface
from typing import TypeVar

from nportlab.guide.defects import defects
from nportlab.guide.family import models
from nportlab.guide.firmware import tools, version_key, versions
from nportlab.inventory.firmware import VIRTUAL_IMAGES, VIRTUAL_TOOL
from nportlab.inventory.ports import parse_ports
from nportlab.inventory.shapes import LabShape, LineShape, RackShape, SecretShape, UnitShape
from nportlab.verdicts.located import Located
from nportlab.verdicts.problems import Place, did_you_mean

_T = TypeVar("_T")


@dataclass(frozen=True)
class _Unit:
    rack: str
    name: str
    shape: UnitShape
    virtual: bool

    @property
    def place(self) -> Place:
        return ("racks", self.rack, "units", self.name)


def find_contradictions(lab: LabShape, located: Located, gone: set[Place]) -> None:
    """Add every contradiction to `located`. gone: places that were left out because they are wrong by themselves."""
    check = _Checks(lab, located, gone)
    check.names()
    for rack_name, rack in lab.racks.items():
        check.rack(("racks", rack_name), rack)
    for unit in check.units:
        check.model_and_firmware(unit)
        check.permissions(unit)
        check.virtual_only(unit)
    check.addresses()
    check.channels()
    check.lines()
    check.limits()
    check.firmware()


class _Checks:
    def __init__(self, lab: LabShape, located: Located, gone: set[Place]) -> None:
        self.lab = lab
        self.located = located
        self.gone = gone
        self.units = [
            _Unit(rack_name, name, unit, rack.virtual is not None)
            for rack_name, rack in lab.racks.items()
            for name, unit in rack.units.items()
        ]

    def problem(self, place: Place, message: str, *, show_path: bool = True) -> None:
        self.located.problem(place, message, show_path=show_path)

    def names(self) -> None:
        """A unit's name says which unit, in every command and file of the lab."""
        for first, second in _repeated(self.units, lambda unit: unit.name):
            self.problem(second.place, f"rack '{first.rack}' has a unit of this name too; names are unique in a lab")

    def rack(self, place: Place, rack: RackShape) -> None:
        for name, switch in rack.switches.items():
            here = (*place, "switches", name)
            if rack.virtual is not None and switch.url is not None:
                self.problem((*here, "url"), "a virtual rack brings its own switch; leave the url out")
            if rack.virtual is None and switch.url is None and (*here, "url") not in self.gone:
                self.problem(here, "key 'url' is missing (where is the switch?)")
            self._secret((*here, "password"), switch.password, virtual=rack.virtual is not None)
        for name, peer in rack.peers.items():
            self._secret((*place, "peers", name, "secret"), peer.secret, virtual=rack.virtual is not None)
        for first, second in _repeated(
            list(rack.peers.items()), lambda item: (item[1].kind, item[1].address, item[1].port)
        ):
            self.problem((*place, "peers", second[0]), f"is the same {second[1].kind} server as '{first[0]}'")
        harness = IPv4Interface(rack.network.harness_address)
        for name, unit in rack.units.items():
            at = (*place, "units", name, "address")
            if at in self.gone:
                continue
            address = IPv4Address(unit.address)
            if address == harness.ip:
                self.problem(at, f"{address} is the harness's own address in this rack")
            elif rack.virtual is not None and address not in harness.network:
                self.problem(at, f"{address} is outside the rack's network {harness.network} (harness_address)")
            elif rack.virtual is not None and address in (
                harness.network.network_address,
                harness.network.broadcast_address,
            ):
                self.problem(at, f"{address} is not an address a unit can have in {harness.network}")

    def model_and_firmware(self, unit: _Unit) -> None:
        shape = unit.shape
        known = models()
        if shape.model not in known and (*unit.place, "model") not in self.gone:
            near = did_you_mean(shape.model, known, all_up_to=20)
            self.problem((*unit.place, "model"), f"unknown model '{shape.model}'{near}")
        at = (*unit.place, "firmware")
        try:
            version_key(shape.firmware)
        except ValueError:
            self.problem(at, f"'{shape.firmware}' is not a firmware version such as 2.3")
            return
        # Real units may be newer than what this table knows; the virtual unit can only be what it knows.
        if unit.virtual and shape.firmware not in versions():
            near = did_you_mean(shape.firmware, versions(), all_up_to=20)
            self.problem(at, f"unknown firmware '{shape.firmware}'{near}")

    def permissions(self, unit: _Unit) -> None:
        shape = unit.shape
        if "power-cycle" in shape.allow and shape.outlet is None and (*unit.place, "outlet") not in self.gone:
            self.problem((*unit.place, "allow"), "power-cycle is allowed, but no outlet feeds this unit")
        for further in ("downgrade", "one-way"):
            if further in shape.allow and "flash" not in shape.allow:
                self.problem((*unit.place, "allow"), f"{further} is allowed, but flash is not; it needs both")

    def virtual_only(self, unit: _Unit) -> None:
        shape, place = unit.shape, unit.place
        self._secret((*place, "credentials", "password"), shape.credentials.password, virtual=unit.virtual)
        if shape.guest is not None:
            self._secret((*place, "guest", "password"), shape.guest.password, virtual=unit.virtual)
        self._secret((*place, "pre_shared_key"), shape.pre_shared_key, virtual=unit.virtual)
        if not unit.virtual:
            if shape.defects:
                self.problem((*place, "defects"), "only a unit of a virtual rack can be given defects")
            return
        if shape.port_map.tcp or shape.port_map.udp:
            self.problem((*place, "port_map"), "a virtual rack makes its own port map; leave it out")
        for index, defect in enumerate(shape.defects):
            if defect not in defects():
                near = did_you_mean(defect, defects())
                self.problem((*place, "defects", index), f"unknown defect '{defect}'{near}")
            elif defect in shape.defects[:index]:
                self.problem((*place, "defects", index), f"defect '{defect}' is listed twice")

    def _secret(self, place: Place, secret: SecretShape | None, *, virtual: bool) -> None:
        if secret is not None and secret.generated and not virtual:
            self.problem(place, "a real unit cannot know a generated secret; use env or file")

    def addresses(self) -> None:
        """Two units at one address would be mistaken for each other; virtual racks do not see one another."""

        def network(unit: _Unit) -> str:
            return unit.rack if unit.virtual else ""

        def reached(unit: _Unit) -> tuple[str, str, int]:
            return network(unit), unit.shape.address, unit.shape.port_map.tcp.get(443, 443)

        for first, second in _repeated([u for u in self.units if (*u.place, "address") not in self.gone], reached):
            self.problem((*second.place, "address"), f"{second.shape.address} is the address of {first.name} too")
        with_mac = [unit for unit in self.units if unit.shape.mac]
        for first, second in _repeated(with_mac, lambda unit: (unit.shape.mac or "").upper()):
            self.problem((*second.place, "mac"), f"{second.shape.mac} is the MAC address of {first.name} too")
        for unit in self.units:
            for protocol in ("tcp", "udp"):
                mapped = getattr(unit.shape.port_map, protocol)
                for one, two in _repeated(list(mapped.items()), lambda pair: pair[1]):
                    at = (*unit.place, "port_map", protocol, two[0])
                    self.problem(at, f"{two[1]} is where {protocol} port {one[0]} is reached already")

    def channels(self) -> None:
        """Outlets and buttons: known switch, existing channel, one unit each."""
        used: dict[tuple[str, str], tuple[_Unit, str]] = {}
        for unit in self.units:
            rack = self.lab.racks[unit.rack]
            for role in ("outlet", "reset_button"):
                channel: str | None = getattr(unit.shape, role)
                if channel is None:
                    continue
                place = (*unit.place, role)
                switch, _, number = channel.rpartition("/")
                if switch not in rack.switches:
                    if ("racks", unit.rack, "switches", switch) not in self.gone:
                        near = did_you_mean(switch, rack.switches)
                        self.problem(place, f"rack '{unit.rack}' has no switch '{switch}'{near}")
                    continue
                if int(number) > rack.switches[switch].channels:
                    most = rack.switches[switch].channels
                    self.problem(place, f"switch '{switch}' has {most} channels, there is no {channel}")
                key = (unit.rack, f"{switch}/{int(number)}")
                if key in used:
                    other, other_role = used[key]
                    self.problem(place, _shared(channel, other, other_role, unit, role), show_path=False)
                used.setdefault(key, (unit, role))

    def lines(self) -> None:
        """Ports that exist, plugs the rack can have and that are in one place only, cables with two ends."""
        devices: dict[str, str] = {}
        plugged: dict[tuple[str, int], tuple[Place, tuple[str, int] | str]] = {}
        by_name = {unit.name: unit for unit in self.units}
        for unit in self.units:
            for number, place, line in self._ports(unit):
                self._possible(place, line, virtual=unit.virtual)
                device = _device(line)
                if device is not None:
                    if device in devices:
                        what = "pty" if line.pty else "adapter"
                        self.problem(place, f"{what} {device} is plugged into {devices[device]} too")
                    devices.setdefault(device, f"{unit.name}/{number}")
                if line.crosslink is not None:
                    other, _, port = line.crosslink.rpartition("/")
                    plugged[unit.name, number] = (place, (other, int(port)))
                elif plug := _plug(line):
                    plugged[unit.name, number] = (place, plug)
        for (unit_name, number), (place, plug) in plugged.items():
            if isinstance(plug, tuple):
                self._crosslink(by_name, plugged, (unit_name, number), place, plug)
        ends = [(end, plug, place) for end, (place, plug) in plugged.items() if isinstance(plug, tuple)]
        for first, second in _repeated(ends, lambda item: item[1]):
            self.problem(
                second[2], f"{_end(second[1])} is at the other end of {_end(first[0])} already; a cable has two ends"
            )

    def _possible(self, place: Place, line: LineShape, *, virtual: bool) -> None:
        if virtual and isinstance(line.adapter, str):
            self.problem(place, "a virtual rack brings its own adapters; write `line: adapter`")
        if not virtual and line.adapter is True:
            self.problem(
                place,
                "which adapter? write {adapter: /dev/ttyUSB0}, or a pyserial URL; the plain word is for virtual racks",
            )
        if not virtual and line.pty is not None:
            self.problem(place, "only a port of a virtual rack can be a pty; write {adapter: device} for a real one")

    def limits(self) -> None:
        """What is marginal lies on the bad side of what passes."""
        for name, limit in self.lab.limits.named():
            if limit.contradiction:
                self.problem(("limits", name), limit.contradiction)

    def firmware(self) -> None:
        """Versions that can be meant together, known tools, and the virtual tool only where it finds a unit."""
        shape = self.lab.firmware
        if shape is None:
            return
        if shape.contradiction:
            self.problem(("firmware", "oldest"), shape.contradiction)
        if shape.images == VIRTUAL_IMAGES and not all(rack.virtual for rack in self.lab.racks.values()):
            self.problem(("firmware", "images"), "images made for virtual units are not for real ones; name a folder")
        if shape.mcc_tool == VIRTUAL_TOOL and not any(rack.virtual for rack in self.lab.racks.values()):
            self.problem(("firmware", "mcc_tool"), "the virtual tool speaks to virtual units only; this lab has none")
        for name in shape.tools:
            if name not in tools():
                self.problem(("firmware", "tools", name), f"unknown tool '{name}'{did_you_mean(name, tools())}")

    def _crosslink(
        self,
        by_name: dict[str, _Unit],
        plugged: dict[tuple[str, int], tuple[Place, tuple[str, int] | str]],
        here: tuple[str, int],
        place: Place,
        there: tuple[str, int],
    ) -> None:
        unit = by_name.get(there[0])
        if unit is None:
            if not any(out[2:] == ("units", there[0]) for out in self.gone):
                self.problem(place, f"crosslink to unknown unit '{there[0]}'{did_you_mean(there[0], by_name)}")
            return
        if unit.rack != by_name[here[0]].rack:
            self.problem(place, f"crosslink to {_end(there)}, which is in another rack")
        model = models().get(unit.shape.model)
        if model is not None and there[1] > model.serial_ports:
            self.problem(place, f"crosslink to {_end(there)}, but a {model.name} has {_count(model.serial_ports)}")
        elif there == here:
            self.problem(place, "crosslink to itself; a port that hears itself has the line `loopback`")
        elif there in plugged and plugged[there][1] != here:
            other = plugged[there][1]
            said = other if isinstance(other, str) else f"a crosslink to {_end(other)}"
            self.problem(place, f"crosslink to {_end(there)}, but that port's line is {said}")

    def _ports(self, unit: _Unit) -> Iterator[tuple[int, Place, LineShape]]:
        model = models().get(unit.shape.model)
        seen: dict[int, str] = {}
        for key, port in unit.shape.ports.items():
            place = (*unit.place, "ports", key)
            numbers = parse_ports(key)
            if numbers is None:
                self.problem(place, f"'{key}' is not a port number (1) or range (1-16)")
                continue
            if model is not None and numbers[-1] > model.serial_ports:
                self.problem(place, f"a {model.name} has {_count(model.serial_ports)}, there is no port {numbers[-1]}")
                numbers = range(numbers.start, min(numbers.stop, model.serial_ports + 1))
            if len(numbers) > 1 and (_device(port.line) or port.line.crosslink):
                self.problem((*place, "line"), "one plug cannot be in several ports; give each port its own line")
                continue
            for number in numbers:
                if number in seen:
                    self.problem(place, f"port {number} is in '{seen[number]}' already")
                    continue
                seen[number] = key
                yield number, (*place, "line"), port.line


def _shared(channel: str, first: _Unit, first_role: str, second: _Unit, second_role: str) -> str:
    if first_role == second_role == "outlet":
        return f"outlet {channel} feeds both {first.name} and {second.name}; an outlet feeds one unit"
    roles = {"outlet": "the outlet", "reset_button": "the reset button"}
    if first.name == second.name:
        return f"channel {channel} is both the outlet and the reset button of {first.name}"
    return f"channel {channel} is {roles[first_role]} of {first.name} and {roles[second_role]} of {second.name}"


def _device(line: LineShape) -> str | None:
    """What of this host the port is connected with, in a form in which the same is the same."""
    device = line.pty or (line.adapter if isinstance(line.adapter, str) else None)
    return device if device is None or "://" in device else posixpath.normpath(device)


def _plug(line: LineShape) -> str | None:
    return next((word for word in ("adapter", "loopback", "pty") if getattr(line, word)), None)


def _end(end: tuple[str, int]) -> str:
    return f"{end[0]}/{end[1]}"


def _count(ports: int) -> str:
    return "1 port" if ports == 1 else f"{ports} ports"


def _repeated(items: Iterable[_T], key: Callable[[_T], object]) -> Iterator[tuple[_T, _T]]:
    """Each item whose key an earlier one has, with the first that has it."""
    first: dict[object, _T] = {}
    for item in items:
        found = first.setdefault(key(item), item)
        if found is not item:
            yield found, item
