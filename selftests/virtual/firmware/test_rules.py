"""What a unit takes: by the bytes, by who it is, by where it may go; and what each seeded defect lets in."""

from __future__ import annotations

import pytest

from nportlab.guide.defects import defects
from nportlab.guide.family import model
from nportlab.guide.firmware import upgrade_rules
from nportlab.protocol.virtual_dsci import Code
from nportlab.protocol.virtual_image import DAMAGES, damaged
from nportlab.virtual.unit.firmware_rules import BENT_BY, FirmwareRefused, judge, way_exists
from selftests.virtual.firmware.bench import image


def verdict(
    data: bytes, version: str = "2.1", route: str = "web", name: str = "NP6450", defect: str | None = None
) -> str | Code:
    """The version that is taken, or the code of the refusal."""
    try:
        return judge(data, model(name), version, route, lambda wanted: wanted == defect).version  # type: ignore[arg-type]
    except FirmwareRefused as refused:
        return refused.code


def test_a_whole_image_for_the_unit_is_taken() -> None:
    assert verdict(image("2.3")) == "2.3"
    assert verdict(image("2.3", models=["NP6450"])) == "2.3"


@pytest.mark.parametrize("kind", DAMAGES)
def test_every_damage_is_refused(kind: str) -> None:
    expected = Code.FIRMWARE_UNSUPPORTED if kind.startswith("wrong") else Code.UPGRADE_FAILED
    assert verdict(damaged(image("2.3"), kind)) == expected


@pytest.mark.parametrize(
    ("version", "to", "route", "taken"),
    [
        ("1.17", "2.0", "tool", False),
        ("1.17", "1.21", "web", True),
        ("1.21", "2.0", "web", False),
        ("1.21", "2.0", "tool", True),
        ("1.21", "2.3", "tool", True),
        ("2.0", "1.21", "web", True),
        ("2.1", "2.0", "web", False),
        ("2.3", "1.21", "tool", False),
        ("2.3", "2.1", "web", True),
        ("2.3", "2.3.9", "web", True),
        ("2.3.9", "2.3", "web", True),
        ("2.3", "2.3", "web", True),
    ],
)
def test_where_a_6450_may_go(version: str, to: str, route: str, taken: bool) -> None:
    assert verdict(image(to), version, route) == (to if taken else Code.FIRMWARE_UNSUPPORTED)


def test_another_model_takes_2_0_by_web() -> None:
    assert verdict(image("2.0", "NP6150"), "1.21", "web", "NP6150") == "2.0"


def test_a_version_that_is_none_is_refused() -> None:
    assert verdict(image("soon")) == Code.UPGRADE_FAILED


@pytest.mark.parametrize(
    ("defect", "data", "version", "route"),
    [
        ("accepts-bad-firmware-hash", damaged(image("2.3"), "flip"), "2.1", "web"),
        ("accepts-firmware-of-wrong-model", damaged(image("2.3"), "wrong-model"), "2.1", "web"),
        ("accepts-firmware-of-wrong-model", damaged(image("2.3"), "wrong-line"), "2.1", "web"),
        ("accepts-truncated-firmware", damaged(image("2.3"), "truncate"), "2.1", "web"),
        ("downgrade-below-2-1-allowed", image("2.0"), "2.3", "web"),
        ("mandatory-step-skippable", image("2.0"), "1.17", "tool"),
        ("6450-takes-2-0-by-web", image("2.0"), "1.21", "web"),
    ],
)
def test_a_defect_lets_in_what_is_refused_otherwise(defect: str, data: bytes, version: str, route: str) -> None:
    assert isinstance(verdict(data, version, route), Code)
    assert isinstance(verdict(data, version, route, defect=defect), str)


def test_a_defect_lets_in_nothing_else() -> None:
    assert verdict(damaged(image("2.3"), "truncate"), defect="accepts-bad-firmware-hash") == Code.UPGRADE_FAILED
    assert verdict(damaged(image("2.3"), "flip"), defect="accepts-truncated-firmware") == Code.UPGRADE_FAILED
    assert verdict(damaged(image("2.3"), "flip"), defect="accepts-firmware-of-wrong-model") == Code.UPGRADE_FAILED


def test_bent_rules_and_defects_exist() -> None:
    assert set(BENT_BY) <= set(upgrade_rules())
    assert set(BENT_BY.values()) <= set(defects())


def test_which_units_are_stranded() -> None:
    assert way_exists("NP6450", "1.17", "2.3")
    assert way_exists("NP6450", "2.0", "1.21")
    assert not way_exists("NP6450", "2.1", "1.21")
    assert way_exists("NP6450", "2.1", "2.1")
    assert not way_exists("NP6450", "2.3", "2.0")
