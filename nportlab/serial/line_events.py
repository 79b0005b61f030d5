"""What an adapter saw on its line besides bytes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LineErrors:
    """Characters received wrong. position: bytes received before the ones the errors are in."""

    position: int
    parity: int = 0
    framing: int = 0
    overrun: int = 0


@dataclass(frozen=True)
class BreakSeen:
    """A break of the other end. position: bytes received before it. seconds: its length; 0 when it has only begun."""

    position: int
    seconds: float


LineEvent = LineErrors | BreakSeen
