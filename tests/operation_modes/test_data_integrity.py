"""Every byte arrives: in every mode, over every kind of line, both ways at once, at the highest rate."""

import pytest

from fixtures.carrying import pattern_for
from fixtures.marks import control, on_port
from nportlab.guide.modes import LPD_PORT
from nportlab.modes.printer import LpdClient
from nportlab.verdicts.faults import NotApplicable
from tests.operation_modes._ends import hear
from tests.operation_modes._network import SETTINGS, network_end, on_every_port

pytestmark = pytest.mark.opmode

SECONDS = 0.3
"""Of line time at 921,600 baud. What it brings fits into the receivers of a unit that is slow to look."""

CONTROLS = {
    "real_com": "OPM-04",
    "rfc2217": "OPM-05",
    "tcp_server": "OPM-06",
    "tcp_client": "MOD-12",
    "udp": "OPM-07",
    "pair_slave": "OPM-08",
    "pair_master": "MOD-13",
    "ethernet_modem": "OPM-09",
    "reverse_telnet": "OPM-10",
    "reverse_ssh": "OPM-11",
    "printer_raw": "OPM-12",
    "printer_lpd": "OPM-13",
}
BOTH_WAYS = [mode for mode in CONTROLS if not mode.startswith("printer")]
LINES = {mode: ("adapter",) if mode == "ethernet_modem" else ("adapter", "loopback", "crosslink") for mode in BOTH_WAYS}


def paths(*lines):
    """Each mode over each of these kinds of line."""
    return [
        pytest.param(mode, line, marks=[control(CONTROLS[mode], "SER-10"), on_port(mode, SETTINGS[mode], line=line)])
        for mode in BOTH_WAYS
        for line in lines
        if line in LINES[mode]
    ]


@pytest.mark.parametrize(("mode", "line"), paths("adapter", "loopback"))
def test_every_byte_arrives_both_ways_at_once(mode, line, port, carry):
    carry(port, network_end(port), seconds=SECONDS)


@pytest.mark.parametrize(("mode", "line"), paths("crosslink"))
def test_every_byte_arrives_from_port_to_port(mode, line, port, carry):
    far = network_end(port.far_end)
    carry(port, network_end(port), far=far, seconds=SECONDS)


@control("OPM-12", "SER-10")
@on_port("printer_raw", SETTINGS["printer_raw"])
def test_every_byte_of_a_raw_print_job_comes_out(port):
    job = print_job(port)
    client = network_end(port)
    client.send_all(job, 10)
    client.stop_sending()
    assert printed(port, len(job)) == job, "the job came out with bytes missing or wrong"


@control("OPM-13", "SER-10")
@on_port("printer_lpd", SETTINGS["printer_lpd"])
def test_every_byte_of_an_lpd_print_job_comes_out(port):
    job = print_job(port)
    assert port.adapter
    steps = LpdClient(port.endpoint(LPD_PORT), label=port.label).print_job(port["queue_name_raw"], job)
    assert all(step.accepted for step in steps), f"the job was not taken: {steps}"
    assert printed(port, len(job)) == job, "the job came out with bytes missing or wrong"


def print_job(port):
    """Bytes that come nowhere else."""
    return pattern_for(port, "print job").at(0, round(port.format.characters_per_second * SECONDS))


def printed(port, count):
    """What came out of the port, up to `count` bytes."""
    return hear(port.adapter, count)


# --- several ports at once ----------------------------------------------------------------------------------------


@control("SER-10")
@on_every_port("tcp_server")
def test_no_byte_goes_astray_while_all_ports_are_busy(every_port, carry):
    if len(every_port) < 2:
        raise NotApplicable("the unit has one port with a line")
    clients = {port.number: network_end(port) for port in every_port}
    flows = []
    for port in every_port:
        client = clients[port.number]
        far = carry.meet(port, client, clients.get(port.chosen.other))
        flows.append(carry.flow(port, client, far, "to the wire", SECONDS / 2))
        if port.line.kind == "adapter":
            flows.append(carry.flow(port, far, client, "from the wire", SECONDS / 2))
    result = carry.traffic(flows, deadline=30)
    assert result.ok, result.describe()
