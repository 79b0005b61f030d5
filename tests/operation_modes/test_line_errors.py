"""Line errors: characters with wrong parity or frame are counted, the host is told, and a clean line has none."""

from dataclasses import replace

import pytest

from fixtures.marks import control, on_port
from nportlab.modes.real_com_port import PortSettings
from nportlab.protocol.real_com_format import Format
from nportlab.protocol.real_com_replies import Event
from nportlab.protocol.rfc2217 import LineState
from tests.operation_modes._agree import settle
from tests.operation_modes._ends import SOON, hear, hear_all, say, seconds_until
from tests.operation_modes._monitor import Column, Monitor, with_agent

pytestmark = pytest.mark.opmode

WRONG = 40
"""Characters sent with an error."""

TEXT = b"The quick brown fox jumps over the lazy dog."[:WRONG]


@control("SER-08")
@with_agent
@on_port("real_com")
def test_every_character_of_wrong_parity_is_counted(port):
    client, adapter, monitor = even_parity(port), port.adapter, Monitor(port)
    before = {column: monitor[column] for column in (Column.PARITY, Column.FRAMING, Column.OVERRUN)}
    say(adapter, TEXT)
    assert hear(client, WRONG) == TEXT
    assert monitor[Column.PARITY] == before[Column.PARITY], "parity errors are counted on a clean line"
    adapter.set_format(replace(adapter.line, parity="odd"))
    say(adapter, TEXT)
    hear(client, WRONG)
    found = seconds_until(lambda: monitor[Column.PARITY] - before[Column.PARITY] >= WRONG)
    now = {column: monitor[column] - before[column] for column in before}
    assert found is not None, f"{WRONG} characters had the wrong parity, the monitor counts {now}"
    assert now == {Column.PARITY: WRONG, Column.FRAMING: 0, Column.OVERRUN: 0}


@control("SER-08")
@on_port("real_com")
def test_a_driver_is_told_of_wrong_parity_and_has_it_when_it_asks(port):
    client, adapter = even_parity(port), port.adapter
    before = len(client.notifications)
    assert client.data_status() == Event(0), "errors are told of a clean line"
    adapter.set_format(replace(adapter.line, parity="odd"))
    say(adapter, TEXT)
    hear(client, WRONG)
    told = seconds_until(lambda: any(Event.PARITY_ERROR in one.told.events for one in client.notifications[before:]))
    assert told is not None, f"{WRONG} characters had the wrong parity, and no notification said so"
    assert Event.PARITY_ERROR in client.data_status(), "asked for, DATA_STATUS knows of no parity error"
    assert client.data_status() == Event(0), "DATA_STATUS still tells errors it has told already"


@control("SER-08")
@with_agent
@on_port("real_com")
def test_characters_of_wrong_frame_are_counted_and_told(port):
    client, adapter, monitor = port.connect(), port.adapter, Monitor(port)
    settle(client, adapter)
    before, counted = len(client.notifications), monitor[Column.FRAMING]
    client.data_status()
    # At half the rate the fourth bit lies where the unit looks for the stop bit.
    adapter.set_format(replace(adapter.line, baud=adapter.line.baud // 2))
    say(adapter, b"\xf7" * WRONG)
    found = seconds_until(lambda: monitor[Column.FRAMING] > counted)
    assert found is not None, "characters without a stop bit are not counted as framing errors"
    told = seconds_until(lambda: any(Event.FRAMING_ERROR in one.told.events for one in client.notifications[before:]))
    assert told is not None, "characters without a stop bit were received, and no notification said so"


@control("SER-08")
@on_port("rfc2217")
def test_an_rfc_2217_client_is_told_of_wrong_parity(port):
    client, adapter = port.connect(), port.adapter
    client.parity("even")
    adapter.set_format(replace(adapter.line, parity="even"))
    settle(client, adapter)
    assert client.line_mask(LineState.PARITY) == LineState.PARITY
    say(adapter, TEXT)
    assert hear(client, WRONG) == TEXT
    assert not errors_told(client), "errors are told of a clean line"
    adapter.set_format(replace(adapter.line, parity="odd"))
    say(adapter, TEXT)
    assert seconds_until(lambda: errors_told(client)) is not None, "wrong parity was received and not told"


def even_parity(port):
    """A driver at a port of even parity, whose other end agrees so far."""
    client = port.connect(settings=PortSettings(Format(port.format.baud, 8, "even", 1)))
    port.adapter.set_format(replace(port.format, parity="even"))
    settle(client, port.adapter)
    say(port.adapter, b"?")
    assert hear(client, 1, SOON) == b"?"
    return client


def errors_told(client):
    """Whether the unit has told of wrong parity."""
    hear_all(client, 0.01)
    return any(isinstance(one.state, LineState) and one.state & LineState.PARITY for one in client.reports)
