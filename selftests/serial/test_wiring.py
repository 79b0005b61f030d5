"""Cables in every wrong way; each is said in words that name port and line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from nportlab.inventory.lab import Line
from nportlab.protocol.serial_wire import LineFormat
from nportlab.serial.channel import ChannelClosed
from nportlab.serial.wiring import WiredPort, check_wiring, wiring_faults
from nportlab.verdicts.faults import LabFault


class Patch:
    """A patch panel: each end has a name; what goes in at one comes out at those it is wired to."""

    def __init__(self, *wires: tuple[str, str], change: Callable[[bytes], bytes] = lambda data: data) -> None:
        self.change = change
        self.wires: dict[str, list[str]] = {}
        for one, other in wires:
            self.wires.setdefault(one, []).append(other)
        self.queues: dict[str, list[bytes]] = {}

    def end(self, name: str) -> PatchEnd:
        return PatchEnd(self, name)


class PatchEnd:
    def __init__(self, panel: Patch, name: str) -> None:
        self.panel, self.name = panel, name

    def fileno(self) -> int:
        raise OSError("none")

    def read(self) -> bytes:
        queue = self.panel.queues.get(self.name, [])
        return queue.pop(0) if queue else b""

    def write(self, data: bytes | memoryview) -> int:
        for other in self.panel.wires.get(self.name, []):
            self.panel.queues.setdefault(other, []).append(self.panel.change(bytes(data)))
        return len(data)

    def close(self) -> None:
        pass


def both(one: str, other: str) -> tuple[tuple[str, str], tuple[str, str]]:
    return (one, other), (other, one)


def port(panel: Patch, number: int, line: Line, unit: str = "np6650", **more) -> WiredPort:
    adapter = panel.end(f"A{number}") if line.kind == "adapter" else None
    return WiredPort(unit, number, line, panel.end(f"{unit}:{number}"), adapter, **more)


LOOP, ADAPTER, NONE = Line("loopback"), Line("adapter", device="/dev/ttyUSB0"), Line("none")


def said(*ports: WiredPort) -> list[str]:
    return [f"{fault.resource}: {fault.message}" for fault in wiring_faults(ports, timeout=0.05)]


def test_everything_as_it_should_be():
    panel = Patch(
        ("np6650:1", "np6650:1"), *both("np6650:2", "A2"), *both("np6650:3", "np6650:4"), *both("np6650:6", "other:1")
    )
    ports = (
        port(panel, 1, LOOP),
        port(panel, 2, ADAPTER),
        port(panel, 3, Line("crosslink", unit="np6650", port=4)),
        port(panel, 4, Line("crosslink", unit="np6650", port=3)),
        port(panel, 5, NONE),
        port(panel, 6, Line("crosslink", unit="other", port=1)),
    )
    assert said(*ports) == []
    check_wiring(ports, timeout=0.05)


def test_a_loopback_plug_that_is_a_cable_to_another_port():
    panel = Patch(*both("np6650:3", "np6650:4"))
    assert said(port(panel, 3, LOOP), port(panel, 4, NONE)) == [
        "np6650 port 3: loopback expected, but its bytes came out at port 4",
        "np6650 port 4: nothing expected, but its bytes came out at port 3",
    ]


def test_a_missing_plug_and_a_dead_cable():
    panel = Patch(("A2", "np6650:2"))
    assert said(port(panel, 1, LOOP), port(panel, 2, ADAPTER)) == [
        "np6650 port 1: loopback expected, but its bytes came out nowhere; is the plug in, and the cable whole?",
        "np6650 port 2: adapter /dev/ttyUSB0 expected, but its bytes came out nowhere; "
        "the other direction works: one wire of the cable is dead",
    ]


def test_swapped_adapters():
    panel = Patch(*both("np6650:1", "A2"), *both("np6650:2", "A1"))
    found = said(port(panel, 1, ADAPTER), port(panel, 2, replace(ADAPTER, device="/dev/ttyUSB1")))
    assert found == [
        "np6650 port 1: adapter /dev/ttyUSB0 expected, but its bytes came out at the adapter of port 2",
        "np6650 port 1: adapter /dev/ttyUSB0 expected, but what the adapter sends came out at port 2",
        "np6650 port 2: adapter /dev/ttyUSB1 expected, but its bytes came out at the adapter of port 1",
        "np6650 port 2: adapter /dev/ttyUSB1 expected, but what the adapter sends came out at port 1",
    ]


def test_crossed_with_another_unit():
    panel = Patch(*both("np6650:1", "np6450:1"))
    found = said(port(panel, 1, LOOP), port(panel, 1, LOOP, unit="np6450"))
    assert found == [
        "np6650 port 1: loopback expected, but its bytes came out at np6450 port 1",
        "np6450 port 1: loopback expected, but its bytes came out at np6650 port 1",
    ]


def test_a_plug_where_nothing_should_be():
    panel = Patch(("np6650:1", "np6650:1"))
    assert said(port(panel, 1, NONE)) == ["np6650 port 1: nothing expected, but its bytes came out at the port itself"]


def test_a_crosslink_that_is_a_plug():
    panel = Patch(("np6650:1", "np6650:1"))
    assert said(port(panel, 1, Line("crosslink", unit="far", port=2))) == [
        "np6650 port 1: crosslink to far/2 expected, but its bytes came out at the port itself"
    ]


def test_a_cable_with_three_ends():
    panel = Patch(("np6650:1", "np6650:1"), ("np6650:1", "np6650:2"))
    assert said(port(panel, 1, LOOP), port(panel, 2, NONE)) == [
        "np6650 port 1: loopback expected, but its bytes also came out at port 2"
    ]


def test_ends_that_are_set_differently():
    panel = Patch(("np6650:1", "np6650:1"), change=lambda data: bytes(octet ^ 0x15 for octet in data))
    (text,) = said(port(panel, 1, LOOP))
    assert "other bytes came instead" in text
    assert "one format" in text


def test_narrow_lines_have_narrow_markers():
    panel = Patch(("np6650:1", "np6650:1"), change=lambda data: bytes(octet & 0x1F for octet in data))
    assert said(port(panel, 1, LOOP, format=LineFormat(data_bits=5))) == []


def test_what_came_before_does_not_confuse():
    panel = Patch(("np6650:1", "np6650:1"))
    panel.queues["np6650:1"] = [b"old bytes"] * 3
    assert said(port(panel, 1, LOOP)) == []


def test_all_faults_are_one_lab_fault():
    panel = Patch()
    with pytest.raises(LabFault) as caught:
        check_wiring((port(panel, 1, LOOP), port(panel, 2, LOOP)), timeout=0.02)
    assert caught.value.message.startswith("2 lines are not wired as lab.yaml says:\nnp6650 port 1: loopback")
    with pytest.raises(LabFault) as caught:
        check_wiring((port(panel, 1, LOOP),), timeout=0.02)
    assert caught.value.resource == "np6650 port 1"


def test_an_end_that_goes_away_is_not_called_a_wiring_fault():
    class Closed(PatchEnd):
        def read(self) -> bytes:
            raise ChannelClosed("reset")

    with pytest.raises(ChannelClosed):
        wiring_faults((WiredPort("np6650", 1, LOOP, Closed(Patch(), "x")),), timeout=0.02)
