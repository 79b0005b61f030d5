"""Driving Chromium as a person does: by labels, captions and links."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

from selftests.clients.desk import program

SECONDS = 20
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--ignore-certificate-errors",
    "--no-proxy-server",
)


@contextmanager
def chromium(profile: Path) -> Iterator[WebDriver]:
    """A browser with a profile of its own in the folder `profile`."""
    options = webdriver.ChromeOptions()
    options.binary_location = program("chromium")
    for argument in (*ARGUMENTS, f"--user-data-dir={profile}"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(program("chromedriver")))
    try:
        driver.set_page_load_timeout(SECONDS)
        yield driver
    finally:
        driver.quit()


def waiting(browser: WebDriver) -> WebDriverWait[WebDriver]:
    """Waits for what a page does, through whatever the driver says between two pages."""
    return WebDriverWait(browser, SECONDS, poll_frequency=0.05, ignored_exceptions=[WebDriverException])


def cell(browser: WebDriver, label: str) -> str:
    """XPath of the cell beside a label, once it is there."""
    path = f"//td[normalize-space(text())='{label}']/following-sibling::td[1]"
    waiting(browser).until(lambda driver: driver.find_elements(By.XPATH, path))
    return path


def type_into(browser: WebDriver, label: str, value: str) -> None:
    """Replace the text of the field beside a label."""
    box = browser.find_element(By.XPATH, cell(browser, label) + "//input")
    box.clear()
    box.send_keys(value)


def option(browser: WebDriver, label: str, value: str) -> WebElement:
    """The radio button for `value` beside a label."""
    return browser.find_element(By.XPATH, cell(browser, label) + f"//input[@value='{value}']")


def select(browser: WebDriver, label: str, text: str) -> None:
    """Choose an entry of the list beside a label."""
    Select(browser.find_element(By.XPATH, cell(browser, label) + "//select")).select_by_visible_text(text)


def press(browser: WebDriver, caption: str) -> None:
    """Press the first button with that caption and wait until another page is there in full."""
    browser.execute_script("window.before = true")
    browser.find_element(By.XPATH, f"//input[@type='submit' and @value='{caption}']").click()
    another = "return !window.before && document.readyState == 'complete'"
    waiting(browser).until(lambda driver: driver.execute_script(another))


def shown(browser: WebDriver) -> str:
    """The text of the page."""
    return browser.find_element(By.TAG_NAME, "body").text


def follow(browser: WebDriver, link: str) -> None:
    """Go where a link leads."""
    browser.get(browser.find_element(By.LINK_TEXT, link).get_attribute("href") or "")


def log_in(browser: WebDriver, user: str, password: str) -> None:
    """Fill in the login page and press its button."""
    type_into(browser, "Username :", user)
    type_into(browser, "Password :", password)
    press(browser, "Login")
