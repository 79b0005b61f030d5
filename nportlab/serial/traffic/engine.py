"""Moves traffic through many channels at once: one process, one thread.

Paced flows are served in ticks; what is due is computed from the start of the run, so nothing drifts, and a tick that
is late costs latency only. Flows without a rate are served whenever something arrives. Latencies are measured at ticks:
with paced flows they are up to a tick too long.
"""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable, Iterable, Sequence

from nportlab.serial.channel import Channel, ChannelClosed
from nportlab.serial.traffic.flow import Flow
from nportlab.serial.traffic.results import Ended, Progress, Stray, TrafficResult
from nportlab.serial.traffic.running import RunningFlow

SHORTEST_TICK, LONGEST_TICK = 0.002, 0.02
_TICK_FOR_EACH_FLOW = 0.0003


def suitable_tick(flows: int) -> float:
    """Seconds between services of so many paced flows: each service costs about 40 microseconds, which makes it about
    a seventh of a core whatever their number."""
    return min(max(flows * _TICK_FOR_EACH_FLOW, SHORTEST_TICK), LONGEST_TICK)


_ROUNDS = 64
"""How often in a tick what is ready is read."""

_MOST_READS = 16
_BUSY = 0.02
"""Seconds beyond a tick after which this process, not the line, counts as the reason for silence."""


class _End:
    """A channel of the run, and the flow that arrives there, if any."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.arriving: RunningFlow | None = None
        self.leaving: RunningFlow | None = None
        self.open = True
        self.strays = 0
        self.first_strays = b""

    @property
    def flows(self) -> Iterable[RunningFlow]:
        return (flow for flow in (self.arriving, self.leaving) if flow)

    def read(self, now: float) -> int:
        """Take what is there; returns how much that was."""
        total = 0
        try:
            for _ in range(_MOST_READS):
                data = self.channel.read()
                total += len(data)
                if not data:
                    break
                if self.arriving:
                    self.arriving.receive(data, now)
                else:
                    self.strays += len(data)
                    self.first_strays = (self.first_strays + data)[:64]
                if len(data) < 4095:
                    break
        except ChannelClosed as error:
            self.open = False
            for flow in self.flows:
                flow.close(self.channel, error, now)
            if self.arriving:
                self.arriving.deaf = True
        return total


class Traffic:
    """A run. `run` runs it; `result` may be asked for at any time, also after an exception."""

    def __init__(
        self,
        flows: Sequence[Flow],
        *,
        tick: float | None = None,
        quiet: float = 1.0,
        deadline: float | None = None,
        stop_on_error: bool = False,
        progress: Callable[[Progress], None] | None = None,
        progress_every: float = 1.0,
    ) -> None:
        """See `run`."""
        self._flows = tuple(flows)
        self._tick = tick or suitable_tick(len(flows))
        self._quiet = quiet
        self._deadline = deadline
        self._stop_on_error = stop_on_error
        self._progress = progress
        self._progress_every = progress_every
        self._running: list[RunningFlow] = []
        self._ends: dict[int, _End] = {}
        self._start = self._processor_start = 0.0
        self._ended: Ended = "interrupted"
        self._result: TrafficResult | None = None
        _check(self._flows)

    def run(self) -> TrafficResult:
        """Move everything; returns how it went."""
        with selectors.DefaultSelector() as selector:
            self._begin()
            polled = self._watch(selector)
            for end in self._ends.values():
                end.read(self._start)  # a client may hold bytes it has read already; no descriptor tells of those
            try:
                self._ended = self._move(selector, polled)
            finally:
                result = self.result()
        return result

    def result(self) -> TrafficResult:
        """How it went; asked for early, what is under way counts as in flight."""
        if self._result is None:
            complete = self._ended in ("complete", "first error")
            flows = tuple(flow.result(complete=complete) for flow in self._running)
            seconds, processor = time.monotonic() - self._start, time.process_time() - self._processor_start
            self._result = TrafficResult(self._ended, seconds, processor, flows, tuple(self._strays()))
        return self._result

    def _begin(self) -> None:
        patterns = list(dict.fromkeys(flow.pattern for flow in self._flows))
        self._start, self._processor_start = time.monotonic(), time.process_time()
        for flow in self._flows:
            running = RunningFlow(flow, patterns, self._start)
            self._running.append(running)
            self._ends.setdefault(id(flow.source), _End(flow.source)).leaving = running
            self._ends.setdefault(id(flow.sink), _End(flow.sink)).arriving = running

    def _watch(self, selector: selectors.BaseSelector) -> list[_End]:
        """Watch all channels; returns those that cannot be watched, and are asked every tick."""
        polled: list[_End] = []
        for end in self._ends.values():
            try:
                selector.register(end.channel.fileno(), selectors.EVENT_READ, end)
            except (OSError, ValueError, KeyError):
                polled.append(end)
        return polled

    def _move(self, selector: selectors.BaseSelector, polled: list[_End]) -> Ended:
        looked = next_tick = self._start
        next_progress = self._start + self._progress_every
        paced = all(flow.flow.rate is not None for flow in self._running)
        ended: Ended = "complete"
        while True:
            now = time.monotonic()
            ticked = now >= next_tick
            if ticked:
                next_tick += self._tick * (1 + int((now - next_tick) / self._tick))
            for flow in self._running:
                if flow.sending and (ticked or flow.eager):
                    flow.send(now)
            if paced:
                time.sleep(max(0.0, next_tick - time.monotonic()))
                self._read_all(selector)
            else:
                self._read(selector, self._patience(next_tick))
            for end in polled:
                if end.open:
                    end.read(time.monotonic())
            now = time.monotonic()
            if now - looked > self._tick + _BUSY:
                for flow in self._running:
                    flow.forgive(now - looked - self._tick)
            looked = now
            if not ticked:
                continue
            if self._progress and now >= next_progress:
                next_progress = now + self._progress_every
                self._progress(self._snapshot(now))
            if self._deadline is not None and now - self._start >= self._deadline:
                return "deadline"
            if self._stop_on_error and ended == "complete" and self._wrong():
                ended = "first error"
                for flow in self._running:
                    flow.stop(now)
            for flow in self._running:
                if flow.stalled(now, self._quiet):
                    flow.stop(now)
            if all(flow.over(now, self._quiet) for flow in self._running):
                return ended

    def _patience(self, until: float) -> float:
        """Seconds to wait for something to arrive: none while a channel may still take bytes."""
        if any(flow.sending and flow.eager for flow in self._running):
            return 0.0
        return max(0.0, until - time.monotonic())

    def _read_all(self, selector: selectors.BaseSelector) -> None:
        for _ in range(_ROUNDS):
            if not self._read(selector, 0):
                break

    def _read(self, selector: selectors.BaseSelector, timeout: float) -> int:
        total = 0
        ready = selector.select(timeout)
        now = time.monotonic()
        for key, _ in ready:
            end: _End = key.data
            total += end.read(now)
            if not end.open:
                selector.unregister(key.fd)
        return total

    def _wrong(self) -> bool:
        return any(flow.verifier.suspicious for flow in self._running) or any(end.strays for end in self._ends.values())

    def _snapshot(self, now: float) -> Progress:
        return Progress(now - self._start, tuple(flow.progress() for flow in self._running))

    def _strays(self) -> Iterable[Stray]:
        for end in self._ends.values():
            if end.strays:
                owner = next((f.flow.name for f in self._running if _belongs(f, end.first_strays)), None)
                yield Stray(end.channel.name, end.strays, end.first_strays[:16].hex(), owner)


def run(
    flows: Sequence[Flow],
    *,
    tick: float | None = None,
    quiet: float = 1.0,
    deadline: float | None = None,
    stop_on_error: bool = False,
    progress: Callable[[Progress], None] | None = None,
    progress_every: float = 1.0,
) -> TrafficResult:
    """Move all flows at once until each is over.

    tick: seconds between services of paced flows, by default what suits their number. quiet: seconds of silence
    after which bytes that are still missing are lost; a flow that cannot send and hears nothing for as long is over.
    deadline: seconds after which everything ends; what is under way then is neither received nor lost.
    stop_on_error: nothing more is sent once a byte is wrong; what is under way still tells what happened.
    progress: called every `progress_every` seconds.
    A channel that closes ends its flows, not the others.
    Raises ValueError when two flows leave, or two arrive, at one channel, or share a name.
    """
    return Traffic(
        flows,
        tick=tick,
        quiet=quiet,
        deadline=deadline,
        stop_on_error=stop_on_error,
        progress=progress,
        progress_every=progress_every,
    ).run()


def _check(flows: Sequence[Flow]) -> None:
    for what in ("source", "sink"):
        seen: dict[int, str] = {}
        for flow in flows:
            channel: Channel = getattr(flow, what)
            if id(channel) in seen:
                raise ValueError(f"{flow.name} and {seen[id(channel)]} have the same {what}, {channel.name}")
            seen[id(channel)] = flow.name
    names = [flow.name for flow in flows]
    if len(set(names)) < len(names):
        raise ValueError(f"two flows have one name: {', '.join(sorted({n for n in names if names.count(n) > 1}))}")


def _belongs(flow: RunningFlow, data: bytes) -> bool:
    need = flow.flow.pattern.nameable
    return len(data) >= need and flow.flow.pattern.holds(data[:need])
