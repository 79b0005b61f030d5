"""AT commands: what is typed, what it asks for, and when +++ leads out of the data state."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nportlab.virtual.unit.modes.at_commands import (
    LONGEST_LINE,
    AtCommand,
    AtError,
    CommandLine,
    Profile,
    Result,
    parse,
    parse_dial,
)
from nportlab.virtual.unit.modes.ethernet_modem_escape import EscapeWatch


def typed(data: bytes, profile: Profile | None = None) -> tuple[list[str], bytes]:
    """The lines in `data`, and the echo."""
    line, lines, shown = CommandLine(profile or Profile()), list[str](), b""
    while data:
        found, echo, data = line.feed(data)
        shown += echo
        if found is not None:
            lines.append(found)
    return lines, shown


def test_a_line_is_what_stands_behind_at() -> None:
    assert typed(b"ATE0\r") == (["E0"], b"ATE0\r")
    assert typed(b"atdt 1.2.3.4:5\rAT\r")[0] == ["dt 1.2.3.4:5", ""]


def test_noise_is_no_command_and_not_echoed() -> None:
    assert typed(b"\r\nRING\r\nNO CARRIER\r\n\r\nCONNECT 9600\r\n\r\nOK\r\n") == ([], b"")
    assert typed(b"xxAATI\r") == (["I"], b"ATI\r")


def test_backspace_takes_back_but_not_the_at() -> None:
    assert typed(b"ATX\x08\x08\x08E1\r") == (["E1"], b"ATX\x08 \x08E1\r")


def test_a_slash_repeats() -> None:
    assert typed(b"ATI3\rA/a/")[0] == ["I3", "I3", "I3"]
    assert typed(b"A/")[0] == [""]


def test_echo_can_be_off() -> None:
    profile = Profile()
    profile.set(AtCommand("E", 0))
    assert typed(b"ATI\r", profile) == (["I"], b"")


def test_a_line_that_never_ends_is_not_kept() -> None:
    (line,) = typed(b"AT" + b"1" * 10_000 + b"\r")[0]
    assert len(line) <= LONGEST_LINE
    with pytest.raises(AtError):
        list(parse(line))


def test_several_commands_in_a_line() -> None:
    assert list(parse("e0 v1S0=2 s2?&F&c1H")) == [
        AtCommand("E", 0),
        AtCommand("V", 1),
        AtCommand("S", 0, 2),
        AtCommand("S", 2, None),
        AtCommand("&F"),
        AtCommand("&C", 1),
        AtCommand("H"),
    ]


def test_the_commands_before_a_mistake_count() -> None:
    commands = parse("E0Y")
    assert next(commands) == AtCommand("E", 0)
    with pytest.raises(AtError):
        next(commands)


@pytest.mark.parametrize("line", ["Y", "E2", "S99=1", "S0=256", "S", "S0", "&", "&Z", "D", "1", "H9", "S0=-1"])
def test_mistakes(line: str) -> None:
    with pytest.raises(AtError):
        list(parse(line))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("192.168.127.20:4001", ("192.168.127.20", 4001)),
        ("T192.168.127.20:4001", ("192.168.127.20", 4001)),
        ("[fd00::1]:65535", ("fd00::1", 65535)),
        ("P[::FFFF:1.2.3.4]:1", ("::ffff:102:304", 1)),
    ],
)
def test_whom_to_dial(text: str, place: tuple[str, int]) -> None:
    assert parse_dial(text) == place


@pytest.mark.parametrize(
    "text", ["", "1.2.3.4", "1.2.3.4:", "1.2.3.4:0", "1.2.3.4:65536", "1.2.3:4", "fd00::1:5", "[fd00]:5", "5551234"]
)
def test_whom_not_to_dial(text: str) -> None:
    with pytest.raises(AtError):
        parse_dial(text)


@given(st.binary(max_size=60).map(lambda data: b"AT" + data + b"\r"))
def test_any_line_is_commands_or_a_mistake(data: bytes) -> None:
    for line in typed(data)[0]:
        try:
            for command in parse(line):
                assert command.number >= 0
        except AtError:
            pass


def test_results_as_words_numbers_or_not_at_all() -> None:
    profile = Profile()
    assert profile.render(Result.NO_CARRIER) == b"\r\nNO CARRIER\r\n"
    assert profile.render(Result.CONNECT, "9600") == b"\r\nCONNECT 9600\r\n"
    profile.set(AtCommand("V", 0))
    assert profile.render(Result.NO_CARRIER) == b"3\r"
    profile.set(AtCommand("Q", 1))
    assert profile.render(Result.NO_CARRIER) == b""
    profile.reset()
    assert profile.render(Result.OK) == b"\r\nOK\r\n"


# +++, with a guard time of one second ---------------------------------------------------------------------------------


def ends(*said: tuple[float, bytes], guarded: bool = True, profile: Profile | None = None) -> bool:
    """Whether the last of what was said, at these times, ends the escape sequence."""
    watch = EscapeWatch(profile or Profile(), guarded=guarded)
    watch.begin(0)
    return [watch.hear(data, now) for now, data in said][-1]


def test_three_after_silence() -> None:
    assert ends((1.0, b"+++"))
    assert ends((1.0, b"+"), (1.1, b"+"), (1.2, b"+"))
    assert ends((1.0, b"data"), (2.0, b"++"), (2.5, b"+"))


@pytest.mark.parametrize(
    "said",
    [
        [(0.9, b"+++")],
        [(1.0, b"data+++")],
        [(1.0, b"+++data")],
        [(1.0, b"++++")],
        [(1.0, b"+++"), (1.5, b"+")],
        [(1.0, b"++")],
        [(1.0, b"++"), (1.1, b"x"), (1.2, b"+")],
        [(1.0, b"++"), (2.5, b"+")],
        [(1.0, b"---")],
    ],
)
def test_what_does_not_lead_out(said: list[tuple[float, bytes]]) -> None:
    assert not ends(*said)


def test_a_new_beginning_after_too_many() -> None:
    assert ends((1.0, b"+++"), (1.1, b"+"), (2.5, b"+++"))


def test_character_and_guard_time_are_registers() -> None:
    profile = Profile()
    profile.registers |= {2: ord("-"), 12: 10}
    assert ends((0.3, b"---"), profile=profile)
    assert not ends((0.3, b"+++"), profile=profile)
    profile.registers[2] = 128
    assert not ends((0.3, bytes([128]) * 3), profile=profile)
    profile.registers |= {2: ord("+"), 12: 0}
    assert ends((0.1, b"x"), (0.1, b"+"), (0.2, b"+"), (0.3, b"+"), profile=profile)


def test_the_defect_needs_no_silence() -> None:
    assert ends((0.1, b"some+++data"), guarded=False)
    assert ends((0.1, b"some++"), (0.1, b"+data"), guarded=False)
    assert not ends((0.1, b"some+++data"), (0.2, b"more+"), guarded=False)
