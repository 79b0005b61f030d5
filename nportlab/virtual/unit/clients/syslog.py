"""Remote log: events of the groups ticked for it go to the syslog server, one datagram each.

Only server, facility and severity are known from the guide; the text is invented, in the shape of RFC 3164.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING

from nportlab.virtual.unit.clients.dns import NotResolved, local_host, resolve
from nportlab.virtual.unit.services.listening import Background

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device

PORT = 514
LOCAL_USE_0 = 16
WAITING = 200
"""Messages kept while the server's name is looked up; later ones are lost."""


def enabled(device: Device) -> bool:
    """Whether a log server is set; an empty field is the way to switch it off (guide 3.1)."""
    return device.running["remote_log.server"] != ""


async def serve(device: Device) -> Background:
    """Send every event from now on whose group is ticked."""
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
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=(local_host(device), 0))
    try:
        while True:
            datagram = await queue.get()
            try:
                address = await resolve(device, device.running["remote_log.server"])
            except NotResolved:
                continue
            transport.sendto(datagram, device.peer(address, PORT))
    finally:
        transport.close()
