from __future__ import annotations

import time
from collections.abc import Callable
from http.cookiejar import Cookie

import pytest

from nportlab.protocol.web_login import encode_2x
from selftests.virtual.web.bench import PASSWORD, USER, Bench, Client, hidden, refusal, wait_for


def right_login(challenge: str) -> dict[str, str]:
    encoded = {"EncUser": encode_2x(USER, challenge), "EncPasswd": encode_2x(PASSWORD, challenge)}
    return {"FakeChallenge": challenge, **encoded}


def test_the_right_password_opens_the_console_with_a_protected_cookie(bench: Bench) -> None:
    client = Client(bench)
    answer = client.login()
    assert answer.url.endswith("/main.htm")
    (cookie,) = client.session.cookies
    assert isinstance(cookie, Cookie)
    assert cookie.secure
    assert cookie.has_nonstandard_attr("HttpOnly")


@pytest.mark.parametrize(
    ("user", "password"), [(USER, "wrong"), ("nobody", PASSWORD), (USER, PASSWORD + "x"), ("", "")]
)
def test_a_wrong_login_shows_the_login_page_again(bench: Bench, user: str, password: str) -> None:
    client = Client(bench)
    answer = client.login(user, password)
    assert "FakeChallenge" in answer.text
    assert refusal(answer.text)
    assert not client.session.cookies
    assert not client.inside()


def test_unknown_user_and_wrong_password_look_alike(bench: Bench) -> None:
    client = Client(bench)
    assert refusal(client.login(USER, "wrong").text) == refusal(client.login("nobody", "wrong").text)


def test_a_login_cannot_be_replayed(bench: Bench) -> None:
    client = Client(bench)
    challenge = hidden(client.get("/").text, "FakeChallenge")
    fields = right_login(challenge)
    assert client.post("/", fields).url.endswith("/main.htm")
    assert "FakeChallenge" in Client(bench).post("/", fields).text


@pytest.mark.parametrize("fields", [{}, {"EncUser": "zz"}, {"EncUser": "00" * 32, "EncPasswd": "ff" * 31}])
def test_malformed_logins_are_refused(bench: Bench, fields: dict[str, str]) -> None:
    client = Client(bench)
    challenge = hidden(client.get("/").text, "FakeChallenge")
    answer = client.post("/", {"FakeChallenge": challenge, **fields})
    assert answer.status_code == 200
    assert "FakeChallenge" in answer.text


@pytest.mark.parametrize(
    "path", ["/main.htm", "/Console.htm", "/BackupRestore.htm", "/SysLog.htm", "/Certificate.htm", "/x"]
)
def test_without_session_every_page_is_the_login_page(bench: Bench, path: str) -> None:
    assert "FakeChallenge" in Client(bench).get(path).text


@pytest.mark.parametrize(
    "path", ["/Console.htm", "/Config.txt", "/SaveRestart.htm", "/Certificate.pem", "/LoadDefault.htm"]
)
def test_without_session_no_form_is_taken(bench: Bench, path: str) -> None:
    assert "FakeChallenge" in Client(bench).post(path, {"Submit": "Submit"}).text
    assert bench.restart_wanted() is None


def test_the_login_history_is_shown_once_and_can_be_cleared(bench: Bench) -> None:
    client = Client(bench)
    client.login(USER, "wrong")
    challenge = hidden(client.get("/").text, "FakeChallenge")
    fields = right_login(challenge)
    shown = client.post("/", fields).text
    assert "WebLogClr" in shown
    assert " Fail" in shown
    assert "WebLogClr" in client.get("/Console.htm").text
    assert client.get("/WebLogClr?op=1").url.endswith("/main.htm")
    assert client.inside()


def test_logout_ends_the_session(client: Client) -> None:
    assert client.inside()
    client.get("/LogoutAct.htm")
    assert not client.inside()


def test_login_and_failure_messages_are_shown_as_text(boot: Callable[..., Bench]) -> None:
    bench = boot(values={"message.login": "<b>Mine</b> & yours", "message.failure": 'Ask "Bob" <now>'})
    assert "&lt;b&gt;Mine&lt;/b&gt; &amp; yours" in Client(bench).get("/").text
    assert refusal(Client(bench).login(USER, "wrong").text) == 'Ask "Bob" &lt;now&gt;'


def test_the_session_limit_holds_until_somebody_logs_out(boot: Callable[..., Bench]) -> None:
    bench = boot(values={"console.max_login_users": "2"}, minute=60.0)
    first, second, third = (Client(bench) for _ in range(3))
    first.login()
    second.login()
    assert "maximum" in (refusal(third.login().text) or "")
    assert not third.inside()
    first.get("/LogoutAct.htm")
    third.login()
    assert third.inside()
    assert second.inside()


def test_an_idle_session_ends_and_use_keeps_it(boot: Callable[..., Bench]) -> None:
    bench = boot(values={"console.auto_logout": "1"}, minute=0.5)
    used, idle = Client(bench), Client(bench)
    used.login()
    idle.login()
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        assert used.inside()
    assert not idle.inside()


def test_lockout_names_itself_and_ends(boot: Callable[..., Bench]) -> None:
    values = {"policy.lockout": "enable", "policy.retry_threshold": "2", "policy.lockout_time": "1"}
    bench = boot(values=values, minute=0.6)
    client = Client(bench)
    client.login(USER, "wrong")
    client.login(USER, "wrong")
    assert "locked" in (refusal(client.login().text) or "")

    def gets_in() -> bool:
        client.login()
        return client.inside()

    assert wait_for(gets_in)


@pytest.mark.parametrize(
    ("defect", "values"),
    [
        ("auto-logout-never", {"console.auto_logout": "1"}),
        ("login-user-limit-ignored", {"console.max_login_users": "1"}),
    ],
)
def test_seeded_defects_of_sessions(boot: Callable[..., Bench], defect: str, values: dict[str, str]) -> None:
    bench = boot(values=values, defects=[defect], minute=0.1 if "never" in defect else 60.0)
    first, second = Client(bench), Client(bench)
    first.login()
    second.login()
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        assert second.inside()
    assert first.inside()


def test_seeded_defect_ends_sessions_in_use(boot: Callable[..., Bench]) -> None:
    bench = boot(values={"console.auto_logout": "1"}, defects=["auto-logout-ignores-activity"], minute=0.4)
    client = Client(bench)
    client.login()
    assert client.inside()
    assert wait_for(lambda: not client.inside(), 2.0)
