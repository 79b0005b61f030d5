"""The wiring self-test: is plugged in what lab.yaml says, everywhere? If not: which port answered instead.

Every end (the network side of each port, each adapter) sends a marker nobody else sends; where it comes out tells how
the cables run. Wrong wiring is the lab's fault, and names port and line.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from nportlab.inventory.lab import Line
from nportlab.protocol.serial_wire import LineFormat
from nportlab.serial.channel import Channel
from nportlab.serial.lines import describe
from nportlab.serial.traffic.pattern import TELNET, XON_XOFF, Pattern, pattern
from nportlab.serial.uart_facts import wire_seconds
from nportlab.verdicts.faults import LabFault

_MARKER = 20
"""Characters of a marker; with 5 data bits half of them are enough to know it by."""

_KNOWN_BY = 10
_SETTLE = 0.1
_LOOK = 0.002
_MOST_KEPT = 4096


class ComesOutElsewhere(LabFault):
    """Bytes of a port came out where lab.yaml has no way for them: no unit can do that, a cable can."""


@dataclass(frozen=True)
class WiredPort:
    """A port with its ends open. line: what lab.yaml says is plugged in. network: a client of its operation mode
    (TCP server, Real COM ...). adapter: the open adapter of its line. format: as the port and its adapter are set."""

    unit: str
    number: int
    line: Line
    network: Channel
    adapter: Channel | None = None
    format: LineFormat = field(default_factory=LineFormat)

    @property
    def place(self) -> str:
        """`np6650/3`."""
        return f"{self.unit}/{self.number}"

    @property
    def label(self) -> str:
        """For messages."""
        return f"{self.unit} port {self.number}"


@dataclass
class _End:
    """One place where bytes go in and come out. expected: names of the ends at which its marker should come out, None
    when that cannot be seen from here."""

    name: str
    port: WiredPort
    channel: Channel
    marker: Pattern
    expected: set[str] | None
    received: bytearray = field(default_factory=bytearray)
    arrived: set[str] = field(default_factory=set)

    @property
    def is_adapter(self) -> bool:
        return self.channel is self.port.adapter


def wiring_faults(ports: Sequence[WiredPort], *, timeout: float = 1.0) -> tuple[LabFault, ...]:
    """Everything that is not plugged in as lab.yaml says; empty when all is.

    timeout: seconds to wait for markers, beyond their time on the wire. Raises ChannelClosed when an end goes away.
    """
    ends = _ends(ports)
    slowest = max((wire_seconds(port.format, _MARKER) for port in ports), default=0.0)
    _quiet(ends)
    # One end of each line after the other: two-wire lines carry one direction at a time.
    for senders in ([end for end in ends if not _second(end)], [end for end in ends if _second(end)]):
        _send(senders, timeout + slowest)
        _collect(ends, senders, timeout + 2 * slowest)
    return tuple(fault for end in ends for fault in _judge(end, ends))


def check_wiring(ports: Sequence[WiredPort], *, timeout: float = 1.0) -> None:
    """Raise LabFault when anything is not plugged in as lab.yaml says; the message has a line for each port."""
    faults = wiring_faults(ports, timeout=timeout)
    if len(faults) == 1:
        raise faults[0]
    if faults:
        lines = "\n".join(f"{fault.resource}: {fault.message}" for fault in faults)
        raise LabFault(f"{len(faults)} lines are not wired as lab.yaml says:\n{lines}", faults[0].remedy, "wiring")


def _ends(ports: Sequence[WiredPort]) -> list[_End]:
    bits = min((port.format.data_bits for port in ports), default=8)
    here = {port.place for port in ports}
    ends: list[_End] = []
    for port in ports:
        other = f"{port.line.unit}/{port.line.port}"
        match port.line.kind:
            case "loopback":
                expected = {port.place}
            case "crosslink":
                expected = {other} if other in here else None
            case "adapter" | "pty":
                expected = {_adapter(port)} if port.adapter else None
            case _:
                expected = set()
        ends.append(_End(port.place, port, port.network, _marker(port.place, bits), expected))
        if port.adapter:
            name = _adapter(port)
            ends.append(_End(name, port, port.adapter, _marker(name, bits), {port.place}))
    return ends


def _adapter(port: WiredPort) -> str:
    return f"adapter of {port.place}"


def _marker(name: str, bits: int) -> Pattern:
    return pattern(f"wiring {name}", bits, XON_XOFF + TELNET)


def _second(end: _End) -> bool:
    line = end.port.line
    return end.is_adapter or (
        line.kind == "crosslink" and (line.unit or "", line.port or 0) < (end.port.unit, end.port.number)
    )


def _quiet(ends: Iterable[_End]) -> None:
    """Forget what came before."""
    until = time.monotonic() + _SETTLE
    while time.monotonic() < until:
        if sum(len(end.channel.read()) for end in ends):
            until = min(until + _SETTLE, time.monotonic() + 20 * _SETTLE)
        time.sleep(_LOOK)


def _send(senders: Iterable[_End], timeout: float) -> None:
    left = {end.name: end.marker.at(0, _MARKER) for end in senders}
    until = time.monotonic() + timeout
    while any(left.values()) and time.monotonic() < until:
        for end in senders:
            if left[end.name]:
                left[end.name] = left[end.name][end.channel.write(left[end.name]) :]
        if any(left.values()):
            time.sleep(_LOOK)


def _collect(ends: list[_End], senders: list[_End], timeout: float) -> None:
    """Read until every marker sent has come out where it should, and a little longer, for those that came elsewhere."""
    until = time.monotonic() + timeout
    settled = False
    while time.monotonic() < until:
        for end in ends:
            if data := end.channel.read():
                end.received += data[: _MOST_KEPT - len(end.received)]
                for sender in senders:
                    if _holds(end.received, sender.marker):
                        sender.arrived.add(end.name)
        if not settled and all(end.expected is not None and end.expected <= end.arrived for end in senders):
            settled, until = True, min(until, time.monotonic() + _SETTLE)
        time.sleep(_LOOK)


def _holds(received: bytearray, marker: Pattern) -> bool:
    """Whether half of a marker came out in one piece."""
    whole = marker.at(0, _MARKER)
    return any(whole[at : at + _KNOWN_BY] in received for at in (0, _MARKER - _KNOWN_BY))


def _judge(end: _End, ends: list[_End]) -> Iterable[LabFault]:
    if end.expected is None and not end.arrived:
        return
    if end.arrived == (end.expected or set()):
        return
    wanted = end.expected or set()
    by_name = {other.name: other for other in ends}
    elsewhere = sorted(end.arrived - wanted)
    came_out = " and ".join(_called(by_name[name], end) for name in elsewhere)
    line = "nothing" if end.port.line.kind == "none" else describe(end.port.line)
    who = "what the adapter sends" if end.is_adapter else "its bytes"
    if elsewhere and wanted - end.arrived:
        yield _fault(end, f"{line} expected, but {who} came out at {came_out}", ComesOutElsewhere)
    elif elsewhere:
        also = " also" if wanted else ""
        yield _fault(end, f"{line} expected, but {who}{also} came out at {came_out}", ComesOutElsewhere)
    else:
        yield _fault(end, f"{line} expected, but {who} came out nowhere{_hint(end, by_name)}")


def _hint(end: _End, by_name: dict[str, _End]) -> str:
    """What else is known about bytes that came out nowhere."""
    for name in end.expected or ():
        target = by_name[name]
        if target.received and not any(name in other.arrived for other in by_name.values()):
            return f"; other bytes came instead ({target.received[:16].hex(' ')}): are both ends set to one format?"
        if target is not end and end.name in target.arrived:
            return "; the other direction works: one wire of the cable is dead"
    return "; is the plug in, and the cable whole?"


def _called(end: _End, sender: _End) -> str:
    """An end as a person calls it; ports of the same unit by their number."""
    if end is sender:
        return "the port itself"
    port = f"port {end.port.number}" if end.port.unit == sender.port.unit else end.port.label
    return f"the adapter of {port}" if end.is_adapter else port


def _fault(end: _End, message: str, kind: type[LabFault] = LabFault) -> LabFault:
    return kind(message, "Put the cables as lab.yaml says, or correct the ports' lines there.", end.port.label)
