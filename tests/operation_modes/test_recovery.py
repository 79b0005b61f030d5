"""After a client, the unit or the cable went away a port works again, and nothing of before comes out of it."""

import pytest

from fixtures.marks import alone, control, needs, on_port
from nportlab.protocol.real_com import FlowControl
from nportlab.protocol.serial_wire import Input
from nportlab.verdicts.faults import NotApplicable
from tests.operation_modes._ends import SOON, hear, hear_all, let_in, linked, say, seconds_until

pytestmark = pytest.mark.opmode

OLD, NEW = b"of the session before ", b"of this session"

modes = pytest.mark.parametrize(
    "mode",
    [
        pytest.param("real_com", marks=on_port("real_com")),
        pytest.param("rfc2217", marks=on_port("rfc2217")),
        pytest.param("tcp_server", marks=on_port("tcp_server")),
        pytest.param("pair_slave", marks=on_port("pair_slave")),
        pytest.param("reverse_telnet", marks=on_port("reverse_telnet")),
        pytest.param("reverse_ssh", marks=on_port("reverse_ssh")),
    ],
)
BACK = 30.0
"""Seconds until a unit that lost its supply serves again, once its console does."""


def crash(client, mode):
    """The program at the host ends without a goodbye."""
    if mode == "real_com":
        client.data.reset()
        client.close()
    elif mode == "reverse_ssh":
        client.close()
    else:
        client.reset()


def check_works(client, port):
    """Bytes cross both ways, first those of this session."""
    assert client is not None, "no new client gets anything through"
    say(client, NEW)
    heard = hear(port.adapter, len(NEW))
    assert heard == NEW, f"the line carries {heard!r}"
    say(port.adapter, NEW)
    heard = hear(client, len(NEW))
    assert heard == NEW, f"the new client reads {heard!r}"


# --- the client goes away -----------------------------------------------------------------------------------------


@control("MOD-21", "SER-12")
@modes
def test_after_a_client_that_crashed_another_is_served_and_reads_nothing_old(mode, port):
    first = linked(port)
    say(port.adapter, OLD)
    assert hear(first, len(OLD)) == OLD
    crash(first, mode)
    say(port.adapter, OLD * 20)  # nobody's: there is no client, and port buffering is off
    hear_all(port.adapter)
    check_works(let_in(port), port)


@control("SER-12")
@on_port("real_com")
def test_what_a_client_that_crashed_had_still_to_send_does_not_come_out_later(port):
    client, adapter = linked(port), port.adapter
    client.set_flow(FlowControl(cts=True))
    adapter.set_lines(rts=False)
    assert seconds_until(lambda: not client.line_status().cts) is not None, "CTS went off, and the unit sees it on"
    say(client, OLD * 20)
    assert seconds_until(lambda: client.output_queue() > 0) is not None, "the unit holds nothing back"
    assert hear_all(adapter) == b"", "bytes came although the line was held"
    client.data.reset()
    assert seconds_until(lambda: client.command.ended is not None) is not None, "the session outlived its data"
    adapter.set_lines(rts=True)
    second = port.connect()
    say(second, NEW)
    heard = hear(adapter, len(NEW))
    assert heard == NEW, f"the line carries {heard!r}"


@control("MOD-21")
@on_port("tcp_server")
def test_a_client_that_vanished_gives_the_port_free_once_the_device_speaks(port):
    client = linked(port)
    client.vanish()
    say(port.adapter, OLD)
    check_works(let_in(port), port)


@control("MOD-21")
@on_port("tcp_server", line="any", name="steady")
@on_port("tcp_server", {"max_connection": "2"}, line="any", name="port")
def test_a_client_that_crashes_disturbs_no_other_port(ports, carry):
    steady, port = ports["steady"], ports["port"]
    client = steady.connect()
    for _ in range(3):
        other = port.connect()
        say(other, OLD)
        other.reset()
        carry(steady, client, seconds=0.05)


# --- the cable goes away ------------------------------------------------------------------------------------------


@control("MOD-21", "SER-12")
@on_port("tcp_server")
def test_a_cable_that_was_cut_and_mended_carries_again(port):
    client, adapter = linked(port), port.adapter
    port.cable("cut")
    say(client, OLD)
    say(adapter, OLD)
    assert hear_all(adapter) == b"", "bytes cross a cable that is cut"
    assert hear_all(client) == b"", "bytes cross a cable that is cut"
    port.cable(None)
    check_works(client, port)


@control("MOD-21")
@on_port("real_com")
def test_a_cable_that_is_cut_drops_the_lines_and_mended_raises_them(port):
    client, adapter = linked(port), port.adapter
    assert client.line_status().dsr
    port.cable("cut")
    assert seconds_until(lambda: not client.line_status().dsr) is not None, "nothing drives DSR, and it is told as on"
    port.cable(None)
    assert seconds_until(lambda: client.line_status().dsr) is not None, "the cable is back, and DSR stays off"
    assert adapter.lines & Input.DSR


# --- the unit goes away -------------------------------------------------------------------------------------------


@control("MOD-21", "SER-12")
@pytest.mark.needs_power
@alone(restarts=1)
@needs(allow=("power-cycle",))
@on_port("real_com")
def test_a_driver_comes_back_after_the_unit_lost_its_supply(port, unit):
    if unit.power is None:
        raise NotApplicable(f"{unit.name} has no outlet in lab.yaml")
    client, adapter = linked(port), port.adapter
    say(client, OLD * 50)
    say(adapter, OLD * 50)
    unit.power_cycle()
    hear_all(adapter)
    client.reconnect(within=BACK)
    assert seconds_until(lambda: client.line_status().dsr, SOON) is not None
    check_works(client, port)
