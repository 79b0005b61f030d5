"""Throughput, round trips and openings over a line without a pace (a pty), where the programs are the limit."""

from __future__ import annotations

import multiprocessing
import os
import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from statistics import median

import serial

from benches.measure import Connections, Session, connections
from benches.ptys import PtyChannel
from nportlab.serial.channel import Channel
from nportlab.serial.traffic.engine import run
from nportlab.serial.traffic.flow import Flow
from nportlab.serial.traffic.pattern import MOST_PIECE, Pattern, pattern

_WINDOW = 512 * 1024


@dataclass(frozen=True)
class Rates:
    """MB/s each way alone, bytes wrong."""

    to_wire: float
    from_wire: float
    wrong: int


def rates(network: Channel, wire: Channel, seconds: float, name: str) -> Rates:
    """One way, then the other, as fast as everything on the way takes it; every byte verified."""
    found: list[float] = []
    wrong = 0
    for way, source, sink in (("to the wire", network, wire), ("from the wire", wire, network)):
        flow = Flow(source, sink, pattern(f"{name} {way}"), seconds=seconds, window=_WINDOW)
        result = run([flow], deadline=seconds + 20)
        (only,) = result.flows
        found.append((only.rate or 0.0) / 1e6)
        wrong += sum(only.findings.damage.values()) + only.in_flight
    return Rates(found[0], found[1], wrong)


def trips(network: Channel, wire: Channel, count: int) -> float:
    """Median seconds for a byte from the wire to the network and back; exact, as ratios of it are judged."""
    times = []
    for _ in range(count):
        began = time.perf_counter()
        _pass_on(wire, network)
        _pass_on(network, wire)
        times.append(time.perf_counter() - began)
    return median(times)


def _pass_on(source: Channel, sink: Channel) -> None:
    """One byte, written and read. Raises AssertionError when it does not come."""
    source.write(b"x")
    poll = select.poll()
    poll.register(sink.fileno(), select.POLLIN)
    while not sink.read():
        assert poll.poll(2000), f"{source.name}: a byte did not come to {sink.name}"


def openings(connect: Callable[[], Session], seconds: float) -> Connections:
    """Set-up times of sessions; a few, where one takes seconds."""
    return connections(connect, seconds=seconds, most=500)


def middle(values: list[float]) -> float:
    """The median of repeated measurements."""
    return median(values)


# Two clients with pyserial's face ---------------------------------------------------------------------------------


def face_rates(port: serial.Serial, wire: PtyChannel, seconds: float, name: str) -> Rates:
    """The same for anything with pyserial's face, driven as everybody does: blocking write, read of what is there."""
    return Rates(
        *(
            way(port, wire, seconds, pattern(f"{name} {number}", avoid=b"\xff"))
            for number, way in enumerate((_face_writes, _face_reads))
        ),
        wrong=0,
    )


def _face_writes(port: serial.Serial, wire: PtyChannel, seconds: float, wanted: Pattern) -> float:
    """MB/s that arrive at the wire."""

    def read_wire(over: Event, answer: Connection) -> None:
        os.set_blocking(wire.fileno(), False)
        counted = _Counted(wanted)
        while not over.is_set() or counted.silent < 0.3:
            select.select([wire], [], [], 0.05)
            counted.take(wire.read())
        answer.send(counted.rate)

    with _elsewhere(read_wire) as (over, answer):
        position, end = 0, time.perf_counter() + seconds
        while time.perf_counter() < end:
            position += port.write(bytes(wanted.piece(position, 4096))) or 0
        over.set()
        return answer.recv() if answer.poll(10) else 0.0


def _face_reads(port: serial.Serial, wire: PtyChannel, seconds: float, wanted: Pattern) -> float:
    """MB/s that arrive at the client."""

    def write_wire(over: Event, _: Connection) -> None:
        position = 0
        while not over.is_set():
            select.select([], [wire], [], 0.05)
            position += wire.write(wanted.piece(position, MOST_PIECE))

    counted = _Counted(wanted)
    with _elsewhere(write_wire) as (over, _):
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            counted.take(port.read(port.in_waiting or 1))
        over.set()
        rate = counted.rate
    while counted.silent < 0.3:  # what is still under way must not disturb what is measured next
        counted.take(port.read(port.in_waiting or 1) if port.in_waiting else b"")
        time.sleep(0.001)
    return rate


@contextmanager
def _elsewhere(work: Callable[[Event, Connection], None]) -> Iterator[tuple[Event, Connection]]:
    """The other end in a process of its own: it must not share the interpreter with the client that is measured."""
    context = multiprocessing.get_context("fork")
    over = context.Event()
    question, answer = context.Pipe(duplex=False)
    process = context.Process(target=work, args=(over, answer), daemon=True)
    process.start()
    try:
        yield over, question
    finally:
        over.set()
        process.join(2)
        if process.is_alive():
            process.kill()
            process.join()
        question.close()
        answer.close()


def face_trip(port: serial.Serial, wire: PtyChannel, count: int) -> float:
    """Median seconds for a byte to the wire and back."""
    os.set_blocking(wire.fileno(), True)
    times = []
    try:
        for _ in range(count):
            began = time.perf_counter()
            port.write(b"x")
            wire.read()
            wire.write(b"y")
            if port.read(1):
                times.append(time.perf_counter() - began)
    finally:
        os.set_blocking(wire.fileno(), False)
    return median(times)


class _Counted:
    """Bytes verified as they come."""

    def __init__(self, wanted: Pattern) -> None:
        self._pattern = wanted
        self._position = 0
        self._first = self._last = 0.0
        self._first_size = 0

    def take(self, data: bytes) -> None:
        """Raises AssertionError when they are not what was sent."""
        if not data:
            return
        for start in range(0, len(data), MOST_PIECE):
            piece = data[start : start + MOST_PIECE]
            assert self._pattern.matches(self._position, piece), f"other bytes than sent at {self._position}"
            self._position += len(piece)
        self._last = time.perf_counter()
        if not self._first:
            self._first, self._first_size = self._last, len(data)

    @property
    def rate(self) -> float:
        """MB/s between the first and the last arrival."""
        span = self._last - self._first
        return (self._position - self._first_size) / span / 1e6 if span else 0.0

    @property
    def silent(self) -> float:
        """Seconds since something came."""
        return time.perf_counter() - self._last
