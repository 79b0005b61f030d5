"""RFC2217 mode: a serial port whose settings, lines and state travel in the Telnet connection of its bytes."""

from dataclasses import replace

import pytest

from fixtures.marks import control, on_port
from fixtures.mode_clients import network_port
from nportlab.guide.modes import default_port
from nportlab.protocol.rfc2217 import Control, LineState, ModemState, Purge
from nportlab.protocol.serial_wire import Input
from tests.operation_modes._ends import A_WHILE, SOON, hear, hear_all, hear_until, let_in, say, seconds_until
from tests.operation_modes._line import breaks, breaks_until
from tests.operation_modes._pyserial import pyserial

pytestmark = pytest.mark.opmode

MOVED = {"tcp_port": "=4700+n"}
rfc2217 = on_port("rfc2217", MOVED)

SLOW = 9600
EVERY_BYTE = bytes(range(256)) + b"\xff\xff\xff\r\n\r\0\xff\xf0\xff\xfa\x2c"
"""All of them, and what Telnet could take for its own."""

# --- the mode -----------------------------------------------------------------------------------------------------


@control("OPM-05")
@on_port("rfc2217", MOVED, line="any")
def test_the_port_listens_where_it_was_set_and_not_where_it_was(port, tcp, carry):
    with port.connect() as client:
        carry(port, client, seconds=0.2)
    number = network_port(port)
    assert tcp.open_among({number, default_port(port.number)}) == {number}


@control("OPM-05")
@rfc2217
def test_all_bytes_pass_unchanged_both_ways(port):
    client = port.connect()
    say(client, EVERY_BYTE)
    assert hear(port.adapter, len(EVERY_BYTE)) == EVERY_BYTE, "bytes from the network were changed"
    say(port.adapter, EVERY_BYTE)
    assert hear(client, len(EVERY_BYTE)) == EVERY_BYTE, "bytes from the line were changed"


@control("OPM-05", "MOD-18")
@pytest.mark.filterwarnings("ignore:set.* is deprecated:DeprecationWarning")  # pyserial's own
@rfc2217
def test_pyserial_opens_sets_and_reads_the_port(port):
    adapter = port.adapter
    with pyserial(port, SOON, baudrate=57_600, parity="E") as foreign:
        adapter.set_format(replace(port.format, baud=57_600, parity="even"))
        foreign.write(b"to the line\xff")
        assert hear(adapter, 12) == b"to the line\xff"
        say(adapter, b"to the host\xff")
        assert foreign.read(12) == b"to the host\xff"
        assert foreign.cts, "the adapter drives RTS, pyserial sees CTS off"
        foreign.dtr = False
        assert not adapter.wait_lines(Input(0), Input.DSR, timeout=SOON) & Input.DSR
        adapter.set_lines(rts=False)
        assert seconds_until(lambda: not foreign.cts) is not None, "RTS of the adapter went off, CTS stayed on"


# --- settings -----------------------------------------------------------------------------------------------------


@control("MOD-18")
@pytest.mark.parametrize(
    ("baud", "data_bits", "parity", "stop_bits"),
    [
        (57_600, 7, "even", 1),
        (9_600, 8, "odd", 2),
        (921_600, 8, "mark", 1),
        (123_456, 8, "space", 1),
        (38_400, 5, "none", 1.5),
    ],
)
@rfc2217
def test_what_a_client_sets_is_answered_and_on_the_line(baud, data_bits, parity, stop_bits, port):
    client, adapter = port.connect(), port.adapter
    answers = client.baud(baud), client.data_bits(data_bits), client.parity(parity), client.stop_bits(stop_bits)
    assert answers == (baud, data_bits, parity, stop_bits)
    assert (client.baud(), client.data_bits(), client.parity(), client.stop_bits()) == answers, (
        "asked again, it differs"
    )
    adapter.set_format(replace(port.format, baud=baud, data_bits=data_bits, parity=parity, stop_bits=stop_bits))
    data = bytes(range(1 << data_bits))
    say(client, data)
    assert hear(adapter, len(data)) == data
    counts = adapter.counts()
    assert (counts.parity, counts.framing) == (0, 0), f"the other end, set alike, counts {counts}"
    say(adapter, data)
    assert hear(client, len(data)) == data


@control("MOD-18")
@rfc2217
def test_a_baud_rate_no_port_has_is_answered_with_the_one_in_force(port):
    client = port.connect()
    assert client.baud(19_200) == 19_200
    assert client.baud(4_000_000) == 19_200
    assert client.baud(1) == 19_200


@control("MOD-18")
@rfc2217
def test_the_settings_are_those_of_the_port_for_the_next_client(port):
    with port.connect() as first:
        first.baud(19_200)
    second = let_in(port)
    assert second is not None, "the next client, with the adapter as the settings have the port, gets nothing through"
    assert second.baud() == port.format.baud


@control("MOD-18")
@rfc2217
def test_hardware_flow_control_obeys_cts(port):
    client, adapter = port.connect(), port.adapter
    assert client.control(Control.HARDWARE) == Control.HARDWARE
    adapter.set_lines(rts=False)
    assert seconds_until(lambda: not client.ask_modem_state() & ModemState.CTS) is not None
    say(client, b"held")
    assert hear_all(adapter) == b"", "bytes came although CTS is off"
    adapter.set_lines(rts=True)
    assert hear(adapter, 4) == b"held"


@control("MOD-18")
@rfc2217
def test_the_client_can_stop_what_the_unit_sends_it(port):
    client, adapter = port.connect(), port.adapter
    client.suspend()
    assert client.signature(), "the unit does not say who it is"  # so what was sent before is in force
    say(adapter, b"later")
    assert hear_all(client) == b"", "bytes came although the client had suspended the flow"
    client.resume()
    assert hear(client, 5) == b"later"


# --- lines and break ----------------------------------------------------------------------------------------------


@control("MOD-18")
@rfc2217
def test_dtr_and_rts_follow_the_client(port):
    client, adapter, both = port.connect(), port.adapter, Input.CTS | Input.DSR
    for dtr, rts in ((False, False), (True, False), (False, True), (True, True)):
        assert client.set_dtr(dtr), f"DTR {dtr} is not answered with its value"
        assert client.set_rts(rts), f"RTS {rts} is not answered with its value"
        wanted = (Input.DSR if dtr else Input(0)) | (Input.CTS if rts else Input(0))
        seen = adapter.wait_lines(wanted, both & ~wanted, timeout=SOON)
        assert seen & both == wanted, f"asked for DTR {dtr}, RTS {rts}; the other end sees {seen!r}"


@control("MOD-18")
@rfc2217
def test_a_break_lasts_from_on_to_off(port):
    client, adapter = port.connect(), port.adapter
    client.send_break(0.2)
    seen = breaks_until(adapter, SOON)
    assert len(seen) == 1, f"one break was sent, {len(seen)} were seen"
    assert 0.18 <= seen[0] < 1.0, f"a break of 0.2 s was seen as one of {seen[0]:.3f} s"
    say(client, b"after")
    assert hear(adapter, 5) == b"after"


@control("MOD-18")
@rfc2217
def test_a_break_does_not_outlive_its_client(port):
    client, adapter = port.connect(), port.adapter
    assert client.set_break(True)
    assert breaks(adapter, A_WHILE) == []
    client.close()
    assert len(breaks_until(adapter, SOON)) == 1, "the client left, and its break stayed on the line"


@control("OPM-05", "MOD-18")
@rfc2217
def test_a_changed_modem_line_is_told(port):
    client, adapter = port.connect(), port.adapter
    client.modem_mask(ModemState(0xFF))  # once this is answered, the state of before has been told
    for name, lines, level, changed in (
        ("DSR", {"dtr": False}, ModemState.DSR | ModemState.DCD, ModemState.DSR_CHANGED | ModemState.DCD_CHANGED),
        ("CTS", {"rts": False}, ModemState.CTS, ModemState.CTS_CHANGED),
        ("DSR", {"dtr": True}, ModemState.DSR | ModemState.DCD, ModemState.DSR_CHANGED | ModemState.DCD_CHANGED),
        ("CTS", {"rts": True}, ModemState.CTS, ModemState.CTS_CHANGED),
    ):
        on, before = next(iter(lines.values())), len(client.reports)
        adapter.set_lines(**lines)

        def told():
            hear_all(client, 0.01)
            states = [one.state for one in client.reports[before:] if isinstance(one.state, ModemState)]  # noqa: B023
            return states[-1] & level == (level if on else 0) and any(one & changed for one in states) if states else 0  # noqa: B023

        assert seconds_until(told) is not None, f"{name} went {'on' if on else 'off'}, told: {client.reports[before:]}"


@control("MOD-18")
@rfc2217
def test_modem_changes_the_mask_leaves_out_are_not_told(port):
    client, adapter = port.connect(), port.adapter
    assert client.modem_mask(ModemState.CTS | ModemState.CTS_CHANGED) == ModemState.CTS | ModemState.CTS_CHANGED
    before = len(client.reports)
    adapter.set_lines(dtr=False)
    hear_all(client)
    assert client.reports[before:] == [], "DSR is masked"
    adapter.set_lines(rts=False)
    hear_all(client)
    assert client.reports[before:], "CTS is not masked, and its change was not told"


@control("MOD-18")
@rfc2217
def test_errors_and_breaks_are_told_when_asked_for(port):
    client, adapter = port.connect(), port.adapter
    adapter.send_break(0.05)
    hear_all(client)
    assert not [one for one in client.reports if isinstance(one.state, LineState)], "told without a mask"
    wanted = LineState.BREAK | LineState.PARITY
    assert client.line_mask(wanted) == wanted
    adapter.send_break(0.05)
    assert seconds_until(lambda: heard_of(client, LineState.BREAK)) is not None, "a break was received and not told"
    client.parity("even")
    adapter.set_format(replace(port.format, parity="odd"))
    say(adapter, b"wrong")
    assert seconds_until(lambda: heard_of(client, LineState.PARITY)) is not None, "parity errors were not told"


def heard_of(client, state):
    """Whether the unit has told this line state."""
    hear_all(client, 0.01)
    return any(isinstance(one.state, LineState) and one.state & state for one in client.reports)


# --- purge --------------------------------------------------------------------------------------------------------


@control("MOD-18")
@pytest.mark.parametrize("what", [Purge.TO_SEND, Purge.BOTH])
@rfc2217
def test_a_purge_drops_what_is_to_be_sent(what, port):
    client, adapter = port.connect(), port.adapter
    client.baud(SLOW)
    adapter.set_format(replace(port.format, baud=SLOW))
    say(client, b"x" * 1000)
    client.purge(what)
    say(client, b"kept")
    heard = hear_until(adapter, b"kept")
    assert heard.endswith(b"kept"), "what was sent after the purge does not come"
    assert len(heard) < 900, f"of 1000 bytes to be sent, {len(heard) - 4} came out although purged at once"


@control("MOD-18")
@rfc2217
def test_a_purge_drops_what_was_received(port):
    client, adapter = port.connect(), port.adapter
    client.suspend()
    assert client.signature()
    say(adapter, b"old")
    hear_all(adapter)
    client.purge(Purge.RECEIVED)
    say(adapter, b"new")
    hear_all(adapter)
    client.resume()
    assert hear(client, 3) == b"new", "bytes received before the purge came after it"
