"""Power as a test uses it: on, off, state, cycle, and pressing a button. Read back, never assumed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from nportlab.power.switch import Driver, SwitchChannel
from nportlab.verdicts.faults import LabFault
from nportlab.verdicts.recorder import NullRecorder, Recorder

_POLL = 0.05  # seconds between two looks at a switch that has not moved yet


class Outlet:
    """The outlet that feeds one unit (or moves its reset button)."""

    def __init__(
        self,
        channel: SwitchChannel,
        driver: Driver,
        recorder: Recorder | None = None,
        *,
        deadline: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """deadline: seconds within which the switch must have done what it was told. clock, sleep: for selftests."""
        self.name = channel.name
        self._channel = channel
        self._driver = driver
        self._recorder: Recorder = recorder or NullRecorder()
        self._deadline = deadline
        self._clock = clock
        self._sleep = sleep

    def on(self) -> None:
        """Switch on and see that it is. Raises LabFault."""
        self._set(True)

    def off(self) -> None:
        """Switch off and see that it is. Raises LabFault."""
        self._set(False)

    def is_on(self) -> bool:
        """What the switch says. Raises LabFault when it does not answer."""
        return self._driver.is_on(self._channel)

    def cycle(self, off_seconds: float = 2.0) -> None:
        """Off, wait, on. off_seconds: long enough for the unit's supply to discharge.

        Whatever happens in between, the last order is "on".
        """
        try:
            self.off()
            self._sleep(off_seconds)
        finally:
            self.on()

    def _set(self, on: bool) -> None:
        word = "on" if on else "off"
        self._driver.switch(self._channel, on)
        end = self._clock() + self._deadline
        while self._driver.is_on(self._channel) is not on:
            if self._clock() >= end:
                raise LabFault(
                    f"told to switch {word}, the switch still answers {'off' if on else 'on'!r} "
                    f"{self._deadline:g} s later",
                    remedy="Check the switch and its relay.",
                    resource=f"outlet {self.name}",
                )
            self._sleep(_POLL)
        self._recorder.note(f"outlet {self.name}: {word}, read back")


class ResetButton:
    """A relay across the unit's reset button."""

    def __init__(self, relay: Outlet, *, sleep: Callable[[float], None] = time.sleep) -> None:
        """relay: closed means pressed."""
        self.name = relay.name
        self._relay = relay
        self._sleep = sleep

    def press(self, seconds: float) -> None:
        """Hold the button. Units restore their factory settings after about 5 s. Always released, whatever happens."""
        with self.held():
            self._sleep(seconds)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the button while the block runs. Always released, whatever happens."""
        try:
            self._relay.on()
            yield
        finally:
            self._relay.off()
