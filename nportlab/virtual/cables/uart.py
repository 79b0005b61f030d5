"""One UART: its two halves, its lines, the flow control that ties them together. No sockets; time is an argument."""

from __future__ import annotations

from collections.abc import Callable

from nportlab.protocol.serial_wire import NO_FLOW, Flow, Hold, Input, LineFormat, Output
from nportlab.virtual.cables.receiver import Receiver
from nportlab.virtual.cables.transmitter import NEVER, Phase, Transmitter

_IN = Flow.RTS | Flow.DTR | Flow.XON_IN
_STOPPED = Hold.XOFF_SENT | Hold.LINE_DROPPED


class Nowhere:
    """The wire of a port with nothing plugged in."""

    def characters(self, data: bytearray, begun: int, ended: int) -> None:
        """Gone."""

    def low(self, at: int) -> None:
        """Nobody sees it."""

    def high(self, at: int) -> None:
        """Nobody sees it."""


class Uart:
    """One end of a line. `name` is for messages: "np6650/3", "adapter of np6650/3"."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines_driven: Callable[[int], None] = lambda at: None
        """Called when `driven` changed."""
        self.rewired: Callable[[int], None] = lambda at: None
        """Called when format or power changed."""
        self._forget()

    def _forget(self) -> None:
        self.powered = False
        self.format = LineFormat()
        self.outputs = Output(0)
        """What the driver asked for."""
        self.driven = Output(0)
        """What is on the lines: flow control and RTS toggle have a say."""
        self.inputs = Input(0)
        self.hold = Hold(0)
        self.dropped: list[int] = []
        """Bytes forgotten on each order to drop, not reported yet."""
        self.status_is_news = False
        self.reported_sent = self.reported_at = 0
        """How much of `tx.sent` the driver knows of, and since when."""
        wire = self.tx.wire if hasattr(self, "tx") else Nowhere()
        self.tx = Transmitter(wire, self._drive)
        self.rx = Receiver()
        self._stopped = False
        self.watches_room = False
        """Whether the other end must be stopped in time."""
        self.watches_xon = False

    # Power --------------------------------------------------------------------------------------------------------

    def power_on(self, at: int) -> None:
        """Come up with nothing queued and all lines low."""
        self.powered = self.status_is_news = True
        self.rewired(at)

    def power_off(self, at: int) -> None:
        """Lines drop, queues are gone, a break ends."""
        breaking = self.tx.phase is Phase.BREAK
        wire = self.tx.wire
        self._forget()
        if breaking:
            wire.high(at)
        self.lines_driven(at)
        self.rewired(at)

    # Orders of the driver; the line is at the present -------------------------------------------------------------

    def set_format(self, new: LineFormat, at: int) -> None:
        """Set the line."""
        old, self.format = self.format, new
        if old.flow & Flow.XON_OUT and not new.flow & Flow.XON_OUT:
            self.hold &= ~Hold.XOFF
        self.tx.set_format(new, at)
        self.rx.set_format(new)
        self.watches_xon = bool(new.flow & Flow.XON_OUT)
        self._watch_room(old.flow, at)
        self._weigh(at)
        self._drive(at)
        self.rewired(at)

    def set_lines(self, outputs: Output, at: int) -> None:
        """Drive DTR and RTS."""
        self.outputs = outputs
        self._drive(at)

    def force(self, on: bool, at: int) -> None:
        """Act as if XON (True) or XOFF was received, whatever the flow control."""
        self._xoffed(not on, at)

    def drop(self, at: int) -> None:
        """Forget what is not sent."""
        self.dropped.append(self.tx.drop(at))

    def taken(self, count: int, at: int) -> None:
        """The driver took received bytes."""
        self.rx.taken(count)
        if self._stopped and self.rx.fill <= self.rx.go_at:
            self._stop(False, at)

    @property
    def backlog(self) -> int:
        """How much the driver has ordered that is not done, or not reported."""
        return self.tx.backlog + len(self.dropped)

    # From the wire ------------------------------------------------------------------------------------------------

    @property
    def deaf(self) -> bool:
        """Without power, or two-wire RS-485 while it sends."""
        return not self.powered or (self.format.interface == "rs-485-2w" and self.tx.driving)

    def receive(self, data: bytearray, at: int, parity: int = 0, framing: int = 0) -> None:
        """Characters, the last of which ended at that time, with how many of them had errors."""
        if self.watches_xon:
            data = self._obey(data, at)
        self.rx.take(data, parity, framing)
        if self.watches_room and self.rx.fill >= self.rx.stop_at:
            self._stop(True, at)

    def set_inputs(self, inputs: Input, at: int) -> None:
        """The lines of the other end changed."""
        if inputs != self.inputs:
            self.inputs = inputs
            self.status_is_news = True
            self._weigh(at)

    # Flow control -------------------------------------------------------------------------------------------------

    def _watch_room(self, old: Flow, at: int) -> None:
        flow = self.format.flow & _IN
        if self._stopped and (flow != old & _IN or self.rx.fill <= self.rx.go_at):
            xoff_sent = self.hold & Hold.XOFF_SENT
            self.hold &= ~_STOPPED
            self._stopped = False
            self.status_is_news = True
            if xoff_sent:
                self.tx.urgent(self.format.xon, at)
        self.watches_room = flow != NO_FLOW and not self._stopped
        if self.watches_room and self.rx.fill >= self.rx.stop_at:
            self._stop(True, at)

    def _stop(self, stop: bool, at: int) -> None:
        """Tell the other end to stop, or to go on."""
        flow = self.format.flow
        told = (Hold.XOFF_SENT if flow & Flow.XON_IN else 0) | (
            Hold.LINE_DROPPED if flow & (Flow.RTS | Flow.DTR) else 0
        )
        self.hold = self.hold | told if stop else self.hold & ~_STOPPED
        self.status_is_news = True
        self._stopped, self.watches_room = stop, not stop
        if flow & Flow.XON_IN:
            self.tx.urgent(self.format.xoff if stop else self.format.xon, at)
        self._drive(at)

    def _obey(self, data: bytearray, at: int) -> bytearray:
        """Take XON and XOFF out of what was received, and act on the last."""
        xon, xoff = self.format.xon, self.format.xoff
        last = max(data.rfind(xon), data.rfind(xoff))
        if last < 0:
            return data
        self._xoffed(data[last] == xoff, at)
        return data.translate(None, bytes((xon, xoff)))

    def _xoffed(self, off: bool, at: int) -> None:
        hold = self.hold | Hold.XOFF if off else self.hold & ~Hold.XOFF
        if hold != self.hold:
            self.hold = hold
            self.status_is_news = True
            self._weigh(at)

    def _weigh(self, at: int) -> None:
        """Work out whether the transmitter may send."""
        flow, hold = self.format.flow, self.hold & ~(Hold.CTS | Hold.DSR)
        if self.format.interface == "rs-232":
            if flow & Flow.CTS and not self.inputs & Input.CTS:
                hold |= Hold.CTS
            if flow & Flow.DSR and not self.inputs & Input.DSR:
                hold |= Hold.DSR
        if hold != self.hold:
            self.hold = hold
            self.status_is_news = True
        self.tx.hold(bool(hold & (Hold.CTS | Hold.DSR | Hold.XOFF)), at)

    def _drive(self, at: int) -> None:
        """Work out DTR and RTS."""
        flow, driven = self.format.flow, self.outputs
        if self.format.interface != "rs-232":
            driven = Output(0)
        elif flow & Flow.TOGGLE:
            driven = driven | Output.RTS if self.tx.keyed else driven & ~Output.RTS
        if self.hold & Hold.LINE_DROPPED:
            driven &= ~((Output.RTS if flow & Flow.RTS else 0) | (Output.DTR if flow & Flow.DTR else 0))
        if driven != self.driven:
            self.driven = driven
            self.lines_driven(at)

    # Time ---------------------------------------------------------------------------------------------------------

    def run_to(self, now: int) -> None:
        """Let everything happen that has happened by `now`."""
        if self.tx.phase is not Phase.IDLE:
            self.tx.run_to(now)
        if self.rx.low_since is not None:
            self.rx.settle(now)

    @property
    def moving(self) -> bool:
        """Whether time alone changes anything."""
        return self.tx.phase is not Phase.IDLE or self.rx.low_since is not None

    def wake_at(self, tick: int) -> int:
        """When to look again."""
        break_at = self.rx.break_at
        return min(self.tx.wake_at(tick), NEVER if break_at is None else break_at)
