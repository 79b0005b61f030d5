"""The process of a rack's cables: one loop that carries frames to and from all UARTs, and lets time pass for them.

While anything moves there is a tick for all ports, and sooner looks where little moves; while nothing moves the process
sleeps. What leaves by then is computed from absolute times, so the tick decides when bytes are seen, not how many.
"""

from __future__ import annotations

import gc
import json
import logging
import select
import socket
import time
from typing import NoReturn

from nportlab.protocol.serial_wire import Frame, Kind, WireFrameError
from nportlab.virtual.cables.cable import Cable
from nportlab.virtual.cables.connection import Connection
from nportlab.virtual.cables.driver import obey, report
from nportlab.virtual.cables.plan import CablePlan
from nportlab.virtual.cables.rack import CableRack, CannotDo
from nportlab.virtual.cables.timer import Timer
from nportlab.virtual.cables.transmitter import NEVER
from nportlab.virtual.cables.uart import Uart

TICK = 2_000_000
"""Nanoseconds."""
FEW = 8
"""Lines that move; with fewer the process also wakes for what happens between ticks, with more at ticks only."""
MANY = 16
"""With so many, every second tick does: half the work, later by a tick at most."""

log = logging.getLogger(__name__)


def serve_cables(plan: CablePlan, listener: socket.socket) -> NoReturn:
    """Carry bytes between all that connects to the listening UNIX socket (see socket_path.listen); never returns."""
    process = CablesProcess(plan, listener)
    gc.freeze()  # what a forked process inherits is not garbage
    while True:
        process.turn()


class CablesProcess:
    """The loop's state; `turn` is one round of it."""

    def __init__(self, plan: CablePlan, listener: socket.socket) -> None:
        self.rack = CableRack(plan)
        self._listener = listener
        self._timer = Timer()
        self._epoll = select.epoll()
        self._connections: dict[int, Connection] = {}
        """By descriptor."""
        self._drivers: dict[Uart, tuple[Connection, int]] = {}
        self.moving: set[Cable] = set()
        """Lines for which time must pass; none: the process sleeps until a client says something."""
        self._touched: dict[Cable, int] = {}
        """Lines something happened to in this turn, with the time they are at."""
        self._unsent: set[Connection] = set()
        self._choked: set[Connection] = set()
        self._woken = 0
        listener.setblocking(False)
        self._accepting = True
        self._epoll.register(listener, select.EPOLLIN)
        self._epoll.register(self._timer, select.EPOLLIN)

    def turn(self) -> None:
        """Wait for something to happen, and see it through."""
        moving = len(self.moving)
        many = moving >= FEW
        if moving:
            pause = 2 * TICK if moving >= MANY else TICK if many else (moving - 1) * TICK // FEW
            early = self._woken + pause - time.monotonic_ns()
            if early > 0:
                time.sleep(early / 1e9)
        ready = self._epoll.poll(0 if many else None)
        now = self._woken = time.monotonic_ns()
        if many:
            self._tick(now)
        for descriptor, events in ready:
            if descriptor == self._timer.fileno():
                self._timer.heard()
                self._tick(now)
            elif connection := self._connections.get(descriptor):
                self._serve(connection, events, now)
        if any(descriptor == self._listener.fileno() for descriptor, _ in ready):
            self._accept()  # last: a new client may get the descriptor of one that has just left
        self._tell(now)
        self._timer.set(self._next_look(now))

    def close(self) -> None:
        """Let go of everything."""
        for connection in list(self._connections.values()):
            self._close(connection, time.monotonic_ns())
        self._epoll.close()
        self._timer.close()
        self._listener.close()

    def _tick(self, now: int) -> None:
        for cable in self.moving:
            cable.advance(now)
            self._touched[cable] = now

    # What comes ---------------------------------------------------------------------------------------------------

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                log.error("no more connections until one is closed: %s", error)
                self._accepting = False
                self._epoll.unregister(self._listener)
                return
            self._connections[sock.fileno()] = Connection(sock)
            self._epoll.register(sock, select.EPOLLIN)

    def _serve(self, connection: Connection, events: int, now: int) -> None:
        if events & select.EPOLLOUT:
            connection.blocked = False
            self._unsent.add(connection)
            self._touched |= dict.fromkeys((self.rack.cables[uart] for uart in connection.ends.values()), 0)
        if events & select.EPOLLIN:
            self._hear(connection, now)
        elif events & (select.EPOLLHUP | select.EPOLLERR):
            self._close(connection, now)

    def _hear(self, connection: Connection, now: int) -> None:
        """Obey the frames there are."""
        try:
            frames = connection.read()
            if frames is None:
                self._close(connection, now)
                return
            for frame in frames:
                uart = connection.ends.get(frame.port)
                if frame.kind is Kind.PLUG:
                    self._plug(connection, frame, now)
                elif uart is None:
                    raise WireFrameError(f"{frame.kind.name} for port {frame.port}")
                else:
                    cable = self.rack.cables[uart]
                    if self._touched.get(cable) != now:
                        cable.advance(now)
                        self._touched[cable] = now
                    obey(uart, frame, now)
            if connection.choked:
                self._choked.add(connection)
        except WireFrameError as error:
            log.error("%s: %s; it is closed", connection.name or "a client that did not say who it is", error)
            self._close(connection, now)

    def _plug(self, connection: Connection, frame: Frame, now: int) -> None:
        """Find out what a client is. Raises WireFrameError."""
        self._unsent.add(connection)
        if connection.choked:
            raise WireFrameError("more commands than answers it reads")
        try:
            match json.loads(frame.payload):
                case {"control": command}:
                    answer, cable = self.rack.command(command, now)
                    if cable is not None:
                        self._touched[cable] = now
                        if cable.fault == "unplugged":
                            self._unplug(cable, now)
                    connection.answer({"ok": True} | answer)
                case {"unit": name} if not connection.name:
                    self._connect(connection, str(name), dict(enumerate(self.rack.unit(name), 1)), now)
                case {"adapter": name} if not connection.name:
                    self._connect(connection, f"adapter of {name}", {0: self.rack.adapter(name)}, now)
                case _:
                    connection.refuse(
                        "PLUG says {'unit': name}, {'adapter': 'unit/port'} or {'control': command}, once"
                    )
        except CannotDo as error:
            connection.refuse(str(error))
        except (ValueError, RecursionError) as error:
            connection.refuse(f"PLUG is no JSON: {error}")

    def _connect(self, connection: Connection, name: str, ends: dict[int, Uart], now: int) -> None:
        holder = self._drivers.get(next(iter(ends.values())))
        if holder is not None:
            self._read_to_the_end(holder[0], now)
            if not holder[0].closed:
                raise CannotDo(f"{name} is already open")
        connection.name, connection.ends = name, ends
        connection.answer({"ok": True, "ports": len(ends)})
        for port, uart in ends.items():
            self._drivers[uart] = (connection, port)
            cable = self.rack.cables[uart]
            cable.advance(now)
            uart.power_on(now)
            self._touched[cable] = now

    def _read_to_the_end(self, connection: Connection, now: int) -> None:
        """A client that is gone may not have been noticed yet."""
        try:
            while not connection.closed and connection.sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) is not None:
                self._hear(connection, now)
        except BlockingIOError:
            pass
        except OSError:
            self._close(connection, now)

    def _unplug(self, cable: Cable, now: int) -> None:
        for uart in cable.ends:
            if uart in self.rack.adapters.values() and uart in self._drivers:
                self._close(self._drivers[uart][0], now)

    def _close(self, connection: Connection, now: int) -> None:
        """A client is gone: its UARTs lose power."""
        if connection.closed:
            return
        connection.closed = True
        del self._connections[connection.fileno()]
        self._epoll.unregister(connection)
        connection.sock.close()
        self._unsent.discard(connection)
        self._choked.discard(connection)
        for uart in connection.ends.values():
            self._drivers.pop(uart, None)
            cable = self.rack.cables[uart]
            cable.advance(now)
            uart.power_off(now)
            self._touched[cable] = now
        if not self._accepting:
            self._accepting = True
            self._epoll.register(self._listener, select.EPOLLIN)

    # What goes ----------------------------------------------------------------------------------------------------

    def _tell(self, now: int) -> None:
        """Report what happened, one write for each client."""
        while self._touched or self._unsent:
            touched, self._touched = self._touched, {}
            for cable in touched:
                for uart in cable.ends:
                    driver = self._drivers.get(uart)
                    if driver is not None and not driver[0].blocked:
                        report(uart, driver[1], driver[0].out, now)
                        if driver[0].out:
                            self._unsent.add(driver[0])
                if cable.moving:
                    self.moving.add(cable)
                else:
                    self.moving.discard(cable)
            unsent, self._unsent = self._unsent, set()
            for connection in unsent:
                if connection.out and not connection.blocked and not connection.flush():
                    self._close(connection, now)
                else:
                    self._watch(connection)
        for connection in list(self._choked):
            if not connection.choked:
                self._choked.discard(connection)
            self._watch(connection)

    def _watch(self, connection: Connection) -> None:
        """Wait for what the client may do now; epoll reports one that is gone in any case."""
        events = (0 if connection in self._choked else select.EPOLLIN) | (select.EPOLLOUT if connection.blocked else 0)
        if events != connection.watched:
            connection.watched = events
            self._epoll.modify(connection, events)

    def _next_look(self, now: int) -> int:
        """When time alone will have changed something; with many lines that move, `turn` sleeps for a tick instead."""
        if not self.moving or len(self.moving) >= FEW:
            return NEVER
        tick = now + TICK
        return min(cable.wake_at(tick) for cable in self.moving)
