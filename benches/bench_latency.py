"""Latency of every operation mode: a byte in on the wire, out on the network, and back, minus the time on the wire.

    pytest benches/bench_latency.py -m bench [-k real-com] [--lab lab.yaml --unit np6650]

p50, p99 and the longest, and a histogram. Judged by `limits.latency_ms` and `limits.latency_p99_ms` of lab.yaml. Not
the printer modes: they take bytes only.
"""

from __future__ import annotations

import pytest

from benches.bench_throughput import assert_not_failed
from benches.jobs import measure_latency
from benches.log import BenchLog
from benches.modes import VARIANTS, Variant
from benches.worker import Worker

pytestmark = [pytest.mark.bench, pytest.mark.timeout(0)]


@pytest.mark.parametrize(
    "variant", [v for v in VARIANTS if not v.mode.startswith("printer")], ids=lambda variant: variant.id
)
def test_latency(worker: Worker, log: BenchLog, variant: Variant) -> None:
    worker.run(log, measure_latency, variant, log.seconds / 2, seconds=log.seconds)
    assert_not_failed(log, variant)
