"""`nportlab virtual`: a rack by itself, reachable from this host, until Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import sys
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any, TextIO

from nportlab.guide.services import known_ports
from nportlab.inventory.lab import Lab, UnitEntry
from nportlab.verdicts.faults import LabFault
from nportlab.virtual.addressing import mapped
from nportlab.virtual.client import RunningRack, start_rack
from nportlab.virtual.forwarding import Forwarder
from nportlab.virtual.networking import Reservation, reserve_addresses
from nportlab.virtual.socket_maker import SocketMaker
from nportlab.virtual.waiting import within

FOLLOW_SECONDS = 0.2
KNOWN_UDP = (161, 4800)


@dataclass
class Reach:
    """How one unit is reached from this host. keeps_numbers: its ports keep their numbers there."""

    unit: UnitEntry
    address: str
    keeps_numbers: bool
    reservation: Reservation | None = field(default=None, repr=False)
    forwarder: Forwarder | None = field(default=None, repr=False)

    def place(self, port: int) -> int:
        """Port of `address` at which a device port is found."""
        return port if self.keeps_numbers else mapped(port)

    def port_map(self) -> dict[str, dict[str, int]]:
        """Every port the model can have, open or not: device port -> port of `address`."""
        return {
            "tcp": {str(port): self.place(port) for port in sorted(known_ports(self.unit.model))},
            "udp": {str(port): self.place(port) for port in sorted({*KNOWN_UDP, *self._udp_mode_ports()})},
        }

    def _udp_mode_ports(self) -> set[int]:
        return {port for port in known_ports(self.unit.model) if 4000 < port < 4033}


def run_foreground(lab: Lab, rack: str, json: bool, output: TextIO | None = None) -> int:
    """Start rack `rack`, print how its units are reached from this host, serve until SIGINT or SIGTERM.

    json: print one JSON object instead of text. Returns 0 when asked to end. Raises LabFault or ConfigFault when the
    rack cannot be started, LabFault when it ends by itself.
    """
    running = start_rack(lab, rack)
    try:
        with contextlib.ExitStack() as ending:
            maker = None
            if running.mode != "loopback":
                maker = SocketMaker(running)
                ending.callback(maker.close)
            asyncio.run(_serve(lab, running, maker, json, output or sys.stdout))
    finally:
        running.stop()
    return 0


async def _serve(lab: Lab, running: RunningRack, maker: SocketMaker | None, as_json: bool, output: TextIO) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    reaches = _reaches(lab, running, maker)
    boards = await _forward_relays(running, maker)
    for name, reach in reaches.items():
        if maker is not None:
            running.set_host_names(name, [reach.address])
    await _follow(running, reaches)
    description = describe(lab, running, reaches, boards)
    print(json.dumps(description, indent=1) if as_json else in_words(description), file=output, flush=True)
    while not stop.is_set():
        await _follow(running, reaches)
        with contextlib.suppress(TimeoutError):
            await within(FOLLOW_SECONDS, stop.wait())
    for forwarder in [reach.forwarder for reach in reaches.values()]:
        if forwarder is not None:
            forwarder.close()


def _reaches(lab: Lab, running: RunningRack, maker: SocketMaker | None) -> dict[str, Reach]:
    entries = lab.racks[running.name].units
    units = running.units
    if maker is None:
        return {name: Reach(entry, units[name].address, False) for name, entry in entries.items()}
    reserved = reserve_addresses([IPv4Address(entry.address) for entry in entries.values()])
    keeps_numbers = _may_bind(reserved[0].address, 443)
    reaches = {
        name: Reach(entry, reservation.address, keeps_numbers, reservation)
        for (name, entry), reservation in zip(entries.items(), reserved, strict=True)
    }
    for name, reach in reaches.items():
        reach.forwarder = Forwarder(maker, reach.address, reach.place, units[name].address)
    return reaches


def _may_bind(address: str, port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


async def _forward_relays(running: RunningRack, maker: SocketMaker | None) -> dict[str, str]:
    """Base address on this host of each relay board."""
    if maker is None:
        return dict(running.relay_urls)
    boards = {}
    for name, url in running.relay_urls.items():
        inside = int(url.rpartition(":")[2])
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        forwarder = Forwarder(maker, "127.0.0.1", lambda _, port=port: port, running.harness_address)
        await forwarder.follow([inside], [])
        boards[name] = f"http://127.0.0.1:{port}"
    return boards


async def _follow(running: RunningRack, reaches: dict[str, Reach]) -> None:
    """Let every forwarder have the ports open that its unit has open now. Raises LabFault when the rack is gone."""
    units = (await asyncio.to_thread(running.ask, {"do": "ports"}))["units"]
    for name, reach in reaches.items():
        if reach.forwarder is not None:
            reach.forwarder.target = units[name]["address"]
            await reach.forwarder.follow(units[name].get("tcp", ()), units[name].get("udp", ()))


def describe(lab: Lab, running: RunningRack, reaches: dict[str, Reach], boards: dict[str, str]) -> dict[str, Any]:
    """Everything a client of this host needs to know; passwords in clear."""
    units = running.ask({"do": "describe"})["units"]
    return {
        "rack": running.name,
        "mode": running.mode,
        "reason": running.reason,
        "forwarded": running.mode != "loopback",
        "enter": running.enter_command,
        "log": str(running.directory / "rack.log"),
        "relays": {name: {"url": url, "url_inside": running.relay_urls[name]} for name, url in boards.items()},
        "units": [
            {
                "name": name,
                "model": reach.unit.model,
                "firmware": reach.unit.firmware,
                "build": units[name]["build"],
                "address": reach.address,
                "port_map": reach.port_map(),
                "credentials": {
                    "username": reach.unit.credentials.username,
                    "password": reach.unit.credentials.password.resolve(lab.state_dir),
                },
                "url": f"https://{reach.address}{'' if reach.place(443) == 443 else f':{reach.place(443)}'}/",
                "address_inside": units[name]["address"],
                "mac": units[name]["mac"],
                "serial_number": units[name]["serial_number"],
                "adapters": {
                    str(port.number): running.adapter_url(name, port.number)
                    for port in reach.unit.ports.values()
                    if port.line.kind == "adapter"
                },
                "defects": units[name]["defects"],
                "problems": sorted(reach.forwarder.problems.values()) if reach.forwarder else [],
            }
            for name, reach in reaches.items()
        ],
    }


def in_words(description: dict[str, Any]) -> str:
    """The description for people."""
    mode, reason = description["mode"], description["reason"]
    lines = [f"rack {description['rack']} runs ({mode}{f': {reason}' if reason else ''}); Ctrl-C ends it", ""]
    for unit in description["units"]:
        login = unit["credentials"]
        lines += [
            f"{unit['name']}  {unit['model']}  firmware {unit['build']}  serial no. {unit['serial_number']}",
            f"    {unit['url']}  address {unit['address']}  user {login['username']}  password {login['password']}",
            *(f"    port {port}: {url}" for port, url in unit["adapters"].items()),
            *(f"    not reachable: {problem}" for problem in unit["problems"]),
        ]
    moved = any(unit["port_map"]["tcp"]["443"] != 443 for unit in description["units"])
    lines += ["", "Ports below 1024 are found 10000 higher." if moved else "Ports keep their numbers."]
    if description["forwarded"]:
        inside = ", ".join(f"{unit['name']} {unit['address_inside']}" for unit in description["units"])
        lines += [
            "These addresses are forwarded; broadcasts and MAC addresses are seen in the rack's own network only:",
            f"    {inside}",
            f"    {description['enter']}",
        ]
    lines += [f"relay board {name}: {board['url']}/relay/1" for name, board in description["relays"].items()]
    lines += [f"log: {description['log']}"]
    return "\n".join(lines)


__all__ = ["LabFault", "run_foreground"]
