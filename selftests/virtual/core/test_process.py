"""What takes a unit down, and what does not."""

from __future__ import annotations

import asyncio
import contextlib
import ssl

import pytest

from nportlab.virtual.unit import process
from nportlab.virtual.unit.process import ExitCode, _hang_up, _judge
from nportlab.virtual.waiting import within


@pytest.mark.parametrize(
    ("error", "crashes"),
    [
        (ValueError("a bug of a service"), True),
        (AssertionError(), True),
        (ConnectionResetError(), False),
        (TimeoutError(), False),
        (ssl.SSLError("bad record"), False),
        (None, False),
    ],
)
def test_a_bug_is_a_crash_and_a_broken_connection_is_not(error: Exception | None, crashes: bool) -> None:
    async def judge() -> bool:
        crashed: asyncio.Future[ExitCode] = asyncio.get_running_loop().create_future()
        for _ in range(2):
            _judge("unit", {"message": "exception was never retrieved", "exception": error}, crashed)
        return crashed.done() and crashed.result() is ExitCode.CRASH

    assert asyncio.run(judge()) is crashes


def test_a_restart_waits_for_no_task_that_does_not_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(process, "HANG_UP_SECONDS", 0.01)
    released = asyncio.Event()

    async def stubborn() -> None:
        while not released.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await released.wait()

    async def restart() -> tuple[bool, bool]:
        tasks = [asyncio.create_task(stubborn()), asyncio.create_task(asyncio.sleep(60))]
        await asyncio.sleep(0)
        await _hang_up(tasks)
        seen = (tasks[0].done(), tasks[1].cancelled())
        released.set()
        await tasks[0]
        return seen

    assert asyncio.run(restart()) == (False, True)
    assert "still runs at a restart" in caplog.text


def test_an_order_to_end_that_comes_with_the_result_is_heard() -> None:
    """The place where `asyncio.wait_for` of Python 3.11 gives the result and forgets the order."""

    async def ends() -> bool:
        loop = asyncio.get_running_loop()
        result: asyncio.Future[int] = loop.create_future()
        waiting = asyncio.create_task(within(60, result))
        await asyncio.sleep(0)
        result.set_result(1)
        waiting.cancel()
        await asyncio.wait({waiting})
        return waiting.cancelled()

    assert asyncio.run(ends())
