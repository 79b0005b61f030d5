"""A unit with one operation mode on each serial port, and adapters at the other end of the lines."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import serial
import yaml

from nportlab.guide.modes import LPD_PORT, raw_printer_port
from nportlab.inventory import load_lab
from nportlab.serial.handlers import register
from nportlab.virtual.client import start_rack
from selftests.clients.desk import RACK, USER, Desk, wait_until

UNIT = "modes"
RFC2217, UDP, MODEM, TELNET, SSH, RAW, LPD, OTHER_LPD = range(1, 9)
"""Serial ports by what they do."""

NETWORK_PORT = {port: 4000 + port for port in range(1, 9)} | {
    RAW: raw_printer_port(5),
    LPD: LPD_PORT,
    OTHER_LPD: LPD_PORT,
}

SETTINGS = {
    "port.1.operation_mode": "rfc2217",
    "port.2.operation_mode": "udp",
    "port.2.udp_dynamic_destination": "enable",
    "port.3.operation_mode": "ethernet_modem",
    "port.4.operation_mode": "reverse_telnet",
    "port.4.reverse_authentication": "local",
    "port.4.key_mapping": "lf",
    "port.5.operation_mode": "reverse_ssh",
    "port.5.reverse_authentication": "local",
    "port.6.operation_mode": "printer_raw",
    "port.6.raw_group": "5",
    "port.7.operation_mode": "printer_lpd",
    "port.7.queue_name_raw": "raw",
    "port.7.queue_name_ascii": "text",
    "port.8.operation_mode": "printer_lpd",
    "port.8.queue_name_raw": "other",
    "port.8.append_form_feed": "enable",
}


@contextmanager
def serial_desk(directory: Path) -> Iterator[Desk]:
    """The running rack, its unit in these modes."""
    unit = {
        "model": "NP6650-8",
        "address": "192.168.127.11",
        "credentials": {"username": USER, "password": {"generated": True}},
        "ports": {"1-8": {"line": "adapter"}},
    }
    document = {
        "lab": "selftest",
        "racks": {RACK: {"virtual": {"network": "auto", "seconds_per_unit_minute": 60}, "units": {UNIT: unit}}},
    }
    path = directory / "lab.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    loaded = load_lab(path)
    rack = start_rack(loaded, RACK)
    try:
        desk = Desk(loaded, rack)
        desk.settle(UNIT, SETTINGS)
        yield desk
    finally:
        rack.stop()


class Line:
    """The serial device at a port: an adapter of the rack. `heard` is what came that was not looked at yet."""

    def __init__(self, port: Any) -> None:
        self.port = port
        self.heard = b""

    def say(self, data: bytes) -> None:
        """Send."""
        self.port.write(data)

    def hears(self, data: bytes) -> None:
        """Wait until `data` came; what came before it is forgotten."""
        self._up_to(data)

    def next_line(self) -> bytes:
        """What comes up to the next line end."""
        return self._up_to(b"\r\n")

    def _up_to(self, data: bytes) -> bytes:
        def came() -> bool:
            self.heard += self.port.read(self.port.in_waiting)
            return data in self.heard

        try:
            wait_until(came, repr(data[:60]), 20)
        except AssertionError as error:
            raise AssertionError(f"{error}; what came: {self.heard[-200:]!r}") from None
        before, _, self.heard = self.heard.partition(data)
        return before


@contextmanager
def line(desk: Desk, port: int, **settings: Any) -> Iterator[Line]:
    """Open the adapter at a port of the unit."""
    register()
    with serial.serial_for_url(desk.rack.adapter_url(UNIT, port), baudrate=115200, timeout=0, **settings) as opened:
        yield Line(opened)


def place(desk: Desk, port: int, transport: str = "tcp") -> str:
    """`address:port` of what a serial port listens on."""
    return desk.place(UNIT, NETWORK_PORT[port], transport)


def end_of_line(desk: Desk, end: str) -> dict[str, Any]:
    """What the cables say of one end: "modes/1", or "adapter of modes/1"."""
    return next(one for one in desk.rack.cables()["ends"] if one["end"] == end)


@contextmanager
def program_at_work(desk: Desk, name: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A client program in the rack's network, with pipes; it is ended after the block."""
    process = subprocess.Popen(
        desk.command(name, *arguments), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


CONVERSATION = """
import sys, time
import serial
started = time.monotonic()
port = serial.serial_for_url(sys.argv[1], baudrate=115200, timeout=5)
print(repr(time.monotonic() - started), flush=True)
for order in sys.stdin:
    try:
        answer = eval(order)
    except Exception as error:
        answer = f"{type(error).__name__}: {error}"
    print(repr(answer), flush=True)
"""


class Pyserial:
    """A Python of its own in the rack's network, with `port` opened by pyserial. opened: seconds that took."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.opened = float(self._answer())

    def do(self, order: str) -> str:
        """Evaluate an expression there; its value as repr shows it."""
        assert self._process.stdin is not None
        self._process.stdin.write(order.encode() + b"\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        answer = self._process.stdout.readline().decode().strip()
        if not answer:
            assert self._process.stderr is not None
            raise AssertionError(self._process.stderr.read().decode())
        return answer


@contextmanager
def pyserial(desk: Desk, url: str) -> Iterator[Pyserial]:
    """One with `url` open."""
    with program_at_work(desk, sys.executable, "-c", CONVERSATION, url) as process:
        yield Pyserial(process)
