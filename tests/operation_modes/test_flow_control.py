"""Flow control: the unit stops sending when it is told to, tells the other end to stop in time, and loses nothing."""

import time
from dataclasses import replace

import pytest

from fixtures.marks import control, on_port
from nportlab.protocol.real_com_replies import Held
from nportlab.protocol.serial_wire import Flow, Input
from nportlab.serial.traffic.pattern import XON_XOFF, pattern
from tests.operation_modes._agree import settle
from tests.operation_modes._ends import A_WHILE, SOON, hear, hear_all, linked, say, seconds_until
from tests.operation_modes._held import MOST, SMALL, check_held, hold_until_stuck, read_on
from tests.operation_modes._sessions import driver

pytestmark = pytest.mark.opmode

XON, XOFF = b"\x11", b"\x13"
SLOW = 9_600
MANY = 1_500
"""Bytes: at SLOW more than a second and a half, so that they can be stopped in the middle."""

rts_cts = pytest.param("rts-cts", marks=[control("SER-03"), on_port("tcp_server", {"flow_control": "rts-cts"})])
xon_xoff = pytest.param("xon-xoff", marks=[control("SER-04"), on_port("tcp_server", {"flow_control": "xon-xoff"})])
dtr_dsr = pytest.param("dtr-dsr", marks=[control("SER-05"), on_port("tcp_server", {"flow_control": "dtr-dsr"})])
every_kind = pytest.mark.parametrize("kind", [rts_cts, xon_xoff, dtr_dsr])


def stop(adapter, kind):
    """Tell the unit to send nothing."""
    tell(adapter, kind, go=False)


def start(adapter, kind):
    """Let it send again."""
    tell(adapter, kind, go=True)


def tell(adapter, kind, *, go):
    """What the other end of a line does with that flow control."""
    match kind:
        case "rts-cts":
            adapter.set_lines(rts=go)
        case "dtr-dsr":
            adapter.set_lines(dtr=go)
        case _:
            say(adapter, XON if go else XOFF)


# --- the unit is told to stop -------------------------------------------------------------------------------------


@every_kind
def test_the_unit_sends_nothing_while_it_is_told_to_stop(kind, port):
    client, adapter = linked(port), port.adapter
    line = driver(port)
    line.open_command()
    line.notify(on=True)
    stop(adapter, kind)
    told(line, kind)
    say(client, b"held back")
    assert hear_all(adapter) == b"", f"bytes came although the unit was told to stop ({kind})"
    start(adapter, kind)
    assert hear(adapter, 9) == b"held back", "told to go on, the unit does not send what it held back"


@every_kind
def test_the_unit_stops_in_the_middle_and_loses_nothing(kind, port):
    client, adapter = linked(port), port.adapter
    line = driver(port)
    line.open_command()
    line.set_baud(SLOW)
    adapter.set_format(replace(port.format, baud=SLOW, flow=Flow(0)))
    settle(client, adapter)
    data = pattern(f"{port.label} held", avoid=XON_XOFF).at(0, MANY)
    say(client, data)
    first = hear(adapter, 50)
    stop(adapter, kind)
    while more := hear_all(adapter, A_WHILE):
        first += more
    assert len(first) < MANY, "told to stop in the middle, the unit went on to the end"
    start(adapter, kind)
    assert first + hear(adapter, MANY - len(first)) == data, "bytes are lost or wrong after a stop in the middle"


@control("SER-04")
@on_port("tcp_server", {"flow_control": "xon-xoff"})
def test_xon_and_xoff_are_no_data(port):
    client, adapter = linked(port), port.adapter
    say(adapter, b"a" + XOFF + b"b" + XON + b"c")
    assert hear(client, 3) == b"abc", "XON and XOFF are not taken out of the data"
    assert hear_all(client) == b""


def told(line, kind):
    """Wait until the unit knows that it has to stop. line: its command port."""

    def knows():
        if kind == "xon-xoff":
            return any(Held.XOFF in one.told.held for one in line.notifications)
        lines = line.line_status()
        return not (lines.cts if kind == "rts-cts" else lines.dsr)

    assert seconds_until(knows) is not None, (
        f"the unit was told to stop by {kind}, and its command port does not say so"
    )


# --- the unit tells the other end to stop -------------------------------------------------------------------------


@every_kind
def test_a_host_that_does_not_read_stops_the_device_and_nothing_is_lost(kind, port, evidence):
    client, adapter = linked(port, receive_buffer=SMALL), port.adapter
    line = driver(port)
    line.open_command()
    line.set_baud(921_600)
    adapter.set_format(replace(port.format, baud=921_600))
    settle(client, adapter)
    stream = pattern(f"{port.label} to a host that sleeps", avoid=XON_XOFF)
    sent = hold_until_stuck(adapter, stream)
    evidence.note(f"{kind}: the device could send {sent:,} bytes to a host that does not read")
    stops = {"rts-cts": Input.CTS, "dtr-dsr": Input.DSR}.get(kind, Input(0))
    still_on = adapter.lines & stops if sent < MOST else Input(0)
    heard = read_on(client, sent)
    assert heard == stream.at(0, sent), f"of {sent:,} bytes the device sent, {len(heard):,} came, or some are wrong"
    assert not still_on, f"the device was stopped, and {still_on!r} was still on"
    check_held(sent)


# --- RTS toggle ---------------------------------------------------------------------------------------------------

DELAY = 0.1
"""Seconds, the longest a port can be set to."""

TOLERANCE = 0.04
TRIES = 6
"""Transfers of which one must show the delays: a bench that is busy sees edges late, and seldom right."""


@control("SER-09")
@on_port("tcp_server", {"flow_control": "rts-toggle", "rts_on_delay": "100", "rts_off_delay": "100"})
def test_rts_is_on_only_while_the_port_sends_and_for_its_delays(port, evidence):
    client, adapter = port.connect(), port.adapter
    assert not adapter.wait_lines(Input(0), Input.CTS, timeout=SOON) & Input.CTS, "RTS is on although nothing is sent"
    seen = []
    while len(seen) < TRIES:
        say(client, b"toggle")
        on, first, last, off = edges(adapter, 6)
        seen.append((first - on, off - last))
        evidence.note(f"RTS on {first - on:.3f} s before the first byte, off {off - last:.3f} s after the last")
        if all(abs(delay - DELAY) <= TOLERANCE for delay in seen[-1]):
            break
    for which, when in enumerate(("on before the first byte", "off after the last")):
        delays = [delays[which] for delays in seen]
        nearest = min(delays, key=lambda delay: abs(delay - DELAY))
        assert abs(nearest - DELAY) <= TOLERANCE, f"RTS is {when} by {nearest:.3f} s at best, set are {DELAY} s"


def edges(adapter, count):
    """When RTS came on, the first and the last byte came, and RTS went off again."""
    on = first = last = off = None
    got = b""
    end = time.monotonic() + SOON
    while off is None and time.monotonic() < end:
        high, data, now = bool(adapter.lines & Input.CTS), adapter.read(), time.monotonic()
        on = now if on is None and high else on
        if data:
            first, last, got = first or now, now, got + data
        if len(got) >= count and not high:
            off = now
        time.sleep(0.002)
    assert got, "nothing was sent"
    assert on is not None, "RTS never came on"
    assert first is not None and last is not None
    assert off is not None, f"RTS is still on {SOON} s after the last byte"
    return on, first, last, off
