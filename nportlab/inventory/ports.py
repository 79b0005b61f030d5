"""Keys of a unit's `ports`: one number, or a range."""

from __future__ import annotations

import re

_KEY = re.compile(r"([1-9][0-9]{0,2})(?:\s*-\s*([1-9][0-9]{0,2}))?")


def parse_ports(key: str) -> range | None:
    """`3` -> range(3, 4), `1-16` -> range(1, 17); None for anything else, a range that runs backwards included."""
    found = _KEY.fullmatch(key.strip())
    if not found:
        return None
    first = int(found[1])
    last = int(found[2] or first)
    return range(first, last + 1) if last >= first else None
