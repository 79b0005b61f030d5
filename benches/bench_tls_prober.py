"""The TLS prober against sslyze: what both find, how long it takes, and how many connections the server has to bear.

A unit does a handshake in about a quarter of a second and few at a time, so connections are what counts there. sslyze
is installed into an environment of its own (.nportlab/bench-venv), as it pins other versions of what the harness uses.

    pytest benches/bench_tls_prober.py -m bench
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from benches.results import Results
from nportlab.inventory.load import load_lab
from nportlab.probes.control import Endpoint
from nportlab.probes.tls import TLS_1_0, TLS_1_1, TLS_1_2, TLS_1_3, TlsProber
from nportlab.virtual.client import start_rack
from selftests.probes.servers import make_key_pair, s_server

pytestmark = pytest.mark.bench

VERSIONS = (TLS_1_0, TLS_1_1, TLS_1_2, TLS_1_3)
SSLYZE = "sslyze==6.3.1"
ENVIRONMENT = Path(__file__).parents[1] / ".nportlab" / "bench-venv"
_SCAN = """
import json, sys
from sslyze import ScanCommand, Scanner, ServerNetworkLocation, ServerScanRequest
address, port, at_once = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
names = ["TLS_1_0", "TLS_1_1", "TLS_1_2", "TLS_1_3"]
commands = {ScanCommand[f"{name}_CIPHER_SUITES"] for name in names}
scanner = Scanner(per_server_concurrent_connections_limit=at_once)
location = ServerNetworkLocation("unit.test", port, address)
scanner.queue_scans([ServerScanRequest(location, scan_commands=commands)])
found = {}
for result in scanner.get_results():
    for name in names:
        attempt = getattr(result.scan_result, f"{name.lower()}_cipher_suites") if result.scan_result else None
        accepted = attempt.result.accepted_cipher_suites if attempt and attempt.result else None
        found[name] = None if accepted is None else sorted(suite.cipher_suite.name for suite in accepted)
print(json.dumps(found))
"""
_LAB = """\
lab: bench
racks:
  bench:
    virtual: {network: loopback, boot_seconds: 0.1}
    switches:
      relay: {driver: http_relay, channels: 8}
    units:
      unit: {model: NP6150, address: 192.168.127.11, credentials: {username: admin, password: {generated: true}}}
"""
Found = dict[str, list[str] | None]


@dataclass(frozen=True)
class Measured:
    """One scan: suites by version (None: the tool could not say), seconds, connections the server saw."""

    found: Found
    seconds: float
    connections: int


@pytest.fixture(scope="session")
def sslyze() -> Path:
    """The Python of an environment that has sslyze; says so when there cannot be one."""
    python = ENVIRONMENT / "bin" / "python"
    installed = [str(python), "-c", "import sslyze"]
    if not python.exists() or subprocess.run(installed, capture_output=True, check=False).returncode:
        for command in (
            [sys.executable, "-m", "venv", str(ENVIRONMENT)],
            [str(python), "-m", "pip", "install", "-q", SSLYZE],
        ):
            result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
            if result.returncode:
                last = (result.stderr.strip().splitlines() or ["no message"])[-1]
                pytest.skip(f"{SSLYZE} cannot be installed: {last}")
    return python


@contextmanager
def openssl_server(directory: Path) -> Iterator[Endpoint]:
    """`openssl s_server` with all versions and suites it has."""
    with s_server("-www", pair=make_key_pair(directory, "rsa"), ec=make_key_pair(directory, "ec")) as endpoint:
        yield endpoint


@contextmanager
def virtual_unit(directory: Path) -> Iterator[Endpoint]:
    """HTTPS of a virtual unit with its factory settings."""
    (directory / "lab.yaml").write_text(_LAB)
    rack = start_rack(load_lab(directory / "lab.yaml"), "bench")
    try:
        unit = rack.unit("unit")
        yield (unit.address, unit.port_map.tcp.get(443, 443))
    finally:
        rack.stop()


@pytest.mark.parametrize("server", [openssl_server, virtual_unit], ids=["openssl", "virtual-unit"])
def test_prober_against_sslyze(
    server: Callable[[Path], contextlib.AbstractContextManager[Endpoint]],
    sslyze: Path,
    tmp_path: Path,
    results: Results,
    request: pytest.FixtureRequest,
) -> None:
    with server(tmp_path) as endpoint:
        own = _measure(endpoint, _own)
        one = _measure(endpoint, lambda relay: _sslyze(sslyze, relay, 1))
        five = _measure(endpoint, lambda relay: _sslyze(sslyze, relay, 5))
    rows = {"own prober": own, "sslyze, 1 at once": one, "sslyze, 5 at once": five}
    where = request.node.callspec.id
    for name, row in rows.items():
        theirs = one if name == "own prober" else None
        results.add(
            f"{where}: {name}, {_count(row.found)} suites", "s", row.seconds, theirs and round(theirs.seconds, 2)
        )
        results.add(f"{where}: {name}", "connections", row.connections, theirs and theirs.connections)
    for name, suites in one.found.items():
        # sslyze carries old OpenSSL builds without some newer suites: what it finds must be found, not the reverse.
        assert suites is not None, f"sslyze says nothing about {name}"
        assert set(suites) <= set(own.found[name] or []), name
        assert bool(suites) == bool(own.found[name]), name
    assert own.connections < one.connections
    assert own.seconds < one.seconds


def _own(endpoint: Endpoint) -> Found:
    prober = TlsProber()
    return {version.name: sorted(prober.suites(endpoint, version).names) for version in VERSIONS}


def _sslyze(python: Path, endpoint: Endpoint, at_once: int) -> Found:
    command = [str(python), "-c", _SCAN, endpoint[0], str(endpoint[1]), str(at_once)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def _measure(endpoint: Endpoint, scan: Callable[[Endpoint], Found]) -> Measured:
    with _Relay(endpoint) as relay:
        started = time.monotonic()
        found = scan(relay.endpoint)
        return Measured(found, time.monotonic() - started, relay.connections)


def _count(found: Found) -> int:
    return sum(len(names or []) for names in found.values())


class _Relay:
    """Passes TCP connections on to a server and counts them."""

    def __init__(self, target: Endpoint) -> None:
        self.connections = 0
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.endpoint: Endpoint = self._listener.getsockname()

    def __enter__(self) -> _Relay:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError), socket.create_connection(self._target) as server:
            back = threading.Thread(target=_pump, args=(server, client), daemon=True)
            back.start()
            _pump(client, server)
            back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
