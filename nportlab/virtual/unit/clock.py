"""The clock of a virtual unit, and how long a unit minute takes."""

import time
from datetime import UTC, datetime, timedelta

from nportlab.virtual.unit.flash import Flash


class UnitClock:
    """Local time as the unit believes it to be, and unit minutes for its timers.

    The displayed time runs at real speed, shifted by an offset kept in flash (a battery-backed clock). Timers of the
    unit (lockout, auto logout, reset button) count unit minutes, which the virtual rack may make shorter than 60 s.
    seconds_per_minute: real seconds in one unit minute. zone: what the unit adds to UTC.
    """

    def __init__(self, flash: Flash, seconds_per_minute: float = 60.0, zone: timedelta = timedelta(0)) -> None:
        self.seconds_per_minute = seconds_per_minute
        self.zone = zone
        self._flash = flash
        self._offset = timedelta(seconds=float(flash.read("clock", {"offset": 0})["offset"]))
        self._started = time.monotonic()

    def utc(self) -> datetime:
        """What the unit holds for the time in UTC (without tzinfo)."""
        return datetime.now(UTC).replace(tzinfo=None) + self._offset

    def now(self) -> datetime:
        """The unit's local time (without tzinfo)."""
        return self.utc() + self.zone

    def set(self, local: datetime) -> None:
        """Set the local time; kept over restarts and power cuts."""
        self._offset += local - self.now()
        self._flash.commit("clock", {"offset": self._offset.total_seconds()})

    def minutes(self, count: float) -> float:
        """Real seconds in `count` unit minutes."""
        return count * self.seconds_per_minute

    def seconds(self, count: float) -> float:
        """Real seconds in `count` unit seconds (a sixtieth of a unit minute)."""
        return count * self.seconds_per_minute / 60

    def uptime(self) -> float:
        """Real seconds since the unit was powered or restarted."""
        return time.monotonic() - self._started
