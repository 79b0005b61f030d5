"""All UARTs and lines of a rack, wired as its plan says; what can be done to them from outside."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from nportlab.virtual.cables.cable import Cable
from nportlab.virtual.cables.faults import BYTE_FAULTS, DIRECTIONS, FAULTS
from nportlab.virtual.cables.plan import CablePlan
from nportlab.virtual.cables.uart import Uart


class CannotDo(Exception):
    """A command that makes no sense here; the message says why."""


class CableRack:
    """ports: the UARTs of each unit, port 1 first. adapters: those of adapters by "unit/port". cables: the line of each
    of these UARTs."""

    def __init__(self, plan: CablePlan) -> None:
        self.plan = plan
        self.ports = {
            unit: [Uart(f"{unit}/{port}") for port in range(1, count + 1)] for unit, count in plan.units.items()
        }
        self.adapters: dict[str, Uart] = {}
        self.cables: dict[Uart, Cable] = {}
        for unit, ports in self.ports.items():
            for number, uart in enumerate(ports, 1):
                if uart not in self.cables:
                    cable = self._plug(unit, number, uart)
                    self.cables |= dict.fromkeys(cable.ends, cable)

    def _plug(self, unit: str, port: int, uart: Uart) -> Cable:
        line = self.plan.line(unit, port)
        if line.kind == "loopback":
            return Cable(uart, uart)
        if line.other is not None:
            return Cable(uart, self.ports[line.other[0]][line.other[1] - 1])
        if line.kind == "adapter":
            adapter = self.adapters[uart.name] = Uart(f"adapter of {uart.name}")
            return Cable(uart, adapter, adapts=True)
        return Cable(uart, None)

    def unit(self, name: Any) -> list[Uart]:
        """The ports of a unit. Raises CannotDo."""
        try:
            return self.ports[name]
        except (KeyError, TypeError):
            raise CannotDo(f"there is no unit {name!r}") from None

    def adapter(self, name: Any) -> Uart:
        """The adapter of a port, "unit/port". Raises CannotDo when there is none, or it is unplugged."""
        adapter = self.adapters.get(name) if isinstance(name, str) else None
        if adapter is None:
            raise CannotDo(f"there is no adapter at {name!r}")
        if self.cables[adapter].fault == "unplugged":
            raise CannotDo(f"the adapter of {name} is unplugged")
        return adapter

    def command(self, command: Any, now: int) -> tuple[dict[str, Any], Cable | None]:
        """Obey {"do": ...} (see control.ask_cables); returns the answer and the line it is about.

        Raises CannotDo.
        """
        match command:
            case {"do": "describe"}:
                return {"ends": [self._describe(uart) for uart in self.cables]}, None
            case {"do": "fault", "unit": unit, "port": port, "fault": fault, **details}:
                cable = self._fault(unit, port, fault, details, now)
                return {}, cable
            case {"do": what}:
                raise CannotDo(f"the cables cannot {what!r}, or not with what was said")
            case _:
                raise CannotDo("a command is an object with 'do'")

    def _fault(self, unit: Any, port: Any, fault: Any, details: dict[str, Any], now: int) -> Cable:
        ports = self.unit(unit)
        if not isinstance(port, int) or not 1 <= port <= len(ports):
            raise CannotDo(f"{unit} has no port {port!r}")
        uart = ports[port - 1]
        cable = self.cables[uart]
        every, direction = details.get("every"), details.get("direction") or "both"
        if fault is not None and fault not in FAULTS:
            raise CannotDo(f"unknown fault {fault!r}; there are {', '.join(FAULTS)}")
        if direction not in DIRECTIONS:
            raise CannotDo(f"unknown direction {direction!r}; there are {', '.join(DIRECTIONS)}")
        if unknown := set(details) - {"every", "direction"}:
            raise CannotDo(f"a fault has no {', '.join(sorted(unknown))}")
        if fault not in BYTE_FAULTS:
            every = 1
        elif type(every) is not int or every < 1:
            raise CannotDo(f"{fault} needs 'every': how many bytes from one hit to the next")
        if cable.far is None:
            raise CannotDo(f"nothing is plugged into {uart.name}")
        towards = {"to-unit": {uart}, "from-unit": set(cable.ends) - {uart} or {uart}, "both": None}[direction]
        cable.advance(now)
        cable.set_fault(fault, every, towards, now)
        return cable

    def _describe(self, uart: Uart) -> dict[str, Any]:
        cable = self.cables[uart]
        line_format = asdict(uart.format)
        line_format["flow"] = int(uart.format.flow)
        hits = {path.receiver.name: path.fault.hits for path in cable.paths if path.fault is not None}
        far = [end for end in cable.ends if end is not uart]
        return {
            "end": uart.name,
            "line": "none" if cable.far is None else far[0].name if far else "loopback",
            "open": uart.powered,
            "format": line_format,
            "outputs": int(uart.driven),
            "inputs": int(uart.inputs),
            "hold": int(uart.hold),
            "sent": uart.tx.sent,
            "unsent": len(uart.tx.queue),
            "received": uart.rx.received,
            "waiting": uart.rx.fill,
            "parity": uart.rx.parity,
            "framing": uart.rx.framing,
            "overrun": uart.rx.overrun,
            "breaks": uart.rx.breaks,
            "fault": cable.fault,
            "hits_towards": hits,
        }
