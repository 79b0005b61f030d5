"""The operation modes of a serial port. Each is a module with

    async def serve(device: Device, number: int, serial: SerialPort) -> Closeable

that listens (or dials) when it returns and moves bytes between the network and port `number` until it is closed.
"""

from __future__ import annotations

MODULES = {
    "real_com": "nportlab.virtual.unit.modes.real_com",
    "rfc2217": "nportlab.virtual.unit.modes.rfc2217",
    "tcp_server": "nportlab.virtual.unit.modes.tcp_server",
    "tcp_client": "nportlab.virtual.unit.modes.tcp_client",
    "udp": "nportlab.virtual.unit.modes.udp",
    "pair_master": "nportlab.virtual.unit.modes.pair",
    "pair_slave": "nportlab.virtual.unit.modes.pair",
    "ethernet_modem": "nportlab.virtual.unit.modes.ethernet_modem",
    "reverse_telnet": "nportlab.virtual.unit.modes.reverse_telnet",
    "reverse_ssh": "nportlab.virtual.unit.modes.reverse_ssh",
    "printer_raw": "nportlab.virtual.unit.modes.printer",
    "printer_lpd": "nportlab.virtual.unit.modes.printer",
}
"""By mode id of guide/modes.yaml; `disable` has none."""
