"""Ctrl-C and SIGTERM wait until a unit is written: to stop in the middle would leave it with half an image."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def uninterrupted(tell: Callable[[str], None]) -> Iterator[None]:
    """Hold back signals while the block runs, then let the last one through to whoever handles it.

    tell: told when one comes. Outside the main thread nothing needs to be done: signals go to the main thread, which
    waits for the others.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []

    def hold(number: int, frame: FrameType | None) -> None:
        received.append(number)
        tell(f"{signal.Signals(number).name}: stops when the unit is written; its power must stay on")

    former: dict[int, Any] = {number: signal.signal(number, hold) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
        if received:
            signal.raise_signal(received[-1])
