from __future__ import annotations

import contextlib
import itertools
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nportlab.probes.responder import ControlResponder
from nportlab.probes.sweep import ALL_PORTS, PortState, TcpSweep, ranges
from nportlab.verdicts.faults import LabFault

counter = itertools.count(1)


@pytest.fixture
def host() -> str:
    """An address of this host nobody else listens on (except those who listen on all addresses)."""
    process = os.getpid()
    return f"127.{64 + process % 64}.{process // 64 % 256}.{next(counter)}"


@contextlib.contextmanager
def listeners(host: str, *ports: int) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for port in ports:
            stack.enter_context(socket.create_server((host, port), backlog=8))
        yield


def test_every_port_of_a_host(host: str) -> None:
    with listeners(host, 22, 443, 950, 4900, 65535):
        started = time.process_time()
        result = TcpSweep().run(host, ALL_PORTS, control=(host, 443))
        spent = time.process_time() - started
    assert {22, 443, 950, 4900, 65535} <= result.open
    assert len(result.open | result.closed | result.filtered) == 65535
    assert result.filtered == frozenset()
    assert result.control.answered
    assert spent < 6


@pytest.mark.skipif(shutil.which("nmap") is None, reason="nmap is not installed")
def test_nmap_finds_the_same(host: str) -> None:
    with listeners(host, 21, 80, 1023, 1500):
        result = TcpSweep().run(host, range(1, 2001), control=(host, 80))
        command = ["nmap", "-sT", "-Pn", "-n", "-p1-2000", "-oG", "-", host]
        output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert result.open == {int(port) for port in re.findall(r"(\d+)/open/", output)}


def test_states(host: str) -> None:
    with listeners(host, 443):
        result = TcpSweep().run(host, [442, 443], control=(host, 443))
    assert (result.state(443), result.state(442)) == (PortState.OPEN, PortState.CLOSED)
    with pytest.raises(KeyError):
        result.state(444)


def test_a_full_backlog_is_filtered_and_asked_twice(host: str) -> None:
    # A listener whose queue is full drops further SYNs, as a packet filter does.
    with socket.create_server((host, 700), backlog=0) as full, listeners(host, 443), contextlib.ExitStack() as stack:
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        sweep = TcpSweep(timeout=0.15)
        started = time.monotonic()
        result = sweep.run(host, [443, 700, 701], control=(host, 443))
    assert (result.open, result.closed, result.filtered) == ({443}, {701}, {700})
    assert time.monotonic() - started >= 0.3


def test_without_a_control_nothing_is_said(host: str) -> None:
    with pytest.raises(LabFault, match="positive control did not answer"):
        TcpSweep(timeout=0.1).run(host, [442], control=(host, 443))


def test_the_control_may_be_a_responder(host: str) -> None:
    with ControlResponder(udp=()) as responder:
        result = TcpSweep().run(host, [442], control=responder.tcp)
    assert result.closed == {442}


def test_the_rate_is_kept(host: str) -> None:
    with listeners(host, 443):
        result = TcpSweep(rate=400).run(host, range(500, 600), control=(host, 443))
    assert result.seconds >= 0.24


def test_more_in_flight_than_the_process_may_open_is_lowered() -> None:
    assert TcpSweep(in_flight=10**9).in_flight < 10**9


def test_ranges_for_people() -> None:
    assert ranges([22, 443, 951, 950, 952]) == "22, 443, 950-952"
    assert ranges([]) == ""


@given(st.sets(st.integers(1, 60)))
def test_ranges_hold_every_port(ports: set[int]) -> None:
    parts = [part.split("-") for part in ranges(ports).split(", ") if part]
    assert {port for part in parts for port in range(int(part[0]), int(part[-1]) + 1)} == ports
