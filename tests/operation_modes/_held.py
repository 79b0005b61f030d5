"""A sender that is held up on its way, and what arrives once it may go on."""

from __future__ import annotations

import time

from nportlab.serial.channel import Channel
from nportlab.serial.traffic.pattern import Pattern
from nportlab.verdicts.faults import Inconclusive

SMALL = 4096
"""Bytes the kernel of a host that does not read is to hold."""

MOST = 400_000
"""Bytes that a unit and a network do not hold: a sender who got rid of them all was not held."""

STUCK = 1.0
"""Seconds in which a sender that is not held gets something away."""

_PIECE = 16_384
_PAUSE = 0.005


def hold_until_stuck(source: Channel, stream: Pattern, most: int = MOST, seconds: float = 30.0) -> int:
    """Send until nothing is taken for STUCK seconds; how many bytes were taken, `most` if it never came to that.

    Raises Inconclusive after `seconds`.
    """
    begun = moved = time.monotonic()
    sent = 0
    while sent < most and time.monotonic() - moved < STUCK:
        if taken := source.write(stream.at(sent, min(_PIECE, most - sent))):
            sent, moved = sent + taken, time.monotonic()
        else:
            time.sleep(_PAUSE)
        if time.monotonic() - begun > seconds:
            raise Inconclusive(f"{source.name} was not held in {seconds:g} s, it took {sent:,} bytes")
    return sent


def check_held(sent: int) -> None:
    """For when all arrived: raises Inconclusive when the sender was never held, as then nothing is shown."""
    if sent >= MOST:
        raise Inconclusive(f"{MOST:,} bytes do not fill what is between the two ends")


def read_on(sink: Channel, count: int, seconds: float = 10.0) -> bytes:
    """The next `count` bytes, and what else comes; ends when nothing comes for `seconds`."""
    got = bytearray()
    moved = time.monotonic()
    while len(got) < count and time.monotonic() - moved < seconds:
        if data := sink.read():
            got += data
            moved = time.monotonic()
        else:
            time.sleep(_PAUSE)
    return bytes(got)
