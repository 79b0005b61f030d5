"""Sessions: how fast they are set up, and how many there can be.

    pytest benches/bench_connections.py -m bench [--lab lab.yaml --unit np6650]

Judged by `limits.connections` (with TLS and SSH `limits.tls_connections`) of lab.yaml.
"""

from __future__ import annotations

import pytest

from benches.bench_throughput import assert_not_failed
from benches.jobs import measure_connections, measure_most_sessions
from benches.log import BenchLog
from benches.modes import VARIANTS, Variant
from benches.worker import Worker

pytestmark = [pytest.mark.bench, pytest.mark.timeout(0)]

ALLOWED = 8
"""The most the setting Max connection can be."""

_LISTENING = ("real_com", "rfc2217", "tcp_server", "reverse_telnet", "reverse_ssh", "printer_raw")


@pytest.mark.parametrize("variant", [v for v in VARIANTS if v.mode in _LISTENING], ids=lambda variant: variant.id)
def test_set_up(worker: Worker, log: BenchLog, variant: Variant) -> None:
    worker.run(log, measure_connections, variant, log.seconds / 2, seconds=log.seconds)
    assert_not_failed(log, variant)


@pytest.mark.parametrize("variant", [v for v in VARIANTS if v.mode == "tcp_server"], ids=lambda variant: variant.id)
def test_most_sessions(worker: Worker, log: BenchLog, variant: Variant) -> None:
    assert worker.run(log, measure_most_sessions, variant, ALLOWED, seconds=30) == ALLOWED
