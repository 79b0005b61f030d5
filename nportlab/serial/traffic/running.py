"""A flow while it runs: what is due, what was sent, what came."""

from __future__ import annotations

from collections.abc import Sequence

from nportlab.serial.channel import Channel, ChannelClosed
from nportlab.serial.traffic.flow import Flow
from nportlab.serial.traffic.pattern import MOST_PIECE, Pattern
from nportlab.serial.traffic.results import Closed, FlowProgress, FlowResult
from nportlab.serial.traffic.statistics import Columns, Histogram, SendTimes
from nportlab.serial.traffic.verify import Verifier
from nportlab.verdicts.faults import LabFault

_AT_ONCE = 4 * MOST_PIECE
"""Bytes written before others have their turn."""

_SETTLE = 0.02
"""Seconds to wait for bytes that should not come, at least."""


class RunningFlow:
    """One flow; `start` is when it began, on the clock all times are of."""

    def __init__(self, flow: Flow, patterns: Sequence[Pattern], start: float) -> None:
        self.flow = flow
        self.verifier = Verifier(flow.pattern, patterns)
        self.sent = 0
        self.sending = True
        self.deaf = False
        """The sink is gone: nothing more can arrive."""
        self._blocked = False
        self.closed: Closed | None = None
        self._start = start
        self._end = None if flow.seconds is None else start + flow.seconds
        self._moved = start
        """When bytes last moved, or could not because of us."""
        self._first: float | None = None
        self._last: float | None = None
        self._first_size = 0
        self._silence = 0.0
        self._times = SendTimes()
        self._latency = Histogram()
        self._columns = Columns()
        self._longest = flow.piece or MOST_PIECE
        self._settle = max(_SETTLE, 4 / flow.line_rate if flow.line_rate else 0.0)

    def send(self, now: float) -> None:
        """Write what is due. A channel that takes less is asked again when something arrived, or a tick later."""
        flow, piece = self.flow, self.flow.piece
        over = self._end is not None and now >= self._end
        due = self._due(self._end if over and self._end is not None else now)
        self._blocked = due <= 0
        stuck = flow.window is not None and flow.window - self.under_way < (piece or 1)
        try:
            while due > 0:
                size = due if due < self._longest else self._longest
                if piece and size < piece and self.sent + size != flow.size:
                    self._blocked = True
                    break
                taken = flow.source.write(flow.pattern.piece(self.sent, size))
                if taken:
                    self._moved = now
                    self.sent += taken
                    self._times.sent(self.sent, now)
                if taken < size:
                    self._blocked = stuck = True
                    break
                due -= taken
        except ChannelClosed as error:
            self.close(flow.source, error, now)
        if not stuck:
            self._moved = now
        if over or self.sent == flow.size:
            self.stop(now)

    def stalled(self, now: float, quiet: float) -> bool:
        """Whether bytes cannot be sent, and none have moved either way, for `quiet` seconds."""
        return self.sending and now - self._moved >= quiet

    def forgive(self, seconds: float) -> None:
        """This process was busy for so long: that bytes did not move meanwhile says nothing."""
        self._moved += seconds

    @property
    def eager(self) -> bool:
        """Whether `send` may help before the next tick."""
        return self.flow.rate is None and not self._blocked

    def _due(self, now: float) -> int:
        flow = self.flow
        due = _AT_ONCE
        if flow.rate is not None:
            due = min(due, int((now - self._start) * flow.rate) + flow.lead - self.sent)
        if flow.size is not None and flow.size - self.sent < due:
            due = flow.size - self.sent
        if flow.window is not None and flow.window - self.under_way < due:
            due = flow.window - self.under_way
        return due

    @property
    def under_way(self) -> int:
        """Bytes sent and not accounted for."""
        return max(0, self.sent - self.verifier.position)

    def stop(self, now: float) -> None:
        """Send no more."""
        if self.sending:
            self.sending = False
            self._moved = now

    def receive(self, data: bytes, now: float) -> None:
        """Bytes arrived."""
        self._blocked = False
        self._moved = now
        self.verifier.feed(data, self.sent)
        self._columns.add(now - self._start, len(data))
        self._times.received(self.verifier.position, now, self._latency)
        if self._last is None:
            self._first, self._first_size = now, len(data)
        elif now - self._last > self._silence:
            self._silence = now - self._last
        self._last = now

    def close(self, channel: Channel, error: ChannelClosed, now: float) -> None:
        """A channel went away."""
        self.stop(now)
        if self.closed is None:
            blame = (error.resource, error.remedy) if isinstance(error, LabFault) else (None, "")
            self.closed = Closed(channel.name, str(error), now - self._start, *blame)

    def over(self, now: float, quiet: float) -> bool:
        """Whether nothing more is to come: all is there, or there was silence for `quiet` seconds."""
        if self.sending or self.deaf:
            return self.deaf
        silent = now - self._moved
        return silent >= (quiet if self.under_way or self.verifier.suspicious else min(quiet, self._settle))

    def result(self, *, complete: bool) -> FlowResult:
        """How it went. complete: what has not arrived will not, so it is lost."""
        findings = self.verifier.finish(self.sent, complete=complete and self.closed is None)
        span = self._last - self._first if self._first is not None and self._last is not None else 0.0
        return FlowResult(
            name=self.flow.name,
            sent=self.sent,
            received=self.verifier.received,
            in_flight=self.under_way if findings.abandoned is None else max(0, self.sent - self.verifier.received),
            findings=findings,
            first_byte=None if self._first is None else self._first - self._start,
            last_byte=None if self._last is None else self._last - self._start,
            rate=(self.verifier.received - self._first_size) / span if span > 0 else None,
            line_rate=self.flow.line_rate,
            longest_silence=self._silence,
            latency=self._latency.freeze(),
            timeline=self._columns.freeze(),
            closed=self.closed,
        )

    def progress(self) -> FlowProgress:
        """How it goes."""
        return FlowProgress(self.flow.name, self.sent, self.verifier.received, self.verifier.errors)
