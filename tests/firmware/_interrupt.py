"""Upgrades that are interrupted: routes that do something in the middle of the transfer, and what must come of it."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from fixtures.held_firmware import Flashed, HeldFirmware
from nportlab.firmware.kept import lost
from nportlab.firmware.outcomes import CameBackOld
from nportlab.firmware.paths import Step
from nportlab.firmware.routes.route import Handed, Route
from nportlab.firmware.routes.tool_errors import ToolError
from nportlab.guide.firmware import Route as RouteName
from nportlab.unit.endpoint import Endpoint
from nportlab.unit.firmware import FirmwareRefused, TransferBroken, same_version
from nportlab.unit.sending import Sent
from nportlab.unit.unit import Unit
from nportlab.verdicts.faults import HarnessError, NotApplicable
from nportlab.virtual.client import RunningRack

OLD_AND_WHOLE = (CameBackOld, TransferBroken, ToolError, FirmwareRefused)
"""What `upgrade` raises once it has seen that the unit is whole on the firmware it had."""

_SECONDS = 30.0
_POLL = 0.01


def step_by(firmware: HeldFirmware, unit: Unit, route: RouteName) -> Step:
    """A step by this route from which a way leads back. Raises NotApplicable."""
    graph = firmware.flasher().graph().permitted(unit.entry.allow)
    edges = [edge for edge in graph.edges.values() if edge.source == graph.present and not edge.one_way]
    found = sorted((edge for edge in edges if route in edge.routes), key=lambda edge: edge.direction == "downgrade")
    if not found:
        raise NotApplicable(f"no step by {route} that can be taken back leads from {graph.present}")
    return Step(found[0], route)


# ---- the client


def tool_process(address: str) -> int | None:
    """The vendor's tool this process has started for a unit, while it runs."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError, IndexError):  # it came and went
            continue
        if parent == os.getpid() and b"-up" in words and address.encode() in words:
            return int(folder.name)
    return None


def kill_tool(unit: Unit) -> None:
    """End the vendor's tool the hard way."""
    if (found := tool_process(unit.address)) is not None:
        with suppress(ProcessLookupError):
            os.kill(found, signal.SIGKILL)


def hang_up(endpoint: Endpoint) -> None:
    """Break every TCP connection this process has to the endpoint, as a client that dies does."""
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if not str(link.readlink()).startswith("socket:"):
                continue
            with socket.socket(fileno=os.dup(int(link.name))) as connection:
                if connection.family == socket.AF_INET and connection.getpeername() == tuple(endpoint):
                    connection.shutdown(socket.SHUT_RDWR)


def drop_client(unit: Unit) -> None:
    """Whoever sends the image is gone."""
    hang_up(unit.https)
    kill_tool(unit)


# ---- routes


@dataclass
class Watched:
    """A route that tells somebody how far the transfer is."""

    inner: Route
    told: Sent

    @property
    def name(self) -> RouteName:
        """As of the route itself."""
        return self.inner.name

    @property
    def watched(self) -> bool:
        """As of the route itself."""
        return self.inner.watched

    def ready(self, unit: Unit) -> str:
        """As the route itself."""
        return self.inner.ready(unit)

    def send(self, unit: Unit, image: Handed, deadline: float, lock: int, progress: Sent | None = None) -> str:
        """As the route itself."""

        def both(sent: int, total: int) -> None:
            self.told(sent, total)
            if progress is not None:
                progress(sent, total)

        return self.inner.send(unit, image, deadline, lock, both)


@dataclass
class Meanwhile:
    """A route in the middle of whose transfer, or right after it, something is done once.

    act: told of the image, and of the lock a tool must inherit. fraction: of the transfer; None: when the unit has got
    it all. seen_going: False when the act makes a unit silent that has not gone away. done: it was done. A virtual
    unit stands still meanwhile when the vendor's tool sends, so that it comes in the middle.
    """

    inner: Route
    act: Callable[[Handed, int], None]
    running: RunningRack | None
    fraction: float | None = 0.5
    seen_going: bool = True
    done: bool = False
    trouble: HarnessError | None = None

    @property
    def name(self) -> RouteName:
        """As of the route itself."""
        return self.inner.name

    @property
    def watched(self) -> bool:
        """As of the route itself, unless what is done looks as if the unit went away."""
        return self.inner.watched and self.seen_going

    def ready(self, unit: Unit) -> str:
        """As the route itself."""
        return self.inner.ready(unit)

    def send(self, unit: Unit, image: Handed, deadline: float, lock: int, progress: Sent | None = None) -> str:
        """As the route itself, with the act in between."""

        def told(sent: int, total: int) -> None:
            if progress is not None:
                progress(sent, total)
            if not held and self.fraction is not None and self.fraction * total <= sent < total:
                self._once(image, lock)

        held = self.running is not None and self.name == "tool" and self.fraction is not None
        with self._held(unit, image, lock) if held else nullcontext():
            said = self.inner.send(unit, image, deadline, lock, told)
        if self.fraction is None:
            self._once(image, lock)
        return said

    @contextmanager
    def _held(self, unit: Unit, image: Handed, lock: int) -> Iterator[None]:
        running, fraction = self.running, self.fraction
        assert running is not None
        assert fraction is not None
        over = threading.Event()

        def wait() -> None:
            while not running.holds(unit.name):
                if over.wait(_POLL):
                    return
            self._once(image, lock)
            running.release(unit.name)

        thread = threading.Thread(target=wait, daemon=True)
        running.hold_at(unit.name, "receive", fraction)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(_SECONDS)
            running.hold_at(unit.name, None)

    def _once(self, image: Handed, lock: int) -> None:
        if self.done:
            return
        self.done = True
        try:
            self.act(image, lock)
        except HarnessError as error:
            self.trouble = error


# ---- what must come of it


def whole(unit: Unit, old: str, flashed: Flashed, what: str) -> str:
    """Assert that the unit is whole on the old or the new firmware with its configuration; returns the version.

    old: the version it had.
    """
    error = flashed.error
    assert error is None or isinstance(error, OLD_AND_WHOLE), f"after {what}: {type(error).__name__}: {error}"
    told = unit.firmware.read()
    new = flashed.version
    assert told.version is not None, f"after {what} the channels of the unit tell different versions: {told}"
    assert same_version(told.version, old) or same_version(told.version, new), (
        f"after {what} the unit runs {told}; it had {old}, the image is {new}"
    )
    assert len(told.versions) >= 2, f"after {what} channels are silent: {told.silent}"
    now = unit.configuration.export()
    gone = lost(flashed.before.configuration, now, unit.model, old, told.version)
    assert not gone, f"after {what} the configuration is not as before: {'; '.join(map(str, gone[:5]))}"
    unit.console.logout()
    unit.console.login()
    return told.version


def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until it holds; whether it did."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(_POLL)
    return True
