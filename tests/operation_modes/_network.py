"""The network's end of a port in every mode that carries bytes: how it is set, and how its client is had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from fixtures.marks import BENCH, PortValue, UnitFacts, needs
from fixtures.mode_clients import network_port
from fixtures.port_choice import mode_settings
from fixtures.serial_lines import PortUnderTest
from nportlab.guide.settings import concrete_id
from nportlab.guide.values import resolve
from nportlab.modes.modem import MODE as MODEM
from nportlab.modes.rfc2217 import Rfc2217
from nportlab.modes.tcp import TcpClient
from tests.operation_modes._ends import SOON

TOP_SPEED = 921_600
"""Bits per second, the most an NPort 6000 does."""

DIAL_SECONDS = 15.0
"""Seconds in which a unit that dials must have done so."""

BY_COMMAND = ("real_com", "rfc2217")
"""Modes in which the client sets the line."""

_FAST = {"baud_rate": str(TOP_SPEED)}


def _own_number(ports: Mapping[str, int]) -> str:
    return str(ports["port"])


SETTINGS: Mapping[str, Mapping[str, PortValue]] = {
    "real_com": {},
    "rfc2217": {},
    "tcp_server": _FAST,
    "tcp_client": {**_FAST, "destination_address": BENCH, "destination_port": "=4800+n"},
    "pair_master": {**_FAST, "destination_address": BENCH, "destination_port": "=4800+n"},
    "pair_slave": _FAST,
    "udp": {**_FAST, "udp_begin_1": BENCH, "udp_end_1": BENCH, "udp_port_1": "=21000+n"},
    "reverse_telnet": _FAST,
    "reverse_ssh": _FAST,
    "ethernet_modem": _FAST,
    "printer_raw": {**_FAST, "raw_group": _own_number},
    "printer_lpd": {**_FAST, "queue_name_raw": "lab"},
}
"""What each mode needs for its line to run at TOP_SPEED, 8N1."""


def network_end(port: PortUnderTest, baud: int = TOP_SPEED) -> Any:
    """A client of the port, whoever has to call whom, with the line at `baud` if that is the client's to say."""
    if port.mode in BY_COMMAND:
        port.format = replace(port.format, baud=baud)
    match port.mode:
        case "tcp_client" | "pair_master":
            if port.line.kind == "adapter":
                _ = port.adapter
            return port.stack.enter_context(port.listener().accept(DIAL_SECONDS))
        case "udp":
            return port.connect(port=int(port["udp_port_1"]))
        case "ethernet_modem":
            return _called(port)
    client = port.connect()
    if isinstance(client, Rfc2217):
        client.baud(baud)
    return client


def _called(port: PortUnderTest) -> TcpClient:
    """A call to the modem, answered on its serial side."""
    adapter = port.adapter
    endpoint = port.endpoint(network_port(port))
    client = port.stack.enter_context(TcpClient.connect(endpoint, label=port.label, mode=MODEM))
    adapter.receive_until(b"RING\r\n", SOON)
    adapter.send_all(b"ATA\r", SOON)
    adapter.receive_until(f"CONNECT {port.format.baud}\r\n".encode(), SOON)
    return client


def on_every_port(mode: str, settings: Mapping[str, str] = _FAST) -> pytest.MarkDecorator:
    """All serial ports of the unit in that mode, every parameter `settings` does not name at its factory value."""

    def wanted(facts: UnitFacts) -> dict[str, str]:
        values = {row.id: row.factory for row in mode_settings(mode)}
        values |= {"port.operation_mode": mode, **{f"port.{name}": value for name, value in settings.items()}}
        numbers = range(1, facts.serial_ports + 1)
        return {concrete_id(name, n): resolve(value, n) for n in numbers for name, value in values.items()}

    return needs(wanted)
