from __future__ import annotations

import pytest

from nportlab.guide.settings import settings_table
from nportlab.protocol.line_format import RX_ROOM, RX_ROOM_WITHOUT_FIFO, line_format
from nportlab.protocol.serial_wire import NO_FLOW, Flow, LineFormat


def test_a_unit_with_factory_values() -> None:
    running = settings_table().factory("NP6450", "2.3")
    for number in range(1, 5):
        assert line_format(number, running) == LineFormat(rx_room=RX_ROOM)


def test_a_setting_a_unit_does_not_have_counts_as_its_factory_value() -> None:
    assert line_format(1, {}) == LineFormat(rx_room=RX_ROOM)


@pytest.mark.parametrize(
    ("setting", "value", "field", "expected"),
    [
        ("baud_rate", "31250", "baud", 31250),
        ("data_bits", "5", "data_bits", 5),
        ("stop_bits", "1.5", "stop_bits", 1.5),
        ("stop_bits", "2", "stop_bits", 2),
        ("parity", "mark", "parity", "mark"),
        ("flow_control", "none", "flow", NO_FLOW),
        ("flow_control", "rts-cts", "flow", Flow.RTS | Flow.CTS),
        ("flow_control", "xon-xoff", "flow", Flow.XON_IN | Flow.XON_OUT),
        ("flow_control", "dtr-dsr", "flow", Flow.DTR | Flow.DSR),
        ("flow_control", "rts-toggle", "flow", Flow.TOGGLE),
        ("fifo", "disable", "rx_room", RX_ROOM_WITHOUT_FIFO),
        ("interface", "rs-485-2w", "interface", "rs-485-2w"),
        ("rts_on_delay", "20", "rts_on_delay", 20),
        ("rts_off_delay", "7", "rts_off_delay", 7),
    ],
)
def test_each_setting(setting: str, value: str, field: str, expected: object) -> None:
    running = {f"port.3.{setting}": value, f"port.1.{setting}": "of another port"}
    assert getattr(line_format(3, running), field) == expected


def test_every_choice_the_console_offers_makes_a_format() -> None:
    table = settings_table()
    for setting in ("data_bits", "stop_bits", "parity", "flow_control", "fifo", "interface"):
        for value in table[f"port.1.{setting}"].choices:
            made = line_format(1, {f"port.1.{setting}": value})
            assert LineFormat.decode(made.encode()) == made
