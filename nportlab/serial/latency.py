"""Ping-pong: one byte (or a few) into the wire, out on the network, back again; how long that takes beyond the wire."""

from __future__ import annotations

import select
import time
from dataclasses import dataclass

from nportlab.protocol.serial_wire import LineFormat
from nportlab.serial.channel import Channel
from nportlab.serial.traffic.statistics import Distribution, Histogram
from nportlab.serial.uart_facts import wire_seconds

_LOOK = 0.0005
_LEAST_QUIET = 0.05


@dataclass(frozen=True)
class RoundTrips:
    """wire: seconds on the line in each trip, already taken off all times. lost: trips that did not come back in time.
    wrong: trips in which something else came."""

    times: Distribution
    wire: float
    lost: int
    wrong: int

    @property
    def ok(self) -> bool:
        """Whether every byte came back as it was."""
        return self.times.count > 0 and not self.lost and not self.wrong

    def describe(self) -> str:
        """One line for a person."""
        if self.times.p50 is None or self.times.p99 is None or self.times.most is None:
            return f"no round trip, {self.lost} lost, {self.wrong} wrong"
        times = (
            f"p50 {1e3 * self.times.p50:.2f} ms, p99 {1e3 * self.times.p99:.2f} ms, max {1e3 * self.times.most:.2f} ms"
        )
        lost = f", {self.lost} lost, {self.wrong} wrong" if self.lost or self.wrong else ""
        return f"{self.times.count} round trips: {times}, beyond {1e3 * self.wire:.2f} ms on the wire{lost}"


def round_trips(
    near: Channel,
    far: Channel | None,
    line: LineFormat | None,
    *,
    count: int = 1000,
    seconds: float | None = None,
    size: int = 1,
    timeout: float = 2.0,
) -> RoundTrips:
    """Measure `count` round trips, or as many as fit into `seconds`.

    near: where a trip begins and ends. far: where it turns round; None for a loopback plug, where it does so itself.
    line: of the port, None when it has no pace; a trip is on the wire twice with a far end that is the wire's other
    end, as it is on a loopback plug. size: bytes of a trip. timeout: seconds after which a trip counts as lost.
    Raises ChannelClosed.
    """
    # A loopback plug sends while it receives: the byte is on the wire once.
    crossings = 1 if far is None else 2
    wire = crossings * wire_seconds(line, size) if line else 0.0
    histogram, lost, wrong = Histogram(), 0, 0
    ends = [near] if far is None else [near, far]
    _quiet(ends, wire)
    finish = None if seconds is None else time.perf_counter() + seconds
    for number in range(count):
        began = time.perf_counter()
        if finish is not None and began >= finish:
            break
        token = bytes(_CARRIED[(number + at) % len(_CARRIED)] for at in range(size))
        answer = _pass_on(near, far or near, token, timeout)
        if far is not None and answer == token:
            answer = _pass_on(far, near, token, timeout)
        if answer == token:
            histogram.add(max(0.0, time.perf_counter() - began - wire))
            continue
        lost, wrong = lost + (len(answer) < size), wrong + (len(answer) >= size)
        _quiet(ends, wire)
    return RoundTrips(histogram.freeze(), wire, lost, wrong)


_CARRIED = bytes(character for character in range(1, 32) if character not in (0x0A, 0x0D, 0x11, 0x13))
"""Characters that 5 data bits carry and neither flow control nor a telnet mode changes."""


def _pass_on(source: Channel, sink: Channel, data: bytes, timeout: float) -> bytes:
    """Write at one end, read at the other; returns what came."""
    end = time.perf_counter() + timeout
    sent = 0
    got = b""
    while len(got) < len(data):
        if sent < len(data):
            sent += source.write(data[sent:])
        got += sink.read()
        left = end - time.perf_counter()
        if len(got) >= len(data) or left <= 0:
            break
        _wait(sink, left if sent == len(data) else min(left, _LOOK))
    return got


def _wait(channel: Channel, seconds: float) -> None:
    try:
        poll = select.poll()
        poll.register(channel.fileno(), select.POLLIN)
    except OSError:
        time.sleep(min(seconds, _LOOK))
    else:
        poll.poll(seconds * 1000)


def _quiet(ends: list[Channel], wire: float) -> None:
    """Forget what is still under way from before."""
    quiet = _LEAST_QUIET + 2 * wire
    until = time.perf_counter() + quiet
    while time.perf_counter() < until:
        if sum(len(end.read()) for end in ends):
            until = time.perf_counter() + quiet
        else:
            time.sleep(_LOOK)
