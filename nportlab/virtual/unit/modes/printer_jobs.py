"""Serial ports as printers: one job at a time each, further jobs wait for the first port that comes free."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from nportlab.virtual.unit.modes.path_defects import PathDefects
from nportlab.virtual.unit.modes.vigil import Vigil
from nportlab.virtual.unit.serial_port import Deaf

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device
    from nportlab.virtual.unit.serial_port import SerialPort

FORM_FEED = b"\f"


class Job(Protocol):
    """What wants to print."""

    def granted(self, printer: Printer, choice: int) -> None:
        """The printer is this job's until it calls `Printers.release`. choice: which of those it asked for."""

    def printer_has_room(self) -> None:
        """What was given to the printer is in its queue."""


class Printer(Deaf):
    """One serial port with a printer. What the printer itself says is thrown away (invented). vigil: watches the client
    whose job it prints."""

    def __init__(self, device: Device, number: int, serial: SerialPort) -> None:
        self.number = number
        self.job: Job | None = None
        self.vigil = Vigil(device, number)
        self._defects = PathDefects(device, number)
        self._serial = serial
        self._form_feed = device.running.get(f"port.{number}.append_form_feed", "disable") == "enable"
        if device.has_defect("form-feed-not-appended"):
            self._form_feed = False
        self._mixes = device.has_defect("print-jobs-mixed")
        self._waiting = b""
        serial.ear = self
        serial.set_lines(dtr=True, rts=True)

    @property
    def is_free(self) -> bool:
        """Whether it takes a job now."""
        return self.job is None or self._mixes

    def put(self, data: bytes) -> None:
        """Print; afterwards `is_full` says whether the job has to wait before it gives more."""
        if self._defects.planted:
            data = self._defects.to_line(data, asyncio.get_running_loop().time(), 1)
        self._waiting += data
        self._pump()

    def end_page(self) -> None:
        """A document ends: append a form feed if the settings want one."""
        if self._form_feed:
            self.put(FORM_FEED)

    @property
    def is_full(self) -> bool:
        """Whether bytes wait for room in the port's queue."""
        return bool(self._waiting)

    def forget(self) -> None:
        """Drop bytes that are not in the port's queue yet."""
        self._waiting = b""

    def room_again(self) -> None:
        """The line went on."""
        self._pump()
        if not self._waiting and self.job is not None:
            self.job.printer_has_room()

    def _pump(self) -> None:
        if self._waiting:
            self._waiting = self._waiting[self._serial.write(self._waiting) :]


@dataclass(eq=False)
class _Request:
    job: Job
    printers: Sequence[Printer]


class Printers:
    """The printers of a unit, and the jobs that wait for one of them, first come first served."""

    def __init__(self, printers: Iterable[Printer]) -> None:
        self.all = list(printers)
        self._waiting: list[_Request] = []

    def request(self, job: Job, printers: Sequence[Printer]) -> None:
        """Give the job the first free one of `printers`, now or when one comes free: it hears `granted`."""
        self._waiting.append(_Request(job, printers))
        self._serve()

    def waiting(self, printers: Sequence[Printer]) -> list[Job]:
        """The jobs that wait for any of them, the next one first."""
        return [request.job for request in self._waiting if any(printer in request.printers for printer in printers)]

    def release(self, job: Job) -> None:
        """The job is over, or given up: its printer is free, and it waits for none."""
        self._waiting = [request for request in self._waiting if request.job is not job]
        for printer in self.all:
            if printer.job is job:
                printer.job = None
        self._serve()

    def _serve(self) -> None:
        for request in list(self._waiting):
            for choice, printer in enumerate(request.printers):
                # A job that is granted may end at once, and this is called again inside of it.
                if printer.is_free and request in self._waiting:
                    self._waiting.remove(request)
                    printer.job = request.job
                    request.job.granted(printer, choice)
                    break
