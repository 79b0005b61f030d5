"""HTTPS to a unit: one session, deadlines everywhere, the served certificate pinned and every exchange recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import requests
import urllib3

from nportlab.unit.document import Document
from nportlab.unit.endpoint import Endpoint
from nportlab.unit.errors import NotReachable, TlsFailed, UnexpectedAnswer
from nportlab.unit.html import read_html
from nportlab.unit.pinning import Pin, PinningAdapter
from nportlab.unit.sending import Body, Sent
from nportlab.verdicts.recorder import NullRecorder, Recorder

_REDIRECTS = 4
_LARGEST_PAGE = 4 * 1024 * 1024  # bytes; a unit's pages are some kilobytes, its configuration file some hundred


@dataclass(frozen=True)
class Answer:
    """One answer of the unit: status, headers, body, and the path it finally came from."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    path: str

    @property
    def text(self) -> str:
        """The body as text; pages of the unit carry no reliable character set."""
        try:
            return self.body.decode("utf-8")
        except UnicodeDecodeError:
            return self.body.decode("latin-1")

    @property
    def document(self) -> Document:
        """The body read as a page."""
        return read_html(self.text)


class HttpsClient:
    """A browser without a screen, for one unit and one login.

    The certificate is not verified (units ship with a self-signed one) but recorded; suites that judge certificates use
    their own probes. Proxies of the environment are not used.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        recorder: Recorder | None = None,
        *,
        connect_timeout: float = 5.0,
        read_timeout: float = 20.0,
        pin: Pin | None = None,
        source_address: str | None = None,
        scheme: str = "https",
    ) -> None:
        """connect_timeout, read_timeout: seconds. source_address: local address to dial from."""
        self.endpoint = endpoint
        self.pin = pin or Pin()
        self._recorder: Recorder = recorder or NullRecorder()
        self._timeouts = (connect_timeout, read_timeout)
        self._base = f"{scheme}://{endpoint}"
        self._source = source_address
        self._session = self._new_session()

    def _new_session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.verify = False
        session.mount("https://", PinningAdapter(self._saw, self._source))
        return session

    def _saw(self, certificate: bytes) -> None:
        if self.pin.saw(certificate):
            self._recorder.note(f"{self.endpoint} serves another certificate now: sha256 {self.pin.served}")

    @property
    def cookies(self) -> dict[str, str]:
        """The session's cookies."""
        return {cookie.name: cookie.value or "" for cookie in self._session.cookies}

    @contextmanager
    def patient(self, seconds: float) -> Iterator[None]:
        """Wait that long for answers while the block runs."""
        before = self._timeouts
        self._timeouts = (before[0], seconds)
        try:
            yield
        finally:
            self._timeouts = before

    def close_connections(self) -> None:
        """Close what is kept open, not the login; after a large answer or before a restart."""
        self._session.close()

    def forget(self) -> None:
        """Drop cookies and connections, as a closed browser does."""
        self._session.close()
        self._session = self._new_session()

    def get(self, path: str, *, headers: Mapping[str, str] | None = None, follow: bool = True) -> Answer:
        """GET a path. Raises NotReachable or TlsFailed."""
        return self._ask("GET", path, None, None, headers, follow)

    def post(
        self,
        path: str,
        fields: Sequence[tuple[str, str]],
        files: Mapping[str, tuple[str, bytes]] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        follow: bool = True,
        sent: Sent | None = None,
    ) -> Answer:
        """POST form fields; with files (field -> (file name, content)) as multipart. Raises as `get`.

        sent: told how many bytes of the body are out, of how many; with it the unit has as long as it wants between
        taking two pieces as it has to answer (read_timeout).
        """
        return self._ask("POST", path, fields, files, headers, follow, sent)

    def _ask(
        self,
        method: str,
        path: str,
        fields: Sequence[tuple[str, str]] | None,
        files: Mapping[str, tuple[str, bytes]] | None,
        headers: Mapping[str, str] | None,
        follow: bool,
        sent: Sent | None = None,
    ) -> Answer:
        for _ in range(_REDIRECTS + 1):
            answer = self._once(method, path, fields, files, headers, sent)
            target = answer.headers.get("Location")
            if not follow or answer.status not in (301, 302, 303, 307, 308) or target is None:
                return answer
            path = self._local(urljoin(path, target))
            method, fields, files, sent = "GET", None, None, None
        raise UnexpectedAnswer(f"{self.endpoint} redirects without end, last to {path}", resource="web console")

    def _local(self, target: str) -> str:
        """The path of a redirect; one to another host or port is not followed."""
        parts = urlsplit(target)
        if parts.netloc and (parts.hostname, parts.port or 443) not in (
            tuple(self.endpoint),
            (self.endpoint.host, 443),
        ):
            raise UnexpectedAnswer(
                f"{self.endpoint} redirects to another place: {parts.netloc}", resource="web console"
            )
        return parts.path + (f"?{parts.query}" if parts.query else "") or "/"

    def _once(
        self,
        method: str,
        path: str,
        fields: Sequence[tuple[str, str]] | None,
        files: Mapping[str, tuple[str, bytes]] | None,
        headers: Mapping[str, str] | None,
        told: Sent | None = None,
    ) -> Answer:
        url = self._base + (path if path.startswith("/") else f"/{path}")
        arguments: dict[str, Any] = {"data": fields, "files": files, "headers": dict(headers or {})}
        if told is not None:
            body = Body(fields or (), files or {}, told)
            arguments |= {"data": body, "files": None, "headers": {**(headers or {}), "Content-Type": body.type}}
            arguments["timeout"] = self._timeouts[1]
        try:
            response = self._send(method, url, arguments)
        except requests.RequestException as error:
            raise self._fault(error) from None
        kept = path.split("?")[0]
        answer = Answer(response.status_code, response.headers, response.content[:_LARGEST_PAGE], path)
        sent = urlencode(fields) if fields else None
        if files:
            sent = (sent or "") + "".join(f"&{k}=<{name}, {len(data)} bytes>" for k, (name, data) in files.items())
        summary = f"{method} {kept} -> {answer.status}"
        self._recorder.exchange(f"https {self.endpoint}", summary, sent, answer.body)
        return answer

    def _send(self, method: str, url: str, arguments: dict[str, Any]) -> requests.Response:
        arguments = {"timeout": self._timeouts, "allow_redirects": False, **arguments}
        try:
            return self._session.request(method, url, **arguments)
        except requests.ConnectionError as error:
            # A kept connection that the unit closed meanwhile says nothing about the unit; a fresh one does.
            if method != "GET" or not _was_dropped(error):
                raise
            return self._session.request(method, url, **arguments)

    def _fault(self, error: requests.RequestException) -> NotReachable | TlsFailed:
        if isinstance(error, requests.exceptions.SSLError):
            return TlsFailed(
                f"no TLS connection to {self.endpoint}: {_reason(error)}",
                remedy="Check which TLS versions and certificate the unit has.",
                resource="web console",
            )
        if isinstance(error, requests.ReadTimeout):
            message = f"{self.endpoint} accepted the connection but did not answer within {self._timeouts[1]:g} s"
        elif isinstance(error, requests.ConnectTimeout):
            message = f"no answer from {self.endpoint} within {self._timeouts[0]:g} s"
        else:
            message = f"no connection to {self.endpoint}: {_reason(error)}"
        return NotReachable(message, remedy="Check power, link and address of the unit.", resource="web console")


def _was_dropped(error: requests.ConnectionError) -> bool:
    inner = error.args[0] if error.args else None
    return isinstance(inner, urllib3.exceptions.ProtocolError)


def _reason(error: BaseException) -> str:
    """The innermost cause, without the request it belongs to."""
    seen: BaseException = error
    for _ in range(8):
        inner = getattr(seen, "reason", None) or (seen.args[0] if seen.args else None) or seen.__cause__
        if isinstance(inner, BaseException):
            seen = inner
            continue
        break
    if isinstance(seen, OSError) and seen.strerror:
        return seen.strerror
    return str(seen).rpartition(": ")[2]
