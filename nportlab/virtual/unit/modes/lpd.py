"""Printer LPD mode (RFC 1179): the queue a job is for selects the serial port and the treatment of line ends.

Nothing is spooled: a data file is read as fast as it is printed, and its subcommand is answered when a printer is free.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nportlab.protocol.lpd import (
    ACCEPTED,
    REFUSED,
    Aborted,
    Command,
    Event,
    FileBegins,
    FileEnds,
    FilePart,
    JobReader,
    LpdError,
    Request,
    Subcommand,
    decode_control_file,
)
from nportlab.virtual.unit.modes.printer_connection import PrintConnection, PrintListener
from nportlab.virtual.unit.modes.printer_jobs import Job, Printer, Printers

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device


@dataclass(frozen=True)
class Queue:
    """What a queue name stands for: printers, and whether each of them gets CR LF for LF."""

    name: str
    printers: tuple[Printer, ...] = ()
    ascii: tuple[bool, ...] = ()

    def plus(self, printer: Printer, ascii: bool) -> Queue:
        """With one more printer."""
        return Queue(self.name, (*self.printers, printer), (*self.ascii, ascii))


class CarriageReturns:
    """LF becomes CR LF; what is CR LF already stays (invented), over any cut."""

    def __init__(self) -> None:
        self._after_return = False

    def __call__(self, data: bytes) -> bytes:
        """The next part of a file."""
        if not data:
            return data
        first = b"\r" if self._after_return and data[:1] == b"\n" else b""
        self._after_return = data[-1:] == b"\r"
        # A return at the end of the part before stands in front for a moment, so that its line feed is not doubled.
        mapped = (first + data).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        return mapped[len(first) :]


def queues(device: Device, printers: Printers) -> dict[str, Queue]:
    """Every queue by its name. A port has two names, one that leaves data alone and one for ASCII; an empty one is
    none. A name several ports have is a queue they share (invented)."""
    found: dict[str, Queue] = {}
    for printer in printers.all:
        for kind in ("raw", "ascii"):
            name = device.running.get(f"port.{printer.number}.queue_name_{kind}", "")
            if name:
                found[name] = found.get(name, Queue(name)).plus(printer, kind == "ascii")
    return found


class LpdConnection(PrintConnection):
    """One client: one command, or the files of one job."""

    def __init__(self, listener: PrintListener, printers: Printers, queues: Mapping[str, Queue]) -> None:
        super().__init__(listener, printers)
        self._queues = queues
        self._queue = Queue("")
        self._reader = JobReader()
        self._events: deque[Event] = deque()
        self._file: FileBegins | None = None
        self._control = bytearray()
        self._mapped = CarriageReturns()
        self._ascii = False
        self._page_ended = False
        self._blocked = False
        self._half_closed = False

    # Network ------------------------------------------------------------------------------------------------------

    def take(self, data: bytes) -> None:
        """Octets of the client."""
        try:
            self._events += self._reader.feed(data)
        except LpdError:
            self.send(REFUSED)
            self.close()
            return
        self._advance()

    def ended(self) -> None:
        """No more comes: a file of unknown length is whole, another one that is not is a torso."""
        self._half_closed = True
        torso = self._reader.in_a_file
        self._events += self._reader.end()
        if torso and self._reader.in_a_file:
            self.abort()
        else:
            self._advance()

    def vanished(self) -> None:
        """What is not in the port's queue is forgotten; what is printed stays on paper."""
        self._events.clear()
        if self.printer is not None:
            self.printer.forget()
            if not self._page_ended:
                self.printer.end_page()

    # Printer ------------------------------------------------------------------------------------------------------

    def granted(self, printer: Printer, choice: int) -> None:
        """A printer is free: now the data file may come."""
        self.took(printer)
        self._ascii = self._queue.ascii[choice] and not self.device.has_defect("lpd-line-feeds-unmapped")
        self._mapped = CarriageReturns()
        self._page_ended = False
        self.send(ACCEPTED)
        self._unblock()

    def printer_has_room(self) -> None:
        """Go on."""
        self._unblock()

    def _unblock(self) -> None:
        if self._blocked:
            self._blocked = False
            self._advance()

    def _block(self) -> None:
        self._blocked = True
        self.hold()

    # Events -------------------------------------------------------------------------------------------------------

    def _advance(self) -> None:
        """Do what came, as far as the printer lets it."""
        while self._events and not self._blocked:
            event = self._events.popleft()
            match event:
                case Request():
                    self._obey(event)
                case Aborted():
                    self._control.clear()
                    self.send(ACCEPTED)
                case FileBegins():
                    self._begin(event)
                case FilePart(octets):
                    self._print(octets)
                case FileEnds():
                    self._finish(event)
        if self._blocked:
            return
        if self._half_closed:
            self.close()
        else:
            self.go_on()

    def _obey(self, request: Request) -> None:
        queue = self._find(request.queue)
        if request.command in (Command.SHORT_STATE, Command.LONG_STATE):
            long = request.command is Command.LONG_STATE
            self.send(self._state(request.queue, queue, long).encode())
            self.close()
        elif queue is None or request.command is Command.REMOVE_JOBS:
            # There is no spool that holds a job to remove.
            self.send(REFUSED)
            self.close()
        elif request.command is Command.PRINT_WAITING:
            self.send(ACCEPTED)
            self.close()
        else:
            self._queue = queue
            self.send(ACCEPTED)

    def _find(self, name: str) -> Queue | None:
        if self.device.has_defect("lpd-queue-name-ignored"):
            return Queue(name).plus(self.printers.all[0], False)
        return self._queues.get(name)

    def _begin(self, file: FileBegins) -> None:
        self._file = file
        if file.kind is Subcommand.CONTROL_FILE:
            self._control.clear()
            self.send(ACCEPTED)
        else:
            self._block()
            self.printers.request(self, self._queue.printers)

    def _print(self, octets: bytes) -> None:
        if self._file is None or self._file.kind is Subcommand.CONTROL_FILE:
            self._control += octets
            return
        if self.printer is None:
            return
        self.printer.put(self._mapped(octets) if self._ascii else octets)
        if self.printer.is_full:
            self._block()

    def _finish(self, end: FileEnds) -> None:
        """A file is whole. A data file is answered when all of it is in the port's queue."""
        if self.printer is not None:
            if not self._page_ended:
                if not end.ok:
                    self.printer.forget()
                self.printer.end_page()
                self._page_ended = True
            if self.printer.is_full:
                self._events.appendleft(end)
                self._block()
                return
            self.let_go()
        self._file = None
        self.send(ACCEPTED if end.ok else REFUSED)

    def _state(self, name: str, queue: Queue | None, long: bool) -> str:
        """What a client shows a person (texts invented)."""
        if queue is None:
            return f"{name}: unknown queue\n"
        jobs: list[Job | None] = [printer.job for printer in queue.printers if printer.job is not None]
        jobs += self.printers.waiting(queue.printers)
        if not jobs:
            return f"{name}: no entries\n"
        lines = [f"{name}: {len(jobs)} job{'s' if len(jobs) > 1 else ''}"]
        lines += [job.described(rank, long) for rank, job in enumerate(jobs) if isinstance(job, LpdConnection)]
        return "\n".join(lines) + "\n"

    def described(self, rank: int, long: bool) -> str:
        """One line about this job in the state of a queue."""
        control = decode_control_file(bytes(self._control))
        size = self._file.count if self._file is not None and self._file.count is not None else 0
        files = ", ".join(control.files) or (self._file.name if self._file is not None else "")
        line = f"{'active' if self.printer else rank}\t{control.user or self.peer[0]}\t{files}\t{size} bytes"
        return f"{line}\t{control.host or self.peer[0]}\t{control.job}" if long else line
