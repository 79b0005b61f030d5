"""The system log of a virtual unit. It survives restarts and power cuts."""

from collections.abc import Callable, Mapping
from datetime import datetime

from nportlab.virtual.unit.flash import Flash

CAPACITY = 1000
"""Lines kept; the oldest go first (invented: the size of the real log is not public)."""

EARLY = 8
"""Events of this boot kept for late subscribers."""

Subscriber = Callable[[datetime, str, str, str], None]


class EventLog:
    """Lines `YYYY/MM/DD hh:mm:ss [Group] Event` (guide 3.5), oldest first.

    now: the unit's local clock. switches: the running settings, in which `log.local_<group>` turns local logging of a
    group on ("enable"); a group without such a setting is always logged.
    """

    def __init__(self, flash: Flash, now: Callable[[], datetime], switches: Mapping[str, str]) -> None:
        self._flash = flash
        self._now = now
        self._switches = switches
        self._lines = list(flash.lines("log"))
        self._subscribers: list[Subscriber] = []
        self._early: list[tuple[datetime, str, str, str]] = []

    def add(self, group: str, event: str, detail: str = "") -> None:
        """Log `event` of `group` (System, Network, Config, OpMode).

        detail: who or what, for remote logs and subscribers; the local line does not show it.
        """
        moment = self._now()
        if self._switches.get(f"log.local_{group.lower()}", "enable") == "enable":
            line = f"{moment:%Y/%m/%d %H:%M:%S} [{group}] {event}"
            self._lines.append(line)
            if len(self._lines) > CAPACITY:
                self._lines = self._lines[-CAPACITY * 9 // 10 :]
                self._flash.replace_lines("log", self._lines)
            else:
                self._flash.append("log", line)
        if len(self._early) < EARLY:
            self._early.append((moment, group, event, detail))
        for subscriber in self._subscribers:
            subscriber(moment, group, event, detail)

    def lines(self) -> list[str]:
        """All lines, oldest first."""
        return list(self._lines)

    def clear(self) -> None:
        """Forget all lines (the caller logs that it happened)."""
        self._lines = []
        self._flash.replace_lines("log", [])

    def subscribe(self, subscriber: Subscriber) -> None:
        """Call `subscriber(moment, group, event, detail)` for every event, whatever the local switches say.

        The first events of this boot, which came before there could be subscribers, are delivered at once.
        """
        for event in self._early:
            subscriber(*event)
        self._subscribers.append(subscriber)
