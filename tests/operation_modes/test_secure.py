"""The secure variants of the operation modes: serial data inside TLS (guide, line 44), with HTTPS's certificate."""

import pytest

from fixtures.marks import BENCH, control, needs, on_port
from fixtures.mode_clients import network_port
from nportlab.modes.tcp import TcpClient
from nportlab.probes.tls import TLS_1_0, TLS_1_1, TLS_1_2, Accepted
from tests.operation_modes._ends import A_WHILE, dialled, greet, hear, hear_all, let_in, say

pytestmark = [pytest.mark.opmode, pytest.mark.tls]

MARK = b"-- serial data nobody on the way may read --"
AGAIN = 10.0
SECURE = {"secure": "enable"}
DIALS = {**SECURE, "destination_address": BENCH, "destination_port": "=4800+n"}

real_com = pytest.param("real_com", marks=on_port("real_com", SECURE))
# One of them with a certificate that was imported, the others with the unit's own.
imported = needs({"certificate": "lab:p256"})
tcp_server = pytest.param("tcp_server", marks=[on_port("tcp_server", SECURE), imported])
pair_slave = pytest.param("pair_slave", marks=on_port("pair_slave", SECURE))
tcp_client = pytest.param("tcp_client", marks=on_port("tcp_client", DIALS))
pair_master = pytest.param("pair_master", marks=on_port("pair_master", DIALS))

listening = pytest.mark.parametrize("mode", [real_com, tcp_server, pair_slave])
dialling = pytest.mark.parametrize("mode", [tcp_client, pair_master])

# --- the unit listens ---------------------------------------------------------------------------------------------


@control("GEN-04", "MOD-17")
@listening
def test_data_crosses_inside_tls(mode, port, carry, evidence):
    client = port.connect()
    evidence.note(f"{port.label}, {mode}: {client.tls}")
    assert client.tls.version in ("TLSv1.2", "TLSv1.3"), f"agreed on {client.tls}"
    carry(port, client, seconds=0.2)


@control("TLS-10", "CRT-18", "MOD-17")
@listening
def test_the_data_port_shows_the_certificate_of_https(mode, port, web):
    assert port.connect().tls.certificate == web.handshake().certificate, "the data port has another certificate"


@control("MOD-17", "TLS-10")
@needs({"console.tls_1_0_1_1": "disable"})
@listening
def test_the_data_port_refuses_old_tls(mode, port, tls, evidence):
    endpoint = port.endpoint(network_port(port))
    good = tls.answer(endpoint, TLS_1_2)
    assert isinstance(good, Accepted), f"TLS 1.2 is answered with {good}"
    taken = [version for version in (TLS_1_0, TLS_1_1) if isinstance(tls.answer(endpoint, version), Accepted)]
    assert not taken, f"the data port takes {', '.join(map(str, taken))}"


@control("TLS-10")
@imported
@on_port("tcp_server", SECURE)
def test_the_suites_of_the_data_port_are_listed(port, tls, evidence):
    report = tls.all_suites(port.endpoint(network_port(port)), TLS_1_2)
    evidence.note(f"TLS 1.2 suites of a data port: {report}")
    assert report.accepted, "no suite is taken"


@control("GEN-04", "MOD-17")
@listening
def test_nothing_of_the_serial_data_is_readable_on_the_way(mode, port, packets):
    client, endpoint = port.connect(), port.endpoint(network_port(port))
    greet(client, port)
    with packets() as seen:
        say(client, MARK)
        assert hear(port.adapter, len(MARK)) == MARK
        say(port.adapter, MARK)
        assert hear(client, len(MARK)) == MARK
    assert seen.of_tcp(endpoint.port), "the capture holds nothing of the connection, so it proves nothing"
    assert not seen.containing(MARK), "the serial data was sent in clear"


@control("GEN-04", "MOD-17")
@listening
def test_a_client_without_tls_gets_nothing_through(mode, port):
    adapter, endpoint = port.adapter, port.endpoint(network_port(port))
    with TcpClient.connect(endpoint, label=port.label, mode="plain") as plain:
        say(plain, MARK)
        assert MARK[:4] not in hear_all(adapter, 2 * A_WHILE), "bytes sent without TLS came out of the port"
    with TcpClient.connect(endpoint, label=port.label, mode="plain") as silent:
        hear_all(silent, 2 * A_WHILE)
        say(adapter, MARK)
        assert MARK[:4] not in hear_all(silent), "what the device sends was sent to a client that spoke no TLS"
    client = let_in(port)
    assert client is not None, "with TLS nothing gets through either"
    say(adapter, MARK)
    assert hear(client, len(MARK)) == MARK


# --- the unit dials -----------------------------------------------------------------------------------------------


@control("GEN-04", "MOD-17")
@dialling
def test_a_port_that_dials_speaks_tls(mode, port, carry, evidence):
    host = dialled(port.listener(), AGAIN)
    assert host is not None, "the unit does not dial"
    evidence.note(f"{port.label}, {mode}: {host.tls}")
    assert host.tls is not None, "no TLS was spoken"
    assert host.tls.version in ("TLSv1.2", "TLSv1.3"), f"agreed on {host.tls}"
    carry(port, host, seconds=0.2)


@control("GEN-04", "MOD-17")
@dialling
def test_nothing_of_what_a_dialling_port_sends_is_readable(mode, port, packets):
    adapter, host = port.adapter, dialled(port.listener(), AGAIN)
    assert host is not None, "the unit does not dial"
    greet(host, port)
    with packets() as seen:
        say(host, MARK)
        assert hear(adapter, len(MARK)) == MARK
        say(adapter, MARK)
        assert hear(host, len(MARK)) == MARK
    assert seen.of_tcp(host.dialling.local_port), "the capture holds nothing of the connection, so it proves nothing"
    assert not seen.containing(MARK), "the serial data was sent in clear"


@control("GEN-04", "MOD-17")
@dialling
def test_a_host_without_tls_gets_nothing_from_a_port_that_dials(mode, port):
    adapter = port.adapter
    host = dialled(port.listener(secure=False), AGAIN)
    assert host is not None, "the unit does not dial"
    say(adapter, MARK)
    say(host, MARK)
    heard = hear_all(host)
    assert heard[:1] == b"\x16", f"the unit began with {heard[:20]!r}, not with a TLS handshake"
    assert MARK[:4] not in heard, "what the device sends was sent in clear"
    assert MARK[:4] not in hear_all(adapter), "bytes sent without TLS came out of the port"
