"""A process of the rack beside its units, such as the relay boards: forked by the supervisor, and ended with it."""

from __future__ import annotations

import logging
import os
import signal
import socket
from collections.abc import Callable, Sequence

from nportlab.virtual import kernel

log = logging.getLogger("rack")


class RackProcess:
    """One such process. `pid` is None while it does not run."""

    def __init__(self, name: str, sockets: Sequence[socket.socket], work: Callable[[], object]) -> None:
        """name: shown by ps. sockets: the descriptors it keeps. work: what it does until it is killed."""
        self.name = name
        self.pid: int | None = None
        self._sockets = sockets
        self._work = work

    def start(self) -> None:
        """Fork it. The supervisor has a single thread, so the kernel kills it when the supervisor ends."""
        supervisor = os.getpid()
        pid = os.fork()
        if pid != 0:
            self.pid = pid
            return
        try:
            kernel.die_with_parent(supervisor)
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGINT, signal.SIGHUP):  # the supervisor decides
                signal.signal(number, signal.SIG_IGN)
            for number in (signal.SIGTERM, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            kernel.set_process_name(self.name)
            kernel.close_all_but({0, 1, 2, *(channel.fileno() for channel in self._sockets)})
            self._work()
        except BaseException:
            log.exception("%s", self.name)
        finally:
            os._exit(1)

    def stop(self) -> None:
        """Kill it, if it runs."""
        if self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = None
