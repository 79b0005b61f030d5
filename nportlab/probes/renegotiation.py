"""Whether a server lets its clients renegotiate, asked by `openssl s_client`.

Unlimited client renegotiation lets one client keep a small server busy (CVE-2011-1473).
"""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import subprocess
import time
from dataclasses import dataclass, field
from enum import StrEnum

from nportlab.probes.control import Endpoint
from nportlab.probes.handshake import LEGACY_CIPHERS, HandshakeFailed
from nportlab.verdicts.faults import LabFault
from nportlab.verdicts.recorder import NullRecorder, Recorder


class Renegotiation(StrEnum):
    """How a server answers a client that wants to renegotiate."""

    REFUSED = "refused"
    ALLOWED = "allowed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class RenegotiationReport:
    """answer: the server's; times: renegotiations that succeeded; transcript: openssl's output."""

    answer: Renegotiation
    times: int
    transcript: str = field(repr=False)


def client_renegotiation(
    endpoint: Endpoint, times: int = 3, timeout: float = 10.0, recorder: Recorder | None = None
) -> RenegotiationReport:
    """Ask for renegotiation within a TLS 1.2 session, up to `times` times, by `openssl s_client` and its `R` command.

    Raises HandshakeFailed when there is no TLS 1.2 session at all, LabFault when openssl is missing.
    """
    address, port = endpoint
    command = ["openssl", "s_client", "-connect", _host_port(endpoint), "-tls1_2", "-cipher", LEGACY_CIPHERS]
    try:
        process = subprocess.Popen(
            [*command, "-legacy_renegotiation", "-legacy_server_connect"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except FileNotFoundError:
        raise LabFault("the program openssl is missing", "Install it: apt install openssl", "openssl") from None
    deadline = time.monotonic() + timeout
    session = _Session(process, deadline)
    try:
        greeted = session.wait_for(rb"Verify return code: (?s:.*?)\n---\n")
        if not greeted or b"Cipher is (NONE)" in session.output:
            raise HandshakeFailed(
                f"no TLS 1.2 session with {address}:{port}",
                "See what the unit offers: the evidence of the TLS prober lists its answers to every version.",
                f"tls {address}:{port}",
            )
        succeeded = 0
        answer = Renegotiation.UNKNOWN
        for _ in range(times):
            # s_client verifies the certificate again after a renegotiation, and prints OpenSSL's error otherwise.
            outcome = session.send(b"R\n", rb"RENEGOTIATING(?s:.*?)(verify return:\d|[0-9A-F]{8}:error:|errno|closed)")
            if b"verify return" in outcome:
                succeeded += 1
                answer = Renegotiation.ALLOWED
                continue
            if outcome or session.ended:
                answer = Renegotiation.ALLOWED if succeeded else Renegotiation.REFUSED
            break
    finally:
        process.kill()
        process.wait()
        session.close()
    transcript = session.output.decode("utf-8", "replace")
    report = RenegotiationReport(answer, succeeded, transcript)
    (recorder or NullRecorder()).exchange(
        f"tls {address}:{port}", f"client renegotiation {answer}, {succeeded} of {times}", "R\n" * times, transcript
    )
    return report


class _Session:
    """The running s_client: its output so far, read without blocking past the deadline."""

    def __init__(self, process: subprocess.Popen[bytes], deadline: float) -> None:
        self.output = b""
        self.ended = False
        self._process = process
        self._deadline = deadline
        assert process.stdin is not None and process.stdout is not None
        self._stdin, self._stdout = process.stdin, process.stdout
        os.set_blocking(self._stdout.fileno(), False)

    def close(self) -> None:
        """Close both ends of the pipes."""
        with contextlib.suppress(OSError):
            self._stdin.close()
        self._stdout.close()

    def wait_for(self, pattern: bytes, start: int = 0) -> bytes:
        """Read until the pattern appears behind `start`; empty at the end of the output or at the deadline."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._stdout, selectors.EVENT_READ)
            while not (match := re.search(pattern, self.output[start:])):
                left = self._deadline - time.monotonic()
                if left <= 0 or not selector.select(left):
                    return b""
                data = os.read(self._stdout.fileno(), 65536)
                if not data:
                    self.ended = True
                    return b""
                self.output += data
            return match.group(0)

    def send(self, command: bytes, pattern: bytes) -> bytes:
        """Type a command and wait for what follows it."""
        start = len(self.output)
        try:
            self._stdin.write(command)
            self._stdin.flush()
        except OSError:
            self.ended = True
            return b""
        return self.wait_for(pattern, start)


def _host_port(endpoint: Endpoint) -> str:
    address, port = endpoint
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
