"""The monitor columns of the MIB (sysStatus): who is connected to a serial port, what passed, how its line stands.

Columns and codes: MOXA-NP6000-MIB, 1.3.6.1.4.1.8691.2.8.1.6. The cipher in use, column 3 of the connections, is not
served.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from nportlab.protocol.serial_wire import INTERFACES, Flow, Input, Output, Parity
from nportlab.virtual.unit.services import snmp_ber as ber
from nportlab.virtual.unit.services.snmp_ber import Oid, Value

if TYPE_CHECKING:
    from nportlab.virtual.unit.device import Device
    from nportlab.virtual.unit.serial_port import SerialPort

Read = Callable[[], int | str]

SYS_STATUS = ber.parse_oid("1.3.6.1.4.1.8691.2.8.1.6")
CONNECTIONS, STATUS, ERRORS, SETTINGS, BUFFERING = ((*SYS_STATUS, table, 1, 1) for table in range(1, 6))

PARITY_CODES: dict[Parity, int] = {"none": 0, "odd": 8, "even": 24, "mark": 40, "space": 56}
"""monitorParity: neither the codes of portParity nor those of Real COM."""

MOST = 0x7FFFFFFF
"""A counter is an INTEGER; it starts again at 0 behind this (invented: what the real agent does is not known)."""


def monitor(device: Device) -> dict[Oid, Callable[[], Value]]:
    """Every monitor instance of this unit, read anew each time."""
    return {
        (*table, column, number): _reader(read)
        for number, serial in device.serial.items()
        for table, columns in _tables(device, number, serial).items()
        for column, read in enumerate(columns, 1)
    }


def remote_addresses(device: Device, number: int) -> str:
    """The hosts connected to a serial port, each once, in the order they came (how several are written is invented)."""
    rows = device.netstat.rows()
    hosts = [row.remote_address for row in rows if row.serial_port == number and row.state == "connected"]
    return ", ".join(dict.fromkeys(hosts))


def _tables(device: Device, number: int, serial: SerialPort) -> dict[Oid, tuple[Read, ...]]:
    """What the columns of each table hold for one port, in their order from 1."""
    counted = serial.counters

    def flow(kinds: Flow) -> Read:
        return lambda: bool(serial.format.flow & kinds)

    return {
        CONNECTIONS: (lambda: number, lambda: remote_addresses(device, number)),
        STATUS: (
            lambda: counted.tx,
            lambda: counted.rx,
            lambda: counted.tx,  # totals; nothing here sets the first two back
            lambda: counted.rx,
            lambda: Input.DSR in serial.inputs,
            lambda: Output.DTR in serial.outputs,
            lambda: Output.RTS in serial.outputs,
            lambda: Input.CTS in serial.inputs,
            lambda: Input.DCD in serial.inputs,
        ),
        ERRORS: (
            lambda: counted.frame,
            lambda: counted.parity,
            lambda: counted.overrun,
            lambda: counted.breaks,
        ),
        SETTINGS: (
            lambda: serial.format.baud,
            lambda: serial.format.data_bits - 5,
            lambda: f"{serial.format.stop_bits:g}",
            lambda: PARITY_CODES[serial.format.parity],
            flow(Flow.CTS | Flow.RTS),
            flow(Flow.XON_OUT | Flow.XON_IN),
            flow(Flow.DSR | Flow.DTR),
            flow(Flow.TOGGLE),
            lambda: device.running[f"port.{number}.fifo"] == "enable",
            lambda: INTERFACES.index(serial.format.interface),
        ),
        BUFFERING: (lambda: serial.buffered,),
    }


def _reader(read: Read) -> Callable[[], Value]:
    def value() -> Value:
        found = read()
        return ber.octets(found) if isinstance(found, str) else ber.integer(int(found) & MOST)

    return value
