"""What can be set, asked and ordered on a Real COM session's command connection (nport-facts 1.3)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from nportlab.modes.errors import CommandRefused
from nportlab.modes.real_com_command import CommandConnection, Notification, Poll
from nportlab.protocol import real_com as commands
from nportlab.protocol.real_com import FlowControl, PortInit, Queues, TxFifo, XonXoff
from nportlab.protocol.real_com_format import Format
from nportlab.protocol.real_com_replies import (
    BreaksCounted,
    ErrorsSeen,
    Event,
    FlushStarted,
    Lines,
    Notify,
    QueueLength,
    Reply,
)
from nportlab.unit.errors import UnexpectedAnswer

_R = TypeVar("_R", Lines, QueueLength, FlushStarted, BreaksCounted, ErrorsSeen)


@dataclass(frozen=True)
class PortSettings:
    """What the driver knows of a port and sets at every opening. xon_xoff: characters; fifo: depth, 1 is off.

    user: name PORT_INIT ends with; firmware that knows no user names gets none.
    """

    format: Format = field(default_factory=Format)
    dtr: bool = True
    rts: bool = True
    flow: FlowControl = field(default_factory=FlowControl)
    xon_xoff: XonXoff = field(default_factory=XonXoff)
    fifo: int = 16
    user: str = ""

    def port_init(self) -> PortInit:
        """The command that sets all but baud rates without index, the characters and the FIFO."""
        return PortInit(self.format, self.dtr, self.rts, self.flow, self.user)

    def opening(self) -> list[commands.Command]:
        """What follows the connections: PORT_INIT, SETBAUD for a rate without index, XONXOFF if used, TX_FIFO."""
        wanted: list[commands.Command] = [self.port_init()]
        if not self.format.has_index and self.format.baud is not None:
            wanted.append(commands.SetBaud(self.format.baud))
        if self.flow.xon_out or self.flow.xon_in:
            wanted.append(self.xon_xoff)
        return [*wanted, TxFifo(self.fifo)]


class PortControl:
    """The commands; a session brings the connection. Each raises NoReply, CommandRefused or ConnectionLost.

    settings: as last set here. lines: the input lines when the port was last set as a whole.
    """

    name: str
    settings: PortSettings
    lines: Lines | None = None
    command_timeout: float

    @property
    def command(self) -> CommandConnection:
        """The command connection. Raises ConnectionLost while there is none."""
        raise NotImplementedError

    # Settings -----------------------------------------------------------------------------------------------------

    def set_port(self, settings: PortSettings | None = None) -> Lines:
        """Set everything by a fresh PORT_INIT (and SETBAUD, XONXOFF, TX_FIFO), as the driver does whenever anything
        changes; each command is sent when the one before was answered.

        settings: None for those of the last time. Returns the input lines. When the unit refuses the baud rate
        `settings` stay as they were.
        """
        wanted = settings or self.settings
        for command in wanted.opening():
            self._note(self.command.ask(command, self.command_timeout), wanted)
        self.settings = wanted
        assert self.lines is not None
        return self.lines

    def set_baud(self, rate: int) -> None:
        """Any rate, bits per second (SETBAUD 0x17, little-endian 32 bit, 50 to 921,600)."""
        self._do(commands.SetBaud(rate))
        self.settings = replace(self.settings, format=replace(self.settings.format, baud=rate))

    def set_format(self, wanted: Format) -> None:
        """Baud rate by its index, and character format (IOCTL 0x10)."""
        self._do(commands.Ioctl(wanted))
        self.settings = replace(self.settings, format=wanted)

    def set_flow(self, flow: FlowControl) -> None:
        """Flow control, each way by itself (FLOWCTRL 0x11)."""
        self._do(flow)
        self.settings = replace(self.settings, flow=flow)

    def set_xon_xoff(self, xon: int, xoff: int) -> None:
        """The characters (XONXOFF 0x18)."""
        self._do(characters := XonXoff(xon, xoff))
        self.settings = replace(self.settings, xon_xoff=characters)

    def set_fifo(self, depth: int) -> None:
        """Depth of the transmit FIFO, 1 for off (TX_FIFO 0x30)."""
        self._do(TxFifo(depth))
        self.settings = replace(self.settings, fifo=depth)

    def set_lines(self, *, dtr: bool | None = None, rts: bool | None = None) -> None:
        """Drive DTR and RTS; None leaves one as it was set last (LINECTRL 0x12)."""
        settings = self.settings
        settings = replace(settings, dtr=settings.dtr if dtr is None else dtr, rts=settings.rts if rts is None else rts)
        self._do(commands.LineControl(settings.dtr, settings.rts))
        self.settings = settings

    # Lines, break, queues -----------------------------------------------------------------------------------------

    def line_status(self) -> Lines:
        """DSR, CTS and DCD now (LSTATUS 0x13)."""
        return self._get(commands.LineStatus(), Lines)

    def break_on(self) -> None:
        """Begin a break (0x21)."""
        self._do(commands.BreakOn())

    def break_off(self) -> None:
        """End it (0x22)."""
        self._do(commands.BreakOff())

    def send_break(self, milliseconds: int) -> None:
        """A break of 10 to 1000 ms, timed by the unit (BREAKSEND 0x23, big-endian); other lengths get no reply."""
        self._do(commands.BreakSend(milliseconds))

    def flush(self, queues: Queues = Queues.BOTH) -> None:
        """Drop what the unit received, has to send, or both (FLUSH 0x14). What is on its way to us still comes."""
        self._do(commands.Flush(queues))

    def flush_start(self, queues: Queues, milliseconds: int) -> int:
        """Drop within that time (FLUSH_START 0x35, answered late); returns the received bytes that waited."""
        wanted = commands.FlushStart(queues, milliseconds)
        return self._get(wanted, FlushStarted, milliseconds / 1000).waiting

    def flush_stop(self) -> None:
        """End what `flush_start` began (0x36)."""
        self._do(commands.FlushStop())

    def input_queue(self) -> int:
        """Bytes the unit received and did not send to us (IQUEUE 0x15, little-endian 16 bit)."""
        return self._get(commands.InputQueue(), QueueLength).waiting

    def output_queue(self) -> int:
        """Bytes the unit has still to send (OQUEUE 0x16, little-endian 16 bit)."""
        return self._get(commands.OutputQueue(), QueueLength).waiting

    def wait_output_drained(self, timeout: float) -> int:
        """Wait until the unit has sent everything on the wire.

        timeout: seconds, rounded up to whole milliseconds. Returns the bytes still queued when the unit answered (0
        means drained). Raises NoReply if the command port stays silent for `timeout` + 1 s.
        Protocol: WAIT_OQUEUE 0x2F, reply little-endian 16 bit (the driver reads it wrongly; nport-facts 1.11).
        """
        wanted = commands.WaitOutputQueue(math.ceil(timeout * 1000))
        return _as(QueueLength, self.command.ask(wanted, timeout + 1), self.name).waiting

    def force_xon(self) -> None:
        """Act as if XON was received (0x33)."""
        self._do(commands.SetXon())

    def force_xoff(self) -> None:
        """Act as if XOFF was received (0x34)."""
        self._do(commands.SetXoff())

    def break_count(self) -> int:
        """Breaks received since the last time asked (BREAK_COUNT 0x37, big-endian; the unit then counts from 0)."""
        return self._get(commands.BreakCount(), BreaksCounted).count

    def data_status(self) -> Event:
        """Line errors seen since the last time asked (DATA_STATUS 0x38, low nibble; the unit then forgets them)."""
        return self._get(commands.DataStatus(), ErrorsSeen).errors

    def reset_port(self) -> None:
        """RESET 0x20; without effect in the vendor's port daemon, and not answered with several connections."""
        self._do(commands.Reset())

    def sense_dsr(self, on: bool) -> None:
        """Ignore what comes while DSR is off (DSR_SEN 0x32); without effect in the vendor's port daemon."""
        self._do(commands.DsrSense(on))

    # Notifications ------------------------------------------------------------------------------------------------

    def notify(self, on: bool) -> None:
        """Be told of changes and polled, or not (NOTIFY 0x24, 0x25); PORT_INIT turns it on."""
        self._do(commands.NotifyOn() if on else commands.NotifyOff())

    @property
    def notifications(self) -> list[Notification]:
        """What the unit told of modem lines, holds, errors and breaks so far, each with its time."""
        return self.command.notifications

    def wait_notification(self, wanted: Callable[[Notify], bool], timeout: float, after: int = 0) -> Notification:
        """The first wanted one, told already or yet to come; not among the first `after`. Raises NotInTime."""
        return self.command.wait_notification(wanted, timeout, after)

    @property
    def polls(self) -> list[Poll]:
        """The unit's alive polls so far; they are answered unless `command.answers_polls` is off."""
        return self.command.polls

    def _note(self, reply: Reply, settings: PortSettings) -> None:
        if isinstance(reply, Lines):
            if reply.refused:
                raise CommandRefused(f"the baud rate of {settings.format} is refused", resource=self.name)
            self.lines = reply

    def _do(self, command: commands.Command) -> None:
        self.command.ask(command, self.command_timeout)

    def _get(self, command: commands.Command, kind: type[_R], extra: float = 0.0) -> _R:
        return _as(kind, self.command.ask(command, self.command_timeout + extra), self.name)


def _as(kind: type[_R], reply: Reply, name: str) -> _R:
    if not isinstance(reply, kind):
        raise UnexpectedAnswer(f"expected {kind.__name__}, came {reply}", resource=name)
    return reply
