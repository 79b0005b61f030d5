"""Real COM (ASPP), host to device: the commands on a port's command connection.

Each command is one frame `code(1) length(1) payload(length)`; several may follow each other in one segment. A frame
must be sent in one write: the vendor's port daemon parses each read by itself and loses a frame cut in two. What the
device sends is in `real_com_replies`, the coding of a serial format in `real_com_format`. Source: nport-facts 1.2, 1.3
(the vendor's Linux driver and port daemon).
"""

from __future__ import annotations

import struct
from dataclasses import astuple, dataclass
from enum import IntEnum
from typing import ClassVar, Self

from nportlab.protocol.real_com_format import Format, RealComError

MOST_PAYLOAD = 255
LOWEST_BAUD, HIGHEST_BAUD = 50, 921_600
"""What SETBAUD takes; the device answers NA to the rest."""

SHORTEST_BREAK, LONGEST_BREAK = 10, 1000
"""Milliseconds BREAKSEND takes; the device does not answer to the rest."""

LONGEST_USER_NAME = 63 - 8
"""Bytes of the user name PORT_INIT may end with."""


class Code(IntEnum):
    """First byte of a command and of its reply. GETCHID, PSWDCHK, HOST, REXMITTIME and SET_COMM are known by name only,
    DATAOUT was never seen."""

    IOCTL = 0x10
    FLOWCTRL = 0x11
    LINECTRL = 0x12
    LSTATUS = 0x13
    FLUSH = 0x14
    IQUEUE = 0x15
    OQUEUE = 0x16
    SETBAUD = 0x17
    XONXOFF = 0x18
    RESET = 0x20
    BREAK_ON = 0x21
    BREAK_OFF = 0x22
    BREAKSEND = 0x23
    NOTIFY_ON = 0x24
    NOTIFY_OFF = 0x25
    NOTIFY = 0x26
    ALIVE_POLL = 0x27
    ALIVE_ANSWER = 0x28
    GETCHID = 0x29
    PSWDCHK = 0x2A
    HOST = 0x2B
    PORT_INIT = 0x2C
    DATAOUT = 0x2D
    REXMITTIME = 0x2E
    WAIT_OQUEUE = 0x2F
    TX_FIFO = 0x30
    SET_COMM = 0x31
    DSR_SEN = 0x32
    SETXON = 0x33
    SETXOFF = 0x34
    FLUSH_START = 0x35
    FLUSH_STOP = 0x36
    BREAK_COUNT = 0x37
    DATA_STATUS = 0x38


class Queues(IntEnum):
    """What FLUSH and FLUSH_START empty."""

    RECEIVE = 0
    TRANSMIT = 1
    BOTH = 2


@dataclass(frozen=True)
class Command:
    """One command. The fields of a subclass are its payload, `layout` how struct packs them."""

    code: ClassVar[Code]
    layout: ClassVar[str] = "<"

    def encode(self) -> bytes:
        """The frame. Raises RealComError when a value does not fit."""
        payload = self.payload()
        return bytes([self.code, len(payload)]) + payload

    def payload(self) -> bytes:
        """The frame without code and length."""
        try:
            return struct.pack(self.layout, *astuple(self))
        except struct.error as error:
            raise RealComError(f"{self}: {error}") from None

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        """From the payload. Raises RealComError when its length is wrong."""
        try:
            return cls(*struct.unpack(cls.layout, payload))
        except struct.error:
            raise RealComError(f"{cls.code.name}: {len(payload)} bytes of payload") from None


@dataclass(frozen=True)
class Ioctl(Command):
    """Set baud rate and format. Answered OK."""

    code = Code.IOCTL
    format: Format

    def payload(self) -> bytes:
        """Baud index, mode."""
        return self.format.encode()

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        """Raises RealComError when it is not two bytes or not a format."""
        if len(payload) != 2:
            raise RealComError(f"IOCTL: {len(payload)} bytes of payload")
        return cls(Format.decode(payload[0], payload[1]))


@dataclass(frozen=True)
class FlowControl(Command):
    """Set flow control: sending obeys CTS, RTS tells the other end to stop; sending obeys XOFF, XOFF is sent.
    Answered OK."""

    code = Code.FLOWCTRL
    layout = "<????"
    cts: bool = False
    rts: bool = False
    xon_out: bool = False
    xon_in: bool = False


@dataclass(frozen=True)
class LineControl(Command):
    """Drive DTR and RTS. Answered OK."""

    code = Code.LINECTRL
    layout = "<??"
    dtr: bool
    rts: bool


@dataclass(frozen=True)
class LineStatus(Command):
    """Ask for DSR, CTS and DCD. Answered by Lines."""

    code = Code.LSTATUS


@dataclass(frozen=True)
class Flush(Command):
    """Empty queues (`Queues`). TRANSMIT and BOTH also drop what the device has not read from the data connection.
    Answered OK."""

    code = Code.FLUSH
    layout = "<B"
    queues: int


@dataclass(frozen=True)
class InputQueue(Command):
    """Ask how many received bytes wait. Answered by QueueLength."""

    code = Code.IQUEUE


@dataclass(frozen=True)
class OutputQueue(Command):
    """Ask how many bytes wait to be sent. Answered by QueueLength."""

    code = Code.OQUEUE


@dataclass(frozen=True)
class SetBaud(Command):
    """Set any baud rate, bits per second. Answered OK, or NA outside LOWEST_BAUD..HIGHEST_BAUD."""

    code = Code.SETBAUD
    layout = "<I"
    baud: int


@dataclass(frozen=True)
class XonXoff(Command):
    """Set the XON and XOFF characters. Answered OK."""

    code = Code.XONXOFF
    layout = "<BB"
    xon: int = 0x11
    xoff: int = 0x13


@dataclass(frozen=True)
class Reset(Command):
    """Without effect in the vendor's port daemon; its payload is the text `16a`. Answered OK."""

    code = Code.RESET
    layout = "<3s"
    text: bytes = b"16a"


@dataclass(frozen=True)
class BreakOn(Command):
    """Begin a break. Answered OK."""

    code = Code.BREAK_ON


@dataclass(frozen=True)
class BreakOff(Command):
    """End it. Answered OK."""

    code = Code.BREAK_OFF


@dataclass(frozen=True)
class BreakSend(Command):
    """Send a break of SHORTEST_BREAK..LONGEST_BREAK milliseconds. Answered OK, out of range not at all."""

    code = Code.BREAKSEND
    layout = ">H"
    milliseconds: int


@dataclass(frozen=True)
class NotifyOn(Command):
    """Let the device tell of changes and poll whether the host lives. Answered OK, maybe followed by Notify."""

    code = Code.NOTIFY_ON


@dataclass(frozen=True)
class NotifyOff(Command):
    """The opposite. Answered OK."""

    code = Code.NOTIFY_OFF


@dataclass(frozen=True)
class AliveAnswer(Command):
    """Answer to AlivePoll with its number. Not answered."""

    code = Code.ALIVE_ANSWER
    layout = "<B"
    number: int


@dataclass(frozen=True)
class PortInit(Command):
    """Set everything at once and turn notifications on. Answered by Lines; three times FF if the baud is refused.

    user: who opens the port; firmware that knows no user names is sent none.
    """

    code = Code.PORT_INIT
    format: Format
    dtr: bool = True
    rts: bool = True
    flow: FlowControl = FlowControl()
    user: str = ""

    def payload(self) -> bytes:
        """Format, DTR, RTS, flow control, user name. Raises RealComError for a name that is too long."""
        name = self.user.encode("latin-1", "replace")
        if len(name) > LONGEST_USER_NAME:
            raise RealComError(f"user name of {len(name)} bytes; PORT_INIT takes {LONGEST_USER_NAME}")
        return self.format.encode() + bytes([self.dtr, self.rts]) + self.flow.payload() + name

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        """Raises RealComError when the length is wrong or the format unknown."""
        if not 8 <= len(payload) <= 8 + LONGEST_USER_NAME:
            raise RealComError(f"PORT_INIT: {len(payload)} bytes of payload")
        one = Format.decode(payload[0], payload[1])
        flow = FlowControl.parse(payload[4:8])
        return cls(one, bool(payload[2]), bool(payload[3]), flow, payload[8:].decode("latin-1"))


@dataclass(frozen=True)
class WaitOutputQueue(Command):
    """Wait until everything is sent, at most so many milliseconds (0 counts as 1). Answered by QueueLength: what is
    left, when nothing is or 50 ms before the time is over."""

    code = Code.WAIT_OQUEUE
    layout = "<I"
    milliseconds: int


@dataclass(frozen=True)
class TxFifo(Command):
    """Use a transmit FIFO of that depth; 0 and 1 switch it off. Answered OK."""

    code = Code.TX_FIFO
    layout = "<B"
    depth: int = 16


@dataclass(frozen=True)
class DsrSense(Command):
    """Ignore received bytes while DSR is off; without effect in the vendor's port daemon. Answered OK."""

    code = Code.DSR_SEN
    layout = "<?"
    on: bool


@dataclass(frozen=True)
class SetXon(Command):
    """Act as if XON was received. Answered OK."""

    code = Code.SETXON


@dataclass(frozen=True)
class SetXoff(Command):
    """Act as if XOFF was received. Answered OK."""

    code = Code.SETXOFF


@dataclass(frozen=True)
class FlushStart(Command):
    """Empty queues (`Queues`) within so many milliseconds. Answered by FlushStarted."""

    code = Code.FLUSH_START
    layout = "<BI"
    queues: int
    milliseconds: int


@dataclass(frozen=True)
class FlushStop(Command):
    """End what FlushStart began. Answered OK."""

    code = Code.FLUSH_STOP


@dataclass(frozen=True)
class BreakCount(Command):
    """Ask how many breaks came in since the last time. Answered by BreaksCounted."""

    code = Code.BREAK_COUNT


@dataclass(frozen=True)
class DataStatus(Command):
    """Ask which line errors were seen since the last time. Answered by ErrorsSeen."""

    code = Code.DATA_STATUS


COMMANDS: dict[int, type[Command]] = {kind.code: kind for kind in Command.__subclasses__()}
"""The commands whose layout is known, by their code."""


def split_commands(data: bytes) -> list[tuple[int, bytes]]:
    """Code and payload of each whole frame; what is left of a truncated one is dropped, as the device does."""
    frames: list[tuple[int, bytes]] = []
    start = 0
    while start + 2 <= len(data) and start + 2 + data[start + 1] <= len(data):
        stop = start + 2 + data[start + 1]
        frames.append((data[start], data[start + 2 : stop]))
        start = stop
    return frames


def decode_command(code: int, payload: bytes) -> Command:
    """The command of a frame. Raises RealComError for an unknown one or one of the wrong length."""
    if code not in COMMANDS:
        raise RealComError(f"unknown command {code:#04x}")
    return COMMANDS[code].parse(payload)
