"""Printer RAW mode: what a client sends on the group's port is printed by a free port of that group."""

from __future__ import annotations

from collections.abc import Sequence

from nportlab.virtual.unit.modes.printer_connection import PrintConnection, PrintListener
from nportlab.virtual.unit.modes.printer_jobs import Printer, Printers

CUT = 100
"""Bytes the defect `raw-printer-job-cut` cuts off the end of a job."""


class RawJob(PrintConnection):
    """One connection is one job, from its first byte to the end of the client's sending side."""

    def __init__(self, listener: PrintListener, printers: Printers, group: Sequence[Printer]) -> None:
        super().__init__(listener, printers)
        self._group = group
        self._over = False
        self._kept_back: bytes | None = b"" if self.device.has_defect("raw-printer-job-cut") else None

    def begin(self) -> None:
        """Wait for a printer; until there is one the client is not read."""
        self.hold()
        self.printers.request(self, self._group)

    def granted(self, printer: Printer, choice: int) -> None:
        """Print."""
        self.took(printer)
        self.go_on()

    def take(self, data: bytes) -> None:
        """Bytes to print."""
        if self.printer is None:
            return
        if self._kept_back is not None:
            data = self._kept_back + data
            data, self._kept_back = data[:-CUT], data[-CUT:]
        self.printer.put(data)
        if self.printer.is_full:
            self.hold()

    def printer_has_room(self) -> None:
        """Read on, or end."""
        if self._over:
            self._end()
        else:
            self.go_on()

    def ended(self) -> None:
        """The job is whole."""
        self._over = True
        if self.printer is not None:
            self.printer.end_page()
            if not self.printer.is_full:
                self._end()

    def vanished(self) -> None:
        """A torso stays on paper as far as it came; the rest of it is forgotten."""
        if self.printer is not None:
            self.printer.forget()
            if not self._over:
                self.printer.end_page()

    def _end(self) -> None:
        self.let_go()
        self.close()
