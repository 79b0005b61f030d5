"""How traffic went: plain, immutable, and ready for JSON with `as_dict`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from nportlab.serial.traffic.findings import Findings
from nportlab.serial.traffic.statistics import Distribution, Timeline
from nportlab.verdicts.faults import LabFault

Ended = Literal["complete", "deadline", "first error", "interrupted"]


@dataclass(frozen=True)
class Closed:
    """A channel went away. resource, remedy: when the bench is to blame (an adapter was unplugged)."""

    channel: str
    reason: str
    seconds: float
    resource: str | None = None
    remedy: str = ""


@dataclass(frozen=True)
class FlowResult:
    """One direction.

    sent, received: bytes; received counts wrong ones too. in_flight: sent, and neither received nor known to be lost,
    because the traffic ended before. first_byte, last_byte: seconds after the start of the first and last arrival.
    rate: bytes per second between those two, without what came first. longest_silence: seconds between two arrivals.
    latency: from the moment a piece was written until its last byte was read, in seconds.
    """

    name: str
    sent: int
    received: int
    in_flight: int
    findings: Findings
    first_byte: float | None
    last_byte: float | None
    rate: float | None
    line_rate: float | None
    longest_silence: float
    latency: Distribution
    timeline: Timeline
    closed: Closed | None = None

    @property
    def of_line_rate(self) -> float | None:
        """1.0: as fast as the line carries."""
        return self.rate / self.line_rate if self.rate is not None and self.line_rate else None

    @property
    def ok(self) -> bool:
        """Every byte sent has arrived, and nothing else."""
        return not self.findings and not self.in_flight and self.closed is None

    def describe(self) -> str:
        """One line for a person."""
        parts = [f"{self.name}: {self.received:,} of {self.sent:,} bytes"]
        if self.rate is not None:
            share = f" ({self.of_line_rate:.2%} of the line)" if self.of_line_rate is not None else ""
            parts.append(f"{self.rate:,.0f} bytes/s{share}")
        parts.append(self.findings.describe())
        if self.closed:
            parts.append(f"{self.closed.channel} closed after {self.closed.seconds:.3f} s: {self.closed.reason}")
        if self.in_flight:
            parts.append(f"{self.in_flight:,} bytes were under way")
        return ", ".join(parts)


@dataclass(frozen=True)
class Stray:
    """Bytes on a channel on which none were expected. first: the first of them, hexadecimal; owner: whose they are."""

    channel: str
    received: int
    first: str
    owner: str | None

    def describe(self) -> str:
        """One line for a person."""
        owner = self.owner or "unknown origin"
        return f"{self.channel}: {self.received:,} bytes of {owner} that nobody expected: {self.first}"


@dataclass(frozen=True)
class TrafficResult:
    """All flows of a run. seconds: how long it took; processor_seconds: of this process, while it ran."""

    ended: Ended
    seconds: float
    processor_seconds: float
    flows: tuple[FlowResult, ...]
    strays: tuple[Stray, ...] = ()

    @property
    def ok(self) -> bool:
        """Every byte arrived where it should, and nothing else anywhere."""
        return self.ended == "complete" and not self.strays and all(flow.ok for flow in self.flows)

    def __getitem__(self, name: str) -> FlowResult:
        """The flow of that name. Raises KeyError."""
        for flow in self.flows:
            if flow.name == name:
                return flow
        raise KeyError(name)

    def check_bench(self) -> None:
        """Raise LabFault if an adapter went away; the unit is not to blame for what follows from that."""
        for flow in self.flows:
            if flow.closed and flow.closed.resource:
                raise LabFault(flow.closed.reason, flow.closed.remedy, flow.closed.resource)

    def describe(self) -> str:
        """What is wrong, a line for each; or that nothing is."""
        wrong = [flow.describe() for flow in self.flows if not flow.ok] + [stray.describe() for stray in self.strays]
        if self.ended != "complete":
            wrong.insert(0, f"ended by {self.ended} after {self.seconds:.1f} s")
        total = sum(flow.received for flow in self.flows)
        return "\n".join(wrong) or f"{total:,} bytes in {len(self.flows)} flows, every one right"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True)
class FlowProgress:
    """A flow that is still running; errors: findings so far."""

    name: str
    sent: int
    received: int
    errors: int


@dataclass(frozen=True)
class Progress:
    """Traffic that is still running."""

    seconds: float
    flows: tuple[FlowProgress, ...]
