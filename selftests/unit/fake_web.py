"""An HTTPS server that answers as a test tells it to: a web console gone wrong in every way we can think of."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import parse_qs, urlsplit

from nportlab.unit.endpoint import Endpoint
from nportlab.unit.pki import LabAuthority

LOGIN_2X = (
    "<HTML><FORM method=post action=/><INPUT type=hidden name=FakeChallenge value=5A>{}"
    "<INPUT type=hidden name=EncUser><INPUT type=hidden name=EncPasswd>"
    "<INPUT name=Username><INPUT type=password name=Password></FORM>"
)
LOGIN_1X = (
    "<HTML><FORM method=post action=/><INPUT type=hidden name=FakeChallenge value=5A>{}"
    "<INPUT type=hidden name=MD5Password><INPUT name=Username><INPUT type=password name=Password></FORM>"
)
MENU = "<UL><LI>Administration<UL><LI><A href=/c.htm>Console Settings</A></UL><LI><A href=/r.htm>Restart</A></UL>"
CONSOLE_PAGE = (
    MENU + "<FORM method=post action=/c.htm><INPUT type=hidden name=csrf_token value=t0k><TABLE>"
    "<TR><TD>Telnet console<TD><INPUT type=radio name=t value=1>Enable <INPUT type=radio name=t value=0 checked>Disable"
    "<TR><TD>Auto Logout Setting (min)<TD><INPUT name=a value=5>(1~1440)"
    "<TR><TD>RADIUS key<TD><INPUT type=password name=k>"
    "</TABLE><INPUT type=submit name=Submit value=Submit></FORM>"
)
SAVED = MENU + "<P>Your changes have been saved."


@dataclass
class Request:
    """What came in."""

    method: str
    path: str
    fields: dict[str, str]
    cookie: str


@dataclass
class Reply:
    """What goes out. cookie: `name=value` to set."""

    body: str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Script = Callable[[Request], Reply]


class FakeWeb(ThreadingHTTPServer):
    """The server; `requests` holds everything that came in."""

    daemon_threads = True

    def __init__(self, script: Script) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = script
        self.requests: list[Request] = []

    @property
    def endpoint(self) -> Endpoint:
        """Where it is."""
        return Endpoint("127.0.0.1", self.server_address[1])

    def count(self, method: str, path: str) -> int:
        """How often something was asked for."""
        return sum((request.method, request.path) == (method, path) for request in self.requests)

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    server: FakeWeb  # type: ignore[assignment]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode("latin-1")
        self._answer({name: values[-1] for name, values in parse_qs(data, keep_blank_values=True).items()})

    def _answer(self, fields: dict[str, str]) -> None:
        request = Request(self.command, urlsplit(self.path).path, fields, self.headers.get("Cookie", ""))
        self.server.requests.append(request)
        reply = self.server.script(request)
        body = reply.body.encode()
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def fake_web(script: Script) -> Iterator[FakeWeb]:
    """Serve the script over TLS."""
    server = FakeWeb(script)
    server.socket = _context().wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


@cache
def _context() -> ssl.SSLContext:
    with TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "leaf.pem").write_bytes(LabAuthority(place).issue("p256", "127.0.0.1", "fake").pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(place / "leaf.pem")
    return context


class Console2x:
    """A script that behaves like a healthy 2.x console with one page; tests bend it. `inside`: sessions are alive."""

    def __init__(self) -> None:
        self.inside = False
        self.logins = 0
        self.login_message = ""
        self.submitted: list[dict[str, str]] = []
        self.after_submit = SAVED
        self.history = False

    def __call__(self, request: Request) -> Reply:
        if request.method == "POST" and request.path == "/":
            return self.login()
        if not self.inside:
            return Reply(LOGIN_2X.format(""))
        return self.page(request)

    def login(self) -> Reply:
        """Answer a login attempt."""
        self.logins += 1
        if self.login_message:
            return Reply(LOGIN_2X.format(self.login_message))
        self.inside = True
        if self.history:
            return Reply("<FORM><INPUT type=button onclick=WebLogClr name=WebLogClr></FORM>")
        return Reply("", 302, {"Location": "/main.htm"})

    def page(self, request: Request) -> Reply:
        """Answer somebody who is logged in."""
        if request.path == "/c.htm":
            if request.method == "POST":
                self.submitted.append(request.fields)
                return Reply(self.after_submit)
            return Reply(CONSOLE_PAGE)
        return Reply(MENU)
