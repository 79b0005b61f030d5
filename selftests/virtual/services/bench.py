"""A virtual unit in this process, on an address of 127/8, for tests that talk to its services."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, cast

import pytest

from nportlab.guide.family import model
from nportlab.virtual.addressing import Addressing, Mode, mapped
from nportlab.virtual.unit.device import Device, Identity, RestartKind, Surroundings
from nportlab.virtual.unit.flash import Flash
from nportlab.virtual.unit.services import Service

Result = TypeVar("Result")

MAC = "00:90:E8:15:1C:22"
USER, PASSWORD = "operator", "Right-pass1"
DEADLINE = 20.0

_numbers = itertools.count(1)


def fresh_address() -> str:
    """An address of 127/8 no other test of this run uses, nor a test of another process."""
    process = os.getpid()
    return f"127.{64 + process // 250 % 32}.{process % 250}.{(next(_numbers) - 1) % 250 + 1}"


def make_device(
    directory: Path,
    settings: Mapping[str, str] | None = None,
    *,
    model_name: str = "NP6450",
    firmware: str = "2.3",
    defects: tuple[str, ...] = (),
    account: bool = True,
    minute: float = 60.0,
    mode: Mode = "loopback",
) -> Device:
    """A booted unit whose flash holds `settings`. minute: real seconds of a unit minute."""
    flash = Flash(directory)
    flash.commit("configuration", {"settings": dict(settings or {}), "extra": {}})
    flavour = "1.x" if firmware.startswith("1") else "2.x"
    identity = Identity("unit", model(model_name), firmware, f"{firmware} Build 24101817", flavour, MAC, 3938)
    addressing = Addressing(mode, fresh_address() if mode == "loopback" else "")
    device = Device(identity, flash, Surroundings(addressing, minute, defects=frozenset(defects)))
    if account and not device.accounts.exists():
        device.accounts.create_first(USER, PASSWORD)
    return device


class Bench:
    """An event loop in a thread of its own, so that a test can block in foreign programs while the unit runs."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """The result of a coroutine of the unit."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(DEADLINE)

    def call(self, function: Callable[[], Result]) -> Result:
        """The result of a function, called where the unit runs."""

        async def work() -> Result:
            return function()

        return self.run(work())

    @contextmanager
    def serving(self, device: Device, *modules: ModuleType) -> Iterator[Device]:
        """The services of `modules` while the block runs."""
        services = [cast(Service, module) for module in modules]

        async def start() -> list[Any]:
            future: asyncio.Future[RestartKind] = asyncio.get_running_loop().create_future()
            device.restart_wanted = future
            return [await service.serve(device) for service in services if service.enabled(device)]

        running = self.run(start())
        try:
            yield device
        finally:
            self.run(_close(running))

    def stop(self) -> None:
        """End the loop and everything left on it."""
        self.run(_cancel_others())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DEADLINE)
        self._loop.close()


async def _close(running: list[Any]) -> None:
    for service in running:
        service.close()
    await asyncio.sleep(0)


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {task for task in [asyncio.current_task()] if task}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def wait_until(condition: Callable[[], bool], seconds: float = DEADLINE) -> None:
    """Return when the condition holds; fails after the deadline."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition never held"
        time.sleep(0.005)


def program(name: str) -> str:
    """Path of a program nobody here wrote; the test is skipped where it is not installed."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def endpoint(device: Device, port: int) -> tuple[str, int]:
    """Where device port `port` is found."""
    return device.address, mapped(port)
