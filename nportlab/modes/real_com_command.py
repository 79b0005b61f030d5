"""The command connection of a Real COM session: commands out, replies and notifications in.

A thread reads it for as long as it is open: the unit polls whether the host lives, and wants an answer even while
nobody here waits for anything (nport-facts 1.6).
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from nportlab.modes.errors import CommandRefused, How, NoReply, NotInTime, lost, too_late
from nportlab.protocol.real_com import AliveAnswer, Code, Command
from nportlab.protocol.real_com_replies import (
    AlivePoll,
    BreaksCounted,
    ErrorsSeen,
    FlushStarted,
    Notify,
    Refused,
    Replies,
    Reply,
    Unreadable,
)

_CHUNK = 4096
_STOP = 5.0  # seconds the thread has to end
_KEPT = 10_000  # notifications; a line that chatters must not eat the harness's memory
_T = TypeVar("_T")


class Notification(NamedTuple):
    """Something the unit told unasked, and when it was read (time.monotonic)."""

    at: float
    told: Notify


class Poll(NamedTuple):
    """The unit asked whether we live, and when."""

    at: float
    number: int


class CommandConnection:
    """Takes over a connected socket.

    answers_polls: switch off to be a host that does not answer. ended: how the connection ended, None while it stands.
    unexpected: replies nobody waited for, and bytes that are none.
    """

    def __init__(self, sock: socket.socket, name: str) -> None:
        self.name = name
        self.answers_polls = True
        self.ended: How | None = None
        self.unexpected: list[Reply] = []
        self._socket = sock
        self._news = threading.Condition()
        self._sending = threading.Lock()
        self._waiting: dict[int, list[Reply]] = {}
        self._notifications: list[Notification] = []
        self._polls: list[Poll] = []
        sock.settimeout(None)
        self._thread = threading.Thread(target=self._listen, name=f"real-com {name}", daemon=True)
        self._thread.start()

    # Asking -------------------------------------------------------------------------------------------------------

    def ask(self, command: Command, timeout: float) -> Reply:
        """Send one command and return its reply.

        Raises NoReply after `timeout` seconds, CommandRefused when the unit answers NA, ConnectionLost.
        """
        return self.ask_together([command], timeout)[0]

    def ask_together(self, commands: list[Command], timeout: float) -> list[Reply]:
        """Send several commands in one write and return their replies. Raises as `ask`, naming the first without one.

        One thread at a time may wait for a command of one code.
        """
        with self._news:
            for command in commands:
                self._waiting[command.code] = []  # a reply that came too late is none to this one
        self.send(b"".join(command.encode() for command in commands))
        end = time.monotonic() + timeout
        return [self._reply(command, end, timeout) for command in commands]

    def _reply(self, command: Command, end: float, timeout: float) -> Reply:
        with self._news:
            waiting = self._waiting[command.code]
            self._news.wait_for(lambda: waiting or self.ended, max(0.0, end - time.monotonic()))
            if not waiting:
                if self.ended:
                    raise lost(self.name, self.ended)
                raise too_late(self.name, f"{command.code.name} was not answered in {timeout:g} s", kind=NoReply)
            reply = waiting.pop(0)
        if isinstance(reply, Refused):
            raise CommandRefused(f"{command} was answered with NA", resource=self.name)
        return reply

    def send(self, octets: bytes) -> None:
        """Send octets in one write, whether they are commands or not. Raises ConnectionLost."""
        try:
            with self._sending:
                self._socket.sendall(octets)
        except OSError as error:
            raise lost(self.name, self.ended or _how(error)) from None

    def exchange(self, octets: bytes, seconds: float, enough: int = 1) -> list[Reply]:
        """Send octets that may be no command, and return the replies of the next `seconds`, or the first `enough`.

        Notifications are not among them. Raises ConnectionLost when it can not be sent.
        """
        with self._news:
            self._waiting.clear()
            before = len(self.unexpected)
        self.send(octets)
        with self._news:
            self._news.wait_for(lambda: len(self.unexpected) - before >= enough or self.ended, seconds)
            return self.unexpected[before:]

    # What comes unasked -------------------------------------------------------------------------------------------

    @property
    def notifications(self) -> list[Notification]:
        """All so far, in order."""
        with self._news:
            return list(self._notifications)

    @property
    def polls(self) -> list[Poll]:
        """All alive polls so far, answered or not."""
        with self._news:
            return list(self._polls)

    def wait_notification(self, wanted: Callable[[Notify], bool], timeout: float, after: int = 0) -> Notification:
        """The first wanted one, told already or yet to come; not among the first `after`. Raises NotInTime."""

        def found() -> Notification | None:
            return next((one for one in self._notifications[after:] if wanted(one.told)), None)

        with self._news:
            self._news.wait_for(lambda: found() or self.ended, timeout)
            if (one := found()) is not None:
                return one
            if self.ended:
                raise lost(self.name, self.ended)
            raise too_late(self.name, f"the notification waited for did not come in {timeout:g} s", kind=NotInTime)

    def wait_poll(self, timeout: float, after: int = 0) -> Poll:
        """The first alive poll that is not among the first `after`. Raises NotInTime, ConnectionLost."""
        with self._news:
            self._news.wait_for(lambda: len(self._polls) > after or self.ended, timeout)
            if len(self._polls) > after:
                return self._polls[after]
            if self.ended:
                raise lost(self.name, self.ended)
            raise too_late(self.name, f"no alive poll came in {timeout:g} s", kind=NotInTime)

    def wait_ended(self, timeout: float) -> How:
        """Wait until the unit ends the connection. Raises NotInTime when it stands after `timeout` seconds."""
        with self._news:
            self._news.wait_for(lambda: self.ended, timeout)
            if self.ended is None:
                raise too_late(self.name, f"the command connection still stands after {timeout:g} s")
            return self.ended

    def close(self) -> None:
        """End the connection; may be called twice."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread
        if threading.current_thread() is not self._thread:
            self._thread.join(_STOP)
        self._socket.close()

    # The thread ---------------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        replies = Replies()
        how: How = "closed"
        try:
            while data := self._socket.recv(_CHUNK):
                now = time.monotonic()
                for reply in replies.feed(data):
                    self._hear(reply, now)
        except OSError as error:
            how = _how(error)
        with self._news:
            self.ended = how
            self._news.notify_all()

    def _hear(self, reply: Reply, now: float) -> None:
        answer = isinstance(reply, AlivePoll) and self.answers_polls
        with self._news:
            if isinstance(reply, Notify):
                _keep(self._notifications, Notification(now, reply))
            elif isinstance(reply, AlivePoll):
                _keep(self._polls, Poll(now, reply.number))
            elif (code := _code(reply)) in self._waiting:
                self._waiting[code].append(reply)
            else:
                _keep(self.unexpected, reply)
            self._news.notify_all()
        if answer and isinstance(reply, AlivePoll):
            with contextlib.suppress(OSError), self._sending:
                self._socket.sendall(AliveAnswer(reply.number).encode())


def _code(reply: Reply) -> int:
    """Of the command it answers; -1 of one that answers none."""
    match reply:
        case FlushStarted():
            return Code.FLUSH_START
        case BreaksCounted():
            return Code.BREAK_COUNT
        case ErrorsSeen():
            return Code.DATA_STATUS
        case Notify() | AlivePoll() | Unreadable():
            return -1
    return reply.code


def _keep(kept: list[_T], one: _T) -> None:
    if len(kept) < _KEPT:
        kept.append(one)


def _how(error: OSError) -> How:
    if isinstance(error, ConnectionResetError):
        return "reset"
    return "timed out" if isinstance(error, TimeoutError) else "closed"
