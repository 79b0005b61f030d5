"""The command port of Real COM and TCP Server mode: what each command does to the line, and what is answered.

Source: nport-facts 1.3 to 1.9. With more than one connection allowed, commands that set something are acknowledged and
ignored unless driver control is allowed; FLUSH, WAIT_OQUEUE and FLUSH_START do nothing even then.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import struct
import termios
from collections.abc import Coroutine
from typing import TYPE_CHECKING

from nportlab.guide.firmware import version_key
from nportlab.protocol import real_com as rc
from nportlab.protocol.real_com_replies import Accepted, BreaksCounted, ErrorsSeen, FlushStarted, Lines, QueueLength
from nportlab.protocol.real_com_replies import Reply as Answer
from nportlab.protocol.serial_wire import Input
from nportlab.virtual.unit.modes.real_com_driver import DriverControl
from nportlab.virtual.unit.modes.real_com_notices import AlivePolling, Notices

if TYPE_CHECKING:
    from nportlab.virtual.unit.modes.socket_mode import SocketMode
    from nportlab.virtual.unit.port_sockets import PortConnection

LAST_WITH_EARLY_BREAK = (2, 3)
"""Up to this firmware a break is sent although no data connection is there (CVE-2026-10831)."""

MOST_WAITING = 1024
"""Bytes of commands that wait for a data connection before no more are read."""

MOST_DEFERRED = 32
"""Late answers one host may wait for; a request beyond them is not answered (invented)."""

DRAIN_MARGIN = 0.05
"""WAIT_OQUEUE is answered that much, in seconds, before its time is over."""

DRAIN_LOOK = 0.005
"""Between two looks at bytes on their way to an empty port."""

BREAKS = (rc.Code.BREAK_ON, rc.Code.BREAK_OFF, rc.Code.BREAKSEND)
TELLS_CHANGES = (rc.Code.LSTATUS, rc.Code.NOTIFY_ON, rc.Code.PORT_INIT)
"""Replies that bring along what a notice would have said."""

log = logging.getLogger("unit")


class CommandPort:
    """Serves the command connections of one port."""

    def __init__(self, mode: SocketMode) -> None:
        self._device = mode.device
        self._sockets = mode.sockets
        self._path = mode.path
        self._serial = mode.path.serial
        self._line = mode.path.line
        self._alone = mode.settings.number("max_connection", 1) == 1
        self._acts = (
            self._alone
            or mode.settings.on("allow_driver_control")
            or self._device.has_defect("driver-control-without-permission")
        )
        self._driver = DriverControl(self._serial)
        self._notices = Notices(self._device, self._serial, lambda: self._line.is_open)
        self._path.watchers.append(self._notices)
        self._early_breaks = version_key(self._device.firmware) <= LAST_WITH_EARLY_BREAK or self._device.has_defect(
            "break-without-data-session"
        )
        self._waiting: dict[PortConnection, bytes] = {}
        self._breaking: dict[PortConnection, asyncio.TimerHandle] = {}
        self._polling: dict[PortConnection, AlivePolling] = {}
        self._deferred: dict[asyncio.Task[None], PortConnection] = {}

    # Connections --------------------------------------------------------------------------------------------------

    def opened(self, connection: PortConnection) -> None:
        """A connection was made. One for data opens the port: do what waited for it."""
        if connection.role == "command":
            self._notices.begin(connection)
        else:
            self._notices.opened()
            for waiting in list(self._waiting):
                self._go_on(waiting)

    def received(self, connection: PortConnection, data: bytes) -> None:
        """Commands; they wait while no data connection has opened the port."""
        connection.traffic = asyncio.get_running_loop().time()
        if not self._line.is_open and self._early_breaks:
            data = self._break_early(connection, data)
        if not self._line.is_open or connection in self._breaking:
            self._wait(connection, data)
        else:
            self._run(connection, data)

    def ended(self, connection: PortConnection) -> None:
        """A connection is gone."""
        self._notices.end(connection)
        self._waiting.pop(connection, None)
        timer = self._breaking.pop(connection, None)
        if timer is not None:
            timer.cancel()
        for task in [task for task, owner in self._deferred.items() if owner is connection]:
            task.cancel()
        self._stop_polling(connection)

    def stop(self) -> None:
        """The mode ends."""
        self._notices.stop()
        for polling in self._polling.values():
            polling.stop()
        for timer in self._breaking.values():
            timer.cancel()
        for task in list(self._deferred):
            task.cancel()

    def _wait(self, connection: PortConnection, data: bytes) -> None:
        waiting = self._waiting[connection] = self._waiting.get(connection, b"") + data
        if len(waiting) > MOST_WAITING:
            connection.pause()

    def _go_on(self, connection: PortConnection) -> None:
        data = self._waiting.pop(connection, b"")
        connection.resume()
        if data:
            self._run(connection, data)

    def _break_early(self, connection: PortConnection, data: bytes) -> bytes:
        """Act on breaks, as old firmware does; returns the other commands."""
        rest = b""
        for code, payload in rc.split_commands(data):
            if code in BREAKS:
                self._obey(connection, code, payload)
            else:
                rest += bytes([code, len(payload)]) + payload
        return rest

    # Commands -----------------------------------------------------------------------------------------------------

    def _run(self, connection: PortConnection, data: bytes) -> None:
        frames = rc.split_commands(data)
        for place, (code, payload) in enumerate(frames):
            if connection in self._breaking:
                rest = (bytes([code, len(payload)]) + payload for code, payload in frames[place:])
                self._wait(connection, b"".join(rest))
                return
            self._obey(connection, code, payload)

    def _obey(self, connection: PortConnection, code: int, payload: bytes) -> None:
        """Do what a frame says; an unknown or impossible one is met with silence."""
        try:
            command = rc.decode_command(code, payload)
            answer = self._answer(connection, command)
        except rc.RealComError as error:
            log.info("%s: port %s: %s", self._device.name, self._serial.number, error)
            return
        if answer is not None:
            self._reply(connection, answer)

    def _reply(self, connection: PortConnection, answer: Answer) -> None:
        data = answer.encode()
        if data[0] in TELLS_CHANGES:
            data += self._notices.take(connection)
        connection.write(data)

    def _answer(self, connection: PortConnection, command: rc.Command) -> Answer | None:
        """The reply, None for none or a later one. Raises RealComError for a value met with silence."""
        match command:
            case rc.LineStatus():
                return self._lines(rc.Code.LSTATUS)
            case rc.PortInit():
                if self._acts:
                    self._driver.initialise(command)
                self._start_polling(connection)
                return self._lines(rc.Code.PORT_INIT)
            case rc.InputQueue():
                return QueueLength(rc.Code.IQUEUE, self._serial.waiting)
            case rc.OutputQueue():
                return QueueLength(rc.Code.OQUEUE, self._serial.unsent)
            case rc.BreakCount():
                return BreaksCounted(self._notices.take_breaks())
            case rc.DataStatus():
                return ErrorsSeen(self._notices.take_errors())
            case rc.NotifyOn():
                self._start_polling(connection)
                return Accepted(command.code)
            case rc.NotifyOff():
                self._stop_polling(connection)
                return Accepted(command.code)
            case rc.AliveAnswer():
                if polling := self._polling.get(connection):
                    polling.answered(command.number)
                return None
            case rc.Reset():
                return Accepted(command.code) if self._alone else None
            case rc.Flush():
                self._flush(command.queues)
                return Accepted(command.code)
            case rc.WaitOutputQueue() if self._alone:
                self._defer(connection, self._tell_drained(connection, max(1, command.milliseconds) / 1000))
                return None
            case rc.WaitOutputQueue():
                return QueueLength(command.code, 0)
            case rc.FlushStart() if self._alone:
                self._flush(command.queues)
                self._defer(connection, self._tell_flushed(connection, command.milliseconds / 1000))
                return None
            case rc.FlushStart():
                return FlushStarted(0)
            case rc.BreakSend() if self._acts:
                self._driver.send_break(command.milliseconds)
                self._sleep(connection, command)
                return None
            case _:
                return self._driver.set(command) if self._acts else Accepted(command.code)

    def _lines(self, code: int) -> Lines:
        inputs = self._serial.inputs
        return Lines(code, bool(inputs & Input.DSR), bool(inputs & Input.CTS), bool(inputs & Input.DCD))

    def _flush(self, queues: int) -> None:
        if queues not in tuple(rc.Queues):
            raise rc.RealComError(f"no such queue: {queues}")
        if not self._alone or self._device.has_defect("real-com-flush-flushes-nothing"):
            return
        if queues != rc.Queues.TRANSMIT:
            self._serial.drop_waiting()
            self._path.forget_packet()
        if queues != rc.Queues.RECEIVE:
            self._path.drop_unwritten()
            for connection in self._path.connections:
                connection.skip(_unread(connection))
            self._serial.drop_unsent()

    def _sleep(self, connection: PortConnection, command: rc.BreakSend) -> None:
        """The vendor's daemon does nothing else for a host while it sends its break."""

        def over() -> None:
            del self._breaking[connection]
            self._reply(connection, Accepted(command.code))
            if self._line.is_open:
                self._go_on(connection)

        loop = asyncio.get_running_loop()
        self._breaking[connection] = loop.call_later(command.milliseconds / 1000, over)

    # Later --------------------------------------------------------------------------------------------------------

    def _defer(self, connection: PortConnection, work: Coroutine[None, None, None]) -> None:
        """Let an answer come later. Raises RealComError when too many are to come."""
        if list(self._deferred.values()).count(connection) >= MOST_DEFERRED:
            work.close()
            raise rc.RealComError("too many answers are waited for")
        task = asyncio.get_running_loop().create_task(work)
        self._deferred[task] = connection
        task.add_done_callback(lambda done: self._deferred.pop(done, None))

    async def _tell_drained(self, connection: PortConnection, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds - DRAIN_MARGIN
        while left := self._serial.unsent + self._behind():
            rest = deadline - loop.time()
            if rest <= 0:
                break
            if self._serial.unsent:
                await self._serial.drained(rest)
            else:
                await asyncio.sleep(min(rest, DRAIN_LOOK))
        reply = QueueLength(rc.Code.WAIT_OQUEUE, left).encode()
        if self._device.has_defect("real-com-wait-oqueue-big-endian"):
            reply = reply[:2] + reply[:1:-1]
        connection.write(reply)

    async def _tell_flushed(self, connection: PortConnection, seconds: float) -> None:
        await self._serial.drained(seconds)
        connection.write(FlushStarted(self._serial.waiting).encode())

    def _behind(self) -> int:
        """Bytes from the network the port has not taken yet."""
        return self._path.unwritten + sum(_unread(connection) for connection in self._path.connections)

    # Is the host alive? -------------------------------------------------------------------------------------------

    def _start_polling(self, connection: PortConnection) -> None:
        if connection in self._polling or self._device.has_defect("real-com-alive-not-polled"):
            return

        def last_traffic() -> float:
            partner = self._sockets.partner(connection)
            return partner.traffic if partner is not None else 0.0

        def close() -> None:
            partner = self._sockets.partner(connection)
            for one in (partner, connection):
                if one is not None:
                    one.abort()

        self._polling[connection] = AlivePolling(self._device, connection, last_traffic, close)

    def _stop_polling(self, connection: PortConnection) -> None:
        if polling := self._polling.pop(connection, None):
            polling.stop()


def _unread(connection: PortConnection) -> int:
    """Bytes in the connection's socket, not counting those inside TLS."""
    transport = connection.transport
    link = transport.get_extra_info("socket") if transport is not None else None
    if transport is None or link is None or link.fileno() < 0 or transport.get_extra_info("ssl_object") is not None:
        return 0
    return int(struct.unpack("i", fcntl.ioctl(link.fileno(), termios.FIONREAD, bytes(4)))[0])
