"""What the measuring process does for `bench_ceiling` against other programs: ours and theirs in turn, in one run."""

from __future__ import annotations

import contextlib
import os
import time
import tty
from collections.abc import Callable, Mapping
from pathlib import Path as File
from typing import Any

import serial

from benches import peers, unpaced
from benches.ceiling_jobs import NOBODY
from benches.echo import echo_pty, forked
from benches.jobs import FASTEST, bring
from benches.log import at_least, at_most
from benches.modes import Variant, connect, settings
from benches.ptys import PtyChannel
from benches.unpaced import Rates
from benches.worker import Inside
from nportlab.modes.rfc2217 import Rfc2217
from nportlab.modes.tcp import TcpClient
from nportlab.report.measurements import Goal
from nportlab.serial.channel import Channel
from nportlab.serial.traffic.engine import run
from nportlab.serial.traffic.flow import Flow
from nportlab.serial.traffic.pattern import pattern
from nportlab.unit.endpoint import Endpoint

TRIPS = 3000
ROUNDS = 3
"""Times ours and theirs are measured in turn; the median counts."""


def pty_against_c(inside: Inside, seconds: float) -> None:
    """Verified MB/s through one pty with its other end looped back: the harness and linux-serial-test in turn."""
    try:
        program = peers.linux_serial_test()
    except peers.NotHere as reason:
        inside.note(str(reason))
        program = None
    ours, theirs = [], []
    for _ in range(ROUNDS):
        inside.part("through one pty and back", 2 * seconds if program else seconds)
        with echo_pty() as path:
            descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY)
            with contextlib.closing(PtyChannel(descriptor, path)) as channel:
                result = run([Flow(channel, channel, pattern("pty"), seconds=seconds)], deadline=seconds + 20)
            assert result.ok, result.describe()
            ours.append((result.flows[0].rate or 0.0) / 1e6)
        if program:
            with echo_pty() as path:
                theirs.append(peers.linux_serial_test_loop(program, path, seconds))
    _against(inside, "verified, one pty and back", "linux-serial-test", ours, theirs, "MB/s", at_least(2.0))


def against_ser2net(inside: Inside, near: Mapping[int, int], path: str, folder: str, seconds: float) -> None:
    """TCP server of the unit on a pty against tuned ser2net on another. near: our ends of the ptys by port; path: the
    far end of the one that is for ser2net."""
    variant = Variant("tcp_server")
    bring(inside, variant, {1: FASTEST})
    unit = inside.unit()
    values = settings(variant, {1: FASTEST}, inside.harness_address)
    wires = {number: PtyChannel(os.dup(descriptor), f"pty {number}") for number, descriptor in near.items()}
    try:
        _bare_pty(inside, min(seconds, 2.0))
        with peers.ser2net(path, File(folder)) as endpoint:

            def their_client() -> TcpClient:
                return TcpClient.connect(Endpoint(*endpoint), label="ser2net")

            _compare(
                inside,
                "ser2net",
                (lambda: connect(unit, variant, 1, values), wires[1]),
                (their_client, wires[2]),
                seconds,
                mode=variant.mode,
                rate_goal=2.0,
                trip_goal=1.1,
            )
    except peers.NotHere as reason:
        inside.note(f"not compared with ser2net: {reason}")
    finally:
        _close(wires)


def against_pyserial_server(inside: Inside, near: Mapping[int, int], path: str, seconds: float) -> None:
    """RFC 2217 of the unit against pyserial's server, both with our client."""
    variant = Variant("rfc2217")
    bring(inside, variant, {1: FASTEST})
    unit = inside.unit()
    values = settings(variant, {1: FASTEST}, inside.harness_address)
    wires = {number: PtyChannel(os.dup(descriptor), f"pty {number}") for number, descriptor in near.items()}
    try:
        with peers.pyserial_server(path) as endpoint:

            def their_client() -> Rfc2217:
                return Rfc2217.connect(Endpoint(*endpoint), label="pyserial server")

            _compare(
                inside,
                "pyserial's RFC 2217 server",
                (lambda: connect(unit, variant, 1, values), wires[1]),
                (their_client, wires[2]),
                seconds,
                mode=variant.mode,
                rate_goal=10.0,
                trip_goal=None,
            )
            inside.part("openings of a session", 8)
            ours = unpaced.openings(lambda: connect(unit, variant, 1, values), 2.0)
            url = "rfc2217://{}:{}".format(*endpoint)
            theirs = unpaced.openings(lambda: serial.serial_for_url(url), 6.0)
        inside.add("RFC 2217, opening a session", 1000 * ours.p50, "ms", goal=at_most(100.0), mode="rfc2217")
        inside.add("pyserial to itself, opening a session", 1000 * theirs.p50, "ms")
    except peers.NotHere as reason:
        inside.note(f"not compared with pyserial's server: {reason}")
    finally:
        _close(wires)


def clients(inside: Inside, near: Mapping[int, int], seconds: float) -> None:
    """Our Real COM client against pyserial's RFC 2217 client: the same data over the same kind of line, both through
    the unit, both with pyserial's face and the same code around it."""
    from nportlab.modes.handlers import register  # the scheme realcom://

    register()
    unit = inside.unit()
    real_com, rfc2217 = Variant("real_com"), Variant("rfc2217")
    inside.bring(
        settings(real_com, {1: FASTEST}, inside.harness_address)
        | settings(rfc2217, {2: FASTEST}, inside.harness_address)
    )
    wires = {number: PtyChannel(os.dup(descriptor), f"pty {number}") for number, descriptor in near.items()}
    urls = {
        "ours": (f"realcom://{unit.tcp(950).host}:{unit.tcp(950).port}:{unit.tcp(966).port}", wires[1]),
        "theirs": ("rfc2217://{}:{}".format(*unit.tcp(4002)), wires[2]),
    }
    found: dict[str, list[tuple[Rates, float]]] = {"ours": [], "theirs": []}
    try:
        for _ in range(ROUNDS):
            for whose, (url, wire) in urls.items():
                inside.part(f"client with pyserial's face, {whose}", 2 * seconds + 2)
                with contextlib.closing(serial.serial_for_url(url, timeout=1, baudrate=FASTEST)) as port:
                    trip = unpaced.face_trip(port, wire, 500)
                    found[whose].append((unpaced.face_rates(port, wire, seconds, whose), trip))
    finally:
        _close(wires)
    ours, theirs = found["ours"], found["theirs"]
    other = "pyserial's RFC 2217 client"
    for way, pick in _WAYS:
        mine, others = [pick(rates) for rates, _ in ours], [pick(rates) for rates, _ in theirs]
        _against(inside, f"Real COM client, {way}", other, mine, others, "MB/s", at_least(1.0))
    mine, others = [1000 * trip for _, trip in ours], [1000 * trip for _, trip in theirs]
    _against(inside, "Real COM client, round trip p50", other, mine, others, "ms", at_most(1.0))


_WAYS: tuple[tuple[str, Callable[[Rates], float]], ...] = (
    ("to the wire", lambda rates: rates.to_wire),
    ("from the wire", lambda rates: rates.from_wire),
)

Side = tuple[Callable[[], Any], PtyChannel]


def _compare(
    inside: Inside,
    other: str,
    ours: Side,
    theirs: Side,
    seconds: float,
    *,
    mode: str,
    rate_goal: float,
    trip_goal: float | None,
) -> None:
    """Throughput each way and round trip of two servers, in turn, each with a fresh session."""
    rates: dict[int, list[Rates]] = {0: [], 1: []}
    trips: dict[int, list[float]] = {0: [], 1: []}
    for _ in range(ROUNDS):
        for which, (client, wire) in enumerate((ours, theirs)):
            inside.part(f"without a pace, {other if which else 'the unit'}", 2 * seconds + 2)
            with contextlib.closing(client()) as channel:
                _settled(channel, wire)
                trips[which].append(1000 * unpaced.trips(channel, wire, TRIPS))
                rates[which].append(unpaced.rates(channel, wire, seconds, f"{other} {which}"))
                _settled(channel, wire)
    wrong = sum(one.wrong for both in rates.values() for one in both)
    for way, pick in _WAYS:
        mine, others = ([pick(one) for one in rates[which]] for which in (0, 1))
        _against(inside, f"without a pace, {way}", other, mine, others, "MB/s", at_least(rate_goal), mode)
    goal = at_most(trip_goal) if trip_goal else None
    _against(inside, "without a pace, round trip p50", other, trips[0], trips[1], "ms", goal, mode)
    inside.add(f"without a pace, bytes wrong (both sides, {other})", wrong, "bytes", goal=at_most(0), mode=mode)


def _bare_pty(inside: Inside, seconds: float) -> None:
    """What a pty itself carries between two processes that do nothing else: nobody who serves one can be faster."""
    for way in ("to the wire", "from the wire"):
        near, far = os.openpty()
        try:
            tty.setraw(far)
            source, sink = (far, near) if way == "to the wire" else (near, far)
            inside.part(f"a pty by itself, {way}", seconds)

            def fill(descriptor: int = source) -> None:
                piece = bytes(4096)
                while True:
                    os.write(descriptor, piece)

            with forked(fill):
                count, began = 0, time.monotonic()
                while time.monotonic() - began < seconds:
                    count += len(os.read(sink, 65536))
            rate = count / (time.monotonic() - began) / 1e6
        finally:
            os.close(near)
            os.close(far)
        inside.add(f"a pty by itself, {way}", rate, "MB/s", **NOBODY)


def _against(
    inside: Inside,
    what: str,
    other: str,
    ours: list[float],
    theirs: list[float],
    measure: str,
    goal: Goal | None,
    mode: str = "",
) -> None:
    """Both medians, and their ratio, which is what is judged."""
    mine = unpaced.middle(ours)
    inside.add(what, mine, measure, mode=mode)
    if theirs:
        others = unpaced.middle(theirs)
        inside.add(f"{what}: {other}", others, measure, **NOBODY)
        if others:
            inside.add(f"{what}: ours to {other}", mine / others, "ratio", goal=goal, mode=mode)


def _settled(channel: Channel, wire: PtyChannel) -> None:
    """Wait until nothing comes any more."""
    quiet = time.monotonic() + 0.1
    while time.monotonic() < quiet:
        if len(channel.read()) + len(wire.read()):
            quiet = time.monotonic() + 0.1
        else:
            time.sleep(0.005)


def _close(wires: Mapping[int, PtyChannel]) -> None:
    for wire in wires.values():
        wire.close()
