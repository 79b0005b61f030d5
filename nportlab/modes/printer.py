"""Clients of the printer modes: raw jobs over TCP, and a line printer daemon's client (RFC 1179)."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass

from nportlab.modes.connecting import Source, connect
from nportlab.modes.errors import CommandRefused, ConnectionLost, lost
from nportlab.modes.stream import StreamChannel
from nportlab.modes.tcp import TcpClient
from nportlab.protocol.lpd import ACCEPTED, Command, FileBegins, Request, Subcommand
from nportlab.unit.endpoint import Endpoint
from nportlab.verdicts.faults import LabFault

PRIVILEGED = range(721, 732)
"""Source ports RFC 1179 section 3.1 asks for; BSD's daemon insists on them, a unit need not."""

FORM_FEED = b"\f"


def raw_job(endpoint: Endpoint, data: bytes, *, label: str | None = None, timeout: float = 10.0) -> None:
    """Print one job over RAW: connect, send, hang up. Raises PortRefused, PortSilent, NotReachable, NotInTime,
    ConnectionLost. For a job in pieces use TcpClient with mode="printer RAW"."""
    with TcpClient.connect(endpoint, label=label, mode="printer RAW", timeout=timeout) as client:
        client.send_all(data, timeout)
        client.stop_sending()


@dataclass(frozen=True)
class Step:
    """One thing sent to a print server, and the octet it answered; None: it closed the connection instead."""

    what: str
    answer: int | None

    @property
    def accepted(self) -> bool:
        """Whether the answer was zero."""
        return self.answer == 0


class LpdClient:
    """Talks to the print server at `endpoint`, one connection per request as RFC 1179 has it."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        label: str | None = None,
        timeout: float = 10.0,
        privileged: bool = False,
        host: str = "nportlab",
        user: str = "nportlab",
    ) -> None:
        """timeout: seconds for a connection and for each answer. privileged: come from a port of PRIVILEGED (needs
        root). host, user: what jobs say about their origin."""
        self.endpoint = endpoint
        self.name = f"{label or endpoint} printer LPD"
        self._timeout = timeout
        self._sources: list[Source | None] = [("", port) for port in PRIVILEGED] if privileged else [None]
        self._host, self._user = host, user
        self._job = 0

    def queue_state(self, queue: str, *, long: bool = False, operands: Iterable[str] = ()) -> str:
        """The queue's state as the server words it; operands: only jobs of these users or numbers.

        Raises NotInTime, with what came, unless the server ends the connection after it; PortRefused and the like.
        """
        request = Request(Command.LONG_STATE if long else Command.SHORT_STATE, queue, tuple(operands))
        with self._connected() as connection:
            connection.send_all(request.encode(), self._timeout)
            ending = connection.wait_closed(self._timeout)
        if ending.how == "reset" and not ending.received:
            raise lost(self.name, ending.how)
        return ending.received.decode("ascii", "replace")

    def print_waiting(self, queue: str) -> bool:
        """Ask to print what waits; whether the server accepts. Raises NotInTime, PortRefused and the like."""
        return self._ask(Request(Command.PRINT_WAITING, queue)).accepted

    def remove_jobs(self, queue: str, agent: str, jobs: Iterable[str] = ()) -> bool:
        """Ask to remove jobs (numbers or users; none: the one being printed); whether the server accepts."""
        return self._ask(Request(Command.REMOVE_JOBS, queue, (agent, *jobs))).accepted

    def print_job(
        self,
        queue: str,
        data: bytes,
        *,
        title: str = "nportlab job",
        kind: str = "l",
        data_first: bool = False,
        unknown_length: bool = False,
    ) -> list[Step]:
        """Send one job; returns each step with the server's answer, ending at the first that was not accepted.

        title: shown in the queue. kind: "l" prints octets as they are, "f" as text. data_first: the data file before
        the control file, which RFC 1179 allows. unknown_length: say 0 octets and end the file by closing our side.
        Raises NotInTime when an answer is missing, PortRefused and the like.
        """
        self._job = self._job % 999 + 1
        data_name, control_name = f"dfA{self._job:03}{self._host}", f"cfA{self._job:03}{self._host}"
        control = f"H{self._host}\nP{self._user}\nJ{title}\n{kind}{data_name}\nU{data_name}\nN{title}\n".encode()
        files = [(Subcommand.CONTROL_FILE, control_name, control), (Subcommand.DATA_FILE, data_name, data)]
        if data_first:
            files.reverse()
        steps: list[Step] = []
        with self._connected() as connection:
            steps.append(self._step(connection, f"job for {queue}", Request(Command.RECEIVE_JOB, queue).encode()))
            for subcommand, name, octets in files:
                if not steps[-1].accepted:
                    break
                endless = unknown_length and subcommand is Subcommand.DATA_FILE
                begin = FileBegins(subcommand, 0 if endless else len(octets), name).encode()
                steps.append(self._step(connection, f"{name} begins", begin))
                if steps[-1].accepted:
                    end = b"" if endless else ACCEPTED
                    steps.append(self._step(connection, f"{name} ends", octets + end, last=endless))
        return steps

    def print_or_raise(self, queue: str, data: bytes, *, title: str = "nportlab job", kind: str = "l") -> None:
        """Send one job that must be taken. Raises CommandRefused naming the step that was not."""
        last = self.print_job(queue, data, title=title, kind=kind)[-1]
        if not last.accepted:
            said = "closed the connection" if last.answer is None else f"answered {last.answer}"
            raise CommandRefused(f"queue {queue}: {last.what}: the server {said}", resource=self.name)

    def exchange(self, octets: bytes, answers: int = 1) -> bytes:
        """Send octets that may be no LPD at all; up to `answers` octets that come back, fewer when it hangs up."""
        with self._connected() as connection:
            connection.send_all(octets, self._timeout)
            try:
                return connection.receive_exactly(answers, self._timeout)
            except ConnectionLost as gone:
                return gone.received

    def _ask(self, request: Request) -> Step:
        with self._connected() as connection:
            return self._step(connection, request.command.name, request.encode())

    def _step(self, connection: StreamChannel, what: str, octets: bytes, *, last: bool = False) -> Step:
        try:
            connection.send_all(octets, self._timeout)
            if last:
                connection.stop_sending()
            return Step(what, connection.receive_exactly(1, self._timeout)[0])
        except ConnectionLost:
            return Step(what, None)

    def _connected(self) -> StreamChannel:
        for source in self._sources:
            try:
                sock: socket.socket = connect(self.endpoint, self.name, self._timeout, source=source)
            except LabFault:
                continue  # another program has this source port
            return StreamChannel(sock, self.name)
        raise LabFault(
            f"none of the source ports {PRIVILEGED[0]} to {PRIVILEGED[-1]} can be had",
            remedy="Run as root, or print without privileged source ports.",
            resource=self.name,
        )
