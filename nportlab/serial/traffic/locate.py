"""Where in a pattern some bytes stand. Used only once something is wrong: it costs some 50 ns for each byte."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from nportlab.serial.traffic.pattern import LAP, Pattern

STRIDE = 8
"""Every how many characters of a pattern are in its index; bytes in sync are found after `anchor + STRIDE - 1`."""

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_FIRST_LOOK = 256
_SIEVE_SHIFT = np.uint64(64 - 18)


class Index:
    """The places of a pattern, by what stands there."""

    def __init__(self, of: Pattern) -> None:
        self._pattern = of
        lap = np.frombuffer(of.table, np.uint8)[: LAP + of.anchor]
        hashes = _hashes(lap, of.anchor)[:LAP:STRIDE]
        order = np.argsort(hashes)
        self._hashes = hashes[order]
        self._offsets = (order * STRIDE).astype(np.int64)
        self._sieve = np.zeros(1 << 18, np.bool_)
        self._sieve[hashes >> _SIEVE_SHIFT] = True

    def first(self, data: bytes, begin: int = 0) -> tuple[int, int] | None:
        """The first place in `data`, from `begin` on, that is indexed: (where in data, offset in the lap)."""
        size = _FIRST_LOOK
        while begin + self._pattern.anchor <= len(data):
            found = self._look(data, begin, begin + size + self._pattern.anchor)
            if found:
                return found
            begin += size
            size *= 2
        return None

    def _look(self, data: bytes, begin: int, end: int) -> tuple[int, int] | None:
        anchor = self._pattern.anchor
        seen = _hashes(np.frombuffer(data, np.uint8)[begin:end], anchor)
        # A sieve first: searching costs ten times as much, and most bytes that are looked for are not there.
        likely = np.flatnonzero(self._sieve[seen >> _SIEVE_SHIFT])
        slots = np.minimum(np.searchsorted(self._hashes, seen[likely]), len(self._hashes) - 1)
        for hit in np.flatnonzero(self._hashes[slots] == seen[likely]):
            where, offset = begin + int(likely[hit]), int(self._offsets[slots[hit]])
            if self._pattern.matches(offset, data[where : where + anchor]):
                return where, offset
        return None


def _hashes(characters: npt.NDArray[np.uint8], anchor: int) -> npt.NDArray[np.uint64]:
    """A hash of every `anchor` characters in a row."""
    count = max(0, len(characters) - anchor + 1)
    wide = characters.astype(np.uint64)
    hashes = np.zeros(count, np.uint64)
    for shift in range(anchor):
        hashes *= _MULTIPLIER
        hashes += wide[shift : shift + count] + np.uint64(1)
    return hashes


@lru_cache(maxsize=160)
def index(of: Pattern) -> Index:
    """The index of a pattern; made when first asked for."""
    return Index(of)
