"""Runs that flash: what is planned, who may be flashed, the order of the tests, and the way home."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fixtures.flash_plan import FLASH_STEP, FORBIDDEN_STEP, FlashPlace, FlashPlans, case_id
from fixtures.held_firmware import HeldFirmware
from fixtures.options import LAB
from nportlab.firmware import one_unit
from nportlab.firmware.plan import plan_unit
from nportlab.inventory import Lab, load_lab
from nportlab.unit.firmware import FirmwareRefused
from nportlab.virtual.client import RunningRack
from selftests.firmware.site import Held, entry, held, running, write_lab

TOP = Path(__file__).parents[2]
UNITS = {
    "home": entry(1, "2.1", "NP6150"),
    "apart": entry(2, "2.1", "NP6150", defects=["half-written-image-boots"]),
    "old": entry(3, "1.21"),
    "kept": entry(4, "2.3", "NP6150", allow=["restart", "power-cycle"]),
    "bare": {key: value for key, value in entry(5, "2.3", "NP6150", allow=["flash"]).items() if key != "outlet"},
}
"""What they run, and what may be done to them."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return write_lab(tmp_path_factory.mktemp("flashing"), UNITS)


@pytest.fixture(scope="module")
def rack(lab: Lab) -> Iterator[RunningRack]:
    with running(lab) as rack:
        yield rack


def plans(lab: Lab, **options: Any) -> FlashPlans:
    """Those of a run with these options."""
    given = {"allow_flash": False, "allow_virtual_flash": False, "plan": False, "full_matrix": False, **options}
    config = SimpleNamespace(option=SimpleNamespace(**given), stash=pytest.Stash())
    config.stash[LAB] = lab
    return FlashPlans(config)  # type: ignore[arg-type]


def firmware_of(h: Held) -> HeldFirmware:
    """As a run holds it."""
    notes: list[str] = []
    run = SimpleNamespace(note=notes.append, restarted=lambda *a, **k: None, notes=notes)
    progress = SimpleNamespace(now=h.told.append, waiting=h.told.append)
    plan = plan_unit(h.lab, h.unit.name, plans(h.lab)._images())
    return HeldFirmware(
        h.lab, h.unit, h.keeper, plan, h.bench.running, run, progress, lambda: None  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("unit", "options", "reason"),
    [
        ("home", {}, "nobody said --allow-flash"),
        ("home", {"allow_virtual_flash": True}, ""),
        ("home", {"plan": True}, ""),
        ("kept", {"allow_flash": True}, "kept may not get other firmware (lab.yaml, racks.desk.units.kept.allow)"),
        ("bare", {"allow_flash": True}, "bare has no outlet in lab.yaml"),
    ],
)
def test_a_unit_is_flashed_only_where_everything_allows_it(
    lab: Lab, unit: str, options: dict[str, bool], reason: str
) -> None:
    refused = plans(lab, **options).refusal(lab.units[unit])
    assert refused == "" if not reason else reason in refused


def test_a_plan_with_too_many_flashes_and_a_lab_without_images_say_so(tmp_path: Path) -> None:
    lab = write_lab(tmp_path, {"home": UNITS["home"]})
    text = lab.path.read_text()
    lab.path.write_text(text.replace("firmware:\n  images", "firmware:\n  most_flashes: 1\n  images"))
    few = load_lab(lab.path)
    assert "lab.yaml allows 1" in plans(few, allow_flash=True).refusal(few.units["home"])
    lab.path.write_text("lab: flashing\n" + text[text.index("racks:") :])
    none = load_lab(lab.path)
    assert "names no firmware images" in plans(none, allow_flash=True).refusal(none.units["home"])
    assert plans(none, allow_flash=True).cases(none.units["home"], FLASH_STEP) == [None]


def test_flashing_is_estimated_once_per_step_and_for_every_image_beside_the_plan(lab: Lab, rack: RunningRack) -> None:
    with held(lab, rack, "home") as h:
        firmware = firmware_of(h)
        assert firmware.plan is not None
        step, beside = FlashPlace(0, 0, True, "2.1"), FlashPlace(0, 1, False, "2.1")
        found = firmware.seconds_of([(1, step), (2, step), (3, beside), (4, beside)])
        assert found == dict.fromkeys((1, 3, 4), firmware.plan.seconds_each)


def test_every_step_of_the_plan_and_every_forbidden_one_is_a_case(lab: Lab) -> None:
    found = plans(lab, allow_flash=True)
    plan = found.plan(lab.units["old"])
    steps = {case_id(case) for case in found.cases(lab.units["old"], FLASH_STEP)}
    assert {f"{source}-to-{target}" for source, target in plan.cover.covered} == {
        step.rpartition("-by-")[0] for step in steps
    }
    forbidden = [case_id(case) for case in found.cases(lab.units["old"], FORBIDDEN_STEP)]
    assert "1.21-to-2.0-by-web" in forbidden and "1.17-to-2.0-by-tool" in forbidden


def test_a_forbidden_step_is_tried_when_the_unit_is_there_anyway(lab: Lab) -> None:
    found = plans(lab, allow_flash=True)
    plan = found.plan(lab.units["old"])
    places = [found.place(plan, case) for case in found.cases(lab.units["old"], FORBIDDEN_STEP)]
    for place in places:
        walk = plan.cover.walks[place.walk]
        here = walk.steps[place.index].source if place.index < len(walk.steps) else walk.end
        assert here == place.at and not place.after


def test_a_step_is_taken_before_what_comes_after_it_is_looked_at(lab: Lab) -> None:
    found = plans(lab, allow_flash=True)
    unit = lab.units["old"]
    cases = [*found.cases(unit, FORBIDDEN_STEP), *found.cases(unit, FLASH_STEP), None]
    ordered = sorted(found.place(found.plan(unit), case) for case in cases)
    assert ordered[0].at == "1.21" and not ordered[0].after
    version = "1.21"
    for place in ordered:
        walk = found.plan(unit).cover.walks[place.walk]
        reached = [walk.start, *(step.target for step in walk.steps)]
        assert place.at == reached[place.index], f"{place} after {version}"


def test_a_unit_goes_home_when_it_is_left(lab: Lab, rack: RunningRack) -> None:
    with held(lab, rack, "home") as h:
        firmware = firmware_of(h)
        result = firmware.give(firmware.image("2.3"), "web")
        assert result.result is not None and firmware.present == "2.3"
        firmware.leave()
        assert firmware.present == "2.1" == h.unit.firmware.read().version
        assert h.keeper.record.flash is None


def test_a_refused_image_leaves_the_unit_as_it_is(lab: Lab, rack: RunningRack, tmp_path: Path) -> None:
    with held(lab, rack, "home") as h:
        firmware = firmware_of(h)
        whole = firmware.image("2.3")
        (tmp_path / "short.rom").write_bytes(whole.path.read_bytes()[:-1])
        result = firmware.give(firmware.image("2.3", path=tmp_path / "short.rom"), "web", waived=("hash",))
        assert isinstance(result.error, FirmwareRefused) and firmware.present == "2.1"


def test_a_virtual_unit_that_was_lost_is_given_a_new_image(
    lab: Lab, rack: RunningRack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_unit, "deadline_of", lambda *_: 3.0)
    with held(lab, rack, "apart") as h:
        firmware = firmware_of(h)
        rack.cut_power_at("apart", "write", 0.5)
        with pytest.raises(Exception, match="outlet"):
            firmware.give(firmware.image("2.3"), "web")
        assert firmware.present == "2.1" == h.unit.firmware.read().version
        assert not h.keeper.half_upgraded


def test_where_no_way_leads_back_a_virtual_unit_gets_its_first_image(lab: Lab, rack: RunningRack) -> None:
    with held(lab, rack, "old") as h:
        firmware = firmware_of(h)
        firmware.go("2.1")
        firmware.leave()
        assert firmware.present == "1.21" == h.unit.firmware.read().version
        h.unit.console.logout()
        h.unit.console.login()


def run(lab: Lab, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "pytest", "tests/firmware/test_upgrade_paths.py", f"--lab={lab.path}", *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, timeout=300, env=environment)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    ports = {1: {"line": "adapter"}}
    return write_lab(tmp_path_factory.mktemp("small"), {"one": entry(1, "2.1", "NP6150", ports=ports)})


def test_the_plan_is_printed_and_nothing_is_flashed(small: Lab) -> None:
    code, said = run(small, "--plan", "-m", "firmware")
    assert code == 0, said
    assert "flash plan\none  NP6150, has 2.1: 2 flashes (bound 2) for 2 steps" in said
    assert "2.1 -> 2.3     web   upgrade" in said
    assert "not without --allow-flash: one" in said
    assert not (small.state_dir / "virtual").exists()


def test_the_plan_is_of_the_steps_that_were_selected(small: Lab) -> None:
    _, said = run(small, "--plan", "-k", "2.1-to-2.3 and takes_the_image", "-q", "-q")
    (plan,) = json.loads(said[said.index("[") : said.rindex("]") + 1])
    assert [(step["from"], step["to"]) for walk in plan["walks"] for step in walk] == [("2.1", "2.3"), ("2.3", "2.1")]


def test_a_run_judges_each_step_and_brings_the_unit_home(small: Lab, tmp_path: Path) -> None:
    code, said = run(small, "--allow-virtual-flash", "-q", f"--reports={tmp_path}", "-k", "2.1-to-2.3")
    assert code == 0, said
    record = json.loads((tmp_path / "latest" / "run.json").read_text())
    assert {result["verdict"] for result in record["results"]} == {"pass"}
    assert len(record["results"]) >= 7
    assert [restart["kind"] for restart in record["restarts"]].count("flash") == 1
    assert record["faults"] == [] and not list((small.state_dir / "journal").glob("*"))
