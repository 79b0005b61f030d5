"""Where a unit's ports are found: on the numbers of the device, or mapped on a 127/8 address."""

from dataclasses import dataclass
from typing import Literal

Mode = Literal["namespaces", "user-namespaces", "loopback"]

MAPPED_OFFSET = 10000


def mapped(port: int) -> int:
    """Where loopback mode puts a device port: numbers that would need privileges move up by 10000."""
    return port if port >= 1024 else port + MAPPED_OFFSET


@dataclass(frozen=True)
class Addressing:
    """mode: how the rack is networked. address: the unit's 127/8 address in loopback mode, unused otherwise."""

    mode: Mode
    address: str = ""

    def bind(self, port: int) -> tuple[str, int]:
        """Where a listener for device port `port` (TCP or UDP) is bound."""
        return (self.address, mapped(port)) if self.mode == "loopback" else ("0.0.0.0", port)

    def dial(self, host: str, port: int) -> tuple[str, int]:
        """Where to connect or send to reach `port` of another machine of the lab."""
        return (host, mapped(port)) if self.mode == "loopback" else (host, port)

    @property
    def source(self) -> str | None:
        """The address a unit sends from when it dials out; None leaves the choice to its network stack."""
        return self.address if self.mode == "loopback" else None
