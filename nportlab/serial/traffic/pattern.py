"""Bytes that know their place.

A pattern is an endless sequence of pseudo-random characters, different for every name. Any `anchor` characters in a row
occur once in a lap, and (but for a chance of one in a million million) in no other pattern: so bytes that went missing,
came twice, or belong to another port can be told, and from where they come.

A piece is a slice of a table made beforehand, and verifying compares slices: both run at the speed of memory.
"""

from __future__ import annotations

import hashlib
import math
from functools import cached_property, lru_cache

LAP = 262_139
"""Characters until a pattern repeats. A prime: losing whole buffers never looks like losing nothing."""

MOST_PIECE = 65_536
"""Longest piece that is one slice."""

_ANCHOR_BITS = 64
_NAME_BITS = 40

XON_XOFF = b"\x11\x13"
"""What software flow control takes out of the stream."""

TELNET = b"\xff\r\n\x00"
"""What telnet and RFC 2217 escape or change."""


class Pattern:
    """One endless sequence. Make it with `pattern`, which keeps the tables.

    name: whose bytes these are ("np6650/3 to the wire"). alphabet: the characters that occur.
    """

    def __init__(self, name: str, alphabet: bytes) -> None:
        self.name = name
        self.alphabet = alphabet
        spread = bytes(alphabet[byte * len(alphabet) >> 8] for byte in range(256))
        lap = hashlib.shake_256(name.encode()).digest(LAP).translate(spread)
        self.table = lap + lap[:MOST_PIECE]
        """One lap, and its beginning once more, so that a piece is never cut."""
        self._view = memoryview(self.table)

    def __repr__(self) -> str:
        return f"Pattern({self.name!r}, {len(self.alphabet)} characters)"

    @cached_property
    def anchor(self) -> int:
        """How many characters in a row are enough to know the place."""
        return math.ceil(_ANCHOR_BITS / math.log2(len(self.alphabet)))

    @cached_property
    def nameable(self) -> int:
        """How many characters in a row are enough to say whose they are."""
        return math.ceil(_NAME_BITS / math.log2(len(self.alphabet)))

    def piece(self, position: int, size: int) -> memoryview:
        """The characters from `position` on, at most MOST_PIECE."""
        offset = position % LAP
        return self._view[offset : offset + (size if size < MOST_PIECE else MOST_PIECE)]

    def at(self, position: int, size: int) -> bytes:
        """The characters from `position` on, as many as asked for; before the beginning there are none."""
        if position < 0:
            position, size = 0, max(0, size + position)
        parts = [bytes(self.piece(position + done, size - done)) for done in range(0, size, MOST_PIECE)]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def matches(self, position: int, data: bytes) -> bool:
        """Whether `data`, at most MOST_PIECE long, is what stands at `position`."""
        return self.table.startswith(data, position % LAP)

    def common(self, position: int, data: bytes) -> int:
        """How many bytes of `data`, at most MOST_PIECE long, are what stands at `position`, until one is not."""
        same, step = 0, 1 << len(data).bit_length()
        while step:
            end = same + step
            if end <= len(data) and self.matches(position + same, data[same:end]):
                same = end
            step >>= 1
        return same

    def holds(self, data: bytes) -> bool:
        """Whether `data` occurs anywhere. Says little when it is shorter than `nameable`."""
        return data in self.table


@lru_cache(maxsize=160)
def _made(name: str, alphabet: bytes) -> Pattern:
    return Pattern(name, alphabet)


def pattern(name: str, data_bits: int = 8, avoid: bytes = b"") -> Pattern:
    """The pattern of that name, made for a line.

    data_bits: 5 to 8; only characters the line can carry occur. avoid: characters that must not occur (XON_XOFF with
    software flow control, TELNET where 0xFF is escaped).
    Raises ValueError when the line carries no such width, or fewer than two characters are left.
    """
    if not 5 <= data_bits <= 8:
        raise ValueError(f"a line has 5 to 8 data bits, not {data_bits}")
    alphabet = bytes(character for character in range(1 << data_bits) if character not in avoid)
    if len(alphabet) < 2:
        raise ValueError(f"{len(alphabet)} characters are left of {data_bits} data bits; a pattern needs two")
    return _made(name, alphabet)
