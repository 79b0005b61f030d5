"""Who answers over UDP: a service's own question to one address, to many ports, or to everyone on the wire.

UDP has no handshake, so silence is only worth something next to a *positive control*: the same question, put in the
same way to a responder that is known to answer it. `absent` refuses to judge without one.
"""

from __future__ import annotations

import contextlib
import errno
import selectors
import socket
import struct
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from nportlab.probes.control import Endpoint, PositiveControl
from nportlab.probes.sweep import ranges
from nportlab.probes.udp_answers import Answer, BroadcastAnswer, Outcome, Reply, UdpSweepResult
from nportlab.probes.udp_queries import UdpQuery, queries_for
from nportlab.verdicts.faults import LabFault
from nportlab.verdicts.recorder import NullRecorder, Recorder

_IP_RECVERR, _IPV6_RECVERR = 11, 25
_SO_BINDTODEVICE = 25
_PATIENCE = 4
"""Times the usual time, when even the control has not answered within that."""


class UdpProber:
    """Asks over UDP.

    timeout: seconds to wait for an answer to each try; tries: how often a silent endpoint is asked; source: local
    address to ask from, None to let the host choose; pause: seconds between two datagrams of a sweep.
    """

    def __init__(
        self,
        timeout: float = 1.0,
        tries: int = 3,
        source: str | None = None,
        recorder: Recorder | None = None,
        pause: float = 0.0,
    ) -> None:
        self.timeout = timeout
        self.tries = tries
        self.source = source
        self.pause = pause
        self._recorder = recorder or NullRecorder()

    def ask(self, endpoint: Endpoint, query: UdpQuery, control: Endpoint | None = None) -> Answer:
        """Ask one endpoint; on silence ask the control the same. When the control is silent as well both are asked once
        more, with more time: a busy host answers late. Takes at most 10 x tries x timeout seconds."""
        for timeout in (self.timeout, _PATIENCE * self.timeout):
            answer = self._ask_all({endpoint: [query]}, timeout)[0]
            if answer.answered or control is None:
                break
            proof = self._ask_all({control: [query]}, timeout)[0]
            detail = str(proof.replies[0]) if proof.replies else str(proof.outcome)
            positive = PositiveControl(query.title, control, proof.answered, detail)
            answer = Answer(query, endpoint, answer.outcome, answer.replies, positive)
            if proof.answered:
                break
        received = b"".join(reply.data for reply in answer.replies) or None
        summary = f"{answer}; control: {answer.control}" if answer.control else str(answer)
        self._recorder.exchange(f"udp {endpoint[0]}:{endpoint[1]}", summary, query.payload, received)
        return answer

    def sweep(
        self, host: str, ports: Iterable[int] | dict[int, int], *, control: Endpoint, control_query: UdpQuery
    ) -> UdpSweepResult:
        """Ask many ports at once, each with the questions of its usual services.

        ports: port numbers of the service, or service port -> port to send to where the unit's ports are mapped.
        Raises LabFault when the control does not answer.
        """
        mapped = ports if isinstance(ports, dict) else {port: port for port in ports}
        proof = self.ask(control, control_query)
        positive = PositiveControl(control_query.title, control, proof.answered, str(proof.outcome))
        positive.require()
        plan = {(host, target): queries_for(port) for port, target in mapped.items()}
        service = {target: port for port, target in mapped.items()}
        answers: dict[int, list[Answer]] = {}
        for answer in self._ask_all(plan):
            answers.setdefault(service[answer.endpoint[1]], []).append(answer)
        outcomes = {port: {answer.outcome for answer in found} for port, found in answers.items()}
        is_open = frozenset(port for port, seen in outcomes.items() if Outcome.REPLY in seen)
        is_closed = frozenset(port for port, seen in outcomes.items() if Outcome.UNREACHABLE in seen) - is_open
        result = UdpSweepResult(
            host,
            is_open,
            is_closed,
            frozenset(outcomes) - is_open - is_closed,
            {port: tuple(found) for port, found in answers.items()},
            positive,
        )
        self._recorder.exchange(f"udp sweep {host}", f"questions to {ranges(mapped)}", None, str(result))
        return result

    def broadcast(
        self,
        query: UdpQuery,
        destination: str = "255.255.255.255",
        port: int | None = None,
        interface: str | None = None,
        control: str | None = None,
    ) -> BroadcastAnswer:
        """Ask everyone, `tries` times, and collect for `timeout` after each.

        destination: limited or directed broadcast. For the limited one the host needs to know where to send it: give
        `interface` (needs the right to bind to a device) or construct the prober with `source`.
        control: address of a responder that answers this broadcast. Raises LabFault when the host cannot send it.
        """
        target = (destination, query.port if port is None else port)
        found: dict[str, Reply] = {}
        try:
            with self._socket(target) as asker, selectors.DefaultSelector() as selector:
                asker.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                if interface is not None:
                    asker.setsockopt(socket.SOL_SOCKET, _SO_BINDTODEVICE, interface.encode())
                selector.register(asker, selectors.EVENT_READ)
                for _ in range(self.tries):
                    asker.sendto(query.payload, target)
                    deadline = time.monotonic() + self.timeout
                    while (left := deadline - time.monotonic()) > 0:
                        if not selector.select(left):
                            break
                        for reply in _received(asker):
                            if query.recognises(reply.data):
                                found.setdefault(reply.source[0], reply)
        except OSError as error:
            raise LabFault(
                f"the broadcast to {destination} cannot be sent: {error.strerror or error}",
                "Set the interface of the lab network in lab.yaml, and run with the right to bind to it.",
                f"network, interface {interface or 'not given'}",
            ) from error
        positive = None
        if control is not None:
            seen = found.pop(control, None)
            endpoint = (control, target[1])
            detail = str(seen) if seen else "no answer"
            positive = PositiveControl(f"{query.title} broadcast", endpoint, seen is not None, detail)
        answer = BroadcastAnswer(query, target, tuple(found.values()), positive)
        received = b"".join(reply.data for reply in answer.replies) or None
        self._recorder.exchange(f"udp broadcast {destination}:{target[1]}", str(answer), query.payload, received)
        return answer

    def _ask_all(self, plan: Mapping[Endpoint, Sequence[UdpQuery]], timeout: float | None = None) -> list[Answer]:
        """All questions to all endpoints side by side, each from a socket of its own. timeout: another one."""
        questions = [_Question(endpoint, query) for endpoint, queries in plan.items() for query in queries]
        for start in range(0, len(questions), 200):
            self._ask_batch(questions[start : start + 200], self.timeout if timeout is None else timeout)
        return [question.answer() for question in questions]

    def _ask_batch(self, questions: list[_Question], timeout: float) -> None:
        with contextlib.ExitStack() as stack, selectors.DefaultSelector() as selector:
            for question in questions:
                question.socket = stack.enter_context(self._socket(question.endpoint))
                selector.register(question.socket, selectors.EVENT_READ, question)
            for _ in range(self.tries):
                waiting = [question for question in questions if question.outcome is not Outcome.REPLY]
                for question in waiting:
                    question.send()
                    if self.pause:
                        time.sleep(self.pause)
                deadline = time.monotonic() + timeout
                while any(question.open for question in waiting) and (left := deadline - time.monotonic()) > 0:
                    for key, _ in selector.select(left):
                        key.data.collect()

    def _socket(self, endpoint: Endpoint) -> socket.socket:
        family = socket.AF_INET6 if ":" in endpoint[0] else socket.AF_INET
        asker = socket.socket(family, socket.SOCK_DGRAM)
        asker.setblocking(False)
        # Not connected, because some answers come from another port; this option still reports ICMP errors.
        if family == socket.AF_INET:
            asker.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
        else:
            asker.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
        try:
            asker.bind((self.source or "", 0))
        except OSError as error:
            asker.close()
            raise LabFault(
                f"no datagram can be sent from {self.source}: {error.strerror}",
                "Give the harness host that address, or correct harness_address in lab.yaml.",
                f"address {self.source}",
            ) from error
        return asker


class _Question:
    """One query to one endpoint and what has come back so far."""

    def __init__(self, endpoint: Endpoint, query: UdpQuery) -> None:
        self.endpoint = endpoint
        self.query = query
        self.socket: socket.socket
        self.outcome = Outcome.SILENT
        self.replies: list[Reply] = []
        self._this_try = Outcome.SILENT

    @property
    def open(self) -> bool:
        """Whether this try is still without any result."""
        return self._this_try is Outcome.SILENT

    def send(self) -> None:
        self._this_try = Outcome.SILENT
        try:
            self.socket.sendto(self.query.payload, self.endpoint)
        except OSError as error:
            if error.errno == errno.ECONNREFUSED:  # the answer to an earlier try
                self._settle(Outcome.UNREACHABLE)
            elif error.errno not in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EAGAIN):
                raise

    def collect(self) -> None:
        for reply in _received(self.socket, self.refused):
            if reply.source[0] == self.endpoint[0] and self.query.recognises(reply.data):
                self.replies.append(reply)
                self._settle(Outcome.REPLY)

    def refused(self) -> None:
        self._settle(Outcome.UNREACHABLE)

    def answer(self) -> Answer:
        return Answer(self.query, self.endpoint, self.outcome, tuple(self.replies))

    def _settle(self, outcome: Outcome) -> None:
        self._this_try = outcome
        if self.outcome is not Outcome.REPLY:
            self.outcome = outcome


def _received(asker: socket.socket, refused: Callable[[], None] = lambda: None) -> list[Reply]:
    """Everything that waits in the socket. refused: called when an ICMP port unreachable waits among it."""
    replies: list[Reply] = []
    for _ in range(1000):
        try:
            data, source = asker.recvfrom(65535)
        except BlockingIOError:
            break
        except OSError as error:
            if error.errno == errno.ECONNREFUSED:
                refused()
            continue
        replies.append(Reply((source[0], source[1]), data))
    # The error queue has to be emptied, or the selector reports it for ever.
    with contextlib.suppress(OSError):
        while True:
            _, ancillary, _, _ = asker.recvmsg(1024, 512, socket.MSG_ERRQUEUE)
            if any(_is_refusal(data) for _, _, data in ancillary):
                refused()
    return replies


def _is_refusal(data: bytes) -> bool:
    """Whether a control message is a sock_extended_err of ECONNREFUSED (linux/errqueue.h)."""
    return len(data) >= 4 and struct.unpack_from("@I", data)[0] == errno.ECONNREFUSED
