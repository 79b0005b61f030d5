"""A look at everything in half a minute: does the serial side reach its figures at all?

    pytest benches -m bench -k short [--lab lab.yaml --unit np6650]

One mode plain and one with TLS, one port and all of them, latency and sessions. Part of a regression; the numbers of an
acceptance report come from the other benches.
"""

from __future__ import annotations

import pytest

from benches.bench_throughput import assert_not_failed
from benches.jobs import measure_connections, measure_latency, measure_ports
from benches.log import BenchLog
from benches.modes import Variant
from benches.worker import Worker

pytestmark = [pytest.mark.bench, pytest.mark.timeout(120)]

SECONDS = 2.0
_VARIANTS = (Variant("tcp_server"), Variant("real_com", secure=True))


@pytest.mark.parametrize("variant", _VARIANTS, ids=lambda variant: variant.id)
def test_short(worker: Worker, log: BenchLog, variant: Variant) -> None:
    worker.run(log, measure_ports, variant, SECONDS, (4,), seconds=20)
    worker.run(log, measure_latency, variant, SECONDS / 2, (921600,), seconds=20)
    worker.run(log, measure_connections, variant, SECONDS / 2, seconds=20)
    assert_not_failed(log, variant)
