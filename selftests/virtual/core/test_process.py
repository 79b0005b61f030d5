"""What takes a unit down, and what does not."""

from __future__ import annotations

import asyncio
import ssl

import pytest

from nportlab.virtual.unit.process import ExitCode, _judge


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
