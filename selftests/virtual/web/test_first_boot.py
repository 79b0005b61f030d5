from __future__ import annotations

from collections.abc import Callable

import pytest

from selftests.virtual.web.bench import Bench, Client, refusal, token

PAGE = "/FirstBoot.htm"


@pytest.fixture
def new(boot: Callable[..., Bench]) -> Bench:
    return boot(account=False)


def create(client: Client, user: str, password: str, again: str | None = None) -> str | None:
    shown = client.get(PAGE).text
    confirm = password if again is None else again
    fields = {"csrf_token": token(shown, PAGE), "NewUser": user, "NewPasswd": password, "ConfPasswd": confirm}
    return refusal(client.post(PAGE, fields).text)


@pytest.mark.parametrize("path", ["/", "/main.htm", "/Console.htm", "/Config.txt", "/BackupRestore.htm", "/x"])
def test_every_page_leads_to_the_first_boot_form(new: Bench, path: str) -> None:
    answer = Client(new).get(path)
    assert answer.url.endswith(PAGE)
    for label in ("Username :", "New Password :", "Confirm Password :"):
        assert label in answer.text


def test_created_account_logs_in_and_the_form_does_not_come_back(new: Bench) -> None:
    client = Client(new)
    assert create(client, "chief", "abcd") is None
    new.restart()
    assert "FakeChallenge" in client.get(PAGE).text
    client.login("chief", "abcd")
    assert client.inside()


@pytest.mark.parametrize(
    ("user", "password", "again"),
    [("", "abcd", None), ("chief", "abc", None), ("chief", "a" * 17, None), ("chief", "abcd", "abce")],
)
def test_bad_accounts_are_refused(new: Bench, user: str, password: str, again: str | None) -> None:
    assert create(Client(new), user, password, again)
    assert not new.device.accounts.exists()


def test_the_longest_password_works(new: Bench) -> None:
    client = Client(new)
    assert create(client, "chief", "x" * 16) is None
    client.login("chief", "x" * 16)
    assert client.inside()


def test_a_form_without_token_creates_nothing(new: Bench) -> None:
    Client(new).post(PAGE, {"NewUser": "chief", "NewPasswd": "abcd", "ConfPasswd": "abcd"})
    assert not new.device.accounts.exists()


def test_seeded_defect_skips_the_form(boot: Callable[..., Bench]) -> None:
    assert "FakeChallenge" in Client(boot(account=False, defects=["first-boot-skipped"])).get("/").text
