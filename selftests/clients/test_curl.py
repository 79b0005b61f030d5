"""curl at the web console."""

from __future__ import annotations

import re
from pathlib import Path

from selftests.clients.desk import Desk

REFUSED = 7
"""curl: failed to connect to host."""


def curl(desk: Desk, *arguments: str) -> tuple[int, str]:
    """Exit code, and head and body of what came."""
    done = desk.run("curl", "--disable", "-ksSi", "-m", "10", *arguments)
    return done.returncode, done.stdout


def status(answer: str) -> int:
    return int(re.findall(r"^HTTP/1\.\d (\d+)", answer, re.MULTILINE)[-1])


def test_https_shows_the_login_page(desk: Desk, plain: str) -> None:
    code, answer = curl(desk, desk.url(plain))
    assert (code, status(answer)) == (0, 200)
    assert re.search(r"name=FakeChallenge value=[0-9A-F]{32}>", answer)


def test_http_is_closed_when_off_and_redirects_when_on(desk: Desk, plain: str, open_unit: str) -> None:
    assert curl(desk, desk.url(plain, scheme="http"))[0] == REFUSED
    code, answer = curl(desk, desk.url(open_unit, scheme="http"))
    assert (code, status(answer)) == (0, 302)
    assert f"Location: {desk.url(open_unit)}".removesuffix(":443/") in answer.replace(":443/", "/")
    assert "FakeChallenge" in curl(desk, "-L", desk.url(open_unit, scheme="http"))[1]


def test_a_foreign_host_header_is_refused_unless_allowed(desk: Desk, plain: str, open_unit: str) -> None:
    stranger = ("-H", "Host: stranger.example")
    assert status(curl(desk, *stranger, desk.url(plain))[1]) == 400
    assert "FakeChallenge" not in curl(desk, *stranger, desk.url(plain))[1]
    assert "FakeChallenge" in curl(desk, *stranger, desk.url(open_unit))[1]


def test_no_page_without_login(desk: Desk, plain: str) -> None:
    for page in ("/main.htm", "/Console.htm", "/Config.txt"):
        answer = curl(desk, desk.url(plain, page))[1]
        assert "FakeChallenge" in answer or status(answer) in (302, 401, 403, 404), page


def test_a_new_unit_has_its_first_account_made(desk: Desk, new: str, tmp_path: Path) -> None:
    jar = str(tmp_path / "cookies")
    first = curl(desk, "-L", "-b", jar, "-c", jar, desk.url(new))[1]
    assert "FakeChallenge" not in first
    action = re.search(r"<FORM method=post action=/?([^\s>]+)>", first)
    token = re.search(r"name=csrf_token value=(\w+)", first)
    assert action
    assert token
    fields = {"csrf_token": token[1], "NewUser": "chief", "NewPasswd": "Long~pass#1", "ConfPasswd": "Long~pass#1"}
    form = [part for name, value in fields.items() for part in ("--data-urlencode", f"{name}={value}")]
    curl(desk, "-b", jar, "-c", jar, *form, desk.url(new, f"/{action[1]}"))
    assert "FakeChallenge" in curl(desk, desk.url(new))[1]
