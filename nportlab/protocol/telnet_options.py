"""Telnet (RFC 854, 855) as a codec for lines of raw bytes: data apart from commands, and option negotiation.

`TelnetDecoder` cuts what arrives, `escape` prepares data to send, `Options` decides what to answer. Data costs no loop
over its bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

IAC = 0xFF
LONGEST_SUBNEGOTIATION = 1024
"""Octets of a subnegotiation that are kept; a longer one is skipped whole. The longest known one is a signature."""

_DATA = re.compile(rb"(?:[^\xff]++|\xff\xff)*+")


class Command(IntEnum):
    """The octet after IAC (RFC 854)."""

    SE = 240
    NOP = 241
    DATA_MARK = 242
    BREAK = 243
    INTERRUPT = 244
    ABORT_OUTPUT = 245
    ARE_YOU_THERE = 246
    ERASE_CHARACTER = 247
    ERASE_LINE = 248
    GO_AHEAD = 249
    SB = 250
    WILL = 251
    WONT = 252
    DO = 253
    DONT = 254


class Option(IntEnum):
    """Options of serial lines: RFC 856, 857, 858, 2217."""

    BINARY = 0
    ECHO = 1
    SUPPRESS_GO_AHEAD = 3
    COM_PORT = 44


@dataclass(frozen=True)
class Data:
    """Bytes of the line, IAC already undoubled."""

    octets: bytes


@dataclass(frozen=True)
class Negotiation:
    """WILL, WONT, DO or DONT for an option, known or not."""

    verb: Command
    option: int


@dataclass(frozen=True)
class Subnegotiation:
    """What stood between SB and SE, IAC already undoubled."""

    option: int
    payload: bytes


@dataclass(frozen=True)
class Order:
    """Any other command; `code` is not always one of Command."""

    code: int


Event = Data | Negotiation | Subnegotiation | Order


def escape(data: bytes) -> bytes:
    """Data as it goes over the network: every 0xFF doubled."""
    return data.replace(b"\xff", b"\xff\xff")


def negotiation(verb: Command, option: int) -> bytes:
    """IAC verb option."""
    return bytes((IAC, verb, option))


def subnegotiation(option: int, payload: bytes) -> bytes:
    """IAC SB option payload IAC SE, with every 0xFF of the payload doubled."""
    return bytes((IAC, Command.SB, option)) + escape(payload) + bytes((IAC, Command.SE))


class TelnetDecoder:
    """Cuts a stream into events; what is not whole yet waits for the next `feed`.

    Whatever the octets, it never raises and holds at most LONGEST_SUBNEGOTIATION of them. A subnegotiation that another
    command interrupts is dropped, and the command counts.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._inside: bytearray | None = None
        """The subnegotiation being read; None outside of one."""
        self._too_long = False

    def feed(self, octets: bytes) -> list[Event]:
        """The events completed by `octets`. Data between two commands is one event."""
        octets = self._rest + octets if self._rest else octets
        events: list[Event] = []
        at, end = 0, len(octets)
        while at < end:
            found = _DATA.match(octets, at)
            assert found is not None
            if found.end() > at:
                self._take(octets[at : found.end()].replace(b"\xff\xff", b"\xff"), events)
                at = found.end()
            length = self._command_length(octets, at)
            if at + length > end:
                break
            if length:
                self._obey(octets[at : at + length], events)
                at += length
        self._rest = octets[at:]
        return events

    @staticmethod
    def _command_length(octets: bytes, at: int) -> int:
        """Octets of the command at `at`, IAC included; 0 at the end."""
        if at >= len(octets):
            return 0
        if at + 1 >= len(octets):
            return 2
        return 3 if octets[at + 1] in _VERBS else 2

    def _take(self, data: bytes, events: list[Event]) -> None:
        if self._inside is None:
            events.append(Data(data))
        elif len(self._inside) + len(data) > LONGEST_SUBNEGOTIATION:
            self._too_long = True
        else:
            self._inside += data

    def _obey(self, command: bytes, events: list[Event]) -> None:
        code = command[1]
        inside, self._inside = self._inside, None
        too_long, self._too_long = self._too_long, False
        if code == Command.SE:
            if inside and not too_long:
                events.append(Subnegotiation(inside[0], bytes(inside[1:])))
        elif code == Command.SB:
            self._inside = bytearray()
        elif code in _VERBS:
            events.append(Negotiation(Command(code), command[2]))
        else:
            events.append(Order(code))


_VERBS = (Command.WILL, Command.WONT, Command.DO, Command.DONT)


class Options:
    """Which options are on, each way, and what to answer (RFC 854; states as in RFC 1143 without its queue).

    performed: options this end agrees to perform. accepted: options the other end may perform. Only a change is
    answered, so two of these never loop.
    """

    def __init__(self, performed: Iterable[int], accepted: Iterable[int]) -> None:
        self._may = {True: frozenset(performed), False: frozenset(accepted)}
        self._on: dict[bool, set[int]] = {True: set(), False: set()}
        self._asked: dict[bool, set[int]] = {True: set(), False: set()}

    def offer(self, option: int) -> bytes:
        """WILL: tell that this end wants to perform `option`."""
        self._asked[True].add(option)
        return negotiation(Command.WILL, option)

    def ask(self, option: int) -> bytes:
        """DO: ask the other end to perform `option`."""
        self._asked[False].add(option)
        return negotiation(Command.DO, option)

    def performs(self, option: int) -> bool:
        """Whether this end performs it."""
        return option in self._on[True]

    def is_performed(self, option: int) -> bool:
        """Whether the other end performs it."""
        return option in self._on[False]

    def hear(self, heard: Negotiation) -> bytes:
        """Take one negotiation; returns the answer, empty when there is none to give."""
        ours = heard.verb in (Command.DO, Command.DONT)
        yes, no = (Command.WILL, Command.WONT) if ours else (Command.DO, Command.DONT)
        option, on = heard.option, self._on[ours]
        was_asked = option in self._asked[ours]
        self._asked[ours].discard(option)
        if heard.verb in (Command.DO, Command.WILL):
            if option in on:
                return b""
            if option not in self._may[ours]:
                return negotiation(no, option)
            on.add(option)
            return b"" if was_asked else negotiation(yes, option)
        if option not in on:
            return b""
        on.discard(option)
        return negotiation(no, option)
