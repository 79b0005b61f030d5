"""Remote log: events of the groups ticked for it go to the syslog server, one datagram each.

Only server, facility and severity are known from the guide; the text is invented, in the shape of RFC 3164.
"""

from __future__ import annotations

import asyncio
import socket
from datetime import datetime
from typing import TYPE_CHECKING

from nportlab.virtual.unit.clients.dns import NotResolved, resolve
from nportlab.virtual.unit.clients.neighbours import broadcast_address, local_host, send_once
from nportlab.virtual.unit.clients.udp_exchange import LINK_PAUSE
from nportlab.virtual.unit.services.listening import Background

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device

BROADCAST_THOUGH_EMPTY = "syslog-broadcast-though-empty"
PORT = 514
LOCAL_USE_0 = 16
LINK_SECONDS = 10.0
"""How long an event waits for a route to the server before it is lost."""

WAITING = 200
"""Messages kept while the server's name is looked up; later ones are lost."""


def enabled(device: Device) -> bool:
    """Whether a log server is set; an empty field is the way to switch it off (guide 3.1)."""
    return device.running["remote_log.server"] != "" or device.has_defect(BROADCAST_THOUGH_EMPTY)


async def serve(device: Device) -> Background:
    """Send every event from now on whose group is ticked."""
    if device.running["remote_log.server"] == "":
        return Background(_broadcast(device))
    queue: asyncio.Queue[bytes] = asyncio.Queue(WAITING)

    def note(moment: datetime, group: str, event: str, detail: str) -> None:
        if device.running.get(f"log.remote_{group.lower()}") == "enable" and not queue.full():
            queue.put_nowait(message(device, moment, group, event, detail))

    device.log.subscribe(note)
    return Background(_send(device, queue))


def message(device: Device, moment: datetime, group: str, event: str, detail: str) -> bytes:
    """One datagram: priority, time, server name, group, event."""
    facility, severity = device.running.number("remote_log.facility"), device.running.number("remote_log.severity")
    priority = (LOCAL_USE_0 + facility) * 8 + severity
    # RFC 3164 pads the day with a blank, and a host name has none.
    time = f"{moment:%b} {moment.day:2d} {moment:%H:%M:%S}"
    host = device.running["basic.server_name"].replace(" ", "_")
    return f"<{priority}>{time} {host} [{group}] {event}{f' ({detail})' if detail else ''}".encode()


async def _send(device: Device, queue: asyncio.Queue[bytes]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outgoing:
        outgoing.setblocking(False)
        outgoing.bind((local_host(device), 0))
        while True:
            datagram = await queue.get()
            try:
                address = await resolve(device, device.running["remote_log.server"])
                async with asyncio.timeout(LINK_SECONDS):
                    await _send_when_linked(outgoing, datagram, device.peer(address, PORT))
            except (NotResolved, TimeoutError):
                continue


async def _broadcast(device: Device) -> None:
    """The seeded defect: every event to everybody."""

    def note(moment: datetime, group: str, event: str, detail: str) -> None:
        send_once(device, message(device, moment, group, event, detail), broadcast_address(device), PORT)

    device.log.subscribe(note)


async def _send_when_linked(outgoing: socket.socket, datagram: bytes, server: tuple[str, int]) -> None:
    """Send as soon as there is a route: the events of the boot come before the link is up."""
    while True:
        try:
            await asyncio.get_running_loop().sock_sendto(outgoing, datagram, server)
            return
        except OSError:
            await asyncio.sleep(LINK_PAUSE)
