"""Firmware 1.x as public scripts describe it (nport-facts 3.1)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from nportlab.protocol.configuration_text import CRLF, parse
from selftests.virtual.web.bench import Bench, Client, refusal, token

ADDRESS_SCRIPT = {
    "IPConfig": "0",
    "IPaddr": "10.0.0.7",
    "Netmask": "255.0.0.0",
    "Gateway": "10.0.0.1",
    "DNS1": "10.0.0.2",
    "DNS2": "",
    "WINSDisable": "1",
    "WINSServer": "",
    "IP6Config": "2",
    "IPv6DNS1": "",
    "IPv6DNS2": "",
    "CONN_PRIORITY": "0",
    "LAN1Speed": "0",
    "Submit": "Submit",
    "setfunc": "Basic Network",
}


@pytest.fixture
def old(boot: Callable[..., Bench]) -> Bench:
    return boot(firmware="1.16", minute=60.0)


@pytest.fixture
def inside(old: Bench) -> Client:
    client = Client(old)
    client.login_1x()
    return client


def test_the_login_sets_challid_and_leads_to_frames(old: Bench) -> None:
    client = Client(old)
    answer = client.login_1x()
    assert "ChallID" in client.session.cookies
    assert "<FRAMESET" in answer.text
    assert "main.htm" in answer.text
    assert answer.headers["Server"] == "MoxaHttp/1.0"


def test_an_empty_post_gives_the_login_page(old: Bench) -> None:
    assert "FakeChallenge" in Client(old).post("/").text


@pytest.mark.parametrize(("user", "password"), [("admin", "Moxa"), ("Admin", "moxa"), ("admin", "")])
def test_a_wrong_login_gets_no_cookie(old: Bench, user: str, password: str) -> None:
    client = Client(old)
    answer = client.login_1x(user, password)
    assert "ChallID" not in client.session.cookies
    assert "FakeChallenge" in answer.text


def test_a_second_session_is_told_so(inside: Client) -> None:
    second = Client(inside.bench)
    assert "Already login." in second.login_1x().text
    answer = inside.get("/LogoutAct.htm", allow_redirects=False)
    assert answer.status_code == 307
    second.login_1x()
    assert "Model name" in second.get("/main.htm").text


def test_plain_http_serves_the_console(boot: Callable[..., Bench]) -> None:
    bench = boot(firmware="1.16", values={"console.http": "redirect"})
    answer = Client(bench).session.get(bench.url("/", 10080), timeout=5)
    assert "MD5Password" in answer.text


def test_the_reminder_goes_away_with_the_default_password(inside: Client) -> None:
    assert "alert(" in inside.get("/main.htm").text
    old_md5 = hashlib.md5(b"moxa").hexdigest()
    digits = "".join(f"{int(a, 16) ^ int(b, 16):x}" for a, b in zip(b"NewPass1".hex(), old_md5, strict=False))
    form = {"old_passwd": "", "passwd": "", "conf_passwd": "", "pwd": old_md5, "newpwd": digits, "Submit": "Submit"}
    assert refusal(inside.post("/ChPassword.htm", {**form, "pwd": "0" * 32}).text)
    assert refusal(inside.post("/ChPassword.htm", {**form, "newpwd": "zz"}).text)
    assert inside.bench.device.accounts.verify("admin", "moxa")
    assert refusal(inside.post("/ChPassword.htm", form).text) is None
    assert inside.bench.device.accounts.verify("admin", "NewPass1")
    assert "alert(" not in inside.get("/main.htm").text


def test_the_address_is_set_as_the_public_script_does(inside: Client) -> None:
    answer = inside.get("/Set.htm", params=ADDRESS_SCRIPT)
    assert "saved" in answer.text
    saved = inside.bench.device.saved
    assert saved["network.ipv4_address"] == "10.0.0.7"
    assert saved["network.ipv6_configuration"] == "disable"
    assert inside.bench.restart_wanted() is None
    inside.get("/SaveRestart.htm")
    assert inside.bench.restart_wanted() == "warm"


def test_a_bad_address_is_refused(inside: Client) -> None:
    assert refusal(inside.get("/Set.htm", params={**ADDRESS_SCRIPT, "IPaddr": "10.0.0.256"}).text)
    assert inside.bench.device.saved["network.ipv4_address"] != "10.0.0.7"


def test_other_pages_are_set_the_same_way(inside: Client) -> None:
    shown = inside.get("/OpMode3.htm").text
    assert "setfunc" in shown
    inside.get("/Set.htm", params={"setfunc": "Operation Modes 3", "PortOperationMode": "disable", "Submit": "Submit"})
    assert inside.bench.device.saved["port.3.operation_mode"] == "disable"
    assert inside.get("/Set.htm", params={"setfunc": "Nonsense"}).status_code == 404


def test_the_export_is_plain_text_and_can_be_imported(inside: Client) -> None:
    shown = inside.get("/ConfExp.htm").text
    data = inside.post("/Config.txt", {"csrf_token": token(shown, "/Config.txt")}).content
    text = parse(data)
    assert text.line_end == CRLF
    text.set("Basic Settings", "Server Name", "renamed")
    fields = {"csrf_token": token(shown, "/ConfImp.htm")}
    answer = inside.post("/ConfImp.htm", fields, files={"ConfFile": ("Config.txt", text.dump())})
    assert refusal(answer.text) is None
    assert inside.bench.device.saved["basic.server_name"] == "renamed"
    assert refusal(inside.post("/ConfImp.htm", fields, files={"ConfFile": ("Config.txt", b"no")}).text)


@pytest.mark.parametrize("path", ["/main.htm", "/menu.htm", "/Set.htm", "/ConfExp.htm", "/SaveRestart.htm"])
def test_without_login_there_is_only_the_login_page(old: Bench, path: str) -> None:
    assert "FakeChallenge" in Client(old).get(path).text
    assert old.restart_wanted() is None
