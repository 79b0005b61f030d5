from __future__ import annotations

import subprocess

import pytest

from nportlab.probes.handshake import PUBLIC_ROOTS, HandshakeFailed, handshake
from nportlab.probes.renegotiation import Renegotiation, client_renegotiation
from nportlab.probes.tls_hello import TLS_1_0, TLS_1_2, TLS_1_3, Version
from selftests.probes.servers import KeyPair, s_server


@pytest.mark.parametrize("version", [TLS_1_0, TLS_1_2, TLS_1_3])
def test_a_pinned_version(version: Version, rsa: KeyPair) -> None:
    with s_server(pair=rsa) as endpoint:
        result = handshake(endpoint, version)
    der = ["openssl", "x509", "-in", str(rsa.certificate), "-outform", "der"]
    assert result.version == version
    assert result.certificate == subprocess.run(der, check=True, capture_output=True).stdout
    assert (result.judged, result.verify_error) == (False, None)


def test_verification(rsa: KeyPair, ec: KeyPair) -> None:
    with s_server(pair=rsa) as endpoint:
        assert handshake(endpoint, trust=rsa.certificate, server_name="127.0.0.1").verify_error is None
        assert handshake(endpoint, trust=rsa.certificate, server_name="unit.test").verify_error is None
        other_name = handshake(endpoint, trust=rsa.certificate, server_name="10.0.0.1").verify_error
        other_ca = handshake(endpoint, trust=ec.certificate).verify_error
        public = handshake(endpoint, trust=PUBLIC_ROOTS).verify_error
    assert other_name is not None
    assert "not valid for" in other_name
    assert other_ca == public == "self-signed certificate"


def test_a_refused_version(rsa: KeyPair) -> None:
    with s_server("-tls1_2", pair=rsa) as endpoint, pytest.raises(HandshakeFailed, match="PROTOCOL_VERSION"):
        handshake(endpoint, TLS_1_0)


@pytest.mark.parametrize(
    ("options", "answer", "times"),
    [([], Renegotiation.REFUSED, 0), (["-client_renegotiation"], Renegotiation.ALLOWED, 2)],
)
def test_renegotiation(options: list[str], answer: Renegotiation, times: int, rsa: KeyPair) -> None:
    with s_server("-tls1_2", *options, pair=rsa) as endpoint:
        report = client_renegotiation(endpoint, times=2)
    assert (report.answer, report.times) == (answer, times)


def test_renegotiation_without_tls_1_2(rsa: KeyPair) -> None:
    with s_server("-tls1_3", pair=rsa) as endpoint, pytest.raises(HandshakeFailed):
        client_renegotiation(endpoint)
