"""Waiting with a limit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

_T = TypeVar("_T")


async def within(seconds: float | None, awaitable: Awaitable[_T]) -> _T:
    """What `awaitable` gives. Raises TimeoutError when it takes longer (None: for ever), after cancelling it.

    Not `asyncio.wait_for`: that of Python 3.11 loses a cancellation which comes together with the result, and a task
    that waits in a loop then never ends.
    """
    async with asyncio.timeout(seconds):
        return await awaitable
