"""Which TCP ports answer a connect, asked no faster than the unit stands.

Non-blocking connects through one selector: a whole range of 65535 ports costs a few seconds of processor time when the
rate is not limited. A port is *open* (the connection came up), *closed* (refused or reset) or *filtered* (no answer in
time, asked twice). Closed ports only count because a positive control was connected to before and after the sweep.
"""

from __future__ import annotations

import errno
import resource
import selectors
import socket
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from nportlab.probes.control import Endpoint, PositiveControl
from nportlab.verdicts.faults import LabFault
from nportlab.verdicts.recorder import NullRecorder, Recorder

ALL_PORTS = range(1, 65536)
_REFUSED = frozenset((errno.ECONNREFUSED, errno.ECONNRESET))
_UNREACHABLE = frozenset((errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT, errno.EACCES, errno.ENETDOWN))
_OUT_OF_PORTS = frozenset((errno.EADDRNOTAVAIL, errno.EAGAIN, errno.ENOBUFS))


class PortState(StrEnum):
    """What a connect to a port came to."""

    OPEN = "open"
    CLOSED = "closed"
    FILTERED = "filtered"


@dataclass(frozen=True)
class SweepResult:
    """What a sweep found. seconds: how long it took; control: the proof that an open port would have been seen."""

    address: str
    open: frozenset[int]
    closed: frozenset[int] = field(repr=False)
    filtered: frozenset[int]
    control: PositiveControl
    seconds: float

    def state(self, port: int) -> PortState:
        """The state of one port. Raises KeyError for a port that was not asked."""
        for state, ports in (
            (PortState.OPEN, self.open),
            (PortState.CLOSED, self.closed),
            (PortState.FILTERED, self.filtered),
        ):
            if port in ports:
                return state
        raise KeyError(f"port {port} was not part of the sweep")

    def __str__(self) -> str:
        return (
            f"{self.address}: open {ranges(self.open) or 'none'}; filtered {ranges(self.filtered) or 'none'}; "
            f"{len(self.closed)} closed; {self.seconds:.1f} s; control {self.control}"
        )


class TcpSweep:
    """Sweeps ports.

    rate: connects per second, None for no limit; timeout: seconds until a port counts as filtered; in_flight: connects
    under way at once (lowered to what the process may open).
    """

    def __init__(
        self,
        rate: float | None = None,
        timeout: float = 1.0,
        in_flight: int = 256,
        recorder: Recorder | None = None,
    ) -> None:
        self.rate = rate
        self.timeout = timeout
        allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self.in_flight = max(1, min(in_flight, allowed // 2))
        self._recorder = recorder or NullRecorder()

    def run(self, host: str, ports: Iterable[int] = ALL_PORTS, *, control: Endpoint) -> SweepResult:
        """Ask every port once, and the silent ones once more.

        control: an endpoint known to accept connections, best on the unit itself. Raises LabFault when it does not
        accept one before and after the sweep, as then a closed port proves nothing.
        """
        wanted = sorted(set(ports))
        started = time.monotonic()
        before = self.connects(control)
        before.require()
        states = self._pass(host, wanted)
        silent = [port for port, state in states.items() if state is PortState.FILTERED]
        if silent:
            states.update(self._pass(host, silent))
        after = self.connects(control)
        after.require()
        by_state = {kind: frozenset(port for port, state in states.items() if state is kind) for kind in PortState}
        result = SweepResult(
            host,
            by_state[PortState.OPEN],
            by_state[PortState.CLOSED],
            by_state[PortState.FILTERED],
            after,
            time.monotonic() - started,
        )
        self._recorder.exchange(f"tcp sweep {host}", f"connects to {ranges(wanted)}", None, str(result))
        return result

    def connects(self, endpoint: Endpoint) -> PositiveControl:
        """Connect once to what is known to be open, in the same way as the sweep."""
        address, port = endpoint
        state = PortState.FILTERED
        for _ in range(3):
            state = self._pass(address, [port])[port]
            if state is PortState.OPEN:
                break
        return PositiveControl("TCP connect", endpoint, state is PortState.OPEN, str(state))

    def _pass(self, host: str, ports: list[int]) -> dict[int, PortState]:
        family, _, _, _, address = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)[0]
        run = _Pass(family, str(address[0]), self.timeout)
        waiting = deque(ports)
        next_start = time.monotonic()
        with run.selector:
            while waiting or run.pending:
                now = time.monotonic()
                while waiting and len(run.pending) < self.in_flight and now >= next_start:
                    if not run.start(waiting[0]):
                        next_start = now + 0.05
                        break
                    waiting.popleft()
                    if self.rate:
                        # After a pause the missed connects are not caught up in one burst.
                        next_start = max(next_start + 1 / self.rate, now - 0.01)
                run.collect(next_start if waiting and len(run.pending) < self.in_flight else None)
        return run.states


class _Pass:
    """One round of connects: what is under way and what came of the rest."""

    def __init__(self, family: int, address: str, timeout: float) -> None:
        self.states: dict[int, PortState] = {}
        self.pending: dict[int, tuple[socket.socket, float]] = {}
        self.selector = selectors.DefaultSelector()
        self._family = family
        self._address = address
        self._timeout = timeout
        self._stuck_since: float | None = None

    def start(self, port: int) -> bool:
        """Begin a connect. False when the host has no free local port just now; LabFault when that lasts."""
        connection = socket.socket(self._family, socket.SOCK_STREAM)
        connection.setblocking(False)
        code = connection.connect_ex((self._address, port))
        if code in _OUT_OF_PORTS:
            connection.close()
            self._check_stuck()
            return False
        self._stuck_since = None
        if code == errno.EINPROGRESS:
            self.pending[port] = (connection, time.monotonic() + self._timeout)
            self.selector.register(connection, selectors.EVENT_WRITE, port)
            return True
        self._settle(port, connection, code)
        return True

    def collect(self, until: float | None) -> None:
        """Wait for results, at most until the given time or the first deadline."""
        now = time.monotonic()
        # Connects are begun in order and share one timeout: the oldest entry has the first deadline.
        oldest = next((deadline for _, deadline in self.pending.values()), None)
        limits = [limit for limit in (until, oldest) if limit is not None]
        pause = max(0.0, min(limits) - now) if limits else 0.0
        if not self.pending:
            time.sleep(pause)
            return
        for key, _ in self.selector.select(pause):
            connection, _ = self.pending.pop(key.data)
            self.selector.unregister(connection)
            self._settle(key.data, connection, connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        now = time.monotonic()
        for port, (connection, deadline) in list(self.pending.items()):
            if deadline > now:
                break
            del self.pending[port]
            self.selector.unregister(connection)
            self._settle(port, connection, errno.ETIMEDOUT)

    def _settle(self, port: int, connection: socket.socket, code: int) -> None:
        # Connecting to a free local port of this very host can meet itself half way: nobody else listens there.
        if code == 0 and connection.getsockname() == connection.getpeername():
            code = errno.ECONNREFUSED
        connection.close()
        if code == 0:
            self.states[port] = PortState.OPEN
        elif code in _REFUSED:
            self.states[port] = PortState.CLOSED
        elif code in _UNREACHABLE:
            self.states[port] = PortState.FILTERED
        else:
            raise LabFault(
                f"a connect to {self._address}:{port} failed on this host: {errno.errorcode.get(code, code)}",
                "Check the network configuration of the harness host and its limits (ulimit -n).",
                f"network to {self._address}",
            )

    def _check_stuck(self) -> None:
        now = time.monotonic()
        self._stuck_since = self._stuck_since or now
        if now - self._stuck_since > 70:  # longer than a connection of this host stays in TIME_WAIT
            raise LabFault(
                "no free local port for more than a minute",
                "See which process holds the connections: ss -s",
                f"network to {self._address}",
            )


def ranges(ports: Iterable[int]) -> str:
    """Ports as people write them: "22, 443, 950-965"."""
    parts: list[tuple[int, int]] = []
    for port in sorted(ports):
        if parts and parts[-1][1] == port - 1:
            parts[-1] = (parts[-1][0], port)
        else:
            parts.append((port, port))
    return ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in parts)
