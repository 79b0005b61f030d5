"""Two ends of a line that have just been set: when they understand each other, and that they do not.

A change of one end may reach its line a moment later than bytes of the other: it is waited for, not assumed.
"""

from __future__ import annotations

import time

from fixtures.mode_clients import Client
from nportlab.serial.adapter import Adapter
from tests.operation_modes._ends import SOON, hear, hear_all, say

_PATIENCE = 0.3


def settle(client: Client, adapter: Adapter, timeout: float = SOON) -> None:
    """Wait until what the client says comes out right at the adapter. Asserts that it does."""
    longest = 2 * len(_probe(0)) / adapter.line.characters_per_second
    end = time.monotonic() + timeout + 2 * longest
    said, heard = 0, b""
    # The last of several is waited for, as those before may come late but not after it.
    while not said or not heard.endswith(_probe(said)):
        assert time.monotonic() < end, f"set alike, {adapter.line}, the other end reads {heard[-12:]!r}"
        said += 1
        say(client, _probe(said))
        heard += hear(adapter, len(_probe(said)), _PATIENCE + longest)
        if heard and not heard.endswith(_probe(said)):
            heard += hear_all(adapter, _PATIENCE + longest)


def _probe(number: int) -> bytes:
    """Characters every width can carry and no flow control takes, others for each number."""
    return bytes((0x15, 0x0A, number % 16))


def misunderstood(client: Client, adapter: Adapter, data: bytes, timeout: float = SOON) -> bool:
    """Whether the adapter, just set differently, reads something else or with errors, at last."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        before = adapter.counts()
        say(client, data)
        heard = hear(adapter, len(data), _PATIENCE)
        if heard != data or adapter.counts() != before:
            return True
    return False
