"""Throughput of every operation mode: payload bytes per second as a percentage of line rate, every byte verified.

    pytest benches/bench_throughput.py -m bench [-k tcp-server] [--lab lab.yaml --unit np6650] [--bench-seconds 10]

Per mode, plain and with TLS: all baud rates from 300 to 921,600 at once, a port each, in each direction and both at
once; then 1, 8 and 32 ports at 921,600 baud. Judged by `limits.throughput` of lab.yaml, on the slowest port.
"""

from __future__ import annotations

import pytest

from benches.jobs import measure_bauds, measure_ports
from benches.log import BenchLog
from benches.machine import QUIET
from benches.modes import VARIANTS, Variant
from benches.worker import Worker

pytestmark = [pytest.mark.bench, pytest.mark.timeout(0)]


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.id)
def test_every_baud_rate(worker: Worker, log: BenchLog, variant: Variant) -> None:
    worker.run(log, measure_bauds, variant, log.seconds, seconds=4 * log.seconds)
    assert_not_failed(log, variant)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.id)
def test_every_number_of_ports(worker: Worker, log: BenchLog, variant: Variant) -> None:
    worker.run(log, measure_ports, variant, log.seconds, seconds=4 * log.seconds)
    assert_not_failed(log, variant)


def assert_not_failed(log: BenchLog, variant: Variant) -> None:
    """A missed limit fails the bench, unless others took much of a virtual rack's processors; marginal is shown."""
    mine = [
        row
        for row in log.store.measured
        if (row.mode, row.tls) == (variant.mode, variant.secure)
        and (row.network == "hardware" or (row.others or 0.0) <= QUIET)
    ]
    missed = [f"{row.where}: {row.value:.2f} {row.measure}, limit {row.goal}" for row in mine if row.band == "fail"]
    assert not missed, "\n".join(missed)
    wrong = [
        f"{row.where}: {row.wrong} bytes wrong" for row in mine if log.limits.errors.band(row.wrong or 0) == "fail"
    ]
    assert not wrong, "\n".join([*wrong, *log.store.notes])
