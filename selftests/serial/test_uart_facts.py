from __future__ import annotations

from itertools import combinations

import pytest

from nportlab.inventory.lab import Line
from nportlab.protocol.line_format import FLOWS
from nportlab.protocol.serial_wire import PARITIES, LineFormat
from nportlab.serial.lines import Feature, describe, features, require
from nportlab.serial.uart_facts import BAUDS, ODD_BAUDS, character_seconds, matrix, possible, wire_seconds
from nportlab.verdicts.faults import NotApplicable


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        (LineFormat(9600), 10 / 9600),
        (LineFormat(300, 5, "none", 1.5), 7.5 / 300),
        (LineFormat(921_600, 8, "even", 2), 12 / 921_600),
    ],
)
def test_what_a_character_takes(line, seconds):
    assert character_seconds(line) == pytest.approx(seconds)
    assert wire_seconds(line, 1000) == pytest.approx(1000 * seconds)


def pairs(rows) -> set:
    return {pair for row in rows for pair in combinations(row.values.items(), 2)}


def test_every_possible_pair_is_tried():
    assert pairs(matrix()) == pairs(matrix(full=True))


def test_few_rows_and_always_the_same():
    rows = matrix()
    assert len(rows) < 2 * len((*BAUDS, *ODD_BAUDS)) * len(FLOWS)
    assert rows == matrix()
    assert len(set(rows)) == len(rows)


def test_everything_is_everything_a_uart_has():
    rows = matrix(full=True)
    assert len(rows) == len((*BAUDS, *ODD_BAUDS)) * len(PARITIES) * len(FLOWS) * 8
    assert all(possible(row.data_bits, row.stop_bits) for row in rows)
    assert not possible("8", "1.5")
    assert not possible("5", "2")


def test_a_smaller_matrix():
    rows = matrix(bauds=(9600,), flows=("none", "rts-cts"))
    assert {row.baud_rate for row in rows} == {"9600"}
    assert {row.flow_control for row in rows} == {"none", "rts-cts"}


def test_a_row_in_both_languages():
    row = matrix()[0]
    assert set(row.values) == {"baud_rate", "data_bits", "parity", "stop_bits", "flow_control"}
    for row in matrix():
        assert (row.line.baud, row.line.data_bits) == (int(row.baud_rate), int(row.data_bits))
        assert row.line.flow == FLOWS[row.flow_control]
    assert len({str(row) for row in matrix()}) == len(matrix())


def test_what_lines_give():
    assert features(Line("none")) == frozenset()
    assert Feature.SECOND_END not in features(Line("loopback"))
    assert Feature.OTHER_PORT in features(Line("crosslink", unit="a", port=1))
    assert Feature.MODEM_LINES not in features(Line("pty", device="/tmp/tty"))
    require("port 1", Line("adapter"), Feature.SECOND_END, Feature.BREAK)
    with pytest.raises(NotApplicable) as caught:
        require("np6650 port 3", Line("loopback"), Feature.TRAFFIC, Feature.OTHER_FORMAT)
    assert caught.value.reason == (
        "np6650 port 3 has the line loopback, which does not give "
        "an end that can be set to another format than the port"
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (Line(), "none"),
        (Line("loopback"), "loopback"),
        (Line("adapter"), "adapter"),
        (Line("adapter", device="/dev/ttyUSB0"), "adapter /dev/ttyUSB0"),
        (Line("crosslink", unit="np6450", port=2), "crosslink to np6450/2"),
        (Line("pty", device="/tmp/tty"), "pty /tmp/tty"),
    ],
)
def test_lines_in_words(line, words):
    assert describe(line) == words
