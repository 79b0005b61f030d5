"""A line: what one or two UARTs have to do with each other."""

from __future__ import annotations

from nportlab.protocol.serial_wire import Input, Output
from nportlab.virtual.cables.faults import ByteFault, FaultName
from nportlab.virtual.cables.transmitter import NEVER, Phase
from nportlab.virtual.cables.uart import Uart
from nportlab.virtual.cables.waveform import MASKS, Copper, Piece, agree, too_short_for_a_break

_SEEN = [
    (Input.CTS if driven & Output.RTS else Input(0)) | (Input.DSR | Input.DCD if driven & Output.DTR else Input(0))
    for driven in range(4)
]
"""What the other end of a null modem, or the port itself in a loopback plug, sees of the lines driven."""


class Path:
    """One direction: from a transmitter to a receiver."""

    def __init__(self, sender: Uart, receiver: Uart) -> None:
        self.sender = sender
        self.receiver = receiver
        self.fault: ByteFault | None = None
        self.closed = False
        self.hard_to_read = False
        """The ends do not agree on the format."""
        self._formats = (sender.format, receiver.format)
        self._copper: Copper | None = None
        self._mask: bytes | None = None
        sender.tx.wire = self

    def refresh(self, closed: bool, at: int) -> None:
        """Take over the formats of both ends. closed: nothing crosses."""
        sender, receiver = self.sender, self.receiver
        self._mask = MASKS[sender.format.data_bits] if sender.format.data_bits < 8 else None
        if (formats := (sender.format, receiver.format)) != self._formats:
            self._formats = formats
            self._copper = None if agree(*formats) else Copper(*formats)
        self.hard_to_read = self._copper is not None
        if closed and not self.closed:
            self.high(at)
        self.closed = closed
        self.lines(at)

    # What the transmitter drives ----------------------------------------------------------------------------------

    def characters(self, data: bytearray, begun: int, ended: int) -> None:
        """Carry them, with whatever happens to them."""
        receiver = self.receiver
        if self.closed or receiver.deaf:
            return
        if self._mask is not None:
            data = data.translate(self._mask)
        for piece, flawed in [(data, False)] if self.fault is None else self.fault.cut_up(data):
            if flawed:
                self._flip_a_bit(piece)
            if self._copper is not None:
                self._arrive(self._copper.carry(piece, begun), ended)
            else:
                receiver.receive(piece, ended, parity=flawed and self.sender.format.parity in ("even", "odd"))

    def low(self, at: int) -> None:
        """A break begins."""
        if not self.closed and not self.receiver.deaf:
            if self._copper is not None:
                self._arrive(self._copper.settle(NEVER), at)
            self.receiver.rx.low(at)

    def high(self, at: int) -> None:
        """It ends."""
        low = self.receiver.rx.high(at)
        if low:
            self._arrive(too_short_for_a_break(low, self.receiver.format), at)

    def lines(self, at: int) -> None:
        """RTS becomes CTS, DTR becomes DSR and DCD; unless nothing crosses, or an end has no such lines."""
        ends = (self.sender.format.interface, self.receiver.format.interface)
        carried = not self.closed and ends == ("rs-232", "rs-232")
        self.receiver.set_inputs(_SEEN[self.sender.driven] if carried else Input(0), at)

    # Time ---------------------------------------------------------------------------------------------------------

    def event(self, now: int) -> int:
        """When next something happens, up to `now`, that changes what an end does; NEVER if nothing does."""
        sender, receiver = self.sender.tx, self.receiver
        first = sender.event()
        if sender.phase is not Phase.DATA:
            return first
        if receiver.watches_room:
            first = min(first, sender.next_left(max(1, receiver.rx.stop_at - receiver.rx.fill)))
        if receiver.watches_xon:
            coming = sender.queue[: max(0, sender.due(now))]
            if self._mask is not None:
                coming = coming.translate(self._mask)
            found = [coming.find(code) for code in (receiver.format.xon, receiver.format.xoff)]
            first = min([first, *(sender.next_left(place + 1) for place in found if place >= 0)])
        return first

    def settle(self, now: int) -> None:
        """Let the receiver read what it waits to see the end of; a character on its way is not known yet."""
        if self._copper is not None and self._copper.due is not None:
            self._arrive(self._copper.settle(self.sender.tx.quiet_until(now)), now)

    @property
    def due(self) -> int:
        """When `settle` has something to say, if nothing more is sent."""
        due = self._copper.due if self._copper is not None and not self.sender.tx.driving else None
        return NEVER if due is None else due

    def _flip_a_bit(self, one: bytearray) -> None:
        """Which one changes from hit to hit."""
        hits = self.fault.hits if self.fault is not None else 0
        one[0] ^= 1 << hits % self.sender.format.data_bits

    def _arrive(self, pieces: list[Piece], at: int) -> None:
        for piece in pieces:
            if piece.low:
                self.receiver.rx.broke(piece.low)
            else:
                self.receiver.receive(piece.data, at, piece.parity, piece.framing)


class Cable:
    """What is plugged into a port, by what there is at the ends: one UART and a loopback plug (`far` is `near`), two
    and a null modem, or one alone (`far` is None).

    adapts: the far end takes on the interface of the near one (an adapter for all of them); otherwise RS-232 and
    RS-422/485 do not understand each other.
    """

    def __init__(self, near: Uart, far: Uart | None, adapts: bool = False) -> None:
        self.near = near
        self.far = far
        self.ends = [near] if far is None or far is near else [near, far]
        self.fault: FaultName | None = None
        self._adapts = adapts
        self.outbound = Path(near, far) if far is not None else None
        """From the near end."""
        self.inbound = self.outbound if far is near or far is None else Path(far, near)
        """To the near end."""
        self.paths = [path for path in {self.outbound: 0, self.inbound: 0} if path is not None]
        for end in self.ends:
            end.rewired = self.refresh
            end.lines_driven = self._lines_driven
        self.refresh(0)

    @property
    def broken(self) -> bool:
        """Whether a fault keeps everything from crossing."""
        return self.fault in ("cut", "unplugged")

    def set_fault(self, name: FaultName | None, every: int, towards: set[Uart] | None, at: int) -> None:
        """Break the line, or make it whole. every: bytes from hit to hit; towards: receivers that suffer."""
        self.fault = name
        for path in self.paths:
            suffers = name is not None and not self.broken and (towards is None or path.receiver in towards)
            path.fault = ByteFault(name, every) if suffers and name is not None else None
        self.refresh(at)

    def refresh(self, at: int) -> None:
        """Take over what changed at an end."""
        differential = {end.format.interface != "rs-232" for end in self.ends if end.powered}
        closed = self.broken or (len(differential) > 1 and not self._adapts)
        for path in self.paths:
            path.refresh(closed, at)

    def advance(self, now: int) -> None:
        """Let everything happen that has happened by `now`, in its order."""
        paths, ends = self.paths, self.ends
        while paths:
            first = NEVER
            for path in paths:
                event = path.event(now)
                if event < first:
                    first = event
            if first >= now:
                break
            for end in ends:
                end.run_to(first)
        for end in ends:
            end.run_to(now)
        for path in paths:
            if path.hard_to_read:
                path.settle(now)

    @property
    def moving(self) -> bool:
        """Whether time alone changes anything."""
        for end in self.ends:
            if end.moving:
                return True
        return any(path.due < NEVER for path in self.paths if path.hard_to_read)

    def wake_at(self, tick: int) -> int:
        """When to look again if the next tick is at that time."""
        return min([end.wake_at(tick) for end in self.ends] + [path.due for path in self.paths])

    def _lines_driven(self, at: int) -> None:
        for path in self.paths:
            path.lines(at)
