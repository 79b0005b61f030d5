"""Daemons of the distribution, each with a configuration of its own, on 127.0.0.1 and a free port."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nportlab.probes.udp import UdpProber
from nportlab.probes.udp_queries import UdpQuery

Endpoint = tuple[str, int]


@contextmanager
def snmpd(directory: Path, query: UdpQuery) -> Iterator[Endpoint]:
    """net-snmp's agent, with the communities "public" and "plant"."""
    port = _free_port()
    configuration = directory / "snmpd.conf"
    configuration.write_text(f"agentaddress udp:127.0.0.1:{port}\nrocommunity public\nrocommunity plant\n")
    command = ["snmpd", "-f", "-Lo", "-C", "-c", str(configuration), "-p", str(directory / "pid")]
    with _daemon(command, port, query, SNMP_PERSISTENT_DIR=str(directory)) as endpoint:
        yield endpoint


@contextmanager
def chronyd(directory: Path, query: UdpQuery) -> Iterator[Endpoint]:
    """chrony's NTP server; it does not touch the clock (-x)."""
    port = _free_port()
    configuration = directory / "chrony.conf"
    lines = ["local stratum 3", "allow 127.0.0.0/8", "bindaddress 127.0.0.1", f"port {port}", "cmdport 0", "user root"]
    lines += [f"pidfile {directory / 'pid'}", "bindcmdaddress /"]
    configuration.write_text("\n".join(lines) + "\n")
    with _daemon(["chronyd", "-d", "-x", "-f", str(configuration)], port, query) as endpoint:
        yield endpoint


@contextmanager
def dnsmasq(directory: Path, query: UdpQuery, tftp: bool = False) -> Iterator[Endpoint]:
    """dnsmasq as DNS server, or with `tftp` as TFTP server (its port 69 cannot be moved)."""
    port = 69 if tftp else _free_port()
    serve = ["--port=0", "--enable-tftp", f"--tftp-root={directory}"] if tftp else [f"--port={port}"]
    options = ["--no-resolv", "--no-hosts", "--bind-interfaces", "--listen-address=127.0.0.1", "--user=root"]
    command = ["dnsmasq", "-k", "--conf-file=/dev/null", f"--pid-file={directory / 'pid'}", *options, *serve]
    with _daemon(command, port, query) as endpoint:
        yield endpoint


@contextmanager
def _daemon(command: list[str], port: int, query: UdpQuery, **environment: str) -> Iterator[Endpoint]:
    program = shutil.which(command[0], path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if program is None:
        pytest.skip(f"{command[0]} is not installed")
    process = subprocess.Popen(
        [program, *command[1:]],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | environment,
    )
    try:
        endpoint = ("127.0.0.1", port)
        # It is up as soon as it answers; the test then asks again for itself.
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and process.poll() is None:
            if UdpProber(timeout=0.1, tries=1).ask(endpoint, query).answered:
                break
            time.sleep(0.02)
        yield endpoint
    finally:
        process.terminate()
        process.wait(5)


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
