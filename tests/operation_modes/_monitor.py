"""The monitor columns of the MIB about one serial port (MOXA-NP6000-MIB, sysStatus)."""

from __future__ import annotations

from enum import Enum

from fixtures.marks import needs
from fixtures.serial_lines import PortUnderTest
from nportlab.unit.snmp import NP6000, Community, SnmpClient

COMMUNITY = "lab-reads"

with_agent = needs({"snmp.agent": "enable", "snmp.v2": "enable", "snmp.read_community": COMMUNITY})
"""The SNMP agent is on and answers `monitor`."""


class Column(Enum):
    """Table and column below sysStatus."""

    DSR = (2, 5)
    DTR = (2, 6)
    RTS = (2, 7)
    CTS = (2, 8)
    DCD = (2, 9)
    FRAMING = (3, 1)
    PARITY = (3, 2)
    OVERRUN = (3, 3)
    BREAK = (3, 4)


class Monitor:
    """One port as the SNMP agent shows it."""

    def __init__(self, port: PortUnderTest) -> None:
        self._agent: SnmpClient = port.unit.snmp(Community(COMMUNITY))
        self._number = port.number

    def __getitem__(self, column: Column) -> int:
        """Its value now: a counter, or 1 for a line that is on. Raises NotReachable, SnmpRefused."""
        table, number = column.value
        return int(self._agent.get(f"{NP6000}.1.6.{table}.1.1.{number}.{self._number}"))
