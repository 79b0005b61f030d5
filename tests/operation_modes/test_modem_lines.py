"""Modem lines: DTR and RTS are what the host asks for, CTS, DSR and DCD are told as they are on the line.

RI is not tried: no cable of a bench drives it (a null modem joins DTR with DSR and DCD, RTS with CTS).
"""

import pytest

from fixtures.marks import control, on_port
from nportlab.protocol.real_com_replies import ModemLines
from nportlab.protocol.rfc2217 import ModemState
from nportlab.protocol.serial_wire import Input
from tests.operation_modes._ends import SOON, hear_all, seconds_until
from tests.operation_modes._monitor import Column, Monitor, with_agent

pytestmark = pytest.mark.opmode

ALL = ((False, False), (True, False), (False, True), (True, True))
"""DTR and RTS in every combination, each changed at least once alone."""

real_com = pytest.param("real_com", marks=on_port("real_com"))
rfc2217 = pytest.param("rfc2217", marks=on_port("rfc2217"))
both_modes = pytest.mark.parametrize("mode", [real_com, rfc2217])


def drive(client, mode, dtr, rts):
    """As a host sets its lines."""
    if mode == "real_com":
        client.set_lines(dtr=dtr, rts=rts)
    else:
        client.set_dtr(dtr)
        client.set_rts(rts)


def told(client, mode):
    """CTS, DSR and DCD, as a host is told when it asks."""
    if mode == "real_com":
        lines = client.line_status()
        return lines.cts, lines.dsr, lines.dcd
    state = client.ask_modem_state()
    return tuple(bool(state & line) for line in (ModemState.CTS, ModemState.DSR, ModemState.DCD))


@control("SER-06")
@both_modes
def test_dtr_and_rts_are_what_the_host_asks_for(mode, port):
    client, adapter, both = port.connect(), port.adapter, Input.CTS | Input.DSR
    for dtr, rts in ALL:
        drive(client, mode, dtr, rts)
        wanted = (Input.DSR if dtr else Input(0)) | (Input.CTS if rts else Input(0))
        seen = adapter.wait_lines(wanted, both & ~wanted, timeout=SOON)
        assert seen & both == wanted, f"the host wants DTR {dtr}, RTS {rts}; the other end sees {seen!r}"


@control("SER-06")
@both_modes
def test_the_lines_of_the_other_end_are_told_when_asked_for(mode, port):
    client, adapter = port.connect(), port.adapter
    for dtr, rts in ALL:
        adapter.set_lines(dtr=dtr, rts=rts)
        wanted = (rts, dtr, dtr)
        found = seconds_until(lambda: told(client, mode) == wanted)  # noqa: B023 - is called here only
        assert found is not None, f"CTS, DSR, DCD are {wanted}, the host is told {told(client, mode)}"


@control("SER-06")
@both_modes
def test_a_line_that_changes_is_told_unasked(mode, port):
    client, adapter = port.connect(), port.adapter
    assert told(client, mode) == (True, True, True)
    for lines, changed in (({"dtr": False}, ModemLines.DSR | ModemLines.DCD), ({"rts": False}, ModemLines.CTS)):
        before = len(news(client, mode))
        adapter.set_lines(**lines)
        found = seconds_until(lambda: said(client, mode, before) & changed == changed)  # noqa: B023
        assert found is not None, f"{lines}: told are changes of {said(client, mode, before)!r}, not of {changed!r}"


def news(client, mode):
    """What was told unasked so far."""
    if mode == "real_com":
        return client.notifications
    hear_all(client, 0.01)
    return [one for one in client.reports if isinstance(one.state, ModemState)]


def said(client, mode, before):
    """The lines whose change was told since."""
    changed = ModemLines(0)
    for one in news(client, mode)[before:]:
        if mode == "real_com":
            changed |= one.told.changed
        else:
            for bit, line in ((ModemState.CTS_CHANGED, ModemLines.CTS), (ModemState.DSR_CHANGED, ModemLines.DSR)):
                changed |= line if one.state & bit else ModemLines(0)
            changed |= ModemLines.DCD if one.state & ModemState.DCD_CHANGED else ModemLines(0)
    return changed


@control("SER-06")
@on_port("real_com", line="loopback")
def test_a_loopback_plug_gives_the_lines_back(port):
    client = port.connect()
    for dtr, rts in ALL:
        client.set_lines(dtr=dtr, rts=rts)
        wanted = (rts, dtr, dtr)
        found = seconds_until(lambda: told(client, "real_com") == wanted)  # noqa: B023 - is called here only
        assert found is not None, f"RTS {rts} and DTR {dtr} come back as CTS, DSR, DCD {told(client, 'real_com')}"


@control("SER-06")
@with_agent
@on_port("real_com")
def test_the_monitor_of_the_mib_shows_the_lines(port):
    client, adapter, monitor = port.connect(), port.adapter, Monitor(port)
    client.notify(on=False)  # and no polls, which a host that asks the agent all the time may answer late
    for unit, other in ((True, False), (False, True), (True, True)):
        client.set_lines(dtr=unit, rts=unit)
        adapter.set_lines(dtr=other, rts=other)
        for column, wanted in (
            (Column.DTR, unit),
            (Column.RTS, unit),
            (Column.CTS, other),
            (Column.DSR, other),
            (Column.DCD, other),
        ):
            found = seconds_until(lambda: monitor[column] == wanted)  # noqa: B023 - is called here only
            assert found is not None, f"{column.name} is {'on' if wanted else 'off'}, the monitor shows the contrary"
