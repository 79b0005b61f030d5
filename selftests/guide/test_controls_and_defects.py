"""The catalogue is complete; every control in scope, of chapters 3.1 and 3.2 and of the modes, has a defect."""

import configparser
import re
from pathlib import Path

import pytest

from nportlab.guide.controls import Control, controls
from nportlab.guide.defects import Defect, defects, defects_of, effects, overridden
from nportlab.guide.pages import pages
from nportlab.guide.services import services
from nportlab.guide.settings import settings_table

ROOT = Path(__file__).parent.parent.parent


def numbered(prefix: str, *numbers: int) -> list[str]:
    return [f"{prefix}-{number:02}" for number in numbers]


IN_SCOPE = [
    *numbered("PRT", *range(1, 29)),
    *numbered("SVC", *range(1, 11), 14),
    *numbered("CON", *range(1, 25)),
    *numbered("TLS", *range(1, 14)),
    *numbered("CRT", *range(1, 23)),
    *numbered("OPM", 1, 2, 3, 14),
]
OF_THE_MODES = [
    *numbered("SER", *range(1, 13)),
    *numbered("MOD", *range(1, 22)),
    *numbered("OPM", *range(4, 14)),
    *numbered("GEN", 1, 4),
]


def test_the_catalogue_has_all_rows_of_the_guide_and_then_those_of_the_modes() -> None:
    of_the_guide = [control.id for control in controls().values() if control.lines]
    assert len(of_the_guide) == 291
    assert list(controls()) == of_the_guide + numbered("SER", *range(1, 13)) + numbered("MOD", *range(1, 22))
    assert set(IN_SCOPE) <= set(controls())


def test_a_control_the_guide_does_not_make_says_so() -> None:
    said, presupposed = controls()["OPM-07"], controls()["MOD-16"]
    assert (said.source, said.confidence) == ("guide 3.1 op modes, lines 103", "guide")
    assert presupposed.source.startswith("user manual") and presupposed.confidence == "manual"
    assert not any(control.basis and "guide 3" in control.section for control in controls().values())
    row = said.model_dump() | {"lines": ""}
    with pytest.raises(ValueError, match="OPM-07: give `lines`"):
        Control.model_validate(row)
    with pytest.raises(ValueError, match="known"):
        Control.model_validate(row | {"basis": "hearsay"})


def test_ids_count_up_within_their_group() -> None:
    groups: dict[str, list[int]] = {}
    for name in controls():
        prefix, number = name.split("-")
        groups.setdefault(prefix, []).append(int(number))
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in groups.values())


def test_markers_are_registered() -> None:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "pytest.ini")
    registered = {line.split("(")[0].split(":")[0].strip() for line in parser["pytest"]["markers"].splitlines() if line}
    assert {name for control in controls().values() for name in control.markers} <= registered


def test_every_control_says_what_shows_it_and_where_it_stands() -> None:
    for control in controls().values():
        assert control.statement and control.iec, control.id
        assert control.holds or control.broken, control.id


@pytest.mark.parametrize("name", [*IN_SCOPE, *OF_THE_MODES])
def test_a_control_has_a_defect_that_breaks_it_or_a_reason(name: str) -> None:
    assert bool(defects_of(name)) != bool(controls()[name].no_defect)


def test_defects_name_existing_things() -> None:
    table = settings_table()
    for defect in defects().values():
        assert set(defect.controls) <= set(controls()), defect.id
        assert set(defect.proves) <= set(defect.controls), defect.id
        assert set(defect.moves) <= set(pages()), defect.id
        assert set(defect.runs_though_off) | set(defect.dead) <= set(services()), defect.id
        for name in (*defect.hides, *defect.unchecked, *defect.lacks_choices, *defect.factory):
            assert name in table, defect.id
        for name, choices in defect.lacks_choices.items():
            assert set(choices) < set(table[name].choices), defect.id


def test_the_virtual_unit_asks_only_for_known_defects() -> None:
    code = "\n".join(path.read_text() for path in (ROOT / "nportlab" / "virtual").rglob("*.py"))
    asked = set(re.findall(r'has_defect\(\s*"([^"]+)"', code))
    assert asked
    assert asked <= set(defects())


def test_a_factory_defect_changes_the_value_to_another_acceptable_one() -> None:
    for defect in defects().values():
        for name, value in defect.factory.items():
            setting = settings_table()[name]
            setting.check(value)
            assert setting.factory != value, defect.id


def test_a_defect_proves_all_its_controls_unless_it_says_less() -> None:
    assert Defect(id="x", controls=("TLS-01", "TLS-02"), description="y").proves == ("TLS-01", "TLS-02")
    assert Defect(id="x", controls=("TLS-01", "TLS-02"), proves=("TLS-01",), description="y").proves == ("TLS-01",)


def test_effects_of_several_defects_add_up() -> None:
    found = effects(["telnet-on-from-factory", "ssh-off-from-factory", "undocumented-listener", "telnet-never-listens"])
    assert found.factory == {"console.telnet": "enable", "console.ssh": "disable"}
    assert (found.extra_tcp, found.dead) == ({2323}, {"telnet"})
    with pytest.raises(KeyError):
        effects(["no-such-defect"])


def test_a_factory_defect_of_all_ports_reaches_every_port() -> None:
    factory = settings_table().factory("NP6450")
    changed = overridden(
        factory, {"port.operation_mode": "disable", "port.1.secure": "enable", "port.9.secure": "enable"}
    )
    assert {changed[f"port.{n}.operation_mode"] for n in range(1, 5)} == {"disable"}
    assert (changed["port.1.secure"], changed["port.2.secure"]) == ("enable", "disable")
    assert set(changed) == set(factory)
