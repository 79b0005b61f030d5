"""Login, refusal, lockout, limits, lost sessions: what the harness makes of a console that does not play along."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress

import pytest

from nportlab.protocol.web_login import decode_1x, decode_2x
from nportlab.unit.console import WebConsole
from nportlab.unit.endpoint import Account, Endpoint
from nportlab.unit.errors import (
    FirstBootPending,
    LockedOut,
    LoginRefused,
    NotReachable,
    SessionLimit,
    SessionLost,
    TlsFailed,
    UnexpectedAnswer,
)
from nportlab.unit.web_session import WebSession
from nportlab.verdicts.faults import ConfigFault
from selftests.unit.fake_web import LOGIN_1X, MENU, Console2x, FakeWeb, Reply, Request, fake_web

PASSWORD = "pass-W0rd"


def session(server: FakeWeb, account: Account | None = None) -> WebSession:
    return WebSession(server.endpoint, account or Account("admin", PASSWORD), read_timeout=3)


def test_login_hides_name_and_password() -> None:
    with fake_web(Console2x()) as server:
        session(server).login()
        posted = next(request.fields for request in server.requests if request.method == "POST")
    assert (posted["Username"], posted["Password"]) == ("", "")
    assert decode_2x(posted["EncUser"], "5A") == "admin"
    assert decode_2x(posted["EncPasswd"], "5A") == PASSWORD


def test_login_history_is_passed_and_kept() -> None:
    script = Console2x()
    script.history = True
    with fake_web(script) as server:
        session(server).login()
        assert server.count("GET", "/WebLogClr") == 1


def test_a_refusal_is_never_repeated_by_any_session_of_the_account() -> None:
    script = Console2x()
    script.login_message = "<B class=error>Wrong account or password.</B>"
    account = Account("admin", PASSWORD)
    with fake_web(script) as server:
        with pytest.raises(LoginRefused, match="Wrong account or password") as caught:
            session(server, account).login()
        asked = len(server.requests)
        for _ in range(3):
            with pytest.raises(LoginRefused, match="not tried again"):
                WebConsole(session(server, account)).overview()
        assert (script.logins, len(server.requests)) == (1, asked)
    assert PASSWORD not in f"{caught.value!r} {caught.value.remedy} {account!r}"


def test_a_refusal_is_not_kept_while_a_server_judges_logins() -> None:
    script = Console2x()
    script.login_message = "no"
    account = Account("admin", PASSWORD, judged_by_unit=False)
    with fake_web(script) as server:
        with pytest.raises(LoginRefused):
            session(server, account).login()
        script.login_message = ""
        session(server, account).login()


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("This account is locked.", LockedOut),
        ("You are locked out for 5 minutes.", LockedOut),
        ("The maximum number of login users is reached.", SessionLimit),
        ("Already login.", SessionLimit),
        ("", LoginRefused),
    ],
)
def test_the_reason_of_a_failed_login(said: str, error: type[Exception]) -> None:
    script = Console2x()
    script.login_message = f"<P>{said}</P>"
    account = Account("admin", PASSWORD)
    with fake_web(script) as server, pytest.raises(error) as caught:
        session(server, account).login()
    assert type(caught.value) is error
    assert (account.refused is not None) == (error is LoginRefused)


def test_a_second_session_of_firmware_1_is_a_limit_not_a_wrong_password() -> None:
    def script(request: Request) -> Reply:
        return Reply("<HTML>Already login.") if request.method == "POST" else Reply(LOGIN_1X.format(""))

    with fake_web(script) as server, pytest.raises(SessionLimit, match="Already login"):
        session(server).login()


def test_firmware_1_login_frames_and_menu() -> None:
    def script(request: Request) -> Reply:
        if request.method == "POST":
            return Reply("<FRAMESET>", headers={"Set-Cookie": "ChallID=17; path=/"})
        if "ChallID=17" not in request.cookie:
            return Reply(LOGIN_1X.format(""))
        if request.path == "/":
            return Reply("<FRAMESET><FRAME src=menu.htm name=m><FRAME src=main.htm name=main></FRAMESET>")
        return Reply(MENU if request.path == "/menu.htm" else "<TABLE><TR><TD>Model name<TD>NP6150</TABLE>")

    with fake_web(script) as server:
        web = session(server)
        assert [entry.text for entry in web.menu()] == ["Administration > Console Settings", "Restart"]
        assert web.flavour.name == "1.x"
        posted = next(request.fields for request in server.requests if request.method == "POST")
    assert decode_1x(posted["MD5Password"], "5A") == PASSWORD
    assert posted["Password"] == ""


FIRST_BOOT = "<FORM method=post action=/><INPUT name=u><INPUT type=password name=p><INPUT type=password name=q></FORM>"


def test_first_boot_is_not_a_login() -> None:
    with fake_web(lambda _: Reply(FIRST_BOOT)) as server, pytest.raises(FirstBootPending):
        session(server).login()


def test_a_session_ends_with_a_reset_nobody_saw() -> None:
    script = Console2x()
    was_reset = False
    with fake_web(lambda request: Reply(FIRST_BOOT) if was_reset else script(request)) as server:
        web = session(server)
        web.login()
        assert web.alive()
        was_reset = True
        assert not web.alive()


def test_a_page_that_is_no_console() -> None:
    with (
        fake_web(lambda _: Reply("<H1>It works!</H1>")) as server,
        pytest.raises(UnexpectedAnswer, match="no login page"),
    ):
        session(server).login()


def test_a_lost_session_is_renewed_once() -> None:
    script = Console2x()
    with fake_web(script) as server:
        web = session(server)
        web.login()
        script.inside = False
        assert web.alive() is False
        assert "Console Settings" in web.get("/main.htm").text
        assert script.logins == 2


def test_a_session_that_is_lost_again_and_again_is_given_up() -> None:
    class Forgetful(Console2x):
        def login(self) -> Reply:
            reply = super().login()
            self.inside = False
            return Reply(MENU) if reply.status == 302 else reply

    script = Forgetful()
    with fake_web(script) as server, pytest.raises(SessionLost):
        session(server).get("/main.htm")
    assert script.logins == 2


def test_a_password_no_login_page_can_hide_is_a_config_fault() -> None:
    with fake_web(Console2x()) as server, pytest.raises(ConfigFault) as caught:
        session(server, Account("admin", "pässwörd-pässwörd")).login()
    assert "pässwörd" not in str(caught.value)


def test_redirects_to_other_places_and_without_end() -> None:
    for target, words in (("https://example.org/", "another place"), ("/again", "without end")):
        script = lambda _, to=target: Reply("", 302, {"Location": to})  # noqa: E731
        with fake_web(script) as server, pytest.raises(UnexpectedAnswer, match=words):
            session(server).login()


def test_the_served_certificate_is_pinned() -> None:
    with fake_web(Console2x()) as server:
        web = session(server)
        web.login()
        with socket.create_connection(server.endpoint) as raw:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            with context.wrap_socket(raw) as tls:
                served = tls.getpeercert(binary_form=True)
    assert served is not None
    assert web.client.pin.saw(served) is False
    assert web.client.pin.saw(b"another") is True
    assert len(web.client.pin.history) == 2


# ---- nobody there


def test_a_closed_port() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        place = Endpoint("127.0.0.1", unused.getsockname()[1])
        with pytest.raises(NotReachable, match="refused"):
            WebSession(place, Account("admin", PASSWORD)).login()


@pytest.mark.parametrize(
    ("said", "error"),
    [(b"", NotReachable), (b"\x15\x03\x01\x00\x02\x02\x28", TlsFailed), (b"HTTP/1.0 200 OK\r\n\r\n", TlsFailed)],
)
def test_a_port_that_does_not_speak_tls(said: bytes, error: type[Exception]) -> None:
    """Silence, an alert, and plain HTTP where TLS is expected."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            client, _ = server.accept()
            with client, suppress(OSError):
                client.recv(4096)
                client.sendall(said)
                client.settimeout(5)
                client.recv(4096)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        place = Endpoint("127.0.0.1", server.getsockname()[1])
        with pytest.raises(error):
            WebSession(place, Account("admin", PASSWORD), connect_timeout=0.3, read_timeout=0.3).login()
        thread.join(5)


def test_the_login_page_is_told_by_its_challenge_only() -> None:
    """Texts and layout of the page are not public, so nothing else may be relied on."""
    bare = "<FORM method=post><INPUT type=hidden name=FakeChallenge value=5A><INPUT type=hidden name=EncUser></FORM>"
    script = Console2x()
    with fake_web(lambda r: Reply(bare) if not script.inside and r.method == "GET" else script(r)) as server:
        session(server).login()
    assert script.logins == 1
