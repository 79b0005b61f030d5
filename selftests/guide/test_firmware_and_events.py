"""Firmware versions, events, advisories, and the texts of the text console."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nportlab.guide.advisories import advisories_for, advisory_list
from nportlab.guide.controls import controls
from nportlab.guide.events import events, parse_line
from nportlab.guide.family import models
from nportlab.guide.firmware import (
    Route,
    broken_rules,
    changes_between,
    flavour,
    full_version,
    in_range,
    kernel_number,
    known_version,
    product_lines,
    tools,
    upgrade_rules,
    version_key,
    versions,
)
from nportlab.guide.text_console import text_console


def test_the_flavour_changes_at_2_0() -> None:
    assert [flavour(version) for version in ("1.21", "2.0", "2.3 Build 24101817", "v1.6")] == [
        "1.x",
        "2.x",
        "2.x",
        "1.x",
    ]


def test_the_full_version_is_the_one_a_real_unit_shows() -> None:
    assert full_version("2.3") == "2.3 Build 24101817"
    assert full_version("1.6") == "1.6"


def test_the_moxa_service_number_is_the_one_of_the_protocol_notes() -> None:
    assert kernel_number("1.6") == 0x01060000
    assert kernel_number("2.3 Build 24101817") == 0x02030000


@given(st.lists(st.integers(0, 99), min_size=1, max_size=4))
def test_versions_read_back(parts: list[int]) -> None:
    assert version_key(".".join(map(str, parts))) == tuple(parts)


def test_versions_are_listed_oldest_first() -> None:
    keys = [version_key(version) for version in versions()]
    assert keys == sorted(keys)
    with pytest.raises(ValueError, match="no-version"):
        version_key("no-version")


def test_ranges_include_their_ends() -> None:
    assert in_range("2.3", None, None)
    assert in_range("2.0", "2.0", "2.3")
    assert in_range("2.3.9", "2.0", "2.3")
    assert not in_range("1.21", "2.0", None)
    assert not in_range("2.4", None, "2.3")


def test_upgrade_rules_are_all_prohibitions_with_a_reason() -> None:
    assert set(upgrade_rules()) == {"1.21-first", "6450-not-by-web", "tool-needs-1.13", "no-downgrade-below-2.1"}
    assert all(not rule.allowed and rule.reason for rule in upgrade_rules().values())


@pytest.mark.parametrize(
    ("model", "source", "target", "route", "rules"),
    [
        ("NP6450", "1.16", "2.0", "tool", ["1.21-first"]),
        ("NP6650-16", "1.21", "2.3", "web", []),
        ("NP6450", "1.21", "2.0", "web", ["6450-not-by-web"]),
        ("NP6450", "1.21", "2.3 Build 24101817", "web", ["6450-not-by-web"]),
        ("NP6450", "1.21", "2.0", "tool", []),
        ("NP6150", "1.7", "1.21", "tool", ["tool-needs-1.13"]),
        ("NP6150", "1.7", "1.21", "web", []),
        ("NP6150", "2.1", "2.0", "web", ["no-downgrade-below-2.1"]),
        ("NP6150", "2.3", "2.1", "web", []),
        ("NP6150", "2.0", "1.21", "web", []),
    ],
)
def test_steps_and_the_rules_they_break(model: str, source: str, target: str, route: Route, rules: list[str]) -> None:
    assert [rule.id for rule in broken_rules(model, source, target, route)] == rules


def test_what_a_step_changes_depends_on_its_direction() -> None:
    assert [change.id for change, _ in changes_between("1.21", "2.0")] == [
        "first-account",
        "export-encrypted",
        "console-2.x",
    ]
    assert [change.id for change, _ in changes_between("2.0", "2.3")] == ["no-way-back"]
    assert changes_between("2.1", "2.3") == [] == changes_between("2.3", "2.3")
    back = {change.id: text for change, text in changes_between("2.0", "1.21")}
    assert "plain text again" in back["export-encrypted"]
    assert changes_between("2.3 Build 24101817", "2.3.9")[0][1].startswith("a serial break")


def test_a_version_is_known_with_or_without_its_build() -> None:
    assert [known_version(text) for text in ("2.3 Build 24101817", "V1.21", "2.4", "new")] == [
        "2.3",
        "1.21",
        None,
        None,
    ]
    assert versions()["2.3.9"].patch_of == "2.3"
    assert all(row.patch_of is None or row.patch_of in versions() for row in versions().values())


def test_every_model_has_a_product_line_with_a_page() -> None:
    assert {model.line for model in models().values()} == set(product_lines())
    assert tools()["mcc"].version == "1.2"


def test_advisories_end_with_their_fix() -> None:
    assert [advisory.id for advisory in advisories_for("2.3")] == ["CVE-2026-10831"]
    assert advisories_for("2.3.9") == []
    assert len(advisories_for("1.6")) == len(advisory_list().advisories)


def test_lines_of_the_guides_sample_log_parse() -> None:
    for line in (
        "2014/02/07 12:36:25 [System] System Warm Start",
        "2014/02/07 12:36:36 [Network] Get IP Fail (IPv6)",
        "2014/03/10 09:56:18 [Config] IP Changed",
    ):
        parsed = parse_line(line)
        assert any((event.group, event.text) == (parsed.group, parsed.text) for event in events().values())
    for wrong in ("2014/02/30 12:00:00 [System] x", "[System] x", "2014/02/07 12:36:25 [Kernel] x", ""):
        with pytest.raises(ValueError):
            parse_line(wrong)


def test_events_belong_to_existing_controls() -> None:
    assert {name for event in events().values() for name in event.controls} <= set(controls())


def test_a_refusal_on_the_text_console_carries_its_message() -> None:
    assert text_console().refused.format(message="too short") == "Refused: too short"
