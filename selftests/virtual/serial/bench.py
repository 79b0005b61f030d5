"""A unit's serial ports in a loop of their own, cables in a process of their own: for selftests of the serial side."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import serial

from nportlab.guide.family import model
from nportlab.protocol.serial_wire import Input
from nportlab.serial.handlers import register
from nportlab.serial.handlers.protocol_wire import Serial
from nportlab.virtual import kernel
from nportlab.virtual.cables.control import CABLES_SOCKET
from nportlab.virtual.cables.plan import CablePlan, LineSpec
from nportlab.virtual.cables.process import serve_cables
from nportlab.virtual.socket_path import listen
from nportlab.virtual.unit.serial_port import LineErrors, SerialPort
from nportlab.virtual.unit.serial_ports import SerialPorts

SECONDS = 5.0
PLAN = CablePlan(
    {"unit": 4},
    (LineSpec("unit", 1, "adapter"), LineSpec("unit", 2, "loopback"), LineSpec("unit", 3, "crosslink", ("unit", 4))),
)
"""An NP6450: adapter, loopback plug, and a cable between its last two ports."""

Result = TypeVar("Result")


class Cables:
    """The process of the cables, which can be killed and started again as the supervisor does."""

    def __init__(self, directory: Path, plan: CablePlan = PLAN) -> None:
        self.path = directory / CABLES_SOCKET
        self._plan = plan
        self._listener: socket.socket | None = listen(self.path)
        self._pid: int | None = None

    def start(self) -> None:
        parent = os.getpid()
        assert self._listener is not None
        self._pid = os.fork()
        if self._pid == 0:
            kernel.die_with_parent(parent)
            kernel.close_all_but({0, 1, 2, self._listener.fileno()})
            try:
                serve_cables(self._plan, self._listener)
            finally:
                os._exit(1)

    def kill(self) -> None:
        if self._pid is not None:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            self._pid = None

    def freeze(self) -> None:
        """Keep it from doing anything until `thaw`."""
        assert self._pid is not None
        os.kill(self._pid, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._pid is not None
        os.kill(self._pid, signal.SIGCONT)

    def end(self) -> None:
        """For good, as when the rack ends."""
        self.kill()
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        self.path.unlink(missing_ok=True)

    def url(self, port: int = 1, **options: str) -> str:
        more = "".join(f"&{key}={value}" for key, value in options.items())
        return f"wire://{quote(str(self.path), safe='')}?end=unit/{port}{more}"

    def adapter(self, port: int = 1, **settings: Any) -> Serial:
        register()
        adapter = serial.serial_for_url(self.url(port), **{"baudrate": 115200, "timeout": SECONDS, **settings})
        assert isinstance(adapter, Serial)
        return adapter


class Listener:
    """An ear that remembers. `asked`: how often room was announced."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.inputs: list[Input] = []
        self.errors: list[LineErrors] = []
        self.breaks: list[float] = []
        self.asked = 0

    def received(self, data: bytes) -> None:
        self.data += data

    def room_again(self) -> None:
        self.asked += 1

    def lines_changed(self, changed: Input) -> None:
        self.inputs.append(changed)

    def line_errors(self, errors: LineErrors) -> None:
        self.errors.append(errors)

    def break_received(self, seconds: float) -> None:
        self.breaks.append(seconds)


class Sender(Listener):
    """Sends `data` as fast as the port takes it."""

    def __init__(self, port: SerialPort, data: bytes) -> None:
        super().__init__()
        self._port = port
        self._data = data
        self.sent = 0
        port.ear = self

    def room_again(self) -> None:
        super().room_again()
        self.go_on()

    def go_on(self) -> None:
        self.sent += self._port.write(self._data[self.sent :])


class Unit:
    """The serial ports of a unit, in an event loop in a thread."""

    def __init__(self, model_name: str = "NP6450", ptys: dict[int, Path] | None = None) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.ports = self.do(lambda: SerialPorts(model(model_name), ptys))
        self.ears = {number: Listener() for number in self.ports.by_number}
        for number, port in self.ports.by_number.items():
            port.ear = self.ears[number]

    def do(self, action: Callable[[], Result]) -> Result:
        """The result of `action`, done in the loop."""

        async def run() -> Result:
            return action()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(SECONDS)

    def wait(self, awaitable: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(awaitable, self._loop).result(3 * SECONDS)

    def plug_in(self, cables: Path | None, name: str = "unit") -> None:
        self.wait(self.ports.plug_in(name, cables))

    def __getitem__(self, number: int) -> SerialPort:
        return self.ports.by_number[number]

    def close(self) -> None:
        if self._loop.is_closed():
            return
        self.do(self.ports.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(SECONDS)
        self._loop.close()


@contextmanager
def running_unit(ptys: dict[int, Path] | None = None) -> Iterator[Unit]:
    unit = Unit(ptys=ptys)
    try:
        yield unit
    finally:
        unit.close()


def until(condition: Callable[[], Any], seconds: float = SECONDS) -> Any:
    """The first true value of `condition`; AssertionError when there is none within `seconds`."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.002)
    return value
