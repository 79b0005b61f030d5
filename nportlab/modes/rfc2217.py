"""Client of RFC 2217 mode: a Telnet connection whose other end is a serial port with settings and lines.

Why not pyserial's: it opens by sleeping in steps (3 s against its own server), takes what comes apart byte by byte in a
thread, so that a port at 921,600 baud costs a good part of a core, and has no descriptor a selector could watch. It is
the second opinion in the selftests and benches.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import NamedTuple, Self

from nportlab.modes.connecting import Source, connect
from nportlab.modes.errors import CommandRefused, NoReply, NotInTime, too_late
from nportlab.modes.telnet_stream import TelnetStream
from nportlab.protocol.rfc2217 import (
    ASK,
    DATA_BITS,
    PARITY,
    STOP_BITS,
    Code,
    ComPortError,
    Control,
    LineState,
    Message,
    ModemState,
    Purge,
    decode,
    message,
)
from nportlab.protocol.serial_wire import Parity
from nportlab.protocol.telnet_options import Command, Option, Subnegotiation
from nportlab.unit.endpoint import Endpoint
from nportlab.verdicts.faults import HarnessBug

_SHARED = (Option.BINARY, Option.SUPPRESS_GO_AHEAD)
_KEPT = 10_000  # reports; a line that chatters must not eat the harness's memory


class Report(NamedTuple):
    """Something the unit told unasked, and when it was read (time.monotonic)."""

    at: float
    state: ModemState | LineState


class Rfc2217(TelnetStream):
    """One session, negotiated. Lines and settings are those of the unit's port.

    reports: modem and line states the unit told, in order. suspended: it asked us to send nothing
    (FLOWCONTROL-SUSPEND), so `write` takes nothing until it says otherwise. unreadable: subnegotiations that are none
    of RFC 2217.
    """

    def __init__(self, sock: socket.socket, name: str, timeout: float) -> None:
        super().__init__(sock, name, (*_SHARED, Option.COM_PORT), (*_SHARED, Option.ECHO, Option.COM_PORT))
        self.timeout = timeout
        self.reports: list[Report] = []
        self.suspended = False
        self.unreadable: list[bytes] = []
        self._answers: dict[Code, list[Message]] = {}

    @classmethod
    def connect(
        cls,
        endpoint: Endpoint,
        *,
        label: str | None = None,
        timeout: float = 5.0,
        source: Source | None = None,
    ) -> Self:
        """Connect and negotiate: eight clean bits both ways, and the COM port option.

        timeout: seconds for the connection, the negotiation, and later each answer.
        Raises PortRefused, PortSilent, NotReachable, CommandRefused when the unit does not do RFC 2217, NotInTime.
        """
        name = f"{label or endpoint} RFC 2217"
        client = cls(connect(endpoint, name, timeout, source=source), name, timeout)
        try:
            client._negotiate()
        except BaseException:
            client.close()
            raise
        return client

    def _negotiate(self) -> None:
        wanted = [self.options.offer(Option.COM_PORT)]
        for option in _SHARED:
            wanted += [self.options.offer(option), self.options.ask(option)]
        self.send_command(b"".join(wanted))

        def refused(option: Option, verb: Command) -> bool:
            return any(one.verb is verb and one.option == option for one in self.negotiated)

        def settled() -> bool:
            port = self.options.performs(Option.COM_PORT) or refused(Option.COM_PORT, Command.DONT)
            ours = self.options.performs(Option.BINARY) or refused(Option.BINARY, Command.DONT)
            theirs = self.options.is_performed(Option.BINARY) or refused(Option.BINARY, Command.WONT)
            return port and ours and theirs

        self.wait_until(settled, self.timeout, "the answers to the COM port and binary options")
        if not self.options.performs(Option.COM_PORT):
            raise CommandRefused("the unit declines the COM port option (RFC 2217)", resource=self.name)

    # Channel --------------------------------------------------------------------------------------------------------

    def write(self, data: bytes | memoryview) -> int:
        """How many bytes were taken; 0 when the path is full or the unit asked for a pause. Raises ConnectionLost."""
        if self.suspended:
            self._surplus = self._surplus + self._take()
        return 0 if self.suspended else super().write(data)

    def _wait(self, end: float, *, writable: bool = False) -> bool:
        return super()._wait(end, writable=writable and not self.suspended)

    # Settings: each returns what the unit answered, which is what is in force ----------------------------------------

    def baud(self, rate: int = ASK) -> int:
        """Set bits per second, or ask. Raises NoReply, ConnectionLost, as all of these."""
        return self._ask(Code.SET_BAUDRATE, rate)

    def data_bits(self, bits: int = ASK) -> int:
        """Set 5 to 8 data bits, or ask."""
        if bits != ASK and bits not in DATA_BITS:
            raise HarnessBug(f"{bits} data bits: RFC 2217 knows 5 to 8")
        return self._ask(Code.SET_DATASIZE, bits)

    def parity(self, parity: Parity | None = None) -> Parity:
        """Set the parity, or ask. Raises CommandRefused when the answer is none RFC 2217 knows."""
        numbers = {name: number for number, name in PARITY.items()}
        answer = self._ask(Code.SET_PARITY, ASK if parity is None else numbers[parity])
        if answer not in PARITY:
            raise CommandRefused(f"the parity was answered with {answer}", resource=self.name)
        return PARITY[answer]

    def stop_bits(self, bits: float | None = None) -> float:
        """Set 1, 1.5 or 2 stop bits, or ask. Raises CommandRefused when the answer is none RFC 2217 knows."""
        numbers = {count: number for number, count in STOP_BITS.items()}
        if bits is not None and bits not in numbers:
            raise HarnessBug(f"{bits} stop bits: RFC 2217 knows 1, 1.5 and 2")
        answer = self._ask(Code.SET_STOPSIZE, ASK if bits is None else numbers[bits])
        if answer not in STOP_BITS:
            raise CommandRefused(f"the stop bits were answered with {answer}", resource=self.name)
        return STOP_BITS[answer]

    def control(self, value: Control) -> int:
        """Flow control, break, DTR, RTS: set one, or ask; the unit answers with the value in force."""
        return self._ask(Code.SET_CONTROL, value)

    def set_dtr(self, on: bool) -> bool:
        """Drive DTR; whether the unit answered that it does."""
        wanted = Control.DTR_ON if on else Control.DTR_OFF
        return self.control(wanted) == wanted

    def set_rts(self, on: bool) -> bool:
        """Drive RTS; whether the unit answered that it does."""
        wanted = Control.RTS_ON if on else Control.RTS_OFF
        return self.control(wanted) == wanted

    def set_break(self, on: bool) -> bool:
        """Begin or end a break; whether the unit answered that it does."""
        wanted = Control.BREAK_ON if on else Control.BREAK_OFF
        return self.control(wanted) == wanted

    def send_break(self, seconds: float) -> None:
        """A break of that length, timed here: RFC 2217 has no length. Raises NoReply, CommandRefused."""
        begun = time.monotonic()
        if not self.set_break(True):
            raise CommandRefused("no break was begun", resource=self.name)
        time.sleep(max(0.0, begun + seconds - time.monotonic()))
        if not self.set_break(False):
            raise CommandRefused("the break was not ended", resource=self.name)

    def purge(self, what: Purge) -> int:
        """Drop what the unit received, has to send, or both."""
        return self._ask(Code.PURGE_DATA, what)

    def modem_mask(self, mask: ModemState) -> ModemState:
        """Choose the modem line changes to be told about."""
        return ModemState(self._ask(Code.SET_MODEMSTATE_MASK, mask))

    def line_mask(self, mask: LineState) -> LineState:
        """Choose the line states to be told about."""
        return LineState(self._ask(Code.SET_LINESTATE_MASK, mask))

    def signature(self) -> str:
        """What the unit calls itself. Raises NoReply."""
        return self._exchange(Message(Code.SIGNATURE)).payload.decode("latin-1")

    # The unit's reports and its being told to wait ------------------------------------------------------------------

    @property
    def modem_state(self) -> ModemState | None:
        """CTS, DSR, RI and DCD as last told, with the bits for their changes; None before the first report."""
        return next((one.state for one in reversed(self.reports) if isinstance(one.state, ModemState)), None)

    def wait_report(self, wanted: Callable[[Report], bool], timeout: float, after: int = 0) -> Report:
        """The first wanted report, told already or yet to come; not among the first `after`. Raises NotInTime."""

        def found() -> bool:
            return any(map(wanted, self.reports[after:]))

        self.wait_until(found, timeout, "the report waited for")
        return next(filter(wanted, self.reports[after:]))

    def ask_modem_state(self) -> ModemState:
        """Poll the modem lines. Raises NoReply."""
        return ModemState(self._exchange(Message(Code.NOTIFY_MODEMSTATE)).number)

    def suspend(self) -> None:
        """Ask the unit to send nothing."""
        self.send_command(Message(Code.FLOWCONTROL_SUSPEND).encode())

    def resume(self) -> None:
        """Let it send again."""
        self.send_command(Message(Code.FLOWCONTROL_RESUME).encode())

    def _ask(self, code: Code, value: int) -> int:
        try:
            return self._exchange(message(code, value)).number
        except OverflowError:
            raise HarnessBug(f"{code.name} {value} does not fit RFC 2217") from None

    def _exchange(self, request: Message) -> Message:
        answers = self._answers.setdefault(request.code, [])
        answers.clear()
        self.send_command(request.encode())
        try:
            self.wait_until(lambda: bool(answers), self.timeout, f"the answer to {request.code.name}")
        except NotInTime as late:
            raise too_late(self.name, late.message, late.received, NoReply) from None
        return answers.pop(0)

    def _hear(self, event: Subnegotiation) -> None:
        try:
            heard = decode(event.payload) if event.option == Option.COM_PORT else None
        except ComPortError:
            heard = None
        if heard is None:
            if len(self.unreadable) < _KEPT:
                self.unreadable.append(event.payload)
            return
        match heard.code:
            case Code.NOTIFY_MODEMSTATE:
                self._report(ModemState(heard.number))
            case Code.NOTIFY_LINESTATE:
                self._report(LineState(heard.number))
            case Code.FLOWCONTROL_SUSPEND | Code.FLOWCONTROL_RESUME:
                self.suspended = heard.code is Code.FLOWCONTROL_SUSPEND
        self._answers.setdefault(heard.code, []).append(heard)

    def _report(self, state: ModemState | LineState) -> None:
        if len(self.reports) < _KEPT:
            self.reports.append(Report(time.monotonic(), state))
