"""Which TLS versions and cipher suites a server takes, asked one connection at a time with hand-made ClientHellos.

A verdict comes from bytes the server sent: a ServerHello or an alert. A reset, a closed connection or silence is
retried and then *inconclusive*, because busy embedded servers answer overload in just that way; it never counts as a
refusal.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Iterator, Sequence

from nportlab.probes.control import Endpoint
from nportlab.probes.tls_hello import (
    CLOSE_NOTIFY,
    CURVE_BITS,
    SSL_2,
    SSL_3,
    TLS_1_0,
    TLS_1_1,
    TLS_1_2,
    TLS_1_3,
    Malformed,
    NotTls,
    ServerFlight,
    Version,
    client_hello,
    close_notify,
)
from nportlab.probes.tls_results import (
    Accepted,
    Cause,
    Downgraded,
    Features,
    Inconclusive,
    Offer,
    Refused,
    SuiteReport,
    VersionReport,
)
from nportlab.probes.tls_suites import Suite, is_tls13, suite, suites
from nportlab.verdicts.recorder import NullRecorder, Recorder

__all__ = [
    "ALL_VERSIONS",
    "SSL_2",
    "SSL_3",
    "TLS_1_0",
    "TLS_1_1",
    "TLS_1_2",
    "TLS_1_3",
    "Accepted",
    "Cause",
    "Downgraded",
    "Features",
    "Inconclusive",
    "Offer",
    "Refused",
    "SuiteReport",
    "TlsProber",
    "Version",
    "VersionReport",
]

ALL_VERSIONS = (SSL_2, SSL_3, TLS_1_0, TLS_1_1, TLS_1_2, TLS_1_3)
_CHUNK = 60


class TlsProber:
    """Offers versions and suites, strictly one connection after the other.

    pause: seconds between two connections; timeout: seconds for a connection and for each wait; attempts: tries of one
    offer that ends without an answer, with growing pauses between them. `connections` counts what was opened.
    """

    def __init__(
        self,
        pause: float = 0.0,
        timeout: float = 5.0,
        recorder: Recorder | None = None,
        attempts: int = 4,
        server_name: str | None = None,
    ) -> None:
        self.pause = pause
        self.timeout = timeout
        self.attempts = attempts
        self.server_name = server_name
        self.connections = 0
        self._recorder = recorder or NullRecorder()
        self._last = float("-inf")

    def offer(
        self, endpoint: Endpoint, version: Version, suites: Iterable[int | Suite] | None = None, deflate: bool = False
    ) -> Offer:
        """Offer one version, with the given suites or all that the version knows.

        Returns Accepted, Refused, Downgraded or Inconclusive. Takes at most attempts x (2 x timeout + pauses) seconds.
        """
        offered = suites_of(version) if suites is None else suites
        codes = [code.code if isinstance(code, Suite) else code for code in offered]
        result: Offer = Inconclusive("never tried", Cause.NO_CONNECTION)
        seen: list[str] = []
        for attempt in range(self.attempts):
            self._wait(self.pause + (0.1 * 2**attempt if attempt else 0))
            result = self._attempt(endpoint, version, codes, deflate)
            if isinstance(result, Refused) and result.alert == "internal_error":
                continue
            if not isinstance(result, Inconclusive):
                break
            seen.append(result.reason)
            if result.cause in (Cause.NOT_TLS, Cause.MALFORMED):
                break
        if isinstance(result, Inconclusive):
            return Inconclusive(f"{len(seen)} attempts: {'; '.join(dict.fromkeys(seen))}", result.cause)
        return result

    def versions(self, endpoint: Endpoint, versions: Sequence[Version] = ALL_VERSIONS) -> VersionReport:
        """Offer each version by itself, highest first (so that a healthy server is seen to answer first)."""
        found = {version: self.offer(endpoint, version) for version in sorted(versions, reverse=True)}
        return VersionReport(dict(sorted(found.items())))

    def suites(self, endpoint: Endpoint, version: Version) -> SuiteReport:
        """Find all suites of a version by elimination: offer all, strike out the chosen one, until all are refused.

        Needs one connection more than there are suites. A server that does not stand long lists gets short ones.
        """
        pool = suites_of(version)
        first = self.offer(endpoint, version, pool)
        if isinstance(first, Inconclusive) and first.cause not in (Cause.NO_CONNECTION, Cause.NOT_TLS):
            return self._in_chunks(endpoint, version, pool)
        accepted, end = self._eliminate(endpoint, version, pool, first)
        return SuiteReport(version, tuple(accepted), end)

    def features(self, endpoint: Endpoint, version: Version = TLS_1_2) -> Features | Offer:
        """Offer compression and the usual extensions. Returns the offer's result when it was not accepted."""
        result = self.offer(endpoint, version, deflate=True)
        if not isinstance(result, Accepted):
            return result
        return Features(
            compression=result.compression != 0,
            renegotiation_info="renegotiation_info" in result.extensions,
            session_ticket="session_ticket" in result.extensions,
            extended_master_secret="extended_master_secret" in result.extensions,
        )

    def _in_chunks(self, endpoint: Endpoint, version: Version, pool: list[int]) -> SuiteReport:
        self._recorder.note(
            f"{version}: the server does not answer a list of {len(pool)} suites, asking {_CHUNK} a time"
        )
        accepted: list[Accepted] = []
        refusal: Offer | None = None
        for start in range(0, len(pool), _CHUNK):
            found, end = self._eliminate(endpoint, version, pool[start : start + _CHUNK])
            accepted += found
            if not isinstance(end, Refused):
                return SuiteReport(version, tuple(accepted), end)
            refusal = end
        return SuiteReport(version, tuple(accepted), refusal or Inconclusive("nothing to offer", Cause.NO_CONNECTION))

    def _eliminate(
        self, endpoint: Endpoint, version: Version, pool: list[int], result: Offer | None = None
    ) -> tuple[list[Accepted], Offer]:
        left = list(pool)
        accepted: list[Accepted] = []
        result = result or self.offer(endpoint, version, left)
        while isinstance(result, Accepted):
            accepted.append(result)
            if result.suite.code not in left:
                return accepted, Inconclusive(f"{result.suite} was chosen but not offered", Cause.MALFORMED)
            left.remove(result.suite.code)
            if not left:
                return accepted, Refused("handshake_failure")
            result = self.offer(endpoint, version, left)
        return accepted, result

    def _wait(self, pause: float) -> None:
        time.sleep(max(0.0, self._last + pause - time.monotonic()))

    def _attempt(self, endpoint: Endpoint, version: Version, codes: list[int], deflate: bool) -> Offer:
        hello = client_hello(version, codes, self.server_name, deflate)
        flight = ServerFlight(version)
        received = bytearray()
        cause: Cause | None = None
        problem = ""
        self.connections += 1
        try:
            with socket.create_connection(endpoint, self.timeout) as connection:
                try:
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    connection.sendall(hello)
                    for data in _receive(connection, self.timeout):
                        received += data
                        flight.feed(data)
                        if flight.complete:
                            break
                    else:
                        cause = Cause.CLOSED
                    if flight.hello is not None:
                        _say_goodbye(connection, version)
                except TimeoutError:
                    cause = Cause.TIMEOUT
                except (ConnectionError, OSError) as error:
                    cause, problem = Cause.RESET, f" ({error.strerror or error})"
                except (NotTls, Malformed) as error:
                    cause, problem = Cause.NOT_TLS if isinstance(error, NotTls) else Cause.MALFORMED, f" ({error})"
        except OSError as error:
            cause, problem = Cause.NO_CONNECTION, f" ({error.strerror or error})"
        self._last = time.monotonic()
        result = _judge(flight, version, cause, problem)
        address, port = endpoint
        summary = f"{version} offered with {len(codes)} suites: {result}"
        self._recorder.exchange(f"tls {address}:{port}", summary, hello, bytes(received))
        return result


def suites_of(version: Version) -> list[int]:
    """All suites that can be offered with a version, the strongest first as a client would list them.

    Empty for SSL 2.0, which has numbers of its own.
    """
    if version == SSL_2:
        return []
    fitting = [known for known in suites().values() if is_tls13(known.code) == (version == TLS_1_3)]
    strongest = sorted(fitting, key=lambda known: (not known.aead, not known.forward_secret, -known.bits, known.code))
    return [known.code for known in strongest]


def _receive(connection: socket.socket, timeout: float) -> Iterator[bytes]:
    """Bytes as they come until the end. Raises TimeoutError when the whole takes longer than the timeout."""
    deadline = time.monotonic() + timeout
    while (left := deadline - time.monotonic()) > 0:
        connection.settimeout(left)
        data = connection.recv(16384)
        if not data:
            return
        yield data
    raise TimeoutError


def _say_goodbye(connection: socket.socket, version: Version) -> None:
    if version != SSL_2:
        connection.sendall(close_notify(version))


def _judge(flight: ServerFlight, version: Version, cause: Cause | None, problem: str) -> Offer:
    hello = flight.hello
    if hello is not None:
        # The ServerHello decides, whatever happened behind it.
        chosen = suite(hello.suite)
        if hello.version != version:
            known = hello.version in set(Version)
            return Downgraded(Version(hello.version) if known else hello.version, chosen)
        curve_bits = CURVE_BITS.get(flight.curve) if flight.curve is not None else None
        return Accepted(
            version,
            chosen,
            hello.compression,
            hello.extension_names,
            flight.certificate,
            flight.dh_bits,
            curve_bits,
        )
    if flight.alert is not None and flight.alert.code != CLOSE_NOTIFY:
        return Refused(flight.alert.name)
    cause = cause or Cause.CLOSED
    return Inconclusive(f"{cause}{problem}", cause)
