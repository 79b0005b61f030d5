"""The supervisor of one virtual rack: `python -m nportlab.virtual.supervisor`, started by `nportlab.virtual.client`.

It reads the rack (spec.RackSpec, JSON) from standard input, builds the network, forks one process per unit, one for the
cables and one for the relay boards, says so on the descriptor `--ready`, and then obeys JSON lines on the control
socket. It has a single thread, so that forking is safe and the kernel can end every unit when it ends.
"""

from __future__ import annotations

import argparse
import errno
import fcntl
import gc
import heapq
import itertools
import logging
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nportlab.guide.defects import defects
from nportlab.guide.settings import settings_table
from nportlab.virtual import kernel, wire
from nportlab.virtual.cables.control import CABLES_SOCKET
from nportlab.virtual.cables.process import serve_cables
from nportlab.virtual.commands import obey
from nportlab.virtual.control import CONTROL_SOCKET, ask, bind_control
from nportlab.virtual.networking import NetworkUnavailable, RackNetwork, open_network
from nportlab.virtual.rack_process import RackProcess
from nportlab.virtual.relay_server import serve_relays
from nportlab.virtual.relays import Relays
from nportlab.virtual.socket_path import listen
from nportlab.virtual.spec import RackSpec, SwitchSpec, cable_plan
from nportlab.virtual.unit import services
from nportlab.virtual.unit.process import ExitCode
from nportlab.virtual.unit_slot import UnitSlot

WATCHDOG_SECONDS = 0.2
"""Between a crash and the restart, so that what crashes while it starts does not spin."""

RELAY_PORT = 8081
"""Of the first relay board; the others follow."""

log = logging.getLogger("rack")


class CannotStart(Exception):
    """The rack cannot be built. kind: "lab" or "config"; remedy: what a person does next."""

    def __init__(self, message: str, remedy: str, kind: str = "lab") -> None:
        super().__init__(message)
        self.remedy = remedy
        self.kind = kind


class Supervisor:
    """The running rack."""

    def __init__(self, rack: RackSpec, network: RackNetwork, parent: int | None) -> None:
        """parent: pid whose end ends the rack, None to live on."""
        self.rack = rack
        self.network = network
        self.units = {spec.name: UnitSlot(number, spec, rack, network) for number, spec in enumerate(rack.units)}
        self.relays = Relays(rack.switches)
        self.relay_urls: dict[str, str] = {}
        self.stopping = False
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._watch_signals()
        if parent is not None:
            self._watch_parent(parent)
        self.control = bind_control(rack.directory)
        self._watch(self.control, self._accept)
        self._processes = [self._wire_cables(), *self._wire_relays()]

    # Start and end ------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start cables and relay boards, and power every unit."""
        for process in self._processes:
            process.start()
        for slot in self.units.values():
            slot.renew_if_stranded()
            self.set_power(slot, True)

    def run(self) -> None:
        """Serve until told to stop."""
        while not self.stopping:
            self._run_timers()
            wait = max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None
            for key, _ in self._selector.select(wait):
                key.data()
        log.info("rack %s stops", self.rack.name)

    def close(self) -> None:
        """End every process of the rack and remove its sockets."""
        for slot in self.units.values():
            slot.power_off()
        for process in self._processes:
            process.stop()
        for name in (CONTROL_SOCKET, CABLES_SOCKET):
            (self.rack.directory / name).unlink(missing_ok=True)

    # Units --------------------------------------------------------------------------------------------------------

    def set_power(self, slot: UnitSlot, on: bool) -> None:
        """Give or cut the supply of a unit, with its relay following."""
        if slot.spec.outlet:
            self.relays.follow(*slot.spec.outlet, on)
        if on and not slot.powered:
            slot.powered = True
            slot.press_unseen = slot.pressed
            self._boot(slot, "cold")
        elif not on and slot.powered:
            self._unwatch(slot.link)
            slot.power_off()

    def press(self, slot: UnitSlot, down: bool) -> None:
        """Move the reset button of a unit, with its relay following."""
        if slot.spec.reset_button:
            self.relays.follow(*slot.spec.reset_button, down)
        slot.pressed = down
        slot.press_unseen = down and slot.booted is None
        slot.tell({"button": down})

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Run `action` in `seconds`."""
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._order), action))

    def _boot(self, slot: UnitSlot, reason: Any) -> None:
        try:
            slot.start(reason)
        except (OSError, NetworkUnavailable) as error:
            slot.faults.append(f"network: {error}")
            log.error("%s cannot be started: %s", slot.spec.name, error)
            return
        log.info("%s boots (%s start, pid %s)", slot.spec.name, reason, slot.pid)
        self._watch(slot.link, lambda: self._hear(slot))

    def _hear(self, slot: UnitSlot) -> None:
        was_up = slot.booted is not None
        try:
            slot.hear()
        except wire.WireError as error:
            log.error("%s: %s", slot.spec.name, error)
        if slot.press_unseen and slot.booted is not None and not was_up:
            slot.press_unseen = False
            slot.tell({"button": True})
        if slot.cut:
            log.info("%s: the power fails at %s", slot.spec.name, slot.cut_at)
            slot.cut_at = None
            self.set_power(slot, False)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for process in self._processes:
                if process.pid == pid:
                    log.error("the process %s ended (%s); it is started again", process.name, status)
                    process.pid = None
                    self.later(WATCHDOG_SECONDS, process.start)
            for slot in self.units.values():
                if slot.pid == pid:
                    self._unit_ended(slot, status)

    def _unit_ended(self, slot: UnitSlot, status: int) -> None:
        self._hear(slot)
        self._unwatch(slot.link)
        slot.ended()
        if not slot.powered:
            return
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == ExitCode.RESTART:
            self._boot(slot, "warm")
            return
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == ExitCode.COLD_RESTART:
            self._boot(slot, "cold")
            return
        slot.crashes += 1
        log.error("%s crashed (wait status %s); its watchdog restarts it", slot.spec.name, status)
        self.later(WATCHDOG_SECONDS, lambda: self._after_crash(slot))

    def _after_crash(self, slot: UnitSlot) -> None:
        if slot.powered and slot.pid is None:
            self._boot(slot, "warm")

    # Relay boards, cables -----------------------------------------------------------------------------------------

    def _wire_relays(self) -> list[RackProcess]:
        for slot in self.units.values():
            if slot.spec.outlet:
                self.relays.connect(slot.spec.outlet, lambda on, slot=slot: self.set_power(slot, on), False)
            if slot.spec.reset_button:
                self.relays.connect(slot.spec.reset_button, lambda on, slot=slot: self.press(slot, on), False)
        boards: list[tuple[SwitchSpec, socket.socket]] = []
        for index, switch in enumerate(self.rack.switches):
            board = socket.socket()
            board.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            host = self.network.harness_address()
            board.bind((host, 0 if self.network.mode == "loopback" else RELAY_PORT + index))
            board.listen(16)
            boards.append((switch, board))
            self.relay_urls[switch.name] = f"http://{host}:{board.getsockname()[1]}"
        directory = self.rack.directory
        if not boards:
            return []
        work = partial(serve_relays, boards, lambda command: ask(directory, command))
        return [RackProcess("relay-boards", [board for _, board in boards], work)]

    def _wire_cables(self) -> RackProcess:
        plan = cable_plan(self.rack)
        listener = listen(self.rack.directory / CABLES_SOCKET)
        return RackProcess("cables", [listener], lambda: serve_cables(plan, listener))

    # Events -------------------------------------------------------------------------------------------------------

    def _watch(self, source: Any, action: Callable[[], None]) -> None:
        self._selector.register(source, selectors.EVENT_READ, action)

    def _unwatch(self, source: Any) -> None:
        if source is not None:
            try:
                self._selector.unregister(source)
            except (KeyError, ValueError):
                return

    def _watch_signals(self) -> None:
        read_end, write_end = socket.socketpair()
        read_end.setblocking(False)
        write_end.setblocking(False)
        self._signal_sockets = (read_end, write_end)
        signal.set_wakeup_fd(write_end.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)
        self._watch(read_end, lambda: self._signalled(read_end))

    def _signalled(self, channel: socket.socket) -> None:
        try:
            numbers = set(channel.recv(4096))
        except BlockingIOError:
            return
        if numbers & {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}:
            self.stopping = True
        self._reap()

    def _watch_parent(self, parent: int) -> None:
        try:
            descriptor = os.pidfd_open(parent)
        except OSError:
            self.stopping = True
            return
        if os.getppid() != parent:
            self.stopping = True
        self._watch(descriptor, self._parent_ended)

    def _parent_ended(self) -> None:
        log.info("the process that started the rack is gone")
        self.stopping = True

    def _run_timers(self) -> None:
        while self._timers and self._timers[0][0] <= time.monotonic():
            heapq.heappop(self._timers)[2]()

    def _accept(self) -> None:
        channel, _ = self.control.accept()
        channel.settimeout(5)  # for answers; a client that does not read them is dropped
        lines = wire.Lines()
        self._watch(channel, lambda: self._converse(channel, lines))

    def _converse(self, channel: socket.socket, lines: wire.Lines) -> None:
        try:
            data = channel.recv(65536)
            answered = bool(data) and all(wire.send(channel, obey(self, message)) for message in lines.feed(data))
        except (OSError, wire.WireError):
            answered = False
        if not answered:
            self._unwatch(channel)
            channel.close()


def main() -> int:
    """Run one rack; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m nportlab.virtual.supervisor", description=__doc__)
    parser.add_argument("--ready", type=int, required=True, help="descriptor to report readiness on")
    parser.add_argument("--parent", type=int, help="process whose end ends the rack")
    options = parser.parse_args()
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s %(levelname)s %(message)s", force=True
    )
    logging.getLogger("asyncssh").setLevel(logging.WARNING)
    try:
        supervisor = _build(sys.stdin.read(), options.parent)
    except CannotStart as error:
        _report(options.ready, {"ok": False, "error": str(error), "remedy": error.remedy, "kind": error.kind})
        return 1
    try:
        supervisor.start()
        _report(options.ready, obey(supervisor, {"do": "describe"}))
        supervisor.run()
    finally:
        supervisor.close()
    return 0


def _build(text: str, parent: int | None) -> Supervisor:
    try:
        rack = RackSpec.model_validate_json(text)
    except ValidationError as error:
        reasons = "; ".join(
            problem["msg"].removeprefix("Value error, ") for problem in error.errors(include_input=False)
        )
        raise CannotStart(f"the rack cannot be built: {reasons}", "Correct lab.yaml.", "config") from None
    _lock(rack.directory)
    try:
        network = open_network(rack)
    except NetworkUnavailable as error:
        raise CannotStart(
            f"its network cannot be made of {rack.network}: {error}",
            "Run as root, allow user namespaces, or set virtual.network to auto in lab.yaml.",
        ) from None
    _preload(rack)
    return Supervisor(rack, network, parent)


def _preload(rack: RackSpec) -> None:
    """Load what every unit needs once, to be shared by the forked processes."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # numpy would start threads, and what has threads is not forked
    services.listeners()
    services.clients()
    import_module("nportlab.protocol.rijndael")  # numpy, for the first configuration that is exported
    for unit in rack.units:
        settings_table().factory(unit.model, unit.firmware)
    defects()
    if kernel.thread_count() > 1:
        log.warning("the supervisor has %s threads; forking it is not safe", kernel.thread_count())
    gc.freeze()


def _lock(directory: Path) -> None:
    """Hold the rack's flash for this process alone; the lock goes when the process does."""
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno == errno.EWOULDBLOCK:
            holder = (directory / "lock").read_text() or "unknown"
            raise CannotStart(
                f"this rack runs already (supervisor {holder})", "End the other run, or use its rack."
            ) from None
        raise CannotStart(f"{directory}: {error.strerror}", "Make the folder writable.") from None
    os.truncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())
    with suppress(OSError):
        os.truncate(directory / "rack.log", 0)


def _report(descriptor: int, message: dict[str, Any]) -> None:
    try:
        with os.fdopen(descriptor, "wb") as channel:
            channel.write(wire.encode(message))
    except OSError:
        log.error("nobody waits for the rack")


if __name__ == "__main__":
    sys.exit(main())
