"""The prober against `openssl s_server`, a server nobody here wrote."""

from __future__ import annotations

import ssl
import subprocess

import pytest

from nportlab.probes.tls import (
    ALL_VERSIONS,
    SSL_2,
    SSL_3,
    TLS_1_0,
    TLS_1_1,
    TLS_1_2,
    TLS_1_3,
    Accepted,
    Downgraded,
    Features,
    Refused,
    TlsProber,
    Version,
)
from nportlab.probes.tls_suites import suite_rule
from selftests.probes.servers import KeyPair, python_server, s_server

PROBER_TIMEOUT = 5.0


def prober() -> TlsProber:
    return TlsProber(timeout=PROBER_TIMEOUT)


@pytest.mark.parametrize(
    ("option", "version"),
    [("-tls1", TLS_1_0), ("-tls1_1", TLS_1_1), ("-tls1_2", TLS_1_2), ("-tls1_3", TLS_1_3)],
)
def test_a_server_of_one_version(option: str, version: Version, rsa: KeyPair) -> None:
    with s_server(option, pair=rsa) as endpoint:
        report = prober().versions(endpoint)
    assert report.accepted == {version}
    assert report.inconclusive == set()
    for other in set(ALL_VERSIONS) - {version}:
        # Offered more, an old server answers with what it has; TLS 1.3 is offered in a way that forbids that.
        falls_back = version < other < TLS_1_3
        assert isinstance(report.results[other], Downgraded if falls_back else Refused)


def test_a_wide_server(rsa: KeyPair) -> None:
    with s_server(pair=rsa) as endpoint:
        report = prober().versions(endpoint)
    assert report.accepted == {TLS_1_0, TLS_1_1, TLS_1_2, TLS_1_3}
    assert report.refused == {SSL_2, SSL_3}
    assert isinstance(report.results[SSL_2], Refused)


def test_a_refused_version_is_named_by_its_alert(rsa: KeyPair) -> None:
    with s_server("-tls1_2", pair=rsa) as endpoint:
        assert prober().offer(endpoint, TLS_1_0) == Refused("protocol_version")
        assert prober().offer(endpoint, TLS_1_2, [0x1301]) == Refused("handshake_failure")


def openssl_list(cipher_list: str, *options: str) -> set[str]:
    """What this openssl says the list stands for, by registered name."""
    command = ["openssl", "ciphers", "-s", "-stdname", *options, cipher_list]
    lines = subprocess.run(command, capture_output=True, check=True, text=True).stdout.splitlines()
    return {line.split()[0] for line in lines}


@pytest.mark.parametrize(
    "cipher_list",
    [
        "ECDHE+AESGCM:ECDHE+CHACHA20",
        "kRSA+AES:kDHE+AES128:-DSS@SECLEVEL=0",
        "aRSA+kECDHE:kRSA:@SECLEVEL=0",
    ],
)
def test_the_suites_are_the_configured_ones(cipher_list: str, rsa: KeyPair, ec: KeyPair) -> None:
    with s_server("-tls1_2", "-cipher", cipher_list, pair=rsa, ec=ec) as endpoint:
        scan = prober()
        report = scan.suites(endpoint, TLS_1_2)
    assert report.complete
    assert set(report.names) == openssl_list(cipher_list, "-tls1_2")
    assert scan.connections == len(report.accepted) + 1


def test_every_suite_of_this_openssl_is_found(rsa: KeyPair, ec: KeyPair) -> None:
    everything = "ALL:COMPLEMENTOFALL:-PSK:-SRP:-DSS@SECLEVEL=0"
    with s_server("-tls1_2", "-cipher", everything, pair=rsa, ec=ec) as endpoint:
        report = prober().suites(endpoint, TLS_1_2)
    assert set(report.names) == openssl_list(everything, "-tls1_2")


def test_the_suites_of_tls_1_3(rsa: KeyPair) -> None:
    wanted = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
    with s_server("-ciphersuites", wanted, "-serverpref", pair=rsa) as endpoint:
        report = prober().suites(endpoint, TLS_1_3)
    assert report.names == tuple(wanted.split(":"))
    assert report.complete


def test_another_group_is_asked_for_and_still_accepted(rsa: KeyPair) -> None:
    with s_server("-groups", "P-384", pair=rsa) as endpoint:
        assert isinstance(prober().offer(endpoint, TLS_1_3), Accepted)


def test_the_key_exchange_group_is_seen(rsa: KeyPair) -> None:
    with s_server("-tls1_2", "-groups", "P-384", pair=rsa) as endpoint:
        dhe = prober().offer(endpoint, TLS_1_2, [0x009F])
        ecdhe = prober().offer(endpoint, TLS_1_2, [0xC030])
    assert isinstance(dhe, Accepted)
    assert isinstance(ecdhe, Accepted)
    assert (dhe.dh_bits, dhe.curve_bits) == (2048, None)
    assert (ecdhe.dh_bits, ecdhe.curve_bits) == (None, 384)


def test_a_short_group_is_a_violation(rsa: KeyPair) -> None:
    parameters = rsa.key.with_name("dh1024.pem")
    command = ["openssl", "dhparam", "-dsaparam", "-out", str(parameters), "1024"]
    subprocess.run(command, check=True, capture_output=True)
    # Python's server, because s_server does not take such a group on a host with a strict OpenSSL configuration.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("DHE-RSA-AES256-GCM-SHA384@SECLEVEL=0")
    context.load_cert_chain(rsa.certificate, rsa.key)
    context.load_dh_params(str(parameters))
    with python_server(context) as endpoint:
        report = prober().suites(endpoint, TLS_1_2)
    assert report.violations(suite_rule("strong")) == {
        "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384": ["1024-bit Diffie-Hellman group"]
    }


def test_strong_and_weak_lists(rsa: KeyPair) -> None:
    strong = suite_rule("strong")
    with s_server("-tls1_2", "-cipher", "ECDHE+AESGCM:DHE+AESGCM", pair=rsa) as endpoint:
        assert prober().suites(endpoint, TLS_1_2).violations(strong) == {}
    with s_server("-tls1_2", "-cipher", "ECDHE+AESGCM:AES128-SHA", pair=rsa) as endpoint:
        assert list(prober().suites(endpoint, TLS_1_2).violations(strong)) == ["TLS_RSA_WITH_AES_128_CBC_SHA"]


def test_the_certificate_comes_along(rsa: KeyPair) -> None:
    der = subprocess.run(
        ["openssl", "x509", "-in", str(rsa.certificate), "-outform", "der"], check=True, capture_output=True
    ).stdout
    with s_server("-tls1_2", pair=rsa) as endpoint:
        result = prober().offer(endpoint, TLS_1_2)
    assert isinstance(result, Accepted)
    assert result.certificate == der


def test_features(rsa: KeyPair) -> None:
    with s_server(pair=rsa) as endpoint:
        assert prober().features(endpoint) == Features(False, True, True, True)
    with s_server("-no_ticket", pair=rsa) as endpoint:
        assert prober().features(endpoint) == Features(False, True, False, True)
