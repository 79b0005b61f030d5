"""Where a unit is reached and as whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from nportlab.unit.errors import LoginRefused


class Endpoint(NamedTuple):
    """A host and port to dial; unpacks and compares as a plain (host, port) tuple."""

    host: str
    port: int

    def __str__(self) -> str:
        """`192.168.127.254:443`."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Address:
    """The address of a unit and, where its ports are mapped, the number each device port has for us."""

    host: str
    tcp_map: Mapping[int, int] = field(default_factory=dict)
    udp_map: Mapping[int, int] = field(default_factory=dict)

    def tcp(self, port: int) -> Endpoint:
        """Where the unit's TCP port is reached; ports without a mapping are reached as they are."""
        return Endpoint(self.host, self.tcp_map.get(port, port))

    def udp(self, port: int) -> Endpoint:
        """Where the unit's UDP port is reached; ports without a mapping are reached as they are."""
        return Endpoint(self.host, self.udp_map.get(port, port))


@dataclass
class Account:
    """A user name and password, and whether the unit has refused them.

    A refusal is remembered for the whole run, over every console: asking again could lock the account out. While the
    unit asks a server about logins (`judged_by_unit` false) a refusal says nothing about the password and is not kept.
    """

    username: str
    password: str = field(repr=False)
    refused: str | None = None
    judged_by_unit: bool = True

    def check(self) -> None:
        """Raise LoginRefused at once, without contacting the unit, when it refused this account before."""
        if self.refused is not None:
            raise LoginRefused(
                f"the unit refused user {self.username!r} earlier in this run ({self.refused}); not tried again, "
                "so that the account is not locked out",
                remedy="Correct the credentials of the unit in lab.yaml and run again.",
            )

    def refuse(self, said: str) -> None:
        """Remember a refusal and what the unit said with it."""
        if self.judged_by_unit:
            self.refused = said or "no reason given"

    def accepted(self) -> None:
        """Forget an earlier refusal: the unit took this account (it was just created, or a login went through)."""
        self.refused = None
