"""A line on the bench with a clock of its own: time passes only when the test says so."""

from __future__ import annotations

from dataclasses import dataclass, field

from nportlab.protocol.serial_wire import LineFormat, Output
from nportlab.virtual.cables.cable import Cable
from nportlab.virtual.cables.uart import Uart

MS = 1_000_000
TICK = 2 * MS
BOTH = Output.DTR | Output.RTS


@dataclass
class Heard:
    """What a driver was told."""

    data: bytearray = field(default_factory=bytearray)
    parity: int = 0
    framing: int = 0
    overrun: int = 0
    breaks: list[int] = field(default_factory=list)
    order: list[str] = field(default_factory=list)


class Line:
    """A cable and its clock, in nanoseconds."""

    def __init__(self, near: Uart, far: Uart | None, adapts: bool = False) -> None:
        self.cable = Cable(near, far, adapts)
        self.now = 1_000_000_007
        self.heard = {end: Heard() for end in self.cable.ends}

    def setup(self, *formats: LineFormat) -> None:
        """Power on all ends, set their format, DTR and RTS on. One format does for all."""
        for number, end in enumerate(self.cable.ends):
            if not end.powered:
                end.power_on(self.now)
            end.set_format(formats[number % len(formats)], self.now)
            end.set_lines(BOTH, self.now)

    def pass_time(self, milliseconds: float, step: int = TICK, take: bool = True) -> None:
        """Let time pass in ticks; `take`: drivers take what they hear at once."""
        end = self.now + round(milliseconds * MS)
        while self.now < end:
            self.now = min(end, self.now + step)
            self.cable.advance(self.now)
            if take:
                self.take()

    def settle(self, take: bool = True, step: int = TICK, limit: float = 100_000) -> None:
        """Let time pass until nothing moves."""
        over = self.now + round(limit * MS)
        while self.cable.moving:
            assert self.now < over, "it never comes to rest"
            self.pass_time(step / MS, step, take)
        if take:
            self.take()

    def take(self) -> None:
        """Every driver takes what there is."""
        for end in self.cable.ends:
            self.take_at(end)

    def take_at(self, end: Uart) -> None:
        """One driver takes what there is."""
        heard = self.heard[end]
        for news in end.rx.heard:
            if isinstance(news, bytearray):
                heard.data += news
                heard.order.append(bytes(news).decode("latin-1"))
            elif isinstance(news, tuple):
                heard.parity += news[0]
                heard.framing += news[1]
                heard.overrun += news[2]
                heard.order.append("error")
            else:
                heard.breaks.append(news)
                heard.order.append("break" if news else "low")
        end.rx.reported()
        end.taken(end.rx.fill, self.now)

    def data(self, end: Uart) -> bytes:
        """Everything a driver took."""
        return bytes(self.heard[end].data)


def pair(*formats: LineFormat, adapts: bool = False) -> tuple[Line, Uart, Uart]:
    """Two ends and a null modem."""
    near, far = Uart("near"), Uart("far")
    line = Line(near, far, adapts)
    if formats:
        line.setup(*formats)
    return line, near, far


def loopback(*formats: LineFormat) -> tuple[Line, Uart]:
    """A port with a loopback plug."""
    port = Uart("port")
    line = Line(port, port)
    if formats:
        line.setup(*formats)
    return line, port
