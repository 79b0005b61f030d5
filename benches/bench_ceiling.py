"""The figures this project promises, each with both sides in one run.

    [LINUX_SERIAL_TEST=/path/to/linux-serial-test] pytest benches/bench_ceiling.py -m bench

On racks of its own, whatever --lab says: the virtual unit's line rate, what the harness itself costs and reaches, and
the unit and the clients against programs nobody here wrote: linux-serial-test (built from its source outside this
project, named by LINUX_SERIAL_TEST), ser2net tuned to its best (nodelay, no character delay, 64 KiB buffers both ways),
pyserial's RFC 2217 server and client. Goals are for two cores that have nothing else to do; the load is kept beside
every number. What cannot be compared is said, with the reason.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from benches import against_jobs, ceiling_jobs
from benches.log import BenchLog, at_most
from benches.machine import QUIET
from benches.modes import VARIANTS, Variant
from benches.place import own_place
from benches.ptys import pty_line
from benches.worker import Worker

pytestmark = [pytest.mark.bench, pytest.mark.timeout(0)]

_MOVED: dict[str, int] = {"moved": 0, "wrong": 0}


@pytest.fixture(scope="module")
def rack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """32 ports with adapters."""
    with own_place(tmp_path_factory.mktemp("ceiling")) as place, contextlib.closing(Worker(place)) as worker:
        yield worker


@pytest.fixture(scope="module")
def plugs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """32 ports with loopback plugs."""
    lines = dict.fromkeys(range(1, 33), "loopback")
    with (
        own_place(tmp_path_factory.mktemp("plugs"), lines, partner=False) as place,
        contextlib.closing(Worker(place)) as worker,
    ):
        yield worker


class Ptys:
    """A unit whose two ports are ptys, and a third pty (path) for what it is compared with. near: our ends."""

    def __init__(self, worker: Worker, near: dict[int, int], path: str) -> None:
        self.worker = worker
        self.near = near
        self.path = path


@pytest.fixture(scope="module")
def ptys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ptys]:
    """Lines without a pace. The unit is reached by loopback addresses, as the others are."""
    with pty_line("pty 1") as (one, first), pty_line("pty 2") as (two, second), pty_line("other") as (three, other):
        lines = {1: {"pty": first}, 2: {"pty": second}}
        folder = tmp_path_factory.mktemp("ptys")
        with (
            own_place(folder, lines, model="NP6250", partner=False, network="loopback") as place,
            contextlib.closing(Worker(place)) as worker,
        ):
            yield Ptys(worker, {1: one.fileno(), 2: two.fileno(), 3: three.fileno()}, other)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.id)
def test_line_rate(rack: Worker, log: BenchLog, variant: Variant) -> None:
    _count(rack.run(log, ceiling_jobs.line_rate, variant, log.seconds, seconds=2 * log.seconds))
    _assert_reached(log, "virtual unit, mean rate", variant.mode)


def test_every_baud_rate(rack: Worker, log: BenchLog) -> None:
    _count(rack.run(log, ceiling_jobs.every_baud, max(log.seconds, 20.0), seconds=60))
    _assert_reached(log, "virtual unit, rate")


def test_no_byte_is_wrong(log: BenchLog) -> None:
    """In all that the tests before have moved."""
    assert _MOVED["moved"], "run together with the tests of the line rate"
    log.add("bytes wrong, all modes", _MOVED["wrong"], "bytes", goal=at_most(0), moved=_MOVED["moved"])
    assert not _MOVED["wrong"]


def test_harness_alone(rack: Worker, log: BenchLog) -> None:
    rack.run(log, ceiling_jobs.harness_alone, max(log.seconds, 20.0), seconds=60)
    _assert_reached(log, "harness alone")


def test_harness_on_loopback_plugs(plugs: Worker, log: BenchLog) -> None:
    plugs.run(log, ceiling_jobs.harness_on_unit, max(log.seconds, 20.0), seconds=60)
    _assert_reached(log, "loopback plugs")


def test_pty_against_linux_serial_test(rack: Worker, log: BenchLog) -> None:
    rack.run(log, against_jobs.pty_against_c, min(log.seconds, 4.0), seconds=60)
    _assert_reached(log, "verified, one pty and back")


def test_tcp_server_against_ser2net(ptys: Ptys, log: BenchLog, tmp_path: Path) -> None:
    near = {1: ptys.near[1], 2: ptys.near[3]}
    seconds = min(log.seconds, 3.0)
    ptys.worker.run(log, against_jobs.against_ser2net, near, ptys.path, str(tmp_path), seconds, seconds=120)
    _assert_reached(log, "without a pace")


def test_rfc2217_against_pyserial(ptys: Ptys, log: BenchLog) -> None:
    near = {1: ptys.near[1], 2: ptys.near[3]}
    before = len(log.store.measured)
    ptys.worker.run(log, against_jobs.against_pyserial_server, near, ptys.path, min(log.seconds, 3.0), seconds=120)
    _assert_reached(log, "", since=before)


def test_real_com_against_pyserial(ptys: Ptys, log: BenchLog) -> None:
    near = {1: ptys.near[1], 2: ptys.near[2]}
    ptys.worker.run(log, against_jobs.clients, near, min(log.seconds, 3.0), seconds=120)
    _assert_reached(log, "Real COM client")


def _count(found: tuple[int, int]) -> None:
    _MOVED["moved"] += found[0]
    _MOVED["wrong"] += found[1]


def _assert_reached(log: BenchLog, what: str, mode: str = "", since: int = 0) -> None:
    rows = [row for row in log.store.measured[since:] if row.what.startswith(what) and mode in ("", row.mode)]
    missed = [
        f"{row.what} {row.where}: {row.value:.4g} {row.measure}, goal {row.goal}"
        for row in rows
        if row.band == "fail" and (row.others or 0.0) <= QUIET
    ]
    if any(row.band == "fail" and (row.others or 0.0) > QUIET for row in rows):
        log.note("Other programs took much of the processors: what was missed then says little.")
    assert not missed, "\n".join(missed)
