"""The rack's relay boards: what each relay drives, and the ways a board can be made to fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

from nportlab.virtual.spec import SwitchSpec

Fault = Literal["stuck", "lying", "error", "silent"]
"""stuck: takes orders, does not move, and says so when read. lying: does not move and says it did. error: answers 500.
silent: accepts the connection and never answers."""

FAULTS: tuple[str, ...] = get_args(Fault)


class UnknownRelay(KeyError):
    """There is no such switch or channel."""


class Relays:
    """All relays of a rack. What a closed relay does is an action given per (switch, channel)."""

    def __init__(self, switches: tuple[SwitchSpec, ...]) -> None:
        self._channels = {switch.name: switch.channels for switch in switches}
        self._closed: dict[tuple[str, int], bool] = {}
        self._claimed: dict[tuple[str, int], bool] = {}
        self._faults: dict[tuple[str, int], str] = {}
        self._actions: dict[tuple[str, int], Callable[[bool], None]] = {}

    def connect(self, relay: tuple[str, int], action: Callable[[bool], None], closed: bool) -> None:
        """Call `action(on)` when the relay moves. closed: its state now."""
        self._check(*relay)
        self._actions[relay] = action
        self._closed[relay] = closed

    def set(self, switch: str, channel: int, on: bool) -> bool:
        """An order to one relay; returns what the board answers."""
        relay = self._check(switch, channel)
        fault = self._faults.get(relay)
        if fault == "lying":
            self._claimed[relay] = on
        elif fault is None and self._closed.get(relay, False) != on:
            self._closed[relay] = on
            if relay in self._actions:
                self._actions[relay](on)
        return self.get(switch, channel)

    def get(self, switch: str, channel: int) -> bool:
        """What the board says about one relay."""
        relay = self._check(switch, channel)
        closed = self._closed.get(relay, False)
        return self._claimed.get(relay, closed) if self._faults.get(relay) == "lying" else closed

    def follow(self, switch: str, channel: int, on: bool) -> None:
        """The relay was moved by hand: no order, no fault, no action."""
        self._closed[self._check(switch, channel)] = on

    def fault(self, switch: str, channel: int) -> str | None:
        """How the relay fails, None when it works."""
        return self._faults.get(self._check(switch, channel))

    def set_fault(self, switch: str, channel: int, fault: str | None) -> None:
        """Make the relay fail or work again. Raises ValueError for an unknown fault."""
        relay = self._check(switch, channel)
        self._claimed.pop(relay, None)
        self._faults.pop(relay, None)
        if fault is not None:
            if fault not in FAULTS:
                raise ValueError(f"unknown fault {fault!r}; known: {', '.join(FAULTS)}")
            self._faults[relay] = fault

    def channels(self, switch: str) -> range:
        """Channel numbers of one switch."""
        if switch not in self._channels:
            raise UnknownRelay(switch)
        return range(1, self._channels[switch] + 1)

    def _check(self, switch: str, channel: int) -> tuple[str, int]:
        if channel not in self.channels(switch):
            raise UnknownRelay(f"{switch}/{channel}")
        return switch, channel
