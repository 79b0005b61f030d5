"""The measuring functions on lines whose rate and faults are known."""

from __future__ import annotations

import contextlib

import pytest

from benches.measure import SerialPath, connections, drift, most_sessions, throughput
from nportlab.protocol.serial_wire import LineFormat
from nportlab.report.measurements import Series
from selftests.benches.fakes import PacedLoop

LINE = LineFormat(baud=115200)
RATE = LINE.characters_per_second


def loop(name: str = "port 1", *, share: float = 1.0, drop: int = 0) -> SerialPath:
    return SerialPath(name, PacedLoop(name, RATE * share, drop=drop), None, LINE)


def test_a_line_that_keeps_its_rate() -> None:
    found = throughput([loop("port 1"), loop("port 2")], "both", 1.0)
    assert found.wrong == 0 and not found.said
    assert found.ports == 2 and found.line_rate == RATE
    assert found.worst == pytest.approx(1.0, abs=0.06)
    assert found.moved == pytest.approx(2 * RATE * 1.25, rel=0.15)


def test_the_slowest_port_is_named() -> None:
    found = throughput([loop("port 1"), loop("port 2", share=0.8)], "both", 1.0)
    assert found.worst == pytest.approx(0.8, abs=0.04)
    assert found.worst_name.startswith("port 2")
    assert found.mean == pytest.approx(0.9, abs=0.04)


def test_lost_bytes_are_counted() -> None:
    found = throughput([loop(drop=1000)], "both", 1.0)
    assert found.wrong == pytest.approx(RATE * 1.25 / 1000, rel=0.3)
    assert "loss" in found.said


def test_what_a_path_cannot_do_is_refused() -> None:
    with pytest.raises(ValueError, match="port 1: bytes do not go 'to-unit' here"):
        throughput([loop()], "to-unit", 1.0)
    printer = SerialPath("printer", PacedLoop("a", RATE), PacedLoop("b", RATE), LINE, one_way=True)
    assert printer.directions() == ("from-unit",)
    with pytest.raises(ValueError, match="has no line rate"):
        throughput([SerialPath("pty", PacedLoop("a", RATE), None, None)], "both", 1.0)


def test_the_rate_over_time_has_no_ends() -> None:
    found = throughput([loop("port 1"), loop("port 2")], "both", 2.0)
    every, slowest = found.series()
    assert (every.name, slowest.name) == ("all", "slowest")
    assert 10 < len(every.points) < 25
    assert sum(rate for _, rate in every.points) / len(every.points) == pytest.approx(100, abs=3)


@pytest.mark.parametrize(
    ("rates", "expected"),
    [([100.0] * 40, 0.0), ([100.0] * 20 + [99.0] * 20, 1.0), ([50.0] * 20 + [60.0] * 20, 20.0), ([100.0, 1.0], 0.0)],
)
def test_drift(rates: list[float], expected: float) -> None:
    series = Series(kind="rate over time", points=tuple((float(n), rate) for n, rate in enumerate(rates)))
    assert drift(series) == pytest.approx(expected)


class _Session:
    opened = 0

    def __init__(self, works: bool = True) -> None:
        type(self).opened += 1
        self.works = works

    def close(self) -> None:
        type(self).opened -= 1


def test_sessions_are_counted_and_closed() -> None:
    found = connections(_Session, seconds=0.05, most=100)
    assert 0 < found.count <= 100 and found.per_second > 100
    assert found.p50 <= found.p99
    assert _Session.opened == 0


def test_the_most_sessions_until_one_is_refused() -> None:
    def connect() -> _Session:
        if _Session.opened >= 3:
            raise ConnectionRefusedError
        return _Session()

    assert most_sessions(connect, (ConnectionRefusedError,), lambda _: True, 10) == 3
    assert _Session.opened == 0


def test_a_session_that_does_not_work_is_none() -> None:
    def works(session: object) -> bool:
        return isinstance(session, _Session) and session.works

    assert most_sessions(lambda: _Session(_Session.opened < 4), (OSError,), works, 10) == 4
    assert most_sessions(_Session, (OSError,), works, 6) == 6
    with contextlib.suppress(AttributeError):
        assert _Session.opened == 0
