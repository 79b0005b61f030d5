"""The sending half of a UART as a function of time: what has left it by a given moment.

Times are whole nanoseconds. Characters that follow each other without a pause are a run: character k of it has left at
its start plus k character times, computed anew each time, so that nothing adds up and a late look costs no rate.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import IntEnum
from typing import Protocol

from nportlab.protocol.serial_wire import Flow, LineFormat

SECOND = 1_000_000_000
NEVER = 1 << 62
"""A moment that does not come."""


class Wire(Protocol):
    """What a transmitter drives."""

    def characters(self, data: bytearray, begun: int, ended: int) -> None:
        """Characters have left without a pause between those times. The bytes are the wire's to keep."""

    def low(self, at: int) -> None:
        """A break begins."""

    def high(self, at: int) -> None:
        """It ends."""


class Phase(IntEnum):
    """What the shift register is doing."""

    IDLE = 0
    DATA = 1
    URGENT = 2
    """An urgent character is on its way."""
    BREAK = 3
    REST = 4
    """The line is high for a bit after a break, or the next start bit could not be seen."""
    LEAD = 5
    """RTS toggle: RTS is on, data must wait."""
    TAIL = 6
    """RTS toggle: data has gone, RTS stays on."""


class Transmitter:
    """Queue and shift register. Callers bring it to the present (`run_to`) before they change anything."""

    def __init__(self, wire: Wire, keyed_changed: Callable[[int], None] = lambda at: None) -> None:
        self.wire = wire
        self.queue = bytearray()
        self.phase = Phase.IDLE
        self.held = False
        """Flow control says no; urgent characters and breaks go all the same."""
        self.keyed = False
        """RTS toggle has RTS on."""
        self.sent = 0
        """Bytes of the queue that have left, ever."""
        self._keyed_changed = keyed_changed
        self._head = 0
        self._marks: deque[tuple[int, int]] = deque()
        self._urgent: deque[int] = deque()
        self._breaking = False
        self._epoch = self._done = self._until = 0
        self._limit = NEVER
        self._toggle = False
        self._lead = self._tail = 0
        self._rate, self._unit = 1, 1
        self.set_format(LineFormat(), 0)

    # Orders -------------------------------------------------------------------------------------------------------

    def set_format(self, new: LineFormat, at: int) -> None:
        """Take over rate, character length, RTS toggle. A character on its way when the rate changes begins anew."""
        rate, unit = 2 * new.baud, round(2 * new.bits_per_character) * SECOND
        if (rate, unit) != (self._rate, self._unit):
            self._rate, self._unit = rate, unit
            if self.phase is Phase.DATA:
                self._limit -= self._done if self._limit < NEVER else 0
                self._epoch, self._done = at, 0
            elif self.phase is Phase.URGENT:
                self._until = at + self._character
        self._lead, self._tail = new.rts_on_delay * 1_000_000, new.rts_off_delay * 1_000_000
        toggle = bool(new.flow & Flow.TOGGLE) and new.interface == "rs-232"
        if toggle != self._toggle:
            self._toggle = toggle
            self._key(toggle and self.phase is not Phase.IDLE, at)
            if self.phase in (Phase.LEAD, Phase.TAIL):
                self._choose(at)

    def write(self, data: bytes | bytearray | memoryview, at: int) -> None:
        """Queue bytes."""
        self.queue += data
        self._rouse(at)

    def urgent(self, character: int, at: int) -> None:
        """Send a character after the one on its way, even while held."""
        self._urgent.append(character)
        self._interrupt(at)

    def queue_break(self, duration: int, at: int) -> None:
        """A break behind the queued bytes."""
        self._marks.append((self._head + len(self.queue), duration))
        self._rouse(at)

    def start_break(self, at: int) -> None:
        """A break after the character on its way, until `end_break`."""
        self._breaking = True
        if self.phase is Phase.BREAK:
            self._until = NEVER
        self._interrupt(at)

    def end_break(self, at: int) -> None:
        """End the break there is."""
        self._breaking = False
        if self.phase is Phase.BREAK:
            self._until = at
            self.run_to(at)
        elif self.phase is Phase.DATA and not (self.held or self._urgent):
            self._limit = NEVER

    def drop(self, at: int) -> int:
        """Forget what is queued, except the character on its way; returns how many bytes."""
        kept = min(self._begun(at) - self._done, len(self.queue)) if self.phase is Phase.DATA else 0
        forgotten = len(self.queue) - kept
        del self.queue[kept:]
        self._marks.clear()
        return forgotten

    def hold(self, held: bool, at: int) -> None:
        """Stop after the character on its way, or go on."""
        if held == self.held:
            return
        self.held = held
        if held and self.phase is Phase.DATA:
            self._limit = min(self._limit, self._begun(at))
        elif self.phase is Phase.DATA and not (self._urgent or self._breaking):
            self._limit = NEVER
        elif not held:
            self._rouse(at)

    # Time ---------------------------------------------------------------------------------------------------------

    def run_to(self, now: int) -> None:
        """Let everything leave that has left by `now`."""
        while True:
            if self.phase is Phase.DATA:
                stop = self._limit - self._done
                queued = self._marks[0][0] - self._head if self._marks else len(self.queue)
                if queued < stop:
                    stop = queued
                due = (now - self._epoch) * self._rate // self._unit - self._done
                if due < stop:
                    if due > 0:
                        self._emit(due)
                    return
                if stop > 0:
                    self._emit(stop)
                self._choose(self.when(self._done))
            elif self.phase is Phase.IDLE or now < self._until:
                return
            else:
                self._finish(self._until)

    def when(self, count: int) -> int:
        """When the run's character of that number, from 1, has left."""
        return self._epoch - (-count * self._unit // self._rate)

    def next_left(self, count: int) -> int:
        """When `count` more characters of the queue have left."""
        return self.when(self._done + count)

    def due(self, now: int) -> int:
        """Characters that leave by `now`, if nothing stops them."""
        return (now - self._epoch) * self._rate // self._unit - self._done

    def event(self) -> int:
        """When this half does something of its own that the other half or the other end may have to know at once."""
        if self.phase is Phase.DATA:
            if self._limit < NEVER or self._marks or self._toggle:
                queued = self._marks[0][0] - self._head if self._marks else len(self.queue)
                return self.when(min(self._limit, self._done + queued))
            return NEVER
        return NEVER if self.phase is Phase.IDLE else self._until

    def wake_at(self, tick: int) -> int:
        """When to look again: at the tick, later if nothing happens until then, sooner if all is done before."""
        if self.phase is Phase.DATA:
            over = self.when(min(self._limit, self._done + len(self.queue)))
            return over if over < tick else max(tick, self.when(self._done + 1))
        return NEVER if self.phase is Phase.IDLE else self._until

    @property
    def backlog(self) -> int:
        """Bytes, urgent characters and breaks not sent yet."""
        return len(self.queue) + len(self._urgent) + len(self._marks)

    def quiet_until(self, now: int) -> int:
        """When the character on its way began; now, if there is none."""
        if self.phase is Phase.DATA:
            return self.when(self._done)
        return self._until - self._character if self.phase is Phase.URGENT else now

    @property
    def driving(self) -> bool:
        """Whether the line is being driven, so that a two-wire RS-485 port hears nothing."""
        return self.phase in (Phase.DATA, Phase.URGENT, Phase.BREAK)

    @property
    def _character(self) -> int:
        return -(-self._unit // self._rate)

    def _begun(self, at: int) -> int:
        """Characters of the run that have begun before `at`, at least those that have left. The end of a character,
        which `when` rounds up, is not yet the beginning of the next.
        """
        return max(self._done, -((self._epoch - at + 1) * self._rate // self._unit))

    def _emit(self, count: int) -> None:
        piece = self.queue[:count]
        del self.queue[:count]
        start = self.when(self._done)
        self._done += count
        self._head += count
        self.sent += count
        self.wire.characters(piece, start, self.when(self._done))

    def _rouse(self, at: int) -> None:
        if self.phase is Phase.IDLE or self.phase is Phase.TAIL:
            self._choose(at)

    def _interrupt(self, at: int) -> None:
        if self.phase is Phase.DATA:
            self._limit = min(self._limit, self._begun(at))
        else:
            self._rouse(at)

    def _finish(self, at: int) -> None:
        if self.phase is Phase.URGENT:
            self.phase = Phase.REST
            self.wire.characters(bytearray([self._urgent.popleft()]), at - self._character, at)
        elif self.phase is Phase.BREAK:
            self.phase, self._until = Phase.REST, at + 2 * SECOND // self._rate
            self.wire.high(at)
            return
        elif self.phase is Phase.TAIL:
            self._key(False, at)
        self._choose(at)

    def _choose(self, at: int) -> None:
        """Begin what comes next, at that time."""
        marked = bool(self._marks) and self._marks[0][0] == self._head
        data = bool(self.queue) and not self.held
        if not (self._breaking or self._urgent or marked or data):
            wait = self._toggle and self.keyed
            ended = self.phase is Phase.TAIL and wait
            self.phase = Phase.TAIL if wait else Phase.IDLE
            self._until = self._until if ended else at + self._tail
        elif self._toggle and not self.keyed:
            self.phase, self._until = Phase.LEAD, at + self._lead
            self._key(True, at)
        elif self._breaking or (marked and not self._urgent):
            duration = NEVER if self._breaking else self._marks.popleft()[1]
            self.phase, self._until = Phase.BREAK, min(NEVER, at + duration)
            self.wire.low(at)
        elif self._urgent:
            self.phase, self._until = Phase.URGENT, at + self._character
        else:
            self.phase, self._epoch, self._done, self._limit = Phase.DATA, at, 0, NEVER

    def _key(self, on: bool, at: int) -> None:
        if on != self.keyed:
            self.keyed = on
            self._keyed_changed(at)
