"""One direction of traffic: what is sent where, and for how long."""

from __future__ import annotations

from dataclasses import dataclass

from nportlab.serial.channel import Channel
from nportlab.serial.traffic.pattern import MOST_PIECE, Pattern


@dataclass(frozen=True)
class Flow:
    """Bytes of a pattern from one channel to another; on a loopback plug both are the same.

    size, seconds: the flow is over after so many bytes or seconds, whichever comes first; one must be given.
    rate: bytes per second to send, paced; None: as fast as the channel takes them.
    lead: bytes sent at once at the beginning, beyond the pace: the line has something to send while a tick is late.
    line_rate: bytes per second the line carries, for the percentage (LineFormat.characters_per_second).
    piece: every write is exactly so many bytes, taken whole or not at all: datagrams.
    window: most bytes under way. Give one with no rate and a slow line, or all buffers on the way fill up.
    Raises ValueError when these contradict each other.
    """

    source: Channel
    sink: Channel
    pattern: Pattern
    size: int | None = None
    seconds: float | None = None
    rate: float | None = None
    line_rate: float | None = None
    piece: int | None = None
    window: int | None = None
    lead: int = 0

    def __post_init__(self) -> None:
        if self.size is None and self.seconds is None:
            raise ValueError(f"{self.name}: a flow needs a size or a time")
        for what in ("size", "seconds", "rate", "line_rate", "piece", "window"):
            value = getattr(self, what)
            if value is not None and value <= 0:
                raise ValueError(f"{self.name}: {what} is {value}, must be more than 0")
        if self.piece is not None and self.piece > min(MOST_PIECE, self.window or MOST_PIECE):
            raise ValueError(f"{self.name}: pieces of {self.piece} bytes are longer than {MOST_PIECE} or the window")

    @property
    def name(self) -> str:
        """For people: that of the pattern."""
        return self.pattern.name
