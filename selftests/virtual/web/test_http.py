"""The outermost layer, seen by curl: TLS, redirect, Host header."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from selftests.virtual.web.bench import Bench


def curl(*arguments: str) -> tuple[int, dict[str, str], str]:
    """Exit code, answer headers in lower case with `status`, body."""
    command = ["curl", "--silent", "--insecure", "--noproxy", "*", "--max-time", "5", "--include", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    head, _, body = done.stdout.replace("\r\n", "\n").partition("\n\n")
    first, *lines = head.split("\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return done.returncode, {**headers, "status": first.split(" ")[1] if " " in first else ""}, body


def test_https_answers_with_the_login_page(bench: Bench) -> None:
    code, headers, body = curl(bench.url("/"))
    assert (code, headers["status"]) == (0, "200")
    assert "FakeChallenge" in body
    assert headers["server"].startswith("MoxaHttp/")


def test_head_has_no_body(bench: Bench) -> None:
    code, headers, body = curl("--head", bench.url("/"))
    assert (code, headers["status"], body) == (0, "200", "")


def test_http_is_closed_when_disabled(bench: Bench) -> None:
    refused = 7
    assert curl(bench.url("/", 10080))[0] == refused


@pytest.mark.parametrize("path", ["/", "/main.htm", "/Console.htm?x=1"])
def test_http_redirects_to_the_own_https_console(boot: Callable[..., Bench], path: str) -> None:
    bench = boot(values={"console.http": "redirect"})
    _, headers, body = curl(bench.url(path, 10080))
    assert headers["status"] == "302"
    assert headers["location"] == bench.url("/")
    assert "set-cookie" not in headers
    assert "<" not in body


def test_https_is_closed_when_disabled(boot: Callable[..., Bench]) -> None:
    bench = boot(values={"console.https": "disable", "console.http": "redirect"})
    assert curl(bench.url("/"))[0] == 7
    assert curl(bench.url("/", 10080))[1]["status"] == "302"


@pytest.mark.parametrize("port", [10443, 10080])
@pytest.mark.parametrize("host", ["evil.example", "evil.example:443", "", "127.0.0.1"])
def test_a_foreign_host_is_refused_without_login_form_or_redirect(
    boot: Callable[..., Bench], port: int, host: str
) -> None:
    bench = boot(values={"console.http": "redirect"})
    _, headers, body = curl("--header", f"Host: {host}" if host else "Host;", bench.url("/", port))
    assert headers["status"] == "400"
    assert "location" not in headers
    assert "FakeChallenge" not in body


@pytest.mark.parametrize("host", ["NP6450_3938", "np6450_3938:10443"])
def test_the_server_name_is_a_known_host(bench: Bench, host: str) -> None:
    assert curl("--header", f"Host: {host}", bench.url("/"))[1]["status"] == "200"


def test_any_host_is_served_when_not_looked_at_but_never_redirected_to(boot: Callable[..., Bench]) -> None:
    bench = boot(values={"console.reject_unknown_host": "disable", "console.http": "redirect"})
    assert curl("--header", "Host: evil.example", bench.url("/"))[1]["status"] == "200"
    assert curl("--header", "Host: evil.example", bench.url("/", 10080))[1]["location"] == bench.url("/")


@pytest.mark.parametrize(
    ("defect", "values", "port", "host", "status"),
    [
        ("host-header-ignored", {}, 10443, "evil.example", "200"),
        ("foreign-host-always-rejected", {"console.reject_unknown_host": "disable"}, 10443, "evil.example", "400"),
        ("http-listens-though-disabled", {}, 10080, None, "302"),
        ("https-listens-though-disabled", {"console.https": "disable"}, 10443, None, "200"),
        ("http-serves-login-page", {"console.http": "redirect"}, 10080, None, "200"),
    ],
)
def test_seeded_defects(
    boot: Callable[..., Bench], defect: str, values: dict[str, str], port: int, host: str | None, status: str
) -> None:
    bench = boot(values=values, defects=[defect])
    header = ("--header", f"Host: {host}") if host else ()
    assert curl(*header, bench.url("/", port))[1]["status"] == status


def test_seeded_defect_sets_a_cookie_over_http(boot: Callable[..., Bench]) -> None:
    bench = boot(values={"console.http": "redirect"}, defects=["http-redirect-sets-cookie"])
    assert "set-cookie" in curl(bench.url("/", 10080))[1]
