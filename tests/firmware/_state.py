"""The state a unit is in before it is given other firmware, and whether it still does its work afterwards."""

from collections.abc import Callable

from fixtures.marks import needs, on_port
from fixtures.serial_lines import PortUnderTest
from nportlab.serial.traffic.results import TrafficResult
from nportlab.verdicts.faults import UnitBehaviour

CONFIGURED = needs(
    {
        "basic.server_location": "before the upgrade",
        "certificate": "lab:p256",
        "console.auto_logout": "17",
        "console.http": "disable",
        "console.https": "enable",
        "console.moxa_service": "enable",
        "console.telnet": "disable",
        "log.local_config": "enable",
        "log.local_system": "enable",
        "snmp.agent": "enable",
        "snmp.v2": "enable",
    }
)
CARRYING = on_port("real_com", {"baud_rate": "57600", "tcp_alive_check": "3"})
"""A serial port that carries data before and after, by the mode whose two ports tell most of the firmware."""

_SECONDS = 0.3  # of line time


def carries(port: PortUnderTest, carry: Callable[..., TrafficResult]) -> None:
    """Asserts that the port is served as before, and every byte arrives both ways."""
    try:
        client = port.connect()
    except UnitBehaviour as error:
        raise AssertionError(f"the operation mode of {port.label} is not served any more: {error.message}") from error
    carry(port, client, seconds=_SECONDS)
