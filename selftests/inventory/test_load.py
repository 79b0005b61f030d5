"""lab.yaml that is right, wrong, and contradictory. Each mistake is made in a lab that is otherwise sound."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from nportlab.inventory import InventoryErrors, Lab, load_lab
from nportlab.inventory.load import validate
from nportlab.verdicts.faults import ConfigFault
from nportlab.verdicts.located import Located, read_located_text
from selftests.inventory.mistakes import IN_THE_REAL_LAB, IN_THE_VIRTUAL_LAB, REAL, VIRTUAL

ROOT = Path(__file__).parents[2]


def load(tmp_path: Path, text: str) -> Lab:
    path = tmp_path / "lab.yaml"
    path.write_text(text)
    return load_lab(path)


def problems(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(InventoryErrors) as caught:
        load(tmp_path, text)
    assert caught.value.describe().endswith("nothing was touched.")
    return [f"{p.line}: {p.path}: {p.message}" if p.path else f"{p.line}: {p.message}" for p in caught.value.problems]


def changed(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, f"{old!r} is in the sample {text.count(old)} times"
    return text.replace(old, new)


def test_the_lab_of_the_repository() -> None:
    lab = load_lab(ROOT / "lab.yaml")
    rack = lab.racks["desk"]
    assert [(u.name, u.model, u.address, len(u.ports)) for u in rack.units.values()] == [
        ("np6150", "NP6150", "192.168.127.11", 1),
        ("np6450", "NP6450", "192.168.127.12", 4),
        ("np6650", "NP6650-16", "192.168.127.13", 16),
    ]
    assert rack.virtual is not None
    assert (rack.virtual.boot_seconds, rack.seconds_per_unit_minute) == (0.5, 1.0)
    assert {u.name: u.firmware for u in rack.units.values()} == {"np6150": "2.3", "np6450": "1.21", "np6650": "2.3"}
    for unit in rack.units.values():
        assert unit.allow >= {"restart", "power-cycle", "factory-reset"}
        assert ("flash" in unit.allow) == (unit.name == "np6450")
        assert unit.outlet is not None and unit.outlet.switch == "relay"
        assert unit.reset_button is not None and unit.reset_button.switch == "relay"
    lines = {unit.name: "".join(port.line.kind[0] for port in unit.ports.values()) for unit in rack.units.values()}
    assert lines == {"np6150": "a", "np6450": "lacc", "np6650": "llllllaaaaaaccaa"}


def test_a_real_rack(tmp_path: Path) -> None:
    lab = load(tmp_path, REAL)
    rack, unit = lab.racks["hall"], lab.units["one"]
    assert rack.virtual is None
    assert rack.seconds_per_unit_minute == 60
    assert rack.probes.sweep_rate < load(tmp_path, VIRTUAL).racks["desk"].probes.sweep_rate
    assert unit.firmware == "2.3"
    assert unit.mac == "00:90:E8:01:02:03"
    assert unit.https_port == 8443
    assert str(unit.outlet) == "pdu-a/4"
    assert [(port.line.kind, port.line.device) for port in unit.ports.values()] == [
        ("adapter", "/dev/ttyUSB0"),
        ("adapter", "socket://10.0.0.7:4001"),
        *[("none", None)] * 14,
    ]
    assert lab.rack_of("one") is rack
    assert lab.state_dir == tmp_path / ".nportlab"


def test_firmware_of_a_lab(tmp_path: Path) -> None:
    assert load(tmp_path, REAL).firmware is None
    section = "firmware: {images: fw, mcc_tool: tools/mcc_tool, oldest: 1.21, newest: 2.3}\n"
    lab = load(tmp_path, REAL.replace("racks:", section + "racks:"))
    firmware = lab.firmware
    assert firmware is not None
    assert (firmware.images, firmware.mcc_tool) == (tmp_path / "fw", tmp_path / "tools" / "mcc_tool")
    assert firmware.has_tool and not firmware.virtual_tool
    assert [version for version in ("1.17", "1.21", "2.3", "2.3.9") if firmware.wants(version)] == ["1.21", "2.3"]
    assert lab.flash_seconds("one") == 300
    desk = load(tmp_path, VIRTUAL.replace("racks:", "firmware: {images: /srv/fw, mcc_tool: virtual}\nracks:"))
    assert desk.firmware is not None
    assert (desk.firmware.images, desk.firmware.mcc_tool) == (Path("/srv/fw"), None)
    assert desk.firmware.virtual_tool and desk.firmware.has_tool and desk.firmware.wants("1.6")
    assert desk.flash_seconds("np6150") == 1.0


def test_lines_and_ranges(tmp_path: Path) -> None:
    ports = load(tmp_path, VIRTUAL).units["np6450"].ports
    assert [(n, p.line.kind, p.line.device) for n, p in ports.items()] == [
        (1, "loopback", None),
        (2, "loopback", None),
        (3, "adapter", None),
        (4, "none", None),
    ]


def test_a_port_that_is_a_pty(tmp_path: Path) -> None:
    text = changed(VIRTUAL, "4: {line: none}", "4: {line: {pty: /dev/pts/7}}")
    line = load(tmp_path, text).units["np6450"].ports[4].line
    assert (line.kind, line.device) == ("pty", "/dev/pts/7")


def test_each_port_of_a_range_gets_an_adapter_of_its_own(tmp_path: Path) -> None:
    text = changed(VIRTUAL, "1-2: {line: loopback}", "1-2: {line: adapter}")
    assert [port.line.kind for port in load(tmp_path, text).units["np6450"].ports.values()][:3] == ["adapter"] * 3


def test_a_cable_named_at_one_end_is_known_at_both(tmp_path: Path) -> None:
    text = changed(VIRTUAL, "4: {line: none}", "4: {line: {crosslink: np6150/1}}")
    line = load(tmp_path, text).units["np6150"].ports[1].line
    assert (line.kind, line.unit, line.port) == ("crosslink", "np6450", 4)


def test_firmware_keeps_its_digits(tmp_path: Path) -> None:
    text = changed(REAL, "firmware: 2.3", "firmware: 2.10")
    assert load(tmp_path, text).units["one"].firmware == "2.10"


def test_the_problem_of_the_style_guide(tmp_path: Path) -> None:
    text = changed(VIRTUAL, "3: {line: adapter}", "3: {line: {adaptor: /dev/ttyUSB0}}")
    text = changed(text, "outlet: relay/2", "outlet: relay/1")
    assert problems(tmp_path, text) == [
        "17: outlet relay/1 feeds both np6150 and np6450; an outlet feeds one unit",
        "20: racks.desk.units.np6450.ports.3.line: unknown key 'adaptor' (did you mean 'adapter'?)",
    ]


def test_how_problems_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lab.yaml").write_text(changed(VIRTUAL, "lab: desk", "lab: desk\nprofil: {}"))
    with pytest.raises(ConfigFault) as caught:
        load_lab("lab.yaml")
    assert caught.value.describe() == (
        "lab.yaml:2: unknown key 'profil' (did you mean 'profile'?)\n1 problem, nothing was touched."
    )


@pytest.mark.parametrize(("old", "new", "problem"), IN_THE_VIRTUAL_LAB)
def test_one_mistake(tmp_path: Path, old: str, new: str, problem: str) -> None:
    found = problems(tmp_path, changed(VIRTUAL, old, new))
    assert len(found) == 1, found
    assert problem in found[0]


@pytest.mark.parametrize(("old", "new", "problem"), IN_THE_REAL_LAB)
def test_one_mistake_on_hardware(tmp_path: Path, old: str, new: str, problem: str) -> None:
    found = problems(tmp_path, changed(REAL, old, new))
    assert len(found) == 1, found
    assert problem in found[0]


def two_racks(**changes: Any) -> str:
    """The real rack twice, under other names, with something of the second one changed."""
    lab: dict[str, Any] = yaml.safe_load(REAL)
    second = copy.deepcopy(lab["racks"]["hall"])
    unit = second["units"].pop("one")
    unit |= {"address": "10.0.0.12", "mac": "00:90:e8:01:02:04", "ports": {}, **changes}
    name = unit.pop("name", "two")
    second["units"][name] = unit
    lab["racks"]["yard"] = second
    return yaml.safe_dump(lab, sort_keys=False)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"address": "10.0.0.11"}, "10.0.0.11 is the address of one too"),
        ({"mac": "00:90:E8:01:02:03"}, "00:90:E8:01:02:03 is the MAC address of one too"),
        ({"ports": {7: {"line": {"adapter": "/dev/ttyUSB0"}}}}, "adapter /dev/ttyUSB0 is plugged into one/1 too"),
        ({"name": "one"}, "rack 'hall' has a unit of this name too; names are unique in a lab"),
    ],
)
def test_what_two_racks_may_not_share(tmp_path: Path, changes: dict[str, Any], problem: str) -> None:
    load(tmp_path, two_racks())
    assert any(problem in line for line in problems(tmp_path, two_racks(**changes)))


@pytest.mark.parametrize(
    ("secret", "leak"),
    [
        ("hunter22", "hunter22"),
        ("{hunter22}", "hunter22"),
        ("{env: hunter-22}", "hunter-22"),
        ("{password: hunter22}", "hunter22"),
        ("[hunter22]", "hunter22"),
        ("{env: A, file: hunter22}", "hunter22"),
    ],
)
def test_a_password_written_into_the_file_is_not_repeated(tmp_path: Path, secret: str, leak: str) -> None:
    found = problems(tmp_path, changed(REAL, "{file: secrets.yaml, key: one}", secret))
    assert len(found) == 1, found
    assert "racks.hall.units.one.credentials.password" in found[0]
    assert leak not in found[0]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the file is empty; it needs at least lab and racks"),
        ("# only a comment\n", "the file is empty"),
        ("- a\n- b\n", "the file must be a mapping with the keys lab, profile, firmware, limits, racks"),
        ("just words\n", "the file must be a mapping"),
        ("lab: a\nracks:\n\tdesk: 1\n", "3: a tab indents this line"),
        ("lab: a\nracks: {}\n", "2: racks: needs at least one entry"),
        ("lab: a\n", "1: key 'racks' is missing"),
        ("lab: a\nracks: {desk: {units: {}}}\n", "racks.desk.units: needs at least one entry"),
        ("lab: a\nracks: {desk: null}\n", "racks.desk: must be a mapping"),
    ],
)
def test_hardly_a_lab(tmp_path: Path, text: str, problem: str) -> None:
    assert any(problem in line for line in problems(tmp_path, text))


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(InventoryErrors, match="there is no such file"):
        load_lab(tmp_path / "lab.yaml")


def test_one_mistake_does_not_hide_another(tmp_path: Path) -> None:
    text = changed(VIRTUAL, "192.168.127.12\n        credentials: {password: {generated: true}}", "192.168.127.11")
    text = changed(text, "lab: desk", "lab: [desk]")
    assert problems(tmp_path, changed(text, "outlet: relay/2", "outlet: relay/1")) == [
        "1: lab: is wrong: should be a valid string",
        "13: racks.desk.units.np6450: key 'credentials' is missing",
        "15: racks.desk.units.np6450.address: 192.168.127.11 is the address of np6150 too",
        "16: outlet relay/1 feeds both np6150 and np6450; an outlet feeds one unit",
    ]


KEYS = ["lab", "racks", "desk", "units", "np6150", "model", "ports", "line", "virtual", "credentials", "password", "1"]
LEAVES = st.none() | st.booleans() | st.integers(-5, 70000) | st.floats(allow_nan=False) | st.sampled_from(["x", "a/1"])
SHAPELESS = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)
DEEPEST = ("racks", "desk", "units", "np6150", "ports")


@given(SHAPELESS, st.integers(0, len(DEEPEST)).map(lambda depth: DEEPEST[:depth]))
def test_nothing_a_file_can_say_raises(value: Any, place: tuple[str, ...]) -> None:
    lab: Any = yaml.safe_load(VIRTUAL)
    if place:
        holder = lab
        for step in place[:-1]:
            holder = holder[step]
        holder[place[-1]] = value
    else:
        lab = value
    located = read_located_text(yaml.safe_dump(lab), Located("lab.yaml"))
    shape = validate(located)
    assert located.problems or shape is not None
