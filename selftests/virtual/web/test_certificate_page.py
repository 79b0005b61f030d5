from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from nportlab.unit.html import read_html
from selftests.virtual.web.bench import Bench, Client, refusal
from selftests.virtual.web.certificates import der, issue, served

PAGE, IMPORT, DELETE, EXPORT = "/Certificate.htm", "/CertImport.htm", "/CertDelete.htm", "/Certificate.pem"


def upload(client: Client, data: bytes, name: str = "certificate.pem") -> str:
    return client.submit(PAGE, {}, IMPORT, files={"CertFile": (name, data)}).text


def seen(bench: Bench) -> bytes:
    return served(bench.address, 10443)


@pytest.fixture
def issued(kind: str, tmp_path: Path) -> tuple[bytes, bytes]:
    """Certificate and key. An RSA key may take longer to make than a login lasts: tests name this before `client`."""
    return issue(tmp_path, kind)


@pytest.mark.parametrize("kind", ["p256", "rsa2048"])
@pytest.mark.parametrize("key_first", [False, True])
def test_an_imported_certificate_is_served_after_the_restart(
    issued: tuple[bytes, bytes], client: Client, key_first: bool
) -> None:
    certificate, key = issued
    before = seen(client.bench)
    answer = upload(client, key + certificate if key_first else certificate + key)
    assert "Your changes have been saved." in answer
    assert seen(client.bench) == before
    client.bench.restart()
    assert seen(client.bench).split() == certificate.split()
    client.login()
    assert read_html(client.get(PAGE).text).value_of("Issued to") == "unit.lab"
    assert any("SSL Certificate Import" in line for line in client.bench.device.log.lines()) is (
        client.bench.device.running["log.local_config"] == "enable"
    )


@pytest.mark.parametrize("fault", ["empty", "text", "der", "no key", "no certificate", "other key", "too large"])
def test_a_bad_file_is_refused_and_the_old_certificate_stays(client: Client, tmp_path: Path, fault: str) -> None:
    certificate, key = issue(tmp_path)
    _, other = issue(tmp_path / "other")
    files = {
        "empty": b"",
        "text": b"hello",
        "der": der(certificate),
        "no key": certificate,
        "no certificate": key,
        "other key": certificate + other,
        "too large": certificate + key + b"\n" * 200_000,
    }
    before = seen(client.bench)
    assert refusal(upload(client, files[fault]))
    client.bench.restart()
    assert seen(client.bench) == before


def test_a_huge_upload_is_refused(client: Client) -> None:
    answer = client.submit(PAGE, {}, IMPORT, files={"CertFile": ("huge.pem", b"x" * 3_000_000)})
    assert answer.status_code == 413
    assert refusal(answer.text)


def test_delete_makes_a_new_certificate_at_the_restart_and_keep_does_not(client: Client) -> None:
    before = seen(client.bench)
    assert "value=Keep checked" in client.get(PAGE).text
    client.submit(PAGE, {"Certificate": "Keep"}, DELETE)
    client.bench.restart()
    assert seen(client.bench) == before
    client.login()
    client.submit(PAGE, {"Certificate": "Delete"}, DELETE)
    assert seen(client.bench) == before
    client.bench.restart()
    assert seen(client.bench) != before


def test_the_export_is_the_served_certificate_without_its_key(client: Client) -> None:
    answer = client.submit(PAGE, {}, EXPORT)
    assert answer.text.split() == seen(client.bench).decode().split()
    assert "PRIVATE" not in answer.text


def test_the_panel_names_the_served_certificate(client: Client) -> None:
    page = read_html(client.get(PAGE).text)
    assert page.value_of("Issued to") == page.value_of("Issued by") == "HTTPS Certificate for ECC"
    year = client.bench.device.clock.utc().year
    assert f"from {year}/" in (page.value_of("Valid") or "")
    assert f"to {year + 2}/" in (page.value_of("Valid") or "")


@pytest.mark.parametrize(
    ("defect", "wrong"),
    [
        ("panel-shows-wrong-name", "<TD>Issued to<TD>NP6450_3938"),
        ("delete-preselected", "value=Delete checked"),
    ],
)
def test_seeded_defects_of_the_page(boot: Callable[..., Bench], defect: str, wrong: str) -> None:
    bench = boot()
    client = Client(bench)
    client.login()
    assert wrong not in client.get(PAGE).text
    bench.device.surroundings.defects = frozenset({defect})
    assert wrong in client.get(PAGE).text


def test_seeded_defects_of_the_export(boot: Callable[..., Bench]) -> None:
    bench = boot(
        defects=["certificate-export-without-login", "certificate-export-holds-key", "panel-shows-wrong-dates"]
    )
    assert "PRIVATE KEY" in Client(bench).get(EXPORT).text
    client = Client(bench)
    client.login()
    valid = read_html(client.get(PAGE).text).value_of("Valid") or ""
    assert f"to {bench.device.clock.utc().year + 2}/" not in valid


def test_seeded_defect_keeps_the_import_out_of_the_log(boot: Callable[..., Bench], tmp_path: Path) -> None:
    bench = boot(values={"log.local_config": "enable"}, defects=["import-not-logged"])
    client = Client(bench)
    client.login()
    upload(client, b"".join(issue(tmp_path)))
    assert not [line for line in bench.device.log.lines() if "Certificate" in line]
