"""openssl s_client at the web console and at a secure data port: versions, suites, certificate."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from selftests.clients.desk import Desk

OLD = ("-tls1", "-tls1_1")
PROTOCOL_VERSION, HANDSHAKE_FAILURE = 70, 40


@dataclass
class Handshake:
    """protocol and suite: agreed on, "" when there was no agreement. alert: number sent by the unit, None for none."""

    protocol: str
    suite: str
    alert: int | None
    text: str


def offer(desk: Desk, unit: str, *options: str, port: int = 443) -> Handshake:
    """One ClientHello by openssl, which itself is told to refuse nothing."""
    everything = () if "-cipher" in options else ("-cipher", "ALL:@SECLEVEL=0")
    done = desk.run("openssl", "s_client", "-connect", desk.place(unit, port), *options, *everything)
    agreed = re.search(r"^New, (\S+), Cipher is (\S+)$", done.stdout, re.MULTILINE)
    alert = re.search(r"SSL alert number (\d+)", done.stderr)
    protocol, suite = (agreed[1], agreed[2]) if agreed and agreed[2] != "(NONE)" else ("", "")
    return Handshake(protocol, suite, int(alert[1]) if alert else None, done.stdout)


def test_only_tls_1_2_when_delivered(desk: Desk, plain: str) -> None:
    assert offer(desk, plain, "-tls1_2").protocol == "TLSv1.2"
    for version in (*OLD, "-tls1_3"):
        refused = offer(desk, plain, version)
        assert (refused.suite, refused.alert) == ("", PROTOCOL_VERSION), version


def test_old_versions_once_switched_on(desk: Desk, open_unit: str) -> None:
    for version in OLD:
        assert offer(desk, open_unit, version).suite.startswith("ECDHE-ECDSA-"), version
    assert offer(desk, open_unit, "-tls1_2").protocol == "TLSv1.2"


@pytest.mark.parametrize(
    ("suite", "always"),
    [
        ("ECDHE-ECDSA-AES128-GCM-SHA256", True),
        ("ECDHE-ECDSA-AES256-GCM-SHA384", True),
        ("ECDHE-ECDSA-AES256-SHA", False),
        ("ECDHE-ECDSA-AES128-SHA256", False),
    ],
)
def test_high_secure_mode_takes_strong_suites_only(
    desk: Desk, plain: str, strict: str, suite: str, always: bool
) -> None:
    options = ("-tls1_2", "-cipher", f"{suite}:@SECLEVEL=0")
    assert offer(desk, plain, *options).suite == suite
    in_secure_mode = offer(desk, strict, *options)
    assert (in_secure_mode.suite, in_secure_mode.alert) == ((suite, None) if always else ("", HANDSHAKE_FAILURE))


def test_the_certificate_is_the_units_own(desk: Desk, plain: str) -> None:
    served = re.search(
        r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", offer(desk, plain, "-tls1_2").text, re.DOTALL
    )
    assert served
    shown = desk.run(
        "openssl", "x509", "-noout", "-subject", "-issuer", "-startdate", "-enddate", "-text", given=served[0]
    ).stdout
    lines = dict(line.split("=", 1) for line in shown.splitlines() if re.match(r"(subject|issuer|not\w+)=", line))
    assert lines["subject"] == lines["issuer"] == "CN = HTTPS Certificate for ECC"
    begin, end = (
        datetime.strptime(lines[name], "%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC)
        for name in ("notBefore", "notAfter")
    )
    assert begin <= datetime.now(UTC) + timedelta(days=1)
    assert end > begin
    assert "ASN1 OID: prime256v1" in shown


def test_a_secure_tcp_server_speaks_tls_on_its_data_port(desk: Desk, open_unit: str) -> None:
    data = offer(desk, open_unit, "-tls1_2", port=4001)
    assert data.protocol == "TLSv1.2"
    console = offer(desk, open_unit, "-tls1_2")
    body = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END", re.DOTALL)
    assert body.findall(data.text) == body.findall(console.text) != []
