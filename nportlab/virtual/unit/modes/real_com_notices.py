"""What a port tells its command connections unasked: changes of the line, and whether the host still lives.

Source: nport-facts 1.5, 1.6. Notices go to every command connection, whether it asked for them or not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from nportlab.protocol.real_com_replies import AlivePoll, Event, Held, ModemLines, Notify
from nportlab.protocol.serial_wire import Hold, Input
from nportlab.virtual.unit.serial_port import LineErrors

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device
    from nportlab.virtual.unit.port_sockets import PortConnection
    from nportlab.virtual.unit.serial_port import SerialPort

NOTICE_SECONDS = 0.1
"""Between two looks at what changed."""

SILENCE, RETRY, MOST_POLLS = 40.0, 3.0, 3
"""Unit seconds without traffic before a poll, between polls nobody answers, and how many of those are tolerated."""

SHORTEST_RETRY = 0.2
"""Real seconds a host has for its answer, however short a rack's minutes are (invented)."""

_HELD = {Hold.CTS: Held.CTS, Hold.DSR: Held.DSR, Hold.XOFF: Held.XOFF, Hold.XOFF_SENT: Held.XOFF_SENT}


class Notices:
    """Changes of one port, gathered for each command connection until it is told.

    is_open: whether the port is; a closed one is not looked at.
    """

    def __init__(self, device: Device, serial: SerialPort, is_open: Callable[[], bool]) -> None:
        self._device = device
        self._serial = serial
        self._is_open = is_open
        self._pending: dict[PortConnection, _Pending] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._errors = Event(0)
        self._breaks = 0
        self._break_told = False

    # From the line ------------------------------------------------------------------------------------------------

    def lines_changed(self, changed: Input) -> None:
        """Modem lines or the hold state changed."""
        for pending in self._pending.values():
            pending.changed |= changed
        self._look_later()

    def line_errors(self, errors: LineErrors) -> None:
        """Parity or framing errors, or bytes nobody made room for."""
        seen = Event(0)
        if errors.parity:
            seen |= Event.PARITY_ERROR
        if errors.framing:
            seen |= Event.FRAMING_ERROR
        if errors.overrun:
            seen |= Event.SOFTWARE_OVERRUN
        self._errors |= seen
        self._happened(seen)

    def break_received(self, seconds: float) -> None:
        """A break began, or ended."""
        if seconds:
            self._breaks += 1
        if not (seconds and self._break_told):
            self._happened(Event.BREAK)
        self._break_told = not seconds

    def _happened(self, event: Event) -> None:
        for pending in self._pending.values():
            pending.events |= event
        self._look_later()

    # To the host --------------------------------------------------------------------------------------------------

    def begin(self, connection: PortConnection) -> None:
        """A new command connection; the lines that are on now will be news to it."""
        self._pending[connection] = _Pending()
        self._look_later()

    def end(self, connection: PortConnection) -> None:
        """It is gone."""
        self._pending.pop(connection, None)

    def opened(self) -> None:
        """The port was opened: look at it."""
        self._look_later()

    def take(self, connection: PortConnection) -> bytes:
        """What it has not been told yet, for the end of a reply; nothing if all is as before."""
        pending = self._pending.get(connection)
        if pending is None or not self._is_open() or self._device.has_defect("real-com-notify-silent"):
            return b""
        notice = pending.take(self._serial)
        return notice.encode() if notice else b""

    def take_errors(self) -> Event:
        """Line errors since the last time."""
        errors, self._errors = self._errors, Event(0)
        return errors

    def take_breaks(self) -> int:
        """Breaks since the last time."""
        breaks, self._breaks = self._breaks, 0
        return breaks

    def stop(self) -> None:
        """The mode ends."""
        if self._timer is not None:
            self._timer.cancel()

    def _look_later(self) -> None:
        if self._timer is None and self._pending:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(NOTICE_SECONDS - loop.time() % NOTICE_SECONDS, self._look)

    def _look(self) -> None:
        self._timer = None
        for connection in self._pending:
            if notice := self.take(connection):
                connection.write(notice)


class _Pending:
    """What one command connection has not been told."""

    def __init__(self) -> None:
        self.events = Event(0)
        self.changed = Input(0)
        self._inputs = Input(0)
        self._hold = Held.NEW_VERSION

    def take(self, serial: SerialPort) -> Notify | None:
        """All of it; None when there is nothing."""
        hold = Held.NEW_VERSION
        for theirs, ours in _HELD.items():
            if serial.hold & theirs:
                hold |= ours
        changed = self.changed | (self._inputs ^ serial.inputs)
        events = self.events | (Event.MODEM_STATUS if changed else Event(0))
        if not events and hold == self._hold:
            return None
        self.events, self.changed = Event(0), Input(0)
        self._inputs, self._hold = serial.inputs, hold
        return Notify(events, ModemLines(int(serial.inputs)), ModemLines(int(changed)), hold)


class AlivePolling:
    """Asks the host of one command connection whether it lives once nothing moved for a while, and gives it up.

    close: ends what belongs to that host. last_traffic: loop time of the last byte on its data connection.
    """

    def __init__(
        self,
        device: Device,
        connection: PortConnection,
        last_traffic: Callable[[], float],
        close: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._last_traffic = last_traffic
        self._close = close
        self._silence = device.clock.seconds(SILENCE)
        self._retry = max(SHORTEST_RETRY, device.clock.seconds(RETRY))
        self._unanswered: list[int] = []
        self._number = 0
        self._timer = asyncio.get_running_loop().call_later(self._silence, self._look)

    def answered(self, number: int) -> None:
        """The host answered a poll."""
        if number in self._unanswered:
            self._unanswered.clear()
            self._later(self._silence)

    def stop(self) -> None:
        """No more polls."""
        self._timer.cancel()

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        rest = max(self._connection.traffic, self._last_traffic()) + self._silence - loop.time()
        if rest > 0:
            self._unanswered.clear()
            self._later(rest)
        elif len(self._unanswered) > MOST_POLLS:
            self._close()
        else:
            self._number = self._number % 255 + 1
            self._unanswered.append(self._number)
            self._connection.write(AlivePoll(self._number).encode())
            self._later(self._retry)

    def _later(self, seconds: float) -> None:
        self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._look)
