"""What came back over UDP, and what may be concluded from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from nportlab.probes.control import Endpoint, PositiveControl
from nportlab.probes.sweep import ranges
from nportlab.probes.udp_queries import UdpQuery
from nportlab.verdicts.faults import HarnessBug


class Outcome(StrEnum):
    """What a question came to."""

    REPLY = "reply"
    UNREACHABLE = "port unreachable"
    SILENT = "silent"


@dataclass(frozen=True)
class Reply:
    """A datagram that answers. source: who sent it (a TFTP server answers from another port)."""

    source: Endpoint
    data: bytes = field(repr=False)

    def __str__(self) -> str:
        return f"{self.source[0]}:{self.source[1]} {self.data[:32].hex(' ')}"


@dataclass(frozen=True)
class Answer:
    """What one endpoint said to one question; control is None when it was not needed or not given."""

    query: UdpQuery
    endpoint: Endpoint
    outcome: Outcome
    replies: tuple[Reply, ...] = ()
    control: PositiveControl | None = None

    @property
    def answered(self) -> bool:
        """Whether there was an answer."""
        return self.outcome is Outcome.REPLY

    @property
    def absent(self) -> bool:
        """Whether nobody answers, proved by the control.

        Raises LabFault when the control stayed silent too, HarnessBug when the probe was sent without one.
        """
        return not self.answered and _proved(self.control, self.query)

    def __str__(self) -> str:
        address, port = self.endpoint
        return f"{self.query.title} to {address}:{port}: {self.outcome} {_list(self.replies)}".rstrip()


@dataclass(frozen=True)
class BroadcastAnswer:
    """Who answered a broadcast, each address once."""

    query: UdpQuery
    destination: Endpoint
    replies: tuple[Reply, ...]
    control: PositiveControl | None = None

    def from_address(self, address: str) -> Reply | None:
        """The reply of one address."""
        return next((reply for reply in self.replies if reply.source[0] == address), None)

    def absent(self, address: str) -> bool:
        """Whether that address stayed silent while the control answered the same broadcast. Raises as Answer.absent."""
        return self.from_address(address) is None and _proved(self.control, self.query)

    def __str__(self) -> str:
        return (
            f"{self.query.title} broadcast to {self.destination[0]}: {len(self.replies)} replies {_list(self.replies)}"
        )


@dataclass(frozen=True)
class UdpSweepResult:
    """Many ports of one address. open: answered; closed: refused by ICMP; silent: neither, which may mean filtered."""

    address: str
    open: frozenset[int]
    closed: frozenset[int] = field(repr=False)
    silent: frozenset[int]
    answers: dict[int, tuple[Answer, ...]] = field(repr=False, hash=False)
    control: PositiveControl

    def __str__(self) -> str:
        return (
            f"{self.address}: udp open {ranges(self.open) or 'none'}; silent {ranges(self.silent) or 'none'}; "
            f"closed {ranges(self.closed) or 'none'}; control {self.control}"
        )


def _proved(control: PositiveControl | None, query: UdpQuery) -> bool:
    if control is None:
        raise HarnessBug(f"the absence of an answer to '{query.title}' is judged without a positive control")
    control.require()
    return True


def _list(replies: tuple[Reply, ...]) -> str:
    return ", ".join(str(reply) for reply in replies)
