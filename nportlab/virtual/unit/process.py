"""The life of a unit from power-on to power-off, restart or crash: one process, forked by the supervisor."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import time
import traceback
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from typing import Any

from nportlab.virtual import wire
from nportlab.virtual.networking import UnitNetwork
from nportlab.virtual.unit.boot import BootReason, Seed, prepare_flash
from nportlab.virtual.unit.device import Device, Identity, Surroundings
from nportlab.virtual.unit.firmware import SHARES, Stage
from nportlab.virtual.unit.firmware_migration import log_upgrade
from nportlab.virtual.unit.flash import Flash
from nportlab.virtual.unit.reset_button import ResetButton
from nportlab.virtual.unit.serial_ports import CablesUnreachable
from nportlab.virtual.unit.services import Service, clients, listeners

LAST_WORDS_SECONDS = 0.05
"""Real seconds a restarting unit leaves its services to finish the answer they are sending."""

HANG_UP_SECONDS = 0.5
"""Longest real time for its tasks to end by themselves; a restart waits for none of them."""

log = logging.getLogger("unit")


class ExitCode(IntEnum):
    """How a unit process ends by itself."""

    RESTART = 80
    CRASH = 81
    COLD_RESTART = 82


@dataclass(frozen=True)
class PowerOn:
    """Everything a unit is powered on with.

    network: already entered. link: socket to the supervisor, JSON lines. Received: `{"defects": [...]}`,
    `{"hosts": [...]}`, `{"button": bool}`, `{"cut_at": [stage, fraction]}`, `{"hold_at": [stage, fraction]}`,
    `{"flash_seconds": s}`, `{"account": {...}}`, `{"account_gone": name}`. Sent: `{"booted": {...}}` when the services
    listen and the link is up, `{"fault": text}`, `{"firmware": {...}}` during an upgrade, `{"cut": stage}` where its
    power is to fail, `{"held": stage}` where it stands still.
    """

    identity: Identity
    flash: Flash
    seed: Seed
    surroundings: Surroundings
    network: UnitNetwork
    boot_seconds: float
    reason: BootReason
    link: socket.socket


def run_unit(power_on: PowerOn) -> None:
    """Live until restart or crash; never returns. Power-off is SIGKILL from outside."""
    code = ExitCode.CRASH
    try:
        loop = asyncio.new_event_loop()  # not `asyncio.run`, which waits for every task and thread
        asyncio.set_event_loop(loop)
        code = loop.run_until_complete(_live(power_on))
    except BaseException:
        log.exception("%s crashed", power_on.identity.name)
    finally:
        power_on.network.link_down()
        logging.shutdown()
        os._exit(code)


async def _live(power_on: PowerOn) -> ExitCode:
    loop = asyncio.get_running_loop()
    crashed: asyncio.Future[ExitCode] = loop.create_future()
    loop.set_exception_handler(lambda _, context: _judge(power_on.identity.name, context, crashed))
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, lambda: None)  # the supervisor decides; Ctrl-C reaches the whole group
    surroundings = power_on.surroundings
    surroundings.notify = partial(_tell, power_on.link)
    boots = prepare_flash(
        power_on.flash,
        power_on.identity,
        power_on.seed,
        power_on.reason,
        surroundings.defects,
        lambda stage, done: _migrating(surroundings, stage, done),
    )
    ready_at = loop.time() + power_on.boot_seconds
    device = Device(power_on.identity, power_on.flash, surroundings)
    upgraded = device.installed.log_owed
    log_upgrade(device)
    if upgraded:
        surroundings.reached("cold start", 0.0)
    device.restart_wanted = loop.create_future()
    device.certificate.ensure(device.clock.utc())
    button = ResetButton(device)
    _listen_to_supervisor(power_on.link, device, button)
    await _plug_in(power_on, device)
    if upgraded:
        await _until((loop.time() + ready_at) / 2)
        surroundings.reached("cold start", 0.5)
    almost = partial(surroundings.reached, "cold start", 0.9) if upgraded else lambda: None
    await _boot(power_on, device, ready_at, boots, button, almost)
    if upgraded:
        surroundings.reached("cold start", 1.0)
        surroundings.notify({"firmware": None})
    await asyncio.wait({crashed, device.restart_wanted}, return_when=asyncio.FIRST_COMPLETED)
    if crashed.done():
        return crashed.result()
    await asyncio.sleep(LAST_WORDS_SECONDS)
    await _hang_up(asyncio.all_tasks() - {asyncio.current_task()})
    return ExitCode.COLD_RESTART if device.restart_wanted.result() == "cold" else ExitCode.RESTART


async def _hang_up(tasks: Collection[asyncio.Task[Any]]) -> None:
    """End the tasks, so that clients see their connections closed."""
    for task in tasks:
        task.cancel()
    if tasks:
        _, stubborn = await asyncio.wait(tasks, timeout=HANG_UP_SECONDS)
        for task in stubborn:
            log.warning("still runs at a restart: %s", task)


def _tell(link: socket.socket, message: dict[str, Any]) -> None:
    wire.send(link, message)


def _migrating(surroundings: Surroundings, stage: Stage, done: float) -> None:
    """A part of the migration is done. Nothing of the unit serves yet, so it may simply take its time."""
    surroundings.reached(stage, done)
    time.sleep(SHARES[stage] * surroundings.flash_seconds / 4)


async def _plug_in(power_on: PowerOn, device: Device) -> None:
    """Connect the serial ports with the rack's cables; a unit without them runs, with nothing plugged in."""
    try:
        await device.serial_ports.plug_in(device.name, power_on.surroundings.cables)
    except CablesUnreachable as error:
        wire.send(power_on.link, {"fault": f"serial ports: {error}"})
        log.error("%s: serial ports: %s", device.name, error)


async def _boot(
    power_on: PowerOn,
    device: Device,
    ready_at: float,
    boots: int,
    button: ResetButton,
    almost: Callable[[], None],
) -> None:
    """Wait out the boot time, start the services, switch the link on. almost: called before anybody can be answered.

    Behind a link that is still down, listeners can start during the boot time; without one they would be seen early.
    """
    if power_on.surroundings.addressing.mode == "loopback":
        await _until(ready_at)
        almost()
    await _start(power_on, device, listeners())
    await _until(ready_at)
    if power_on.surroundings.addressing.mode != "loopback":
        almost()
    device.log.add("System", "System Cold Start" if power_on.reason == "cold" else "System Warm Start")
    settings = device.running
    try:
        power_on.network.link_up(device.address, settings["network.netmask"], settings["network.gateway"])
    except Exception as error:
        wire.send(power_on.link, {"fault": f"link: {error}"})
        raise
    await _start(power_on, device, clients())
    button.ready()
    wire.send(power_on.link, {"booted": {"address": device.address, "boots": boots, "reason": power_on.reason}})


async def _start(power_on: PowerOn, device: Device, services: Mapping[str, Service]) -> None:
    for name, service in services.items():
        if service.enabled(device):
            try:
                device.services.append(await service.serve(device))
            except OSError as error:
                wire.send(power_on.link, {"fault": f"{name}: {error.strerror or error}"})
                log.error("%s: service %s: %s", device.name, name, error)


async def _until(moment: float) -> None:
    delay = moment - asyncio.get_running_loop().time()
    if delay > 0:
        await asyncio.sleep(delay)


def _listen_to_supervisor(link: socket.socket, device: Device, button: ResetButton) -> None:
    lines = wire.Lines()
    link.setblocking(False)

    def readable() -> None:
        try:
            data = link.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            os._exit(ExitCode.CRASH)  # the supervisor is gone
        for message in lines.feed(data):
            _obey(message, device, button)

    asyncio.get_running_loop().add_reader(link, readable)


def _obey(message: dict[str, Any], device: Device, button: ResetButton) -> None:
    if "defects" in message:
        device.surroundings.defects = frozenset(message["defects"])
    if "hosts" in message:
        device.surroundings.host_names = tuple(message["hosts"])
    if "cut_at" in message:
        device.surroundings.cut_at = tuple(message["cut_at"]) if message["cut_at"] else None
    if "hold_at" in message:
        device.surroundings.hold_at = tuple(message["hold_at"]) if message["hold_at"] else None
    if "flash_seconds" in message:
        device.surroundings.flash_seconds = float(message["flash_seconds"])
    if "account" in message:
        device.accounts.put(**message["account"])
    if "account_gone" in message:
        device.accounts.remove(message["account_gone"])
    if "button" in message:
        (button.press if message["button"] else button.release)()


def _judge(name: str, context: dict[str, Any], crashed: asyncio.Future[ExitCode]) -> None:
    """Trouble with one connection is everyday life; any other uncaught exception takes the unit down."""
    error = context.get("exception")
    text = context.get("message", "")
    if error is None or isinstance(error, OSError):
        log.info("%s: %s %s", name, text, error or "")
        return
    log.error("%s crashed: %s\n%s", name, text, "".join(traceback.format_exception(error)))
    with contextlib.suppress(asyncio.InvalidStateError):
        crashed.set_result(ExitCode.CRASH)
