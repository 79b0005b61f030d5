"""Chromium at the web console: first boot, login, a changed setting, restart; an upload; firmware 1.x."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support import expected_conditions

from selftests.clients.browser import chromium, follow, log_in, option, press, select, shown, type_into, waiting
from selftests.clients.desk import Desk, running, wait_until
from selftests.virtual.web.bench import Bench, Client


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    """A browser for the tests of this module; units are told apart by their addresses."""
    with chromium(tmp_path_factory.mktemp("chromium")) as driver:
        yield driver


def test_first_boot_login_change_restart(browser: WebDriver, tmp_path: Path) -> None:
    """On a running rack; without namespaces, where a browser on this host reaches it."""
    with running(tmp_path, {"unit": "NP6450"}, new=("unit",), network="loopback") as desk:
        browser.get(desk.url("unit", "/Console.htm"))
        for label, value in (
            ("Username :", "chief"),
            ("New Password :", "Long~pass#1"),
            ("Confirm Password :", "Long~pass#1"),
        ):
            type_into(browser, label, value)
        press(browser, "Submit")
        log_in(browser, "chief", "not this one")
        assert "Login failed" in shown(browser)
        log_in(browser, "chief", "Long~pass#1")
        assert "Login history" in shown(browser)
        follow(browser, "Continue")
        assert f"NP6450_{desk.rack.unit('unit').serial_number}" in shown(browser)

        follow(browser, "Console Settings")
        option(browser, "Telnet console", "enable").click()
        type_into(browser, "Auto Logout Setting (min)", "30")
        select(browser, "Sensitive Data Encryption", "AES128")
        press(browser, "Submit")
        assert "Your changes have been saved." in shown(browser)
        assert not is_open(desk, "unit", 23)

        press(browser, "Restart")
        wait_until(lambda: desk.rack.restarts("unit") == 2 and desk.rack.unit("unit").booted, "the restart")
        assert is_open(desk, "unit", 23)
        browser.get(desk.url("unit"))
        log_in(browser, "chief", "Long~pass#1")
        follow(browser, "Console Settings")
        assert option(browser, "Telnet console", "enable").is_selected()


def is_open(desk: Desk, unit: str, port: int) -> bool:
    try:
        socket.create_connection((desk.host(unit), desk.port(unit, port)), 5).close()
    except ConnectionRefusedError:
        return False
    return True


def test_a_file_is_uploaded_and_a_page_is_refused(browser: WebDriver, tmp_path: Path) -> None:
    bench = Bench(tmp_path / "flash", minute=60.0)
    (tmp_path / "wrong.pem").write_text("this is no certificate")
    try:
        browser.get(bench.url("/"))
        log_in(browser, "operator", "Secret-1234")
        follow(browser, "Certificate")
        browser.find_element(By.NAME, "CertFile").send_keys(str(tmp_path / "wrong.pem"))
        press(browser, "Submit")
        assert "PEM" in browser.find_element(By.CLASS_NAME, "error").text
        follow(browser, "Console Settings")
        type_into(browser, "Maximum Login Users For HTTP+HTTPS", "11")
        press(browser, "Submit")
        assert "from 1 to 10" in browser.find_element(By.CLASS_NAME, "error").text
    finally:
        bench.close()


def test_firmware_1_logs_in_and_reminds(browser: WebDriver, tmp_path: Path) -> None:
    bench = Bench(tmp_path, firmware="1.16", minute=60.0)
    try:
        browser.get(bench.url("/"))
        type_into(browser, "Username :", "admin")
        type_into(browser, "Password :", "moxa")
        browser.find_element(By.XPATH, "//input[@type='submit']").click()
        waiting(browser).until(expected_conditions.alert_is_present())
        browser.switch_to.alert.accept()
        waiting(browser).until(lambda driver: driver.find_elements(By.NAME, "main"))
        browser.switch_to.frame("main")
        assert "NP6450" in shown(browser)
        browser.switch_to.default_content()
        second = Client(bench)
        assert "Already login." in second.login_1x().text
    finally:
        bench.close()
