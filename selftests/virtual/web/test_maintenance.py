from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from nportlab.unit.html import read_html
from selftests.virtual.web.bench import Bench, Client

LINE = re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[(System|Network|Config|OpMode)\] .+")


def test_the_overview_tells_who_the_unit_is(client: Client) -> None:
    page = read_html(client.get("/main.htm").text)
    expected = {
        "Model name": "NP6450",
        "Serial No.": "3938",
        "Firmware version": "2.3 Build 24101817",
        "MAC address": "00:90:E8:12:34:56",
        "IP address": client.bench.address,
        "Server name": "NP6450_3938",
    }
    assert {label: page.value_of(label) for label in expected} == expected


def test_restart_is_asked_for_by_its_form_only(client: Client) -> None:
    client.get("/SaveRestart.htm")
    client.post("/SaveRestart.htm", {"csrf_token": "x" * 16})
    assert client.bench.restart_wanted() is None
    answer = client.submit("/SaveRestart.htm", {})
    assert answer.status_code == 200
    assert client.bench.restart_wanted() == "warm"


@pytest.mark.parametrize(("fields", "kind"), [({"KeepIP": "1"}, "factory-keep-ip"), ({}, "factory")])
def test_factory_default_keeps_the_address_when_ticked(client: Client, fields: dict[str, str], kind: str) -> None:
    assert "name=KeepIP value=1 checked" in client.get("/LoadDefault.htm").text
    client.submit("/LoadDefault.htm", fields)
    assert client.bench.restart_wanted() == kind


def test_the_log_page_shows_the_lines_and_clearing_is_logged(boot: Callable[..., Bench]) -> None:
    bench = boot(values={"log.local_config": "enable"})
    client = Client(bench)
    client.login(password="wrong")
    client.login()
    client.submit("/Basic.htm", {"BasicServerLocation": "cellar"})

    def shown() -> list[str]:
        (form,) = read_html(client.get("/SysLog.htm").text).forms
        return form.fields[0].value.strip().splitlines()

    lines = shown()
    assert all(LINE.fullmatch(line) for line in lines)
    assert [line.split("] ")[1] for line in lines] == ["Login Fail", "Config Changed"]
    client.submit("/SysLog.htm", {"Clear": "Clear log"})
    assert [line.split("] ")[1] for line in shown()] == ["Clear Log"]


def test_unknown_pages_are_404_but_keep_the_menu(client: Client) -> None:
    answer = client.get("/Nowhere.htm")
    assert answer.status_code == 404
    assert "LogoutAct.htm" in answer.text
