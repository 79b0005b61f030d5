"""Real COM mode: what a unit tells its driver unasked, and when it lets go of it (nport-facts 1.5, 1.6, 1.8)."""

import time
from dataclasses import replace

import pytest

from fixtures.marks import control, on_port
from nportlab.guide.advisories import advisory_list
from nportlab.modes.real_com_port import PortSettings
from nportlab.protocol.real_com import LineStatus
from nportlab.protocol.real_com_format import Format
from nportlab.protocol.real_com_replies import Event, Held, Lines, ModemLines
from nportlab.verdicts.faults import Informational
from tests.operation_modes._ends import A_WHILE, SOON, ended, hear_all, say, seconds_until
from tests.operation_modes._line import breaks, breaks_until
from tests.operation_modes._sessions import driver

pytestmark = pytest.mark.opmode

NOTICED = 2.0
"""Seconds within which a change must have been told; the vendor's port daemon looks every 0.1 s."""

# --- notifications ------------------------------------------------------------------------------------------------


@control("MOD-15")
@on_port("real_com")
def test_a_changed_modem_line_is_told_with_its_level(port, evidence):
    session, adapter = port.connect(), port.adapter
    assert session.line_status().cts
    for name, lines, bits in (
        ("DTR", {"dtr": False}, ModemLines.DSR | ModemLines.DCD),
        ("RTS", {"rts": False}, ModemLines.CTS),
        ("DTR", {"dtr": True}, ModemLines.DSR | ModemLines.DCD),
        ("RTS", {"rts": True}, ModemLines.CTS),
    ):
        on, before, at = next(iter(lines.values())), len(session.notifications), time.monotonic()
        adapter.set_lines(**lines)

        def told():
            changed = ModemLines(0)
            for one in session.notifications[before:]:  # noqa: B023
                changed |= one.told.changed
            return changed

        seconds = seconds_until(lambda: told() & bits == bits, NOTICED)  # noqa: B023
        assert seconds is not None, f"{name} went {'on' if on else 'off'}, changes of {told()!r} were told"
        news = session.notifications[before:]
        assert Event.MODEM_STATUS in news[0].told.events
        assert news[-1].told.lines & bits == (bits if on else 0)
        assert Held.NEW_VERSION in news[-1].told.held
        evidence.note(f"{name}: told after {news[0].at - at:.3f} s")


@control("MOD-15")
@on_port("real_com")
def test_line_errors_are_told_and_kept_until_they_are_asked_for(port):
    session, adapter = port.connect(settings=PortSettings(Format(port.format.baud, 8, "even"))), port.adapter
    adapter.set_format(replace(port.format, parity="odd"))
    say(adapter, b"wrong")
    told = seconds_until(lambda: any(Event.PARITY_ERROR in one.told.events for one in session.notifications), NOTICED)
    assert told is not None, "five characters with wrong parity came, and no parity error was told"
    assert Event.PARITY_ERROR in session.data_status()
    assert session.data_status() == Event(0), "DATA_STATUS does not forget what it told"


@control("MOD-15")
@on_port("real_com")
def test_nothing_is_told_while_nothing_changes(port, carry):
    session = port.connect()
    assert session.line_status().cts
    hear_all(session)
    before = len(session.notifications)
    carry(port, session, seconds=0.2)
    hear_all(session)
    assert session.notifications[before:] == []


# --- alive polling ------------------------------------------------------------------------------------------------

SILENCE, RETRY, POLLS = 40 / 60, 3 / 60, 4
"""Minutes of silence before a poll and between those nobody answers, and how many of these there are."""


@control("MOD-15")
@on_port("real_com")
def test_a_silent_driver_is_polled_and_stays_when_it_answers(port, unit_minutes, carry):
    quiet = time.monotonic()
    session = port.connect()
    polled = seconds_until(lambda: len(session.polls) >= 2, 3 * unit_minutes.seconds(SILENCE) + SOON)
    assert polled is not None, f"{len(session.polls)} polls came in three times the silence"
    assert session.polls[0].at - quiet > 0.9 * unit_minutes.seconds(SILENCE), (
        "the poll came before the silence was over"
    )
    assert session.polls[0].number != 0
    carry(port, session, seconds=0.05)


@control("MOD-15")
@on_port("real_com")
def test_a_driver_that_answers_no_poll_is_dropped(port, unit_minutes, carry):
    session = port.connect()
    session.command.answers_polls = False
    longest = unit_minutes.seconds(SILENCE) + POLLS * max(1.0, unit_minutes.seconds(RETRY)) + SOON
    assert ended(session, longest) is not None, (
        f"{len(session.polls)} polls were not answered, the session still stands"
    )
    assert seconds_until(lambda: session.command.ended is not None) is not None, "the command connection still stands"
    assert len(session.polls) == POLLS, f"the driver was dropped after {len(session.polls)} polls"
    carry(port, port.connect(), seconds=0.05)


@control("MOD-15")
@on_port("real_com")
def test_without_notification_nobody_is_polled(port, unit_minutes):
    session = port.connect()
    session.notify(on=False)
    assert ended(session, 2 * unit_minutes.seconds(SILENCE)) is None
    assert session.polls == []


# --- command port without a data session --------------------------------------------------------------------------


@control("MOD-14")
@on_port("real_com")
def test_commands_before_the_data_session_are_done_when_it_comes(port):
    session = driver(port)
    session.open_command()
    early = session.command.exchange(LineStatus().encode(), A_WHILE)
    session.open_data()
    assert early or seconds_until(lambda: session.command.unexpected) is not None, "LSTATUS was never answered"
    answers = session.command.unexpected
    assert [type(one) for one in answers] == [Lines], f"LSTATUS before the data session was answered with {answers}"


FLAW = "CVE-2026-10831"


@control("MOD-20")
@on_port("real_com")
def test_a_break_without_data_session_does_not_reach_the_line(unit, port):
    adapter, session = port.adapter, driver(port)
    session.open_command()
    session.command.send(b"\x21\x00" + b"\x22\x00" + b"\x23\x02\x00\x32")  # on, off, 50 ms
    early = breaks(adapter, 0.5)
    session.open_data()
    session.command.send(b"\x23\x02\x00\x32")
    assert breaks_until(adapter, SOON), "with a data session a break does not come either, so nothing is shown"
    known = next(one for one in advisory_list().advisories if one.id == FLAW).concerns(unit.entry.firmware)
    if early and known:
        raise Informational(f"{FLAW}: {len(early)} breaks reached the line; firmware before 2.3.9 is known for it")
    assert not early, f"{len(early)} breaks without a data session reached the line ({FLAW})"
