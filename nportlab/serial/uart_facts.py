"""Facts of asynchronous serial lines: what is on the wire for how long, and which settings to try together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, product

from nportlab.protocol.line_format import FLOWS
from nportlab.protocol.serial_wire import PARITIES, LineFormat

BAUDS = (300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600)
"""Standard rates of the NPort 6000 from 300 on (nport-facts section 6: any from 50 to 921,600 by hand)."""

ODD_BAUDS = (12_345, 250_000)
"""Rates nobody's list holds."""

_STOPS = (1, 1.5, 2)


def wire_seconds(line: LineFormat, count: int) -> float:
    """How long so many bytes take one way, sent without a pause."""
    return count / line.characters_per_second


def character_seconds(line: LineFormat) -> float:
    """How long one byte takes, start and stop bits included."""
    return wire_seconds(line, 1)


@dataclass(frozen=True)
class Setting:
    """One row of the matrix, in the values of the unit's settings."""

    baud_rate: str
    data_bits: str
    parity: str
    stop_bits: str
    flow_control: str

    @property
    def values(self) -> dict[str, str]:
        """By the names of the port's settings."""
        return dict(vars(self))

    @property
    def line(self) -> LineFormat:
        """The same as a format."""
        return LineFormat(
            baud=int(self.baud_rate),
            data_bits=int(self.data_bits),
            parity=next(parity for parity in PARITIES if parity == self.parity),
            stop_bits=float(self.stop_bits),
            flow=FLOWS[self.flow_control],
        )

    def __str__(self) -> str:
        return f"{self.baud_rate}-{self.data_bits}{self.parity[0].upper()}{self.stop_bits}-{self.flow_control}"


def possible(data_bits: str, stop_bits: str) -> bool:
    """Whether a UART has that: 1.5 stop bits exist with 5 data bits only, 2 with more (16550 data sheet, LCR bit 2)."""
    return stop_bits == "1" or (stop_bits == "1.5") == (data_bits == "5")


def matrix(
    *,
    full: bool = False,
    bauds: Iterable[int] = (*BAUDS, *ODD_BAUDS),
    flows: Iterable[str] = tuple(FLOWS),
) -> tuple[Setting, ...]:
    """Settings to try: every possible pair of two values occurs at least once; with `full` every combination.

    The same arguments always give the same rows in the same order.
    """
    axes: tuple[tuple[str, ...], ...] = (
        tuple(map(str, bauds)),
        ("5", "6", "7", "8"),
        PARITIES,
        tuple(map(str, _STOPS)),
        tuple(flows),
    )
    everything = tuple(row for row in product(*axes) if possible(row[1], row[3]))
    return tuple(Setting(*row) for row in (everything if full else _covering(everything)))


@lru_cache
def _covering(rows: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
    """Rows that together hold every pair of values any row holds: always the one with most pairs not held yet."""
    pairs = {row: frozenset(combinations(enumerate(row), 2)) for row in rows}
    missing = set().union(*pairs.values())
    chosen: list[tuple[str, ...]] = []
    while missing:
        best = max(rows, key=lambda row: len(missing & pairs[row]))
        missing -= pairs[best]
        chosen.append(best)
    return tuple(chosen)
