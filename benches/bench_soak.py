"""Soak: all ports of a unit at the highest baud rate, both ways, for a long time. Drift of the rate, and errors.

    make soak                                       # an hour
    SOAK_SECONDS=28800 pytest benches/bench_soak.py -m bench [--lab lab.yaml --unit np6650] [-k real-com]

In the full bench a short one of each mode. Judged by `limits.drift`, `limits.errors` and `limits.throughput` of
lab.yaml. A soak that is killed keeps the modes that were through.
"""

from __future__ import annotations

import os

import pytest

from benches.bench_throughput import assert_not_failed
from benches.jobs import measure_soak
from benches.log import BenchLog
from benches.modes import Variant
from benches.options import SOAK_SECONDS, soak_seconds
from benches.worker import Worker

pytestmark = [pytest.mark.bench, pytest.mark.timeout(0)]

VARIANTS = (Variant("tcp_server"), Variant("real_com", secure=True))
"""What a soak runs, one after another, sharing its time: bytes as they are, and with TLS."""


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.id)
def test_soak(worker: Worker, log: BenchLog, variant: Variant, request: pytest.FixtureRequest) -> None:
    seconds = soak_seconds(request.config) / len(VARIANTS)
    if os.environ.get(SOAK_SECONDS):
        log.say(f"{variant.name}: {seconds:.0f} s")
    worker.run(log, measure_soak, variant, seconds, seconds=120)
    assert_not_failed(log, variant)
