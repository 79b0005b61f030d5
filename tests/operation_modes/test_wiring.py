"""Is plugged in what lab.yaml says? Wrong wiring is the lab's fault, and names port and line.

All ports are in Real COM mode with factory values, as a unit comes: so this is looked at before most else is tried, and
what is tried on a port wired otherwise is not held against the unit.
"""

import pytest

from fixtures.marks import control
from nportlab.serial.wiring import WiredPort
from nportlab.verdicts.faults import NotApplicable
from tests.operation_modes._network import network_end, on_every_port

pytestmark = pytest.mark.opmode


@control("SER-10")
@on_every_port("real_com", {})
def test_every_line_is_wired_as_lab_yaml_says(every_port, wiring):
    if not every_port:
        raise NotApplicable("lab.yaml has nothing plugged into this unit's ports")
    wiring([as_wired(port) for port in every_port])


def as_wired(port):
    """Both ends of a port."""
    client = network_end(port)
    adapter = port.adapter if port.line.kind == "adapter" else None
    return WiredPort(port.unit.name, port.number, port.line, client, adapter, port.format)
