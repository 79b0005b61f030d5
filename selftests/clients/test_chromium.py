"""A real browser at the unit's web console: first boot, login, a changed setting, restart."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

from selftests.virtual.web.bench import Bench, Client, wait_for

pytestmark = pytest.mark.skipif(
    not (shutil.which("chromium") and shutil.which("chromedriver")),
    reason="chromium and chromium-driver are not installed",
)

ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--ignore-certificate-errors",
    "--no-proxy-server",
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in (*ARGUMENTS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver") or ""))
    driver.set_page_load_timeout(20)
    yield driver
    driver.quit()


def field(browser: WebDriver, label: str) -> str:
    """XPath of the cell beside a label."""
    path = f"//td[normalize-space(text())='{label}']/following-sibling::td[1]"
    WebDriverWait(browser, 10).until(lambda driver: driver.find_elements(By.XPATH, path))
    return path


def type_into(browser: WebDriver, label: str, value: str) -> None:
    box = browser.find_element(By.XPATH, field(browser, label) + "//input")
    box.clear()
    box.send_keys(value)


def press(browser: WebDriver, caption: str, form: int = 1) -> None:
    """Press a button and wait until the page it was on is gone."""
    button = browser.find_element(By.XPATH, f"(//input[@type='submit' and @value='{caption}'])[{form}]")
    page = browser.find_element(By.TAG_NAME, "html")
    button.click()
    WebDriverWait(browser, 10).until(lambda _: gone(page))


def gone(element: WebElement) -> bool:
    """Whether the page of the element was left; the driver says so in more than one way."""
    try:
        element.is_enabled()
    except WebDriverException:
        return True
    return False


def text(browser: WebDriver) -> str:
    return browser.find_element(By.TAG_NAME, "body").text


def follow(browser: WebDriver, link: str) -> None:
    browser.get(browser.find_element(By.LINK_TEXT, link).get_attribute("href") or "")


def test_first_boot_login_change_restart(browser: WebDriver, tmp_path: Path) -> None:
    bench = Bench(tmp_path, account=False, minute=60.0)
    try:
        browser.get(bench.url("/Console.htm"))
        for label, value in (
            ("Username :", "chief"),
            ("New Password :", "Long~pass#1"),
            ("Confirm Password :", "Long~pass#1"),
        ):
            type_into(browser, label, value)
        press(browser, "Submit")
        log_in(browser, "chief", "not this one")
        assert "Login failed" in text(browser)
        log_in(browser, "chief", "Long~pass#1")
        assert "Login history" in text(browser)
        follow(browser, "Continue")
        assert "NP6450_3938" in text(browser)

        follow(browser, "Console Settings")
        browser.find_element(By.XPATH, field(browser, "Telnet console") + "//input[@value='enable']").click()
        type_into(browser, "Auto Logout Setting (min)", "30")
        Select(
            browser.find_element(By.XPATH, field(browser, "Sensitive Data Encryption") + "//select")
        ).select_by_visible_text("AES128")
        press(browser, "Submit")
        assert "Your changes have been saved." in text(browser)
        assert bench.device.saved["console.telnet"] == "enable"
        assert bench.device.saved["console.auto_logout"] == "30"
        assert bench.device.saved["console.sensitive_data_encryption"] == "aes128"

        press(browser, "Restart")
        assert wait_for(lambda: bench.restart_wanted() == "warm")
        bench.restart()
        browser.get(bench.url("/Console.htm"))
        log_in(browser, "chief", "Long~pass#1")
        follow(browser, "Console Settings")
        chosen = browser.find_element(By.XPATH, field(browser, "Telnet console") + "//input[@value='enable']")
        assert chosen.is_selected()
    finally:
        bench.close()


def log_in(browser: WebDriver, user: str, password: str) -> None:
    type_into(browser, "Username :", user)
    type_into(browser, "Password :", password)
    press(browser, "Login")


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
        WebDriverWait(browser, 10).until(lambda driver: driver.switch_to.alert).accept()
        WebDriverWait(browser, 10).until(lambda driver: driver.find_elements(By.NAME, "main"))
        browser.switch_to.frame("main")
        assert "NP6450" in text(browser)
        browser.switch_to.default_content()
        second = Client(bench)
        assert "Already login." in second.login_1x().text
    finally:
        bench.close()
