from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nportlab.protocol.configuration_text import (
    Change,
    ConfigurationText,
    NotAConfiguration,
    UnknownKey,
    parse,
)

SAMPLE = (
    b"\r\n[NPort Configuration File]\r\nCheck Code=cfg1\r\n"
    b"\r\n[Basic Settings]\r\nServer Name=NP6650-16_417\r\nServer Location=\r\nDaylight Saving Time=0,0,-1\r\n"
    b"\r\n[Operation Modes @Port #1]\r\nMode=10\r\nInactivity Time=0\r\nQueue Name (RAW)=\r\nNobody Knows=a=b\r\n"
    b"\r\n[Console Settings]\r\nConsole Settings=0\r\nMaximum Login User For HTTP +HTTPS=10\r\n"
)
HEAD = "\r\n[NPort Configuration File]\r\nCheck Code=cfg1\r\n"


@given(st.binary(max_size=400))
def test_every_byte_survives(tail: bytes) -> None:
    data = HEAD.encode() + tail
    assert parse(data).dump() == data


@pytest.mark.parametrize("data", [SAMPLE, SAMPLE.replace(b"\r\n", b"\n"), SAMPLE.rstrip(), SAMPLE + b"\xff\xfe=\xfd"])
def test_a_file_survives(data: bytes) -> None:
    assert parse(data).dump() == data


def test_reading() -> None:
    text = parse(SAMPLE)
    assert text.get("Basic Settings", "Server Name") == "NP6650-16_417"
    assert text.get("Operation Modes @Port #1", "Nobody Knows") == "a=b"
    assert text.get("Basic Settings", "Server Location") == ""
    assert text.keys("Console Settings") == ["Console Settings", "Maximum Login User For HTTP +HTTPS"]
    assert text.sections()[0] == "NPort Configuration File"
    assert text.line_end == "\r\n"
    assert ("Console Settings", "Console Settings") in text
    assert ("Basic Settings", "server name") not in text


def test_setting_changes_that_line_only() -> None:
    text = parse(SAMPLE)
    text.set("Basic Settings", "Server Location", "hall 3")
    assert text.dump() == SAMPLE.replace(b"Server Location=", b"Server Location=hall 3")
    assert parse(SAMPLE).changes(text) == [Change("Basic Settings", "Server Location", "", "hall 3")]


def test_unknown_places_are_refused_before_anything_changes() -> None:
    text = parse(SAMPLE)
    with pytest.raises(UnknownKey, match="no key 'Nix' in section"):
        text.update({("Basic Settings", "Server Name"): "x", ("Basic Settings", "Nix"): "y"})
    with pytest.raises(UnknownKey):
        text.get("Nowhere", "Server Name")
    assert text.dump() == SAMPLE


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "x\r\n[Console Settings]"])
def test_a_value_cannot_smuggle_in_lines(value: str) -> None:
    text = parse(SAMPLE)
    with pytest.raises(ValueError, match="line end"):
        text.set("Basic Settings", "Server Name", value)
    assert text.dump() == SAMPLE


def test_duplicates_are_read_last_and_written_everywhere() -> None:
    text = parse(SAMPLE.replace(b"Mode=10\r\n", b"Mode=10\r\nMode=12\r\n"))
    assert text.get("Operation Modes @Port #1", "Mode") == "12"
    assert text.keys("Operation Modes @Port #1").count("Mode") == 1
    text.set("Operation Modes @Port #1", "Mode", "2")
    assert text.dump().count(b"\r\nMode=2\r\n") == 2 or b"Mode=2\r\nMode=2\r\n" in text.dump()


def test_adding_keys_and_sections() -> None:
    text = parse(SAMPLE.rstrip())
    text.add("Basic Settings", "New", "1")
    text.add("SSL/TLS Configuration", "High Security Mode", "0")
    dumped = text.dump()
    assert b"Daylight Saving Time=0,0,-1\r\nNew=1\r\n\r\n[Operation" in dumped
    assert dumped.endswith(b"HTTPS=10\r\n\r\n[SSL/TLS Configuration]\r\nHigh Security Mode=0\r\n")
    assert parse(dumped).get("Basic Settings", "New") == "1"


def test_building_gives_the_layout_of_an_export() -> None:
    assert ConfigurationText.build(parse(SAMPLE).as_sections()).dump() == SAMPLE


def test_a_copy_is_independent() -> None:
    text = parse(SAMPLE)
    copy = text.copy()
    copy.set("Basic Settings", "Server Name", "other")
    assert text.dump() == SAMPLE
    assert copy != text


def test_changes_name_what_only_one_side_has() -> None:
    shorter = parse(SAMPLE.replace(b"Nobody Knows=a=b\r\n", b""))
    assert parse(SAMPLE).changes(shorter) == [Change("Operation Modes @Port #1", "Nobody Knows", "a=b", None)]
    assert shorter.changes(parse(SAMPLE)) == [Change("Operation Modes @Port #1", "Nobody Knows", None, "a=b")]


@pytest.mark.parametrize("data", [b"", b"<html></html>", b"[Basic Settings]\r\nServer Name=x\r\n", b"\x00\x01"])
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(NotAConfiguration):
        parse(data)


names = st.text(st.characters(exclude_characters="\r\n[]=", exclude_categories=["Cs"]), min_size=1, max_size=8)
values = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=8)


@given(st.dictionaries(names.filter(str.strip), st.dictionaries(names, values, max_size=4), max_size=4), values)
def test_what_is_set_is_read_back(sections: dict[str, dict[str, str]], value: str) -> None:
    head = [("NPort Configuration File", [("Check Code", "cfg1")])]
    text = ConfigurationText.build([*head, *((name, list(keys.items())) for name, keys in sections.items())])
    for name, keys in sections.items():
        for key in keys:
            text.set(name, key, value)
    again = parse(text.dump())
    assert all(again.get(name, key) == value for name, keys in sections.items() for key in keys)
