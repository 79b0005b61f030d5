"""What the measuring process does for `bench_ceiling` by itself: the line rate of the virtual unit, and the harness."""

from __future__ import annotations

import math
import os
import time

from benches.echo import echo_server
from benches.jobs import FASTEST, bring
from benches.log import at_least, at_most
from benches.measure import throughput
from benches.modes import BAUDS, Variant, lines_of, open_paths
from benches.worker import Inside
from nportlab.modes.tcp import TcpClient
from nportlab.report.measurements_plots import LINE_RATE
from nportlab.serial.traffic.engine import run
from nportlab.serial.traffic.flow import Flow
from nportlab.serial.traffic.pattern import pattern

LINE = 92_160.0
"""Bytes per second of 921,600 baud, 8N1."""

_WHOLE_CORE = 90.0

NOBODY = {"unit": "", "model": "", "firmware": "", "network": ""}
"""Of a number no unit has part in."""

# The virtual unit ---------------------------------------------------------------------------------------------------


def line_rate(inside: Inside, variant: Variant, seconds: float) -> tuple[int, int]:
    """A mode on 32 ports at 921,600 baud, all ways at once; returns bytes moved, and wrong.

    Of pair connections 16: each has a port at both ends.
    """
    numbers = lines_of(inside.unit().entry, 16 if variant.mode == "pair_slave" else 32)
    bauds = dict.fromkeys(numbers, FASTEST)
    bring(inside, variant, bauds)
    with open_paths(inside, variant, bauds) as paths:
        direction = paths[0].directions()[-1]
        inside.part(f"{variant.name}, {len(paths)} ports at {FASTEST} baud", seconds + 1)
        found = throughput(paths, direction, seconds)
    inside.add(
        "virtual unit, mean rate",
        100 * found.mean,
        LINE_RATE,
        goal=at_least(99.8),
        mode=variant.mode,
        tls=variant.secure,
        baud=FASTEST,
        ports=32,
        direction=direction,
        line_rate=LINE,
        seconds=found.seconds,
        moved=found.moved,
        wrong=found.wrong,
    )
    cores = 100 * found.processor / found.seconds
    inside.add("processor time of the harness", cores, "% of a core", mode=variant.mode, tls=variant.secure, ports=32)
    if cores > _WHOLE_CORE:
        inside.note(f"{variant.name}: the harness's client took a whole core; this is its limit, not the unit's.")
    if found.said:
        inside.note(f"{variant.name}: {found.said}")
    return found.moved, found.wrong


def every_baud(inside: Inside, seconds: float) -> tuple[int, int]:
    """TCP server at every baud rate from 300 up, a port each; returns bytes moved, and wrong."""
    bauds: dict[int, int] = dict(zip(lines_of(inside.unit().entry, len(BAUDS)), BAUDS, strict=True))
    variant = Variant("tcp_server")
    bring(inside, variant, bauds)
    with open_paths(inside, variant, bauds) as paths:
        inside.part(f"{variant.name}, 300 to 921600 baud", seconds + 1)
        found = throughput(paths, "both", seconds)
    worst = dict.fromkeys(BAUDS, 100.0)
    for flow in found.traffic.flows:
        baud = next(path.line.baud for path in paths if path.line and flow.name.startswith(f"{path.name} "))
        worst[baud] = min(worst.get(baud, math.inf), 100 * (flow.of_line_rate or 0.0))
    for baud, share in worst.items():
        inside.add(
            "virtual unit, rate",
            share,
            LINE_RATE,
            goal=at_least(99.7),
            mode=variant.mode,
            baud=baud,
            ports=1,
            direction="both",
            line_rate=baud / 10,
            seconds=found.seconds,
        )
    return found.moved, found.wrong


# The harness --------------------------------------------------------------------------------------------------------


def harness_alone(inside: Inside, seconds: float) -> None:
    """32 connections to a process that sends everything back, each at the pace of the fastest line."""
    with echo_server(32) as endpoint:
        channels = [TcpClient.connect(endpoint, label=f"echo {number}") for number in range(32)]
        flows = [
            Flow(channel, channel, pattern(f"echo {number}"), seconds=seconds, rate=LINE, line_rate=LINE)
            for number, channel in enumerate(channels)
        ]
        inside.part("harness alone, 32 x 92160 bytes/s both ways", seconds + 1)
        began, processor = time.monotonic(), _processor_seconds()
        result = run(flows, deadline=seconds + 20)
        share = 100 * (_processor_seconds() - processor) / (time.monotonic() - began)
        for channel in channels:
            channel.close()
    assert result.ok, result.describe()
    worst = 100 * min(flow.of_line_rate or 0.0 for flow in result.flows)
    who = {**NOBODY, "ports": 32, "direction": "both", "line_rate": LINE, "seconds": result.seconds, "wrong": 0}
    inside.add("harness alone, slowest port", worst, LINE_RATE, goal=at_least(99.9), **who)
    inside.add("harness alone, processor time", share, "% of a core", goal=at_most(20.0), **who)


def harness_on_unit(inside: Inside, seconds: float) -> None:
    """32 ports of the virtual unit with loopback plugs: what a lab rack full of plugs costs the harness."""
    variant = Variant("tcp_server")
    bauds = dict.fromkeys(lines_of(inside.unit().entry, 32), FASTEST)
    bring(inside, variant, bauds)
    with open_paths(inside, variant, bauds) as paths:
        inside.part("harness on the virtual unit, 32 loopback plugs", seconds + 1)
        processor = _processor_seconds()
        found = throughput(paths, "both", seconds)
        share = 100 * (_processor_seconds() - processor) / found.seconds
    who = {
        "mode": variant.mode,
        "baud": FASTEST,
        "ports": found.ports,
        "direction": "both",
        "line_rate": LINE,
        "seconds": found.seconds,
        "moved": found.moved,
        "wrong": found.wrong,
    }
    inside.add("loopback plugs, slowest port", 100 * found.worst, LINE_RATE, goal=at_least(99.9), **who)
    inside.add("loopback plugs, processor time", share, "% of a core", goal=at_most(20.0), **who)
    if found.said:
        inside.note(found.said)


def _processor_seconds() -> float:
    times = os.times()
    return times.user + times.system
