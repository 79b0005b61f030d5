"""What an authentication server said, and who asked it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class ServerVerdict(Enum):
    """UNAVAILABLE: nothing that can be trusted came back."""

    ACCEPTED = "accepted"
    DENIED = "denied"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True)
class Asker:
    """Who asks: the unit's own address and server name; console and source address of the person logging in."""

    address: str
    name: str
    console: str = ""
    source: str = ""
