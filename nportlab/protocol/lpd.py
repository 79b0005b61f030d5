"""The line printer daemon protocol (RFC 1179): commands to a print server, and the files of a job."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

PORT = 515
ACCEPTED = b"\x00"
REFUSED = b"\x01"
"""Answer to a command, subcommand or file that is not taken; any octet but 0 says so."""

LONGEST_LINE = 1024
LARGEST_CONTROL_FILE = 65536
"""What a control file may hold; RFC 1179 sets no bound, real ones have a few hundred octets."""

UNKNOWN_LENGTH = 2**31
"""A data file said to be this long or longer, or 0, lasts until the client closes its sending side: some clients send
such a count when they print from a pipe."""


class Command(IntEnum):
    """First octet of the line that opens a connection (RFC 1179 section 5)."""

    PRINT_WAITING = 1
    RECEIVE_JOB = 2
    SHORT_STATE = 3
    LONG_STATE = 4
    REMOVE_JOBS = 5


class Subcommand(IntEnum):
    """First octet of a line after RECEIVE_JOB (section 6)."""

    ABORT = 1
    CONTROL_FILE = 2
    DATA_FILE = 3


class LpdError(ValueError):
    """Octets that are not of this protocol."""


@dataclass(frozen=True)
class Request:
    """The line that opens a connection. operands: what follows the queue: job numbers, user names."""

    command: Command
    queue: str
    operands: tuple[str, ...] = ()

    def encode(self) -> bytes:
        """With its line end."""
        return bytes([self.command]) + " ".join((self.queue, *self.operands)).encode() + b"\n"


@dataclass(frozen=True)
class Aborted:
    """What came of this job is to be forgotten."""


@dataclass(frozen=True)
class FileBegins:
    """A control or data file follows. count: octets; None: until the client closes."""

    kind: Subcommand
    count: int | None
    name: str

    def encode(self) -> bytes:
        """With its line end."""
        return bytes([self.kind]) + f"{self.count or 0} {self.name}\n".encode()


@dataclass(frozen=True)
class FilePart:
    """Some of its octets."""

    octets: bytes


@dataclass(frozen=True)
class FileEnds:
    """It is whole: its octets and the zero octet behind them came. ok: that octet was zero."""

    ok: bool


Event = Request | Aborted | FileBegins | FilePart | FileEnds


class JobReader:
    """Reads what a client sends on one connection, in pieces of any size.

    After an event that a client waits for an answer to (Request, Aborted, FileBegins, FileEnds) the reader goes on: a
    client that does not wait is understood too.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._receiving = False
        self._file: FileBegins | None = None
        self._missing = 0

    def feed(self, octets: bytes) -> list[Event]:
        """The events completed by `octets`. Raises LpdError; the connection is of no use after that."""
        octets = self._rest + octets if self._rest else octets
        events: list[Event] = []
        at = 0
        while at < len(octets):
            if self._file is not None:
                taken = self._read_file(octets, at, events)
            else:
                taken = self._read_line(octets, at, events)
            if not taken:
                break
            at += taken
        self._rest = octets[at:]
        return events

    def end(self) -> list[Event]:
        """The client closed its sending side: a file of unknown length ends here."""
        if self._file is not None and self._file.count is None:
            self._file = None
            return [FileEnds(ok=True)]
        return []

    @property
    def in_a_file(self) -> bool:
        """Whether a file has begun and not ended: a client that leaves now leaves a torso."""
        return self._file is not None

    def _read_file(self, octets: bytes, at: int, events: list[Event]) -> int:
        assert self._file is not None
        if self._file.count is None:
            events.append(FilePart(octets[at:]))
            return len(octets) - at
        if self._missing:
            part = octets[at : at + self._missing]
            self._missing -= len(part)
            events.append(FilePart(part))
            return len(part)
        self._file = None
        events.append(FileEnds(ok=octets[at] == 0))
        return 1

    def _read_line(self, octets: bytes, at: int, events: list[Event]) -> int:
        end = octets.find(b"\n", at, at + LONGEST_LINE)
        if end < 0:
            if len(octets) - at >= LONGEST_LINE:
                raise LpdError("a line without an end")
            return 0
        line = octets[at:end]
        if not self._receiving:
            request = decode_request(line)
            self._receiving = request.command is Command.RECEIVE_JOB
            events.append(request)
        elif line[:1] == bytes([Subcommand.ABORT]):
            events.append(Aborted())
        else:
            self._file = decode_file(line)
            self._missing = self._file.count or 0
            events.append(self._file)
        return end + 1 - at


def decode_request(line: bytes) -> Request:
    """The opening line, without its end. Raises LpdError."""
    try:
        command = Command(line[0])
    except (IndexError, ValueError):
        raise LpdError(f"unknown command {line[:1].hex() or 'of no octets'}") from None
    words = line[1:].decode("ascii", "replace").split()
    if not words:
        raise LpdError(f"{command.name} without a queue")
    return Request(command, words[0], tuple(words[1:]))


def decode_file(line: bytes) -> FileBegins:
    """The subcommand line before a file, without its end. Raises LpdError."""
    try:
        kind = Subcommand(line[0])
    except (IndexError, ValueError):
        raise LpdError(f"unknown subcommand {line[:1].hex() or 'of no octets'}") from None
    count, _, name = line[1:].partition(b" ")
    if kind is Subcommand.ABORT or not count.isdigit() or len(count) > 18 or not name.strip():
        raise LpdError(f"no count and name of a file: {line[1:41]!r}")
    size = int(count)
    if kind is Subcommand.CONTROL_FILE:
        if not 0 < size <= LARGEST_CONTROL_FILE:
            raise LpdError(f"a control file of {size} octets")
        return FileBegins(kind, size, name.decode("ascii", "replace").strip())
    return FileBegins(kind, size if 0 < size < UNKNOWN_LENGTH else None, name.decode("ascii", "replace").strip())


@dataclass(frozen=True)
class ControlFile:
    """What a control file says of a job (section 7); empty where it does not. files: source names, or the names of the
    data files when those are not told."""

    host: str = ""
    user: str = ""
    job: str = ""
    files: tuple[str, ...] = ()


def decode_control_file(octets: bytes) -> ControlFile:
    """Any text is one: lines nobody here needs are skipped."""
    lines = octets.decode("ascii", "replace").splitlines()
    values = {line[0]: line[1:].strip() for line in lines if line[:1] in ("H", "P", "J")}
    sources = tuple(line[1:].strip() for line in lines if line[:1] == "N")
    printed = tuple(line[1:].strip() for line in lines if line[:1] in _PRINTED)
    return ControlFile(values.get("H", ""), values.get("P", ""), values.get("J", ""), sources or printed)


_PRINTED = frozenset("cdfglnoprtv")
"""Lines that name a data file to print, by format (sections 7.17 to 7.29)."""
