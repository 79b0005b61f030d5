"""AT commands of the Ethernet modem mode: the command line as it is typed, what it asks for, and the result codes.

The vendor's manual names ATD ip:port, ATD [ipv6]:port, ATA, ATH, S0, S2, +++, CONNECT <baud>, RING and NO CARRIER. The
rest is what Hayes modems have in common; that this unit has it too is invented.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from ipaddress import AddressValueError, IPv4Address, IPv6Address

LONGEST_LINE = 80
"""Characters of a command line; a longer one is an ERROR (invented)."""

REGISTERS = {0: 0, 1: 0, 2: 43, 3: 13, 4: 10, 5: 8, 6: 2, 7: 50, 8: 2, 10: 14, 12: 50, 25: 5}
"""S registers and their values from the factory (S2 by the manual, the others invented, after Hayes): S0 rings before
the call is answered, 0 never; S1 rings so far; S2 escape character, above 127 none; S3, S4, S5 carriage return, line
feed, backspace; S7 seconds a dialled call may take; S12 guard time in 1/50 s."""


class Result(IntEnum):
    """Result codes by number; the texts are their names."""

    OK = 0
    CONNECT = 1
    RING = 2
    NO_CARRIER = 3
    ERROR = 4
    BUSY = 7
    NO_ANSWER = 8


class AtError(ValueError):
    """A command that is none, or has a value out of range."""


@dataclass(frozen=True)
class AtCommand:
    """One command of a line. name: letters, in capitals ("D", "&C"). number: what stands behind them, 0 when nothing
    does. value: what a register is set to, None when it is asked for. address: whom to dial."""

    name: str
    number: int = 0
    value: int | None = None
    address: tuple[str, int] | None = None


@dataclass
class Profile:
    """What commands change."""

    echo: bool = True
    quiet: bool = False
    verbose: bool = True
    carrier_follows: bool = True
    """&C1: DTR, which the other end sees as DCD, is on while a call is up. &C0: always."""
    on_dtr_drop: int = 2
    """&D: what happens when the other end drops DTR, which this end sees as DSR. 0 nothing, 1 command state, 2 hang
    up."""
    registers: dict[int, int] = field(default_factory=lambda: dict(REGISTERS))

    def reset(self) -> None:
        """Everything as from the factory."""
        self.__init__()

    def set(self, command: AtCommand) -> None:
        """Take over a command that only changes how the modem behaves; others change nothing."""
        match command.name:
            case "E":
                self.echo = bool(command.number)
            case "Q":
                self.quiet = bool(command.number)
            case "V":
                self.verbose = bool(command.number)
            case "&C":
                self.carrier_follows = bool(command.number)
            case "&D":
                self.on_dtr_drop = command.number
            case _:
                pass

    def described(self) -> str:
        """All of it in one line, as AT&V shows it (text invented)."""
        switches = f"E{self.echo:d} Q{self.quiet:d} V{self.verbose:d} &C{self.carrier_follows:d} &D{self.on_dtr_drop}"
        return " ".join([switches, *(f"S{number}={value:03}" for number, value in self.registers.items())])

    @property
    def guard_seconds(self) -> float:
        """Silence before and after the escape sequence."""
        return self.registers[12] / 50

    @property
    def escape(self) -> bytes:
        """The character that, three times, leads out of the data state; empty when none does."""
        return bytes([self.registers[2]]) if self.registers[2] < 128 else b""

    def render(self, result: Result, detail: str = "") -> bytes:
        """A result code as the line shows it. detail: after the text ("CONNECT 9600")."""
        if self.quiet:
            return b""
        end = bytes([self.registers[3]])
        if not self.verbose:
            return str(int(result)).encode() + end
        return self.line(f"{result.name.replace('_', ' ')} {detail}".rstrip())

    def line(self, text: str) -> bytes:
        """Text between line ends; shortened to itself and one end without verbose."""
        end = bytes([self.registers[3]])
        if not self.verbose:
            return text.encode() + end
        end += bytes([self.registers[4]])
        return end + text.encode() + end


class CommandLine:
    """Collects what is typed in the command state. Nothing counts, or is echoed, before AT or A/ stands there: noise,
    and the unit's own words that a loopback plug brings back, are no commands."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._typed = bytearray()
        self._last = ""

    def feed(self, data: bytes) -> tuple[str | None, bytes, bytes]:
        """Take typed characters up to the end of a line.

        Returns the line without AT and its end, or None as long as there is none; what is to be echoed; and the rest of
        `data`, typed after the line.
        """
        shown = bytearray()
        for position, octet in enumerate(data):
            line = self._type(octet, shown)
            if line is not None:
                return line, self._echo(shown), data[position + 1 :]
        return None, self._echo(shown), b""

    def clear(self) -> None:
        """Forget an unfinished line."""
        self._typed.clear()

    def _type(self, octet: int, shown: bytearray) -> str | None:
        typed, registers = self._typed, self._profile.registers
        if len(typed) < 2:
            return self._hunt(octet, shown)
        if octet == registers[3]:
            shown.append(octet)
            self._last = typed[2:].decode("latin-1") if len(typed) <= LONGEST_LINE else "?"
            typed.clear()
            return self._last
        if octet == registers[5]:
            if len(typed) > 2:
                typed.pop()
                shown += bytes([octet, 32, octet])
        elif octet != registers[4]:
            shown.append(octet)
            if len(typed) <= LONGEST_LINE:
                typed.append(octet)
        return None

    def _hunt(self, octet: int, shown: bytearray) -> str | None:
        """Look for AT and A/; the A is echoed when the second character comes."""
        if self._typed and octet in b"Tt":
            self._typed.append(octet)
            shown += self._typed
        elif self._typed and octet == ord("/"):
            shown += b"A/"
            self._typed.clear()
            return self._last
        else:
            self._typed[:] = bytes([octet]) if octet in b"Aa" else b""
        return None

    def _echo(self, shown: bytearray) -> bytes:
        return bytes(shown) if self._profile.echo else b""


def parse(line: str) -> Iterator[AtCommand]:
    """The commands of a line, one after the other: those before a mistake count. Raises AtError at it."""
    text = line.replace(" ", "").upper()
    at = 0
    while at < len(text):
        if text[at] == "D":
            yield AtCommand("D", address=parse_dial(text[at + 1 :]))
            return
        found = _REGISTER.match(text, at) or _SIMPLE.match(text, at)
        if found is None:
            raise AtError(text[at:])
        at = found.end()
        if found.re is _SIMPLE:
            yield _checked(AtCommand(found[1], int(found[2] or 0)))
        else:
            yield _checked(AtCommand("S", int(found[1]), None if found[2] == "?" else int(found[2][1:] or 0)))


def parse_dial(text: str) -> tuple[str, int]:
    """Host and port of `192.168.127.20:4001` or `[fd00::1]:4001`, with or without T or P for the kind of dialling.

    Raises AtError.
    """
    found = _ADDRESS.fullmatch(text.upper())
    if found is None:
        raise AtError(text)
    port = int(found[3])
    try:
        host = str(IPv6Address(found[1]) if found[1] else IPv4Address(found[2]))
    except AddressValueError:
        raise AtError(text) from None
    if not 0 < port < 65536:
        raise AtError(text)
    return host, port


def _checked(command: AtCommand) -> AtCommand:
    if command.name == "S":
        if command.number not in REGISTERS or not 0 <= (command.value or 0) <= 255:
            raise AtError(f"S{command.number}")
    elif command.number > _MOST[command.name]:
        raise AtError(f"{command.name}{command.number}")
    return command


_MOST = {
    "A": 0,
    "H": 1,
    "O": 1,
    "E": 1,
    "Q": 1,
    "V": 1,
    "Z": 1,
    "&F": 1,
    "&C": 1,
    "&D": 3,
    "&V": 0,
    "I": 9,
    "L": 3,
    "M": 3,
    "P": 0,
    "T": 0,
    "X": 4,
    "&K": 6,
    "&R": 1,
    "&S": 1,
    "&G": 2,
}
"""Commands and the highest number each takes; those of the second line are taken and change nothing."""

_REGISTER = re.compile(r"S(\d{1,3})(\?|=\d{0,3})")
_SIMPLE = re.compile(f"({'|'.join(sorted(map(re.escape, _MOST), key=len, reverse=True))})(\\d{{0,3}})")
_ADDRESS = re.compile(r"[TP]?(?:\[([0-9A-F:.]+)\]|([0-9.]+)):(\d{1,5})")
